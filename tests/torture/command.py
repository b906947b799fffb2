"""A torture as a command: how often and from which seed, in a temporary directory."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Protocol


class Torture(Protocol):
    """Kills a service ``kills`` times in ``folder``; returns how many allocations it held at the end."""

    def __call__(self, folder: Path, *, kills: int, seed: int) -> int: ...


def run(torture: Torture, description: str | None) -> None:
    """Torture a service as the command's options say, and print what was left; a failure is an AssertionError."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        held = torture(Path(folder), kills=given.kills, seed=given.seed)
    print(f"{given.kills} kills, {held} allocations held, none lost, none twice")
