"""``python -m tests.differential.write_golden``: picks small telling cases of every family and writes nova's answers.

They are the cases in tests/golden, which the tests run wherever nova is not.
"""

from __future__ import annotations

import argparse
import gzip
import json
from collections.abc import Iterable
from pathlib import Path

from tests.differential.asking import ROOT, NovaProcess, answered
from tests.differential.chance import Content
from tests.differential.generate import ALL_FAMILIES, generate

MOST_HOSTS = 8
SELECTING, FAILING = 2, 1
"""How many cases a family gets that end in hosts, and in none."""


def pick(cases: Iterable[Content], turned_away: set[str]) -> list[Content]:
    """Return cases worth keeping: those where filters turn hosts away that did not so far, and one that fails.

    ``turned_away`` are the filters that some case has already, and grows.
    """
    selecting: list[Content] = []
    failing: list[Content] = []
    for case in cases:
        expected = case["expected"]
        if "unanswerable" in expected or len(case["hosts"]) > MOST_HOSTS:
            continue
        if expected.get("selected_error") or expected["numa_error"]:
            failing.append(case)
        elif 1 < len(expected["filtered"]) < len(case["hosts"]):
            selecting.append(case)
    chosen: list[Content] = []
    while selecting and len(chosen) < SELECTING:
        best = max(selecting, key=lambda case: len(choosy(case) - turned_away))
        selecting.remove(best)
        chosen.append(best)
        turned_away |= choosy(best)
    return chosen + failing[:FAILING]


def choosy(case: Content) -> set[str]:
    """Return the filters that let some of a case's hosts pass and not all."""
    found = case["expected"].get("per_filter", {}).items()
    return {name for name, passing in found if isinstance(passing, list) and 0 < len(passing) < len(case["hosts"])}


def main() -> None:
    """Write the files, in place of what is there."""
    parser = argparse.ArgumentParser(prog="python -m tests.differential.write_golden", description=__doc__)
    parser.add_argument("--python", type=Path, required=True, help="an interpreter that has nova")
    parser.add_argument("--seed", type=int, default=34)
    parser.add_argument("--requests", type=int, default=150, help="how many cases of a family to look through")
    parser.add_argument("--families", nargs="+", default=ALL_FAMILIES, choices=ALL_FAMILIES, metavar="FAMILY")
    parser.add_argument("--into", type=Path, default=ROOT / "tests" / "golden")
    given = parser.parse_args()
    given.into.mkdir(parents=True, exist_ok=True)
    turned_away: set[str] = set()
    for family in given.families:
        with NovaProcess(given.python) as process:
            picked = pick(answered(generate(given.seed, given.requests, [family]), process), turned_away)
        for old in given.into.glob(f"{family}-[0-9]*.json.gz"):
            old.unlink()
        for number, case in enumerate(picked):
            text = json.dumps({**case, "name": f"{family}-{number:02d}"}, sort_keys=True)
            # no time of writing inside: the same case is the same file
            (given.into / f"{family}-{number:02d}.json.gz").write_bytes(gzip.compress(text.encode(), mtime=0))
        print(f"{family}: {len(picked)} cases")


if __name__ == "__main__":
    main()
