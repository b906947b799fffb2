"""Phrases: numbers and counted things as headlines and notes say them."""

from __future__ import annotations

from collections.abc import Sequence

from engine.whatif.wording import number_text


def number(value: int) -> str:
    """Return a whole number with narrow spaces between its thousands."""
    return number_text(value)


def counted(value: int, one: str, many: str = "") -> str:
    """Return a number and what it counts, such as ``1 host`` or ``12 hosts``."""
    return f"{number(value)} {one if value == 1 else many or one + 's'}"


def listed(names: Sequence[str], most: int = 5) -> str:
    """Return the first ``most`` names and how many more there are."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {number(more)} more" if more > 0 else "")
