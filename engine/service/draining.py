"""Streams of requests that end when the service is told to stop, so that an idle caller does not hold the stop up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import TypeVar

from engine.errors import ShuttingDownError

_Message = TypeVar("_Message")


def stopping() -> ShuttingDownError:
    """Return the error that ends a stream when the service stops."""
    return ShuttingDownError("the service is stopping: what was answered is kept, send the rest again later")


async def until_draining(messages: AsyncIterator[_Message], draining: asyncio.Event) -> AsyncGenerator[_Message, None]:
    """Yield messages as they come; raise ShuttingDownError instead of waiting for one once ``draining`` is set."""
    drained = asyncio.ensure_future(draining.wait())
    messages = aiter(messages)
    try:
        while not draining.is_set():
            following = asyncio.ensure_future(_next(messages))
            try:
                await asyncio.wait({following, drained}, return_when=asyncio.FIRST_COMPLETED)
                if not following.done():
                    break
                found = following.result()
            finally:
                following.cancel()
            if not found:
                return
            yield found[0]
        raise stopping()
    finally:
        drained.cancel()


async def _next(messages: AsyncIterator[_Message]) -> tuple[_Message, ...]:
    """Return the next message, or an empty tuple at the end: a task cannot raise StopAsyncIteration."""
    try:
        return (await anext(messages),)
    except StopAsyncIteration:
        return ()
