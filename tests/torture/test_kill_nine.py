from __future__ import annotations

from pathlib import Path

from tests.torture.kill_nine import torture


def test_killed_at_any_moment_a_service_keeps_what_it_answered_once(tmp_path: Path) -> None:
    assert torture(tmp_path, kills=6, seed=11) > 100
