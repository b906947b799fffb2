"""The filters and weighers that nova.conf names: which of them Berth has."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from engine.errors import InvalidSettingError
from engine.novaconf.notes import Note
from engine.novaconf.reader import Entry
from engine.scheduler.options import ALL_WEIGHERS, PLACEMENT_FILTERS
from engine.scheduler.registry import ALL_FILTERS, all_filters, find_filter, find_weigher

_FILTER_PACKAGE = "nova.scheduler.filters."


def known_filters(names: Sequence[str], entry: Entry) -> tuple[tuple[str, ...], list[Note]]:
    """Return the filters that Berth has, in their order, and notes on the others and on those nova no longer has."""
    kept: list[str] = []
    notes: list[Note] = []
    for name in names:
        bare = name.rpartition(".")[2]
        if bare in PLACEMENT_FILTERS or not (name == ALL_FILTERS or _has(find_filter, name)):
            notes.append(
                Note("differs", entry, f"{name} is left out, it is no filter of nova's: hosts it rejects pass")
            )
            continue
        kept.append(name)
        removed = 0 if name == ALL_FILTERS else all_filters()[bare].removed_in
        if removed:
            notes.append(Note("differs", entry, f"{name} runs here, nova has not had it since {removed}.0"))
        elif "." in name and name != ALL_FILTERS:
            notes.append(Note("differs", entry, f"{name} is taken as {bare}, nova wants it without its module"))
    return tuple(kept), notes


def unavailable_filters(names: Sequence[str], available: Sequence[str], entry: Entry) -> list[Note]:
    """Return notes on enabled filters that [filter_scheduler]available_filters does not name."""
    if ALL_FILTERS in available:
        return []
    offered = {path.rpartition(".")[2] for path in available}
    return [
        Note("differs", entry, f"{name} runs here, nova would not start since available_filters does not name it")
        for name in names
        if name.rpartition(".")[2] not in offered
    ]


def known_weighers(names: Sequence[str], entry: Entry) -> tuple[tuple[str, ...], list[Note]]:
    """Return the weighers that Berth has, in their order, and notes on the others."""
    kept = tuple(name for name in names if name == ALL_WEIGHERS or _has(find_weigher, name))
    notes = [
        Note("differs", entry, f"{name} is left out, it is no weigher of nova's: hosts are ordered without it")
        for name in names
        if name not in kept
    ]
    return kept, notes


def _has(find: Callable[[str], object], name: str) -> bool:
    try:
        find(name)
    except InvalidSettingError:
        return False
    return True
