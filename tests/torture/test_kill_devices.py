from __future__ import annotations

from pathlib import Path

from tests.torture.kill_devices import torture


def test_killed_at_any_moment_a_service_gives_no_cpu_and_no_device_twice(tmp_path: Path) -> None:
    assert torture(tmp_path, kills=4, seed=5) > 3
