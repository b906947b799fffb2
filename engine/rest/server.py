"""Serving an application over HTTP in the running event loop."""

from __future__ import annotations

import asyncio
import socket

import uvicorn
from starlette.types import ASGIApp

from engine.errors import InvalidSettingError

_BACKLOG = 2048


def listening_socket(host: str, port: int) -> socket.socket:
    """Return a bound socket (port 0: any free one); raise InvalidSettingError when the address cannot be had."""
    try:
        return socket.create_server((host, port), backlog=_BACKLOG)
    except OSError as error:
        raise InvalidSettingError(
            f"cannot listen on {host}:{port}: {error.strerror or error}; choose another port", port=port
        ) from error


class _Server(uvicorn.Server):
    """uvicorn without its own handling of signals: the process decides when to stop."""

    def install_signal_handlers(self) -> None:
        """Leave signals to the process."""


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
        http="httptools",
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    waiting = asyncio.create_task(stop.wait())
    await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    waiting.cancel()
    await serving
