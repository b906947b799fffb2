"""Weight settings: options that list ``name=ratio``, as nova reads them (nova.scheduler.utils, parse_options)."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache


@cache
def weight_setting(entries: tuple[str, ...]) -> tuple[tuple[str, float], ...]:
    """Return (name, ratio) for each entry, repeated names included; what is not ``name=number`` is left out."""
    return tuple(_parsed(entries))


def _parsed(entries: Iterable[str]) -> Iterable[tuple[str, float]]:
    for entry in entries:
        name, separator, ratio = entry.partition("=")
        try:
            number = float(ratio)
        except ValueError:
            continue
        if name and separator:
            yield name, number
