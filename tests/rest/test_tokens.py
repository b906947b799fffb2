from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
import requests
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from engine.rest.app import RestApp
from engine.rest.errors import Unauthorized, Unavailable, keystone_fault
from engine.rest.keystone import Credentials, identity_adapter, session_of
from engine.rest.tokens import KeystoneGate
from tests.cloud.harness import PASSWORDS, Cloud, cloud
from tests.cloud.identity.running import running_identity
from tests.rest.serving import serving

Result = TypeVar("Result")


def gate_to(auth_url: str, *, password: str = PASSWORDS["nova"], **timing: float) -> KeystoneGate:
    credentials = Credentials(auth_url, "nova", password)
    return KeystoneGate(identity_adapter(session_of(credentials, timeout_s=5), credentials), **timing)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with cloud(tmp_path_factory.mktemp("cloud")) as started:
        yield started


def run(work: Coroutine[Any, Any, Result]) -> Result:
    return asyncio.run(work)


def revoke(running: Cloud, token: str) -> None:
    headers = {"X-Auth-Token": token, "X-Subject-Token": token}
    assert requests.delete(f"{running.url('identity')}/v3/auth/tokens", headers=headers, timeout=20).status_code == 204


def test_a_token_is_validated_once_and_remembered(running: Cloud) -> None:
    gate, token = gate_to(running.options.identity_url), running.token("demo")

    async def check() -> None:
        access, how = await gate.check(token, "")
        assert how == "validated"
        assert (access.user_name, access.project_name) == ("demo", "demo")
        assert access.roles == {"member", "reader"}
        assert 3500 < access.expires_at - time.time() <= 3600
        assert not access.is_service
        assert await gate.check(token, "") == (access, "cached")

    run(check())


def test_the_address_may_lack_its_version(running: Cloud) -> None:
    access, _ = run(gate_to(running.url("identity") + "/v3/").check(running.token("demo"), ""))
    assert access.user_name == "demo"


@pytest.mark.parametrize("token", ["", "no-such", "x" * 4000, "a b", "%00"])
def test_a_bad_token_is_unauthorized(running: Cloud, token: str) -> None:
    with pytest.raises(Unauthorized):
        run(gate_to(running.options.identity_url).check(token, ""))


def test_a_services_token_vouches(running: Cloud) -> None:
    gate = gate_to(running.options.identity_url)

    async def check() -> None:
        access, _ = await gate.check(running.token("demo"), running.token("neutron"))
        assert access.is_service
        assert access.user_name == "demo"
        assert not access.is_admin
        with pytest.raises(Unauthorized):
            await gate.check(running.token("demo"), "no-such")
        member, _ = await gate.check(running.token("demo"), running.token("demo"))
        assert not member.is_service

    run(check())


def test_a_revocation_is_noticed_once_the_answer_is_no_longer_fresh(running: Cloud) -> None:
    gate, token = gate_to(running.options.identity_url, fresh_s=0.3), running.token("demo")

    async def check() -> None:
        await gate.check(token, "")
        await asyncio.to_thread(revoke, running, token)
        assert (await gate.check(token, ""))[1] == "cached"
        await asyncio.sleep(0.35)
        for _ in range(2):
            with pytest.raises(Unauthorized):
                await gate.check(token, "")

    run(check())


def test_an_expired_token_needs_a_service_that_vouches_for_it(tmp_path: Path) -> None:
    with cloud(tmp_path, token_lifetime_s=3, expired_token_window_s=4) as running:
        gate = gate_to(running.options.identity_url, fresh_s=0)
        token = running.token("demo")

        async def check() -> None:
            await gate.check(token, "")
            await asyncio.sleep(3.05)
            with pytest.raises(Unauthorized):
                await gate.check(token, "")
            service = await asyncio.to_thread(running.token, "cinder")
            access, _ = await gate.check(token, service)
            assert (access.user_name, access.is_service) == ("demo", True)
            other = await asyncio.to_thread(running.token, "demo")
            await asyncio.sleep(4.2)
            with pytest.raises(Unauthorized):
                await gate.check(token, await asyncio.to_thread(running.token, "cinder"))
            await gate.check(other, await asyncio.to_thread(running.token, "cinder"))

        run(check())


def test_while_keystone_is_down_known_tokens_work_and_others_are_told_so(tmp_path: Path) -> None:
    with cloud(tmp_path) as running:
        gate = gate_to(running.options.identity_url, fresh_s=0, stale_s=1.5)
        token, other = running.token("demo"), running.token("demo")

        async def check() -> None:
            await gate.check(token, "")
            await asyncio.to_thread(running.stop, "identity")
            access, how = await gate.check(token, "")
            assert (access.user_name, how) == ("demo", "cached")
            with pytest.raises(Unavailable, match="The Keystone service is temporarily unavailable") as away:
                await gate.check(other, "")
            assert away.value.status == 503
            await asyncio.sleep(1.6)
            with pytest.raises(Unavailable):
                await gate.check(token, "")
            await asyncio.to_thread(running.start, "identity")
            assert (await gate.check(other, ""))[1] == "validated"
            assert (await gate.check(token, ""))[1] == "validated"

        run(check())


