"""Serving an application over HTTP in the running event loop."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from engine.errors import InvalidSettingError

_BACKLOG = 2048


def listening_socket(host: str, port: int) -> socket.socket:
    """Return a bound socket (port 0: any free one); raise InvalidSettingError when the address cannot be had."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise InvalidSettingError(
            f"cannot listen on {host}:{port}: {error.strerror or error}; choose another port", port=port
        ) from error
    # connections inherit it; without it a reply's body waits 40 ms for the caller to acknowledge its headers
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


class _Server(uvicorn.Server):
    """uvicorn without its own handling of signals: the process decides when to stop."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the process."""
        yield


async def serve(app: ASGIApp, listener: socket.socket, stop: asyncio.Event, *, drain_s: float = 10.0) -> None:
    """Answer requests on ``listener`` until ``stop`` is set, then finish those under way within ``drain_s``."""
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        timeout_keep_alive=75,
        timeout_graceful_shutdown=int(drain_s),
        server_header=False,
        proxy_headers=False,
        http="httptools",
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    waiting = asyncio.create_task(stop.wait())
    await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    waiting.cancel()
    await serving
