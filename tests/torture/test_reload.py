"""A busy service is reloaded, and its callers' calls are told apart by when they began."""

from __future__ import annotations

from pathlib import Path

from tests.torture.reload import PHASES, Reloaded, phases, torture
from tests.torture.soak_load import Noted


def test_reloads_under_load_lose_nothing(tmp_path: Path) -> None:
    noted, done = torture(tmp_path, reloads=2, hosts=500, pause_s=0.5, load=0.5, seed=1)
    assert len(done) == 2
    found = phases(noted, done, "place")
    assert all(found[phase] for phase in ("before", "while made ready", "the second after"))
    assert len(noted.held) > 10


def test_calls_are_told_apart_by_when_they_began() -> None:
    noted = Noted(latencies={"place": [(second, second) for second in (0.5, 1.0, 2.9, 3.0, 3.9, 4.1, 6.0, 8.0, 20.0)]})
    found = phases(noted, [Reloaded(1.0, 3.0), Reloaded(6.0, 7.5)], "place")
    assert found == dict(zip(PHASES, ([0.5], [1.0, 2.9, 6.0], [3.0, 3.9, 8.0], [4.1, 20.0]), strict=True))
    assert not any(phases(noted, [], "batch").values())
