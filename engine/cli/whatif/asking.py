"""Asks a question, here or of a service, and shows what came of it."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.cli.whatif.options import AskOptions
from engine.cli.whatif.progress import progress_on_stderr
from engine.cli.whatif.terminal import show_answer
from engine.errors import InvalidRequestError
from engine.whatif.report.files import DECISIONS, REPORT, SUMMARY, check_out

if TYPE_CHECKING:
    from engine.whatif.answer import Progress
    from engine.whatif.scenario.model import Scenario
    from engine.whatif.served.snapshot import Snapshot
    from engine.whatif.sweep.executor import Executor

_SELF = "self"


def ask_and_show(question: str, file: Path, options: AskOptions) -> None:
    """Answer a question about a scenario's file, write its three files if told where, and print the answer."""
    options.check()
    if options.out is not None:
        # An hour's run must not end with an answer that has no place to go.
        check_out(options.out)
    began = time.monotonic()
    with progress_on_stderr(wanted=not options.as_json) as progress:
        summary = (_asked_there if options.on else _asked_here)(question, file, options, progress)
    if options.as_json:
        sys.stdout.write(summary)
        return
    _show(json.loads(summary), options.out, time.monotonic() - began)


def _asked_here(question: str, file: Path, options: AskOptions, progress: Progress) -> str:
    """Answer a question in this process, and return the summary's text."""
    from engine.whatif.asking import ask
    from engine.whatif.inputs import read_inputs
    from engine.whatif.report.files import write_report
    from engine.whatif.report.summary import About, summary_document, summary_text
    from engine.whatif.scenario.reading import parse_scenario, scenario_text

    text = scenario_text(file)
    scenario = parse_scenario(text, str(file))
    if options.live:
        scenario = _about_service(scenario, options.live)
    inputs = read_inputs(scenario, file.parent, lambda target: _snapshot(target, options.timeout_s))
    seed = scenario.seed if options.seed is None else options.seed
    with _executor(options) as executor:
        answer = ask(question, scenario, inputs, seed=seed, progress=progress, executor=executor)
    told = ("--live", options.live) if options.live else ()
    about = About(text, seed, scenario.title, told)
    if options.out is None:
        return summary_text(summary_document(answer, about))
    return write_report(answer, options.out, about).summary.decode()


def _asked_there(question: str, file: Path, options: AskOptions, progress: Progress) -> str:
    """Have a service answer a question, which leaves its files as ``berth whatif`` does; return the summary's text."""
    from engine.client import Client
    from engine.whatif.scenario.reading import parse_scenario, scenario_text

    text = scenario_text(file)
    scenario = parse_scenario(text, str(file))
    with Client(options.on) as client, tempfile.TemporaryDirectory(prefix="berth-whatif-") as spare:
        out = options.out or Path(spare)
        client.ask(
            question,
            text,
            out,
            scenario_name=file.name,
            seed=options.seed,
            files=_files(scenario, file.parent),
            on_progress=progress,
        )
        return (out / SUMMARY).read_text(encoding="utf-8")


def _files(scenario: Scenario, base: Path) -> dict[str, bytes]:
    """Return the files that a scenario names, to be sent with it; raise InvalidRequestError for what cannot be."""
    from engine.client import MAX_MESSAGE_BYTES
    from engine.whatif.served.offered import named_files

    found: dict[str, bytes] = {}
    for name in named_files(scenario):
        try:
            found[name] = (base / name).read_bytes()
        except OSError as error:
            raise InvalidRequestError(
                f"{base / name}: cannot be read ({error.strerror or error})", file=name
            ) from error
    total = sum(map(len, found.values()))
    if total > MAX_MESSAGE_BYTES * 9 // 10:
        raise InvalidRequestError(
            f"the scenario's files have {total} bytes, more than a service takes in one message ({MAX_MESSAGE_BYTES}): "
            "ask here instead, with --live HOST:PORT for the service's fleet"
        )
    return found


def _about_service(scenario: Scenario, target: str) -> Scenario:
    """Return a scenario whose fleet is that of a live service, whatever it says itself."""
    from engine.whatif.scenario.reading import with_values

    others = dict.fromkeys(("fleet.file", "fleet.allocations", "fleet.synthetic"))
    return with_values(scenario, {**others, "fleet.live": target})


def _snapshot(target: str, timeout_s: float) -> Snapshot:
    from engine.client import Client
    from engine.whatif.served.documents import snapshot_of

    if target == _SELF:
        raise InvalidRequestError(
            'fleet.live = "self" is the service that is asked: say which with --on HOST:PORT, or have its fleet looked '
            "at from here with --live HOST:PORT",
            field="fleet.live",
        )
    with Client(target) as client:
        parts = client.snapshot(timeout_s=timeout_s)
    return snapshot_of(parts.documents, parts.hosts, parts.allocations)


@contextmanager
def _executor(options: AskOptions) -> Iterator[Executor]:
    """Yield what runs many tasks, and end it afterwards."""
    if options.dask:
        from engine.whatif.sweep.dask import DaskExecutor

        with DaskExecutor(options.dask) as cluster:
            yield cluster
        return
    from engine.whatif.sweep.local import LocalExecutor

    with LocalExecutor(options.worker_count()) as processes:
        yield processes


def _show(summary: dict[str, Any], out: Path | None, seconds: float) -> None:
    """Print an answer for people, and on standard error where its files are and how long it took."""
    from engine.whatif.report.summary import headline_and_tables

    show_answer(*headline_and_tables(summary))
    sys.stdout.flush()
    decisions = summary["decisions"]
    pace = f": {decisions} decisions, {round(decisions / seconds)} a second" if decisions else ""
    sys.stderr.write(f"berth: answered in {seconds:.1f} s{pace}\n")
    if out is not None:
        sys.stderr.write(f"berth: wrote {', '.join(str(out / name) for name in (REPORT, DECISIONS, SUMMARY))}\n")
