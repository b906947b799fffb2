"""Kernels are made ready by a process of its own, all of them, and what goes wrong there is said here."""

from __future__ import annotations

from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen

import pytest

from engine.errors import EngineError
from engine.scheduler.chain import Chain
from engine.scheduler.options import SchedulerOptions
from engine.scheduler.warming import compiled, load_first, load_rest, start_compiling

FEW = SchedulerOptions(
    enabled_filters=("NumInstancesFilter",),
    placement_filters=("CapacityFilter",),
    weight_classes=("HypervisorVersionWeigher",),
)


def test_what_the_other_process_compiled_is_only_loaded_here() -> None:
    compiled(start_compiling(FEW))
    chain = Chain.from_options(FEW)
    load_first(chain)
    load_rest(chain)
    used = [
        item
        for module in (chain.kernels, chain.explanation_kernels)
        for item in vars(module).values()
        if getattr(item, "signatures", None) and getattr(item, "stats", None) and item.stats.cache_path
    ]
    assert {"place", "weigh", "verdicts", "sift", "weigh_best", "raws_of_rows"} <= {item.__name__ for item in used}
    assert all(sum(item.stats.cache_misses.values()) == 0 for item in used)


def test_a_process_that_cannot_compile_says_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("BERTH_CACHE_DIR", "XDG_CACHE_HOME", "HOME", "TMPDIR"):
        monkeypatch.setenv(name, "/dev/null")
    monkeypatch.setattr("engine.scheduler.warming._NICENESS", 0)
    with pytest.raises(EngineError, match="kernels could not be compiled"):
        compiled(start_compiling(SchedulerOptions(enabled_filters=("NoSuchFilter",))))


def test_a_process_that_is_killed_is_an_error_too() -> None:
    process: Popen[bytes] = Popen(["sleep", "60"], stdin=DEVNULL, stdout=DEVNULL, stderr=PIPE)
    process.kill()
    with pytest.raises(EngineError, match="status -9"):
        compiled(process)
