"""What the conductor keeps in an instance's ``scheduling`` while it is being built, beside what the API put there.

``caller``: who asked, for as long as the build lasts. ``failure``: a build that failed and is not settled yet.
``left``: what of an instance in ERROR could not be taken back yet (``remote``: ports, attachments, volumes;
``allocation``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from engine.boot.messages import Caller

REMOTE = "remote"
ALLOCATION = "allocation"


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """Why an attempt failed, and how far its settling has come; ``moving``: the host the allocation is moved to."""

    host: str
    message: str
    details: str = ""
    reschedule: bool
    undone: bool
    moving: str = ""


def caller_of(scheduling: Mapping[str, Any]) -> Caller | None:
    """Return who asked, or None where it is not known (any more)."""
    kept = scheduling.get("caller")
    return None if kept is None else msgspec.convert(kept, Caller)


def failure_of(scheduling: Mapping[str, Any]) -> Failure | None:
    """Return the failure that is to be settled, or None."""
    kept = scheduling.get("failure")
    return None if kept is None else msgspec.convert(kept, Failure)


def left_of(scheduling: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what could not be taken back yet."""
    return tuple(scheduling.get("left", ()))


def with_caller(scheduling: Mapping[str, Any], caller: Caller) -> dict[str, Any]:
    """Return the same with a caller."""
    return {**scheduling, "caller": msgspec.to_builtins(caller)}


def with_failure(scheduling: Mapping[str, Any], failure: Failure) -> dict[str, Any]:
    """Return the same with a failure, whose host counts as tried."""
    return {**with_tried(scheduling, failure.host), "failure": msgspec.to_builtins(failure)}


def with_tried(scheduling: Mapping[str, Any], host: str) -> dict[str, Any]:
    """Return the same with a host among those tried."""
    tried = list(scheduling.get("tried", ()))
    return {**scheduling, "tried": [*tried, host] if host and host not in tried else tried}


def settled(scheduling: Mapping[str, Any], *, keep_caller: bool = False, left: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the same without the failure, and without the caller unless told; with what is left, if anything is."""
    gone = {"failure", "left"} if keep_caller else {"failure", "left", "caller"}
    rest = {key: value for key, value in scheduling.items() if key not in gone}
    return {**rest, "left": list(left)} if left else rest


def next_alternate(scheduling: Mapping[str, Any]) -> str:
    """Return the best alternate that was not tried, or an empty text; none for a host that the user insisted on."""
    if scheduling.get("force_host"):
        return ""
    tried = scheduling.get("tried", ())
    return next((host for host in scheduling.get("alternates", ()) if host not in tried), "")
