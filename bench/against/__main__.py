"""Compares Berth with the real nova and with second opinions: python -m bench.against --nova PYTHON (make compare).

Each contender answers the same requests on the same fleets, its rounds between the others', and every answer must be
nova's. Prints the ratios; ``--json`` keeps the times, ``--page`` writes a page with plots.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from bench.against.contenders import Contest, DisagreementError
from bench.against.floors import empty_calls, fsyncs
from bench.against.growth import Point, points_of
from bench.against.machine import about_machine
from bench.against.page import page
from bench.against.results import LABELS, NOVA, Case, Comparison, Timing, from_json
from bench.against.tables import ratio_lines
from bench.nova.asking import NovaRound, NovaSilentError, nova_on
from bench.nova.fleets import Content, numa_case, plain_case
from engine.scheduler.options import DEFAULT_FILTERS
from tests.differential.filter_families import ALL_FILTERS

Kept = TypeVar("Kept")

SIZES = (1_000, 5_000, 10_000, 50_000)


class UnreadableError(Exception):
    """A file that the command line names does not hold what it should."""


@dataclass(frozen=True)
class ChainWork:
    """A chain that is compared, on fleets of up to so many hosts; ``make`` gives the case of a size."""

    name: str
    make: Callable[[int], Content]
    most_hosts: int
    bodies: bool = True
    numpy: bool = False


CHAINS = (
    ChainWork("default filters", partial(plain_case, filters=DEFAULT_FILTERS), 1_000_000, numpy=True),
    ChainWork("all 22 filters", partial(plain_case, filters=ALL_FILTERS), 1_000_000),
    # nova fits NUMA cells host by host, at more than a millisecond each
    ChainWork("two NUMA nodes", numa_case, 10_000, bodies=False),
)


def main(given: Sequence[str] | None = None) -> int:
    """Compare as the command line says; return 0, or 1 with a reason on standard error."""
    asked = arguments(given)
    try:
        # read first: a file that cannot be is no reason to lose minutes of measuring
        points = loaded(asked.growth, points_of) if asked.growth and asked.growth.exists() else ()
        run = loaded(asked.read, from_json) if asked.read else measured(asked)
    except (NovaSilentError, DisagreementError, UnreadableError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    for line in ratio_lines(run):
        print(line)
    write(asked, run, points)
    return 0


def arguments(given: Sequence[str] | None) -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m bench.against", description="Berth and the real nova, compared.")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--nova", metavar="PYTHON", help="an interpreter that has nova 34")
    source.add_argument("--read", type=Path, metavar="FILE", help="show what an earlier run kept with --json")
    parser.add_argument("--sizes", type=sizes, default=SIZES, help="numbers of hosts, such as 1000,5000")
    names = [chain.name for chain in CHAINS]
    parser.add_argument("--chain", action="append", choices=names, help="compare this chain (default: all; repeatable)")
    parser.add_argument("--rounds", type=positive, default=3, help="rounds of nova, and of each contender between")
    parser.add_argument("--date", default=f"{datetime.now(UTC):%Y-%m-%d}", help="the date to show, if not today")
    parser.add_argument("--growth", type=Path, metavar="FILE", help="results of bench/test_growth.py, for its plots")
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep the times here")
    parser.add_argument("--page", type=Path, metavar="FILE", help="write a page with plots here")
    asked = parser.parse_args(given)
    if asked.nova and not planned(asked):
        parser.error(f"nova would take too long on fleets of such sizes with {', '.join(asked.chain or names)}")
    return asked


def planned(asked: argparse.Namespace) -> list[tuple[ChainWork, int]]:
    """Return the chains to compare, each with the sizes of its fleets."""
    chosen = [chain for chain in CHAINS if chain.name in (asked.chain or [chain.name])]
    return [(chain, hosts) for chain in chosen for hosts in asked.sizes if hosts <= chain.most_hosts]


def loaded(path: Path, read: Callable[[Any], Kept]) -> Kept:
    """Return what a JSON file holds; raise UnreadableError where it is missing or holds something else."""
    try:
        return read(json.loads(path.read_text()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UnreadableError(f"{path} cannot be read as results: {type(error).__name__}: {error}") from None


def sizes(text: str) -> tuple[int, ...]:
    """Return the numbers of hosts that a text lists."""
    return tuple(positive(part) for part in text.split(","))


def positive(text: str) -> int:
    """Return a number of at least 1; raise ValueError, which the parser reports, for anything else."""
    value = int(text)
    if value < 1:
        raise ValueError(f"{value} is less than 1")
    return value


def measured(asked: argparse.Namespace) -> Comparison:
    """Return a whole run; raise NovaSilentError or DisagreementError."""
    cases: list[Case] = []
    timings: list[Timing] = []
    versions: dict[str, str] = {}
    for chain, hosts in planned(asked):
        sys.stderr.write(f"{chain.name}, {hosts} hosts\n")
        case, found = contest(chain, hosts, asked.nova, asked.rounds, versions)
        cases.append(case)
        timings += found
    with tempfile.TemporaryDirectory() as folder:
        floors = (empty_calls(Path(folder), 100 * asked.rounds), fsyncs(Path(folder), 20 * asked.rounds))
    return Comparison(about_machine(versions, asked.date), tuple(cases), tuple(timings), floors)


def contest(
    chain: ChainWork, hosts: int, python: str, rounds: int, versions: dict[str, str]
) -> tuple[Case, list[Timing]]:
    """Return how all contenders did on one fleet, their rounds in turn; ``versions`` learns nova's."""
    case = chain.make(hosts)
    with nova_on(case, python) as nova:
        versions.update(nova.versions)
        answers = [nova.round()]
        if not answers[0].best:
            raise DisagreementError(f"nova finds no host among {hosts}: there is nothing to compare")
        contest = Contest(case, answers[0])
        # unmeasured: whatever is done once, and never again
        contest.round(bodies=False, numpy=chain.numpy)
        contest.seconds.clear()
        for _ in range(rounds):
            if len(answers) < rounds:
                answers.append(nova.round())
            contest.round(bodies=chain.bodies, numpy=chain.numpy)
    agree(answers)
    found = {NOVA: [item.decision_s for item in answers], **contest.seconds}
    return (
        Case(chain.name, hosts, answers[0].passing, tuple(item.states_s for item in answers)),
        [Timing(chain.name, hosts, name, tuple(found[name])) for name in LABELS if name in found],
    )


def agree(answers: Sequence[NovaRound]) -> None:
    """Raise DisagreementError where nova's rounds are not alike."""
    if len({(item.best, item.passing) for item in answers}) != 1:
        raise DisagreementError("nova chooses differently from round to round")


def write(asked: argparse.Namespace, run: Comparison, points: Sequence[Point]) -> None:
    """Write the files that the command line names."""
    texts: list[tuple[Path | None, str]] = [
        (asked.json, json.dumps(run.as_json(), indent=1) + "\n"),
        (asked.page, page(run, points)),
    ]
    for path, text in texts:
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)


if __name__ == "__main__":
    sys.exit(main())
