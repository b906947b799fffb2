"""Sends a replay's batches and gathers the answers."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import closing

import numpy as np

from engine.cli.replay.batches import batches
from engine.cli.replay.outcome import PLACED, REFUSED, REPEATED, TOKEN_REUSED, ReplayOutcome, summed_up
from engine.cli.replay.tokens import run_tokens
from engine.client import Client
from engine.errors import EngineError, TokenReusedError
from engine.placement_stream import BatchAnswer
from engine.v1.request_spec_pb2 import Flavor
from engine.whatif.workloads.events import events_in_order
from engine.whatif.workloads.trace import Trace

_FLAVORS_A_CALL = 10_000


def send(
    client: Client,
    trace: Trace,
    *,
    run: str,
    batch: int,
    project: str,
    on_progress: Callable[[int, int], None],
    on_refused: Callable[[Sequence[int]], None] = lambda codes: None,
) -> ReplayOutcome:
    """Replays a trace and returns what came of it; ``on_progress`` is told the creates answered and their number.

    ``on_refused`` is told the codes of the shapes that a batch's answer refuses. Makes the flavors first. Raises
    TokenReusedError when a run of this name placed other VMs, and whatever the service reports, with the creates
    answered until then in its message and details.
    """
    _make_flavors(client, trace)
    events = events_in_order(trace)
    creates = int(np.count_nonzero(events.creates))
    outcomes = np.zeros(creates, np.uint8)
    created_shapes = trace.shape_codes[events.instances[events.creates]]
    messages = batches(trace, events, run_tokens(run, trace.rows), batch=batch, project=project)
    answered = released = count = 0
    began = time.perf_counter()
    try:
        with closing(client.stream(messages)) as answers:
            for answer in answers:
                _check(answer, run)
                outcomes[answered : answered + len(answer.outcomes)] = answer.outcomes
                refused = np.flatnonzero(answer.outcomes == REFUSED)
                if len(refused):
                    on_refused(np.unique(created_shapes[answered + refused]).tolist())
                answered += len(answer.outcomes)
                released += answer.released
                count += 1
                on_progress(answered, creates)
    except EngineError as error:
        error.message += f" ({answered} of {creates} creates of run {run!r} were answered)"
        error.args = (error.message,)
        error.details = {**error.details, "run": run, "creates_answered": str(answered)}
        raise
    seconds = time.perf_counter() - began
    return summed_up(run, trace, events, outcomes, released=released, batches=count, seconds=seconds)


def _make_flavors(client: Client, trace: Trace) -> None:
    flavors = [
        Flavor(name=shape.name, vcpus=shape.vcpus, memory_mb=shape.memory_mb, root_gb=shape.disk_gb)
        for shape in trace.shapes
    ]
    for first in range(0, len(flavors), _FLAVORS_A_CALL):
        client.update_flavors(flavors[first : first + _FLAVORS_A_CALL])


def _check(answer: BatchAnswer, run: str) -> None:
    """Raises TokenReusedError where a token was used for another VM, EngineError for an outcome that is not known."""
    if np.any(answer.outcomes == TOKEN_REUSED):
        raise TokenReusedError(f"a run named {run!r} placed other VMs before: name this one otherwise with --run")
    if not np.isin(answer.outcomes, (PLACED, REFUSED, REPEATED)).all():
        raise EngineError(f"the service answered batch {answer.sequence} with an outcome that is not known here")
