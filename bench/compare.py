"""Compares two commits by their benchmarks, in turn on one machine: python -m bench.compare BASE HEAD [-k EXPR].

Both sides run the same benchmarks, each its own code, in the order A B B A A B B A; ``.`` is the checkout as it stands.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from bench.sides import CompareError, Side, benchmarks_of, run, two_sides
from bench.verdicts import FEWEST_PAIRS, Compared, FigureName, compared_all, verdict_lines

ROOT = Path(__file__).parents[1]
_SHOWN = 10


def main(given: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Compare as the command line says; return 0, or 2 with a reason on standard error."""
    asked = arguments(given)
    before = signal.signal(signal.SIGTERM, _stop)
    try:
        with two_sides(root, asked.base, asked.head, ignore_changes=asked.ignore_changes) as (base, head):
            figures = compare(base, head, asked)
    except CompareError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    finally:
        signal.signal(signal.SIGTERM, before)
    for line in verdict_lines(figures):
        print(line)
    if asked.json:
        asked.json.write_text(json.dumps(as_json(base, head, asked, figures), indent=1) + "\n")
    return 0


def arguments(given: Sequence[str] | None) -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m bench.compare", description="Two commits, compared by benchmarks.")
    parser.add_argument("base", metavar="BASE", help="a commit, or . for the checkout as it stands")
    parser.add_argument("head", metavar="HEAD", help="a commit, or . for the checkout as it stands")
    parser.add_argument("files", nargs="*", default=["bench"], help="benchmark files (default: all)")
    parser.add_argument("-k", dest="expression", default="", metavar="EXPR", help="benchmarks to run, as pytest has it")
    parser.add_argument("--rounds", type=int, default=6, help=f"runs of each side; below {FEWEST_PAIRS} no verdict")
    parser.add_argument("--margin", type=float, default=0.02, help="the least difference to speak of (default 0.02)")
    parser.add_argument("--common", action="store_true", help="leave out benchmarks that only one side has")
    parser.add_argument("--ignore-changes", action="store_true", help="do not mind changes that are not committed")
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep all values here")
    asked = parser.parse_args(given)
    if asked.rounds < 1 or not 0 <= asked.margin < 1:
        parser.error("--rounds is at least 1, --margin from 0 to below 1")
    return asked


def compare(base: Side, head: Side, asked: argparse.Namespace) -> list[Compared]:
    """Return what came of all figures; raise CompareError where the sides do not have the same benchmarks."""
    benchmarks = in_both(
        base,
        head,
        benchmarks_of(base, asked.files, asked.expression),
        benchmarks_of(head, asked.files, asked.expression),
        common=asked.common,
    )
    for file in sorted({item.partition("::")[0] for item in benchmarks}):
        if (base.tree / file).read_bytes() != (head.tree / file).read_bytes():
            sys.stderr.write(f"note: {file} itself differs between the sides\n")
    for side in (base, head):
        sys.stderr.write(f"{side.name} ({side.commit}): {len(benchmarks)} benchmarks, kernels made ready\n")
        run(side, benchmarks)
    found: dict[Side, dict[FigureName, list[float]]] = {base: {}, head: {}}
    for turn in range(asked.rounds):
        for side in (base, head) if turn % 2 == 0 else (head, base):
            for name, value in run(side, benchmarks).items():
                found[side].setdefault(name, []).append(value)
            sys.stderr.write(f"round {turn + 1} of {asked.rounds}: {side.name}\n")
    alone = [name for name in {**found[base], **found[head]} if (name in found[base]) != (name in found[head])]
    for name in alone:
        sys.stderr.write(f"note: only one side has the figure {name.bench}, {name.workload} ({name.unit})\n")
    try:
        return compared_all(found[base], found[head], margin=asked.margin)
    except ValueError as error:
        raise CompareError(str(error)) from None


def in_both(base: Side, head: Side, ours: Sequence[str], theirs: Sequence[str], *, common: bool) -> list[str]:
    """Return the benchmarks of both sides; raise CompareError where one lacks some, unless only ``common`` count."""
    both = [name for name in ours if name in set(theirs)]
    missing = {side.name: [name for name in have if name not in both] for side, have in ((head, ours), (base, theirs))}
    if not common and any(missing.values()):
        told = "; ".join(
            f"{name} lacks {len(names)}: {', '.join(names[:_SHOWN])}" for name, names in missing.items() if names
        )
        raise CompareError(f"{told}. Narrow the choice with -k, or say --common")
    if not both:
        raise CompareError(f"{base.name} and {head.name} have no benchmark in common")
    return both


def as_json(base: Side, head: Side, asked: argparse.Namespace, figures: Sequence[Compared]) -> dict[str, object]:
    """Return a comparison as JSON has it."""
    return {
        "base": {"name": base.name, "commit": base.commit},
        "head": {"name": head.name, "commit": head.commit},
        "rounds": asked.rounds,
        "margin": asked.margin,
        "figures": [item.as_json() for item in figures],
    }


def _stop(signum: int, frame: object) -> NoReturn:
    """Leave as on an interrupt, so that worktrees are removed."""
    raise SystemExit(128 + signum)


if __name__ == "__main__":
    sys.exit(main())
