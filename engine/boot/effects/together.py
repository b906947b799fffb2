"""Doing several things at once, without leaving any of them half-done behind a failure of another."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable
from typing import TypeVar

_Result = TypeVar("_Result")


async def all_settled(works: Iterable[Awaitable[_Result]]) -> list[_Result]:
    """Return the results in order once every work has ended; raise the first failure, in order, after that.

    Unlike a task group it cancels none for another's failure: each ends with its effect made and known, or not made.
    """
    outcomes = await asyncio.gather(*works, return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome
    return [outcome for outcome in outcomes if not isinstance(outcome, BaseException)]
