"""A small nova-api for tests: it takes external events over real HTTP and answers as it is told to."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

WAIT_S = 10.0
Event = dict[str, Any]


class Receiver:
    """What came in, request by request.

    ``code_of`` gives the code of an event; 0 makes the whole answer an empty 503, 400 refuses the whole request.
    """

    def __init__(self, code_of: Callable[[Event], int]) -> None:
        self.requests: list[list[Event]] = []
        self.tokens: list[str] = []
        self.code_of = code_of
        self.delay_s = 0.0

    @property
    def events(self) -> list[Event]:
        return [event for request in self.requests for event in request]

    def until(self, count: int) -> list[Event]:
        """Wait until so many events have come."""
        deadline = time.monotonic() + WAIT_S
        while len(self.events) < count:
            assert time.monotonic() < deadline, self.requests
            time.sleep(0.01)
        return self.events

    def take(self, body: bytes, token: str) -> tuple[int, Any]:
        events = json.loads(body)["events"]
        self.requests.append(events)
        self.tokens.append(token)
        time.sleep(self.delay_s)
        codes = [self.code_of(event) for event in events]
        if 0 in codes:
            return 503, None
        if 400 in codes:
            return 400, {"badRequest": {"code": 400, "message": "Invalid event name"}}
        if all(code == 404 for code in codes):
            return 404, {"itemNotFound": {"code": 404, "message": "No instances found for any event"}}
        answered = [
            {**event, "code": code, "status": "completed" if code == 200 else "failed"}
            for event, code in zip(events, codes, strict=True)
        ]
        return (200 if set(codes) == {200} else 207), {"events": answered}


@contextmanager
def receiving(port: int, code_of: Callable[[Event], int] = lambda _: 200) -> Iterator[Receiver]:
    """A receiver that listens on a port."""
    receiver = Receiver(code_of)
    connections: list[socket.socket] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            super().setup()
            connections.append(self.connection)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path != "/v2.1/os-server-external-events":
                status, content = 404, {}
            else:
                status, content = receiver.take(body, self.headers["X-Auth-Token"])
            sent = b"" if content is None else json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        # a nova-api that is gone answers on no connection that it had
        for connection in connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        thread.join(WAIT_S)
