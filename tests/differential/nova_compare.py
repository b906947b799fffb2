"""``python -m tests.differential.nova_compare``: random requests, answered by nova and by Berth, and compared.

Exits 1 when any answer differs; every differing case is written, with nova's answer, as a file that
``python -m tests.oracle`` reads too.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.differential.asking import NovaProcess, answered
from tests.differential.generate import ALL_FAMILIES, REQUESTS_A_FLEET, generate
from tests.oracle.cases import Case
from tests.oracle.runner import Outcome, run_case


@dataclass(frozen=True)
class Share:
    """What one worker compares: of the seed's cases every ``step``-th fleet from ``first`` on."""

    python: Path
    seed: int
    requests: int
    families: tuple[str, ...]
    first: int
    step: int
    differing: Path


@dataclass(frozen=True)
class Compared:
    """What came of one case: ``result`` is equal, different, unsupported or unanswerable; ``text`` says more."""

    name: str
    family: str
    result: str
    reasons: tuple[str, ...] = ()
    text: str = ""


def compare(share: Share) -> Iterator[Compared]:
    """Yield what comes of each case of a share; those that differ are written to files."""
    cases = generate(share.seed, share.requests, share.families)
    mine = (case for number, case in enumerate(cases) if number // REQUESTS_A_FLEET % share.step == share.first)
    with NovaProcess(share.python) as process:
        for content in answered(mine, process):
            family = content["name"].rpartition("-")[0]
            if "unanswerable" in content["expected"]:
                reason = content["expected"]["unanswerable"].split(":")[0]
                yield Compared(content["name"], family, "unanswerable", (reason,), content["expected"]["unanswerable"])
                continue
            outcome = run_case(Case(content["name"], "select", family, content))
            if outcome.differences:
                share.differing.mkdir(parents=True, exist_ok=True)
                path = share.differing / f"{content['name']}-seed{share.seed}.json"
                path.write_text(json.dumps(content))
            yield _compared(outcome)


def _compared(outcome: Outcome) -> Compared:
    result = "different" if outcome.differences else "equal" if outcome.supported else "unsupported"
    text = "\n".join(
        f"  {item.what}\n    Berth {item.ours}\n    nova  {item.theirs}" for item in outcome.differences[:5]
    )
    return Compared(outcome.case.name, outcome.case.family, result, outcome.reasons, text)


def _work(share: Share) -> list[Compared]:
    return list(compare(share))


def report(outcomes: Sequence[Compared], details: int) -> str:
    """Return the counts by family, the reasons of what was not compared, and the first differences."""
    results = ("equal", "different", "unsupported", "unanswerable")
    counts = Counter((item.family, item.result) for item in outcomes) + Counter(
        ("total", item.result) for item in outcomes
    )
    families = [name for name in ALL_FAMILIES if any(counts[name, result] for result in results)]
    lines = [f"{'':10}" + "".join(f"{result:>13}" for result in results)]
    lines += [
        f"{family:10}" + "".join(f"{counts[family, result]:>13}" for result in results)
        for family in [*families, "total"]
    ]
    reasons = Counter((item.result, reason) for item in outcomes for reason in item.reasons)
    lines += [f"{many:>6}  {result}: {reason}" for (result, reason), many in reasons.most_common()]
    different = [item for item in outcomes if item.result == "different"]
    for item in different[:details]:
        lines += ["", item.name, item.text]
    if len(different) > details:
        lines += ["", f"and {len(different) - details} more that differ"]
    return "\n".join(lines)


def main() -> int:
    """Compare, print the report, and return 1 when anything differs."""
    parser = argparse.ArgumentParser(prog="python -m tests.differential.nova_compare", description=__doc__)
    parser.add_argument("--python", type=Path, required=True, help="an interpreter that has nova")
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=int(time.time()), help="taken from the clock when not given")
    parser.add_argument("--families", nargs="+", default=ALL_FAMILIES, choices=ALL_FAMILIES, metavar="FAMILY")
    parser.add_argument("--workers", type=int, default=multiprocessing.cpu_count())
    parser.add_argument("--differing", type=Path, default=Path(".differential"), help="where differing cases go")
    parser.add_argument("--details", type=int, default=10, help="how many differences to show")
    given = parser.parse_args()
    print(f"seed {given.seed}, {given.requests} requests", flush=True)
    shares = [
        Share(given.python, given.seed, given.requests, tuple(given.families), first, given.workers, given.differing)
        for first in range(given.workers)
    ]
    # a child of its own each, not a fork: the parent's libraries have threads
    with multiprocessing.get_context("spawn").Pool(given.workers) as pool:
        outcomes = [item for items in pool.map(_work, shares) for item in items]
    print(report(outcomes, given.details))
    return 1 if any(item.result == "different" for item in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
