"""What every table of a scenario has in common: frozen, no unknown keys, numbers of the right kind, and durations."""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}
_DURATION = re.compile(r"\s*([0-9]{1,15}(?:\.[0-9]{1,15})?)\s*(ms|s|m|h|d|w)\s*")

MAX_DURATION_S: Final = 1e10
"""Three centuries: what is longer is a mistake of units."""

MAX_COUNT: Final = 2**31 - 1
"""The largest number of anything that is counted."""


class Table(BaseModel):
    """A table of a scenario."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def duration_s(value: object) -> float:
    """Return the seconds that a duration says: a number of seconds, or a text such as ``90s``, ``12h``, ``30d``.

    Raises ValueError, which names what it takes.
    """
    if isinstance(value, str):
        found = _DURATION.fullmatch(value)
        if found is None:
            raise ValueError("is no duration: write a number and ms, s, m, h, d or w, such as '90s' or '30d'")
        seconds = float(found[1]) * _SECONDS[found[2]]
    elif isinstance(value, int | float) and not isinstance(value, bool):
        # before it is made a float, which a whole number may be too large for
        seconds = float(min(max(value, -1), 2 * MAX_DURATION_S))
    else:
        # of all errors pydantic takes this one for a complaint
        raise ValueError("must be a number of seconds or a text such as '90s', '12h' or '30d'")  # noqa: TRY004
    if not 0 <= seconds <= MAX_DURATION_S:
        raise ValueError(f"must be between 0 and {MAX_DURATION_S:g} seconds")
    return seconds


Duration = Annotated[float, BeforeValidator(duration_s)]
"""Seconds."""

Share = Annotated[float, Field(ge=0, le=1e9)]
"""A part of a whole, in proportion to the others beside it."""
