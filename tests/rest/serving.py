"""An application behind a real server, in an event loop in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from starlette.types import ASGIApp

from engine.rest.server import listening_socket, serve

Result = TypeVar("Result")

STOP_S = 20.0


@contextmanager
def serving(app: ASGIApp, *, drain_s: float = 5.0) -> Iterator[str]:
    """Serve an application and give its address."""
    listener = listening_socket("127.0.0.1", 0)
    port = listener.getsockname()[1]
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()
    thread = threading.Thread(
        target=loop.run_until_complete, args=(serve(app, listener, stop, drain_s=drain_s),), daemon=True
    )
    thread.start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(STOP_S)
        assert not thread.is_alive(), "the server did not stop"
        loop.close()


def run(function: Callable[[], Awaitable[Result]]) -> Result:
    """Run a coroutine function to its end."""

    async def call() -> Result:
        return await function()

    return asyncio.run(call())
