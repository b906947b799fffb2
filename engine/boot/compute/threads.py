"""Blocking work in threads, which a cancellation must not tear apart: it is brought to its end first."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from typing import ParamSpec, TypeVar

Result = TypeVar("Result")
Params = ParamSpec("Params")


async def in_thread(
    threads: Executor, call: Callable[Params, Result], *args: Params.args, **named: Params.kwargs
) -> Result:
    """Return what a blocking call returns, run in one of ``threads``; cancelled, wait for its end all the same.

    Without this, a domain that is being made would come into being after its undoing.
    """
    work = asyncio.get_running_loop().run_in_executor(threads, lambda: call(*args, **named))
    cancelled = False
    while not work.done():
        try:
            await asyncio.wait({work})
        except asyncio.CancelledError:
            cancelled = True
    if cancelled:
        # what it ended with is of no interest any more, but must have been looked at
        work.exception()
        raise asyncio.CancelledError
    return work.result()
