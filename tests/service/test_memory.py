"""What a start needed on its way goes back to the system, and the collector runs again."""

from __future__ import annotations

import gc
from pathlib import Path

from engine.service.memory import give_back, postpone_collection, settle


def resident_mb() -> float:
    status = Path("/proc/self/status").read_text()
    return int(status.partition("RssAnon:")[2].split()[0]) / 1024


def test_the_collector_waits_for_the_start_and_then_passes_over_what_it_made() -> None:
    try:
        postpone_collection()
        assert not gc.isenabled()
        settle()
        assert gc.isenabled()
        assert gc.get_freeze_count() > 1000
    finally:
        gc.enable()
        gc.unfreeze()


def test_freed_memory_between_what_is_kept_goes_back() -> None:
    pieces = [bytes(20_000 + number % 7) for number in range(8_000)]
    full = resident_mb()
    # what is kept in between holds the heap's end where it is
    pieces[1::2] = [b""] * 4_000
    freed = resident_mb()
    give_back()
    assert resident_mb() < full - 30
    assert resident_mb() <= freed
    assert len(pieces) == 8_000
