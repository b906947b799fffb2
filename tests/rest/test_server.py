from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time

import pytest
import requests
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.errors import InvalidSettingError
from engine.rest.app import RestApp
from engine.rest.errors import nova_fault
from engine.rest.replies import json_reply
from engine.rest.server import listening_socket
from tests.rest.serving import serving


async def slow(_: Request) -> Response:
    await asyncio.sleep(0.4)
    return json_reply({"done": True})


async def fast(_: Request) -> Response:
    return json_reply({})


def app() -> RestApp:
    routes = [Route("/slow", slow, methods=["GET"]), Route("/fast", fast, methods=["GET"])]
    return RestApp("compute", routes, nova_fault, gate=None)


def test_a_request_under_way_is_finished_when_told_to_stop() -> None:
    replies: list[requests.Response] = []
    with serving(app()) as url:
        asking = threading.Thread(target=lambda: replies.append(requests.get(f"{url}/slow", timeout=20)))
        asking.start()
        time.sleep(0.2)
    asking.join()
    assert replies[0].json() == {"done": True}
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{url}/fast", timeout=20)


def test_a_kept_connection_does_not_hold_up_the_end() -> None:
    session = requests.Session()
    began = time.monotonic()
    with serving(app()) as url:
        assert session.get(f"{url}/fast", timeout=20).status_code == 200
    assert time.monotonic() - began < 3


def test_replies_do_not_wait_for_an_acknowledgement() -> None:
    with serving(app()) as url, requests.Session() as session:
        session.get(f"{url}/fast", timeout=20)
        took = []
        for _ in range(20):
            began = time.perf_counter()
            session.get(f"{url}/fast", timeout=20)
            took.append(time.perf_counter() - began)
    # with Nagle's algorithm on, most of them take 40 ms
    assert sorted(took)[5] < 0.035


def test_an_address_that_is_taken_is_said() -> None:
    with listening_socket("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InvalidSettingError, match=f"cannot listen on 127.0.0.1:{port}") as refused:
            listening_socket("127.0.0.1", port)
        assert refused.value.details["port"] == str(port)


@pytest.mark.parametrize("host", ["no.such.host.invalid", "203.0.113.1", "not a host", "::zz"])
def test_an_address_that_is_not_ours_is_said(host: str) -> None:
    with pytest.raises(InvalidSettingError, match="cannot listen on"):
        listening_socket(host, 0)


def test_an_ipv6_address_is_taken() -> None:
    if not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    try:
        probe = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("no IPv6 here")
    probe.close()
    with listening_socket("::1", 0) as listener:
        assert listener.family == socket.AF_INET6


def test_signals_stay_the_processs_own() -> None:
    program = textwrap.dedent("""
        import asyncio, signal
        from engine.rest.app import RestApp
        from engine.rest.errors import nova_fault
        from engine.rest.server import listening_socket, serve

        async def main():
            stop = asyncio.Event()
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
            listener = listening_socket("127.0.0.1", 0)
            serving = asyncio.create_task(serve(RestApp("x", [], nova_fault, gate=None), listener, stop))
            await asyncio.sleep(0.3)
            print("ready", flush=True)
            await serving
            print("cleaned up", flush=True)

        asyncio.run(main())
    """)
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, env=dict(os.environ))
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGTERM)
        assert process.stdout.read() == "cleaned up\n"
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()