def test_a_service_behind_the_gate_answers_503(tmp_path: Path) -> None:
    with cloud(tmp_path) as running:
        token = running.token("demo")
        running.stop("identity")
        app = RestApp("compute", [], keystone_fault, gate=gate_to(running.options.identity_url))
        with serving(app) as url:
            reply = requests.get(url + "/servers", headers={"X-Auth-Token": token}, timeout=20)
            assert reply.status_code == 503
            assert reply.json()["error"]["message"] == "The Keystone service is temporarily unavailable."
            running.start("identity")
            reply = requests.get(url + "/servers", headers={"X-Auth-Token": token}, timeout=20)
            assert reply.status_code == 404
            assert 'desc="validated"' in reply.headers["Server-Timing"]


def test_a_keystone_that_says_nothing_holds_callers_up_only_so_long() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        gate = gate_to(f"http://127.0.0.1:{silent.getsockname()[1]}/v3", patience_s=0.2)

        async def check() -> None:
            began = time.monotonic()
            outcomes = await asyncio.gather(*(gate.check("token", "") for _ in range(20)), return_exceptions=True)
            assert {type(outcome) for outcome in outcomes} == {Unavailable}
            assert time.monotonic() - began < 2
            silent.close()

        run(check())


def test_a_known_token_outlasts_a_keystone_that_hangs(tmp_path: Path) -> None:
    hanging = asyncio.Event()

    def around(app: ASGIApp) -> ASGIApp:
        async def maybe_hang(scope: Scope, receive: Receive, send: Send) -> None:
            if hanging.is_set():
                await asyncio.sleep(1)
            await app(scope, receive, send)

        return maybe_hang

    with running_identity(tmp_path, around=around) as identity:
        token = identity.demo.token
        gate = gate_to(f"{identity.url}/v3", password="service-secret", fresh_s=0, patience_s=0.2)

        async def check() -> None:
            await gate.check(token, "")
            hanging.set()
            assert (await gate.check(token, ""))[1] == "cached"
            hanging.clear()

        run(check())


def test_many_calls_with_known_tokens_are_held_up_once_by_a_keystone_that_hangs(tmp_path: Path) -> None:
    hanging = asyncio.Event()

    def around(app: ASGIApp) -> ASGIApp:
        async def maybe_hang(scope: Scope, receive: Receive, send: Send) -> None:
            if hanging.is_set():
                await asyncio.sleep(3)
            await app(scope, receive, send)

        return maybe_hang

    with running_identity(tmp_path, around=around) as identity:
        token = identity.demo.token
        gate = gate_to(f"{identity.url}/v3", password="service-secret", fresh_s=0, patience_s=0.5)

        async def check() -> None:
            await gate.check(token, "")
            hanging.set()
            began = time.monotonic()
            for _ in range(20):
                assert (await gate.check(token, ""))[1] == "cached"
            assert 0.5 <= time.monotonic() - began < 1.0
            with pytest.raises(Unavailable):
                await gate.check("unknown", "")
            hanging.clear()

        run(check())


def test_callers_at_the_same_time_share_one_question(tmp_path: Path) -> None:
    asked: list[str] = []

    def around(app: ASGIApp) -> ASGIApp:
        async def counted(scope: Scope, receive: Receive, send: Send) -> None:
            asked.append(f"{scope['method']} {scope['path']}")
            await app(scope, receive, send)

        return counted

    with running_identity(tmp_path, around=around) as identity:
        token = identity.demo.token
        gate = gate_to(f"{identity.url}/v3", password="service-secret")

        async def check() -> None:
            await asyncio.gather(*(gate.check(token, "") for _ in range(50)))

        run(check())
    assert asked.count("GET /v3/auth/tokens") == 1


def test_a_caller_that_gives_up_does_not_take_the_others_along(running: Cloud) -> None:
    gate, token = gate_to(running.options.identity_url), running.token("demo")

    async def check() -> None:
        first, second = (asyncio.create_task(gate.check(token, "")) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        assert (await second)[0].user_name == "demo"

    run(check())


def test_wrong_credentials_of_the_service_itself_are_not_the_callers_fault(running: Cloud) -> None:
    gate = gate_to(running.options.identity_url, password="wrong")
    with pytest.raises(Unavailable):
        run(gate.check(running.token("demo"), ""))


@pytest.mark.parametrize("answer", ["nonsense", "{}", '{"token": 5}', '{"token": {"expires_at": "soon"}}'])
def test_an_answer_that_makes_no_sense_is_no_answer(running: Cloud, answer: str) -> None:
    async def nonsense(_: Request) -> Response:
        return PlainTextResponse(answer, media_type="application/json")

    app = RestApp("identity", [Route("/v3/auth/tokens", nonsense, methods=["GET"])], keystone_fault, gate=None)
    with serving(app) as url:
        session = running.session("nova")
        credentials = Credentials(f"{url}/v3", "nova", "any")
        gate = KeystoneGate(identity_adapter(session, credentials))
        with pytest.raises(Unavailable):
            run(gate.check("token", ""))
