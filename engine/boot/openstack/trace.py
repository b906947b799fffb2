"""What was asked of other services for one piece of work, and when: from this the boot's steps are recorded."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_CHECK = re.compile(r"\bkeystone\b([^,]*)")
_DURATION = re.compile(r"\bdur=([0-9]{1,9}(?:\.[0-9]{1,9})?)")
_HOW = re.compile(r'\bdesc="?(\w{1,40})')


@dataclass(frozen=True)
class TokenCheck:
    """How a service checked the caller's token: ``how`` is ``validated`` or ``cached``; microseconds."""

    duration_us: int
    how: str


@dataclass(frozen=True)
class CloudCall:
    """One call: times are microseconds since 1970 UTC; ``status`` 0: there was no answer.

    ``token_check``: as the service told it in ``Server-Timing``; None when it does not tell.
    """

    service: str
    method: str
    url: str
    status: int
    started_us: int
    finished_us: int
    token_check: TokenCheck | None = None


@dataclass
class CallTrace:
    """The calls of one piece of work, in the order they ended; every repetition counts."""

    calls: list[CloudCall] = field(default_factory=list)

    def of(self, service: str) -> list[CloudCall]:
        """Return the calls to one service."""
        return [call for call in self.calls if call.service == service]

    def token_check(self, service: str) -> tuple[CloudCall, TokenCheck] | None:
        """Return a service's first check of the token, rather one that keystone was asked for, and its call."""
        told = [(call, call.token_check) for call in self.of(service) if call.token_check is not None]
        return next((pair for pair in told if pair[1].how != "cached"), told[0] if told else None)


def token_check_of(server_timing: str) -> TokenCheck | None:
    """Return the token's check that a ``Server-Timing`` header tells of, or None."""
    entry = _CHECK.search(server_timing)
    if entry is None:
        return None
    duration, how = _DURATION.search(entry[1]), _HOW.search(entry[1])
    return TokenCheck(round(float(duration[1]) * 1000) if duration else 0, how[1] if how else "")
