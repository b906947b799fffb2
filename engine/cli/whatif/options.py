"""The options that every question takes."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from engine.errors import InvalidRequestError

MAX_SEED = 2**63 - 1


def _cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0))


@dataclass(frozen=True)
class AskOptions:
    """Where the answer goes, in which form, and who works it out: this process, others here, a cluster or a service."""

    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="DIR",
            help="Where to write report.html, decisions.parquet and summary.json; without it the answer is only shown.",
        ),
    ] = None
    as_json: Annotated[
        bool,
        typer.Option("--json", help="Print summary.json and nothing else; errors too are JSON, on standard error."),
    ] = False
    seed: Annotated[
        int | None,
        typer.Option("--seed", min=0, max=MAX_SEED, metavar="N", help="Instead of the scenario's own."),
    ] = None
    workers: Annotated[
        int | None,
        typer.Option("--workers", min=1, max=256, metavar="N", help="Processes for many runs: by default one a core."),
    ] = None
    dask: Annotated[
        str, typer.Option("--dask", metavar="tcp://HOST:PORT", help="Many runs on the cluster of this Dask scheduler.")
    ] = ""
    on: Annotated[
        str,
        typer.Option(
            "--on",
            metavar="HOST:PORT",
            help='Have the service there answer, about itself where the scenario says fleet.live = "self".',
        ),
    ] = ""
    live: Annotated[
        str,
        typer.Option(
            "--live", metavar="HOST:PORT", help="Ask about the service there instead of the scenario's fleet."
        ),
    ] = ""
    timeout_s: Annotated[
        float,
        typer.Option("--timeout", min=0.001, metavar="SECONDS", help="How long to wait for a service's snapshot."),
    ] = 600.0

    def check(self) -> None:
        """Raise InvalidRequestError for options that exclude one another."""
        asked = [name for name, value in (("--workers", self.workers), ("--dask", self.dask)) if value]
        if len(asked) > 1:
            raise InvalidRequestError("--workers and --dask are two places for the runs: give one of them")
        if self.on and (asked or self.live):
            other = asked[0] if asked else "--live"
            raise InvalidRequestError(f"--on has the service answer by itself: leave out {other}")

    def worker_count(self) -> int:
        """Return how many processes work on many runs."""
        return self.workers or _cores()
