"""Whose tokens a call carries, and what keystone has to do with it."""

from __future__ import annotations

import asyncio

import pytest

from engine.boot.openstack import CloudError, Clouds, CloudUnauthorized, CloudUnreachable
from tests.boot.openstack.stage import USER, run, stage

PORT = {"port": {"id": "p1"}}


def test_a_users_call_carries_both_tokens_and_the_request_id() -> None:
    with stage() as play:
        play.answer("GET", "/v2.0/ports/p1", 200, PORT)
        run(lambda clouds: clouds.networks.get_port(USER, "p1"), play.options())
        (seen,) = play.requests
    assert seen.headers["x-auth-token"] == "user-token"
    assert seen.headers["x-service-token"] == "service-token-1"
    assert seen.headers["x-openstack-request-id"] == USER.request_id


def test_the_service_users_call_carries_its_own_token_twice() -> None:
    with stage() as play:
        play.answer("PUT", "/v2.0/ports/p1", 200, PORT)
        run(
            lambda clouds: clouds.networks.bind_port("p1", "h", "i", "compute:nova", request_id="req-x"),
            play.options(),
        )
        (seen,) = play.requests
    assert seen.headers["x-auth-token"] == seen.headers["x-service-token"] == "service-token-1"
    assert seen.headers["x-openstack-request-id"] == "req-x"
    assert seen.body == {"port": {"device_id": "i", "device_owner": "compute:nova", "binding:host_id": "h"}}


def test_one_login_serves_many_calls_at_once() -> None:
    async def work(clouds: Clouds) -> None:
        await asyncio.gather(*(clouds.networks.get_port(USER, "p1") for _ in range(50)))

    with stage() as play:
        play.answer("GET", "/v2.0/ports/p1", 200, PORT)
        run(work, play.options())
        assert play.logins == 1
        assert len(play.requests) == 50


def test_a_401_renews_the_service_token_once() -> None:
    with stage() as play:
        play.answer("GET", "/v2.0/ports/p1", 401, {"error": {"code": 401, "message": "no"}}, times=1)
        play.answer("GET", "/v2.0/ports/p1", 200, PORT)
        run(lambda clouds: clouds.networks.get_port(USER, "p1"), play.options())
        assert [seen.headers["x-service-token"] for seen in play.requests] == ["service-token-1", "service-token-2"]


def test_a_revoked_user_token_is_told_and_does_not_cause_a_login_for_every_call() -> None:
    async def work(clouds: Clouds) -> list[BaseException]:
        return await asyncio.gather(*(clouds.networks.get_port(USER, "p1") for _ in range(20)), return_exceptions=True)

    with stage() as play:
        play.answer("GET", "/v2.0/ports/p1", 401, {"error": {"code": 401, "message": "The request ..."}})
        errors = run(work, play.options())
        assert play.logins == 2
    assert all(isinstance(error, CloudUnauthorized) and error.as_user for error in errors)


def test_keystone_away_is_told_as_such(nowhere: str) -> None:
    with stage() as play:
        options = play.options()
        identity = options.identity.model_copy(update={"auth_url": f"http://{nowhere}/v3"})
        with pytest.raises(CloudUnreachable, match="Keystone service is temporarily unavailable") as caught:
            run(
                lambda clouds: clouds.images.get(USER, "i"),
                options.model_copy(update={"identity": identity}),
                attempts=2,
            )
    assert caught.value.service == "identity"


@pytest.mark.parametrize(
    ("status", "kind"), [(401, CloudUnauthorized), (503, CloudUnreachable), (500, CloudUnreachable)]
)
def test_keystone_refusing_is_told_as_such(status: int, kind: type[CloudError]) -> None:
    with stage() as play:
        play.keystone_status = status
        with pytest.raises(kind) as caught:
            run(lambda clouds: clouds.images.get(USER, "i"), play.options(), attempts=2)
    assert caught.value.service == "identity"
    assert not caught.value.as_user
    assert "secret" not in caught.value.message


def test_keystone_coming_back_ends_the_wait() -> None:
    with stage() as play:
        play.keystone_status = 503
        play.answer("GET", "/v2.0/ports/p1", 200, PORT)

        async def work(clouds: Clouds) -> dict[str, object]:
            call = asyncio.ensure_future(clouds.networks.get_port(USER, "p1"))
            await asyncio.sleep(0.3)
            play.keystone_status = 201
            return await call

        assert run(work, play.options()) == {"id": "p1"}
