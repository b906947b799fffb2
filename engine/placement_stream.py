"""Batches of placements over one stream: a few under way at a time, answers in order, hosts by code in a dictionary."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from engine.errors import EngineError, ServiceUnavailableError
from engine.v1.scheduler_service_pb2 import SelectDestinationsStreamRequest, SelectDestinationsStreamResponse

NO_HOST = 0xFFFFFFFF
"""The host code of an instance that was not placed."""
TOKEN_BYTES = 16
_STALL_CHECKS = 4
"""How many times in the longest wait the guard looks."""


class Call(Protocol):
    """What is used of a gRPC call: its replies, and its end."""

    def __iter__(self) -> Iterator[SelectDestinationsStreamResponse]: ...

    def cancel(self) -> object:
        """Ends the call."""


OpenCall = Callable[[Iterator[SelectDestinationsStreamRequest]], Call]


@dataclass(frozen=True, slots=True)
class BatchAnswer:
    """What became of one batch: a PlacementOutcome a request in ``outcomes``, a host code an instance.

    ``host_ids`` is the dictionary of the codes; it grows as the stream goes on and is shared by all of its answers.
    """

    sequence: int
    outcomes: NDArray[np.uint8]
    host_codes: NDArray[np.uint32]
    host_ids: list[str]
    released: int
    inventory_generation: int

    def hosts(self) -> list[str | None]:
        """Returns the host of each instance, None where the request was not placed."""
        return [None if code == NO_HOST else self.host_ids[code] for code in self.host_codes.tolist()]


class _Flow:
    """What the sending thread, the reading thread and the guard know of one another."""

    def __init__(self, window: int) -> None:
        self.slots = threading.Semaphore(window)
        self.sent: deque[tuple[int, int]] = deque()
        self.ended = threading.Event()
        self.stalled = False
        self.source_error: Exception | None = None
        # When the reader began to wait for the answer that is due now; None while it waits for none.
        self.waiting_since: float | None = None


def batch_answers(
    open_call: OpenCall, requests: Iterable[SelectDestinationsStreamRequest], *, window: int, stall_s: float
) -> Iterator[BatchAnswer]:
    """Sends ``requests``, at most ``window`` unanswered at a time, and yields an answer to each, in order.

    Raises ServiceUnavailableError when a sent batch waits longer than ``stall_s`` for its answer, whatever iterating
    ``requests`` raises, and EngineError when the answers do not match the batches.
    """
    flow = _Flow(window)
    call = open_call(_outgoing(flow, requests))
    guard = threading.Thread(target=_guard, args=(flow, call, stall_s), name="placement-stream-guard", daemon=True)
    guard.start()
    host_ids: list[str] = []
    replies = iter(call)
    try:
        while True:
            flow.waiting_since = time.monotonic()
            reply = next(replies, None)
            flow.waiting_since = None
            if reply is None:
                break
            host_ids.extend(reply.new_host_ids)
            answer = _answer(flow, reply, host_ids)
            flow.slots.release()
            yield answer
        _check_all_answered(flow)
    except Exception as failure:
        if flow.source_error is not None:
            raise flow.source_error from None
        if flow.stalled:
            raise ServiceUnavailableError(f"a batch waited longer than {stall_s:g} s for its answer") from failure
        raise
    finally:
        flow.ended.set()
        flow.slots.release()
        call.cancel()


def _outgoing(
    flow: _Flow, requests: Iterable[SelectDestinationsStreamRequest]
) -> Iterator[SelectDestinationsStreamRequest]:
    """Yields requests as there is room for them; runs in gRPC's sending thread."""
    try:
        for request in requests:
            flow.slots.acquire()
            if flow.ended.is_set():
                return
            if not flow.sent and flow.waiting_since is not None:
                flow.waiting_since = time.monotonic()
            flow.sent.append((request.sequence, len(request.tokens) // TOKEN_BYTES))
            yield request
    except Exception as failure:
        # gRPC would report only that the iterator failed; the reader raises the cause instead.
        flow.source_error = failure
        raise


def _guard(flow: _Flow, call: Call, stall_s: float) -> None:
    """Ends the call when an answer is overdue: a sync stream's reader cannot wait with a limit of its own."""
    while not flow.ended.wait(stall_s / _STALL_CHECKS):
        since = flow.waiting_since
        if flow.sent and since is not None and time.monotonic() - since > stall_s:
            flow.stalled = True
            call.cancel()
            return


def _check_all_answered(flow: _Flow) -> None:
    if flow.sent:
        raise EngineError(f"the service ended the stream with {len(flow.sent)} batches unanswered")


def _answer(flow: _Flow, reply: SelectDestinationsStreamResponse, host_ids: list[str]) -> BatchAnswer:
    """Returns the reply in columns, after checking that it answers the batch that is due."""
    if not flow.sent:
        raise EngineError(f"the service answered batch {reply.sequence}, which was not sent")
    sequence, requests = flow.sent.popleft()
    outcomes = np.frombuffer(reply.outcomes, np.uint8)
    host_codes = np.frombuffer(reply.host_codes, "<u4")
    if reply.sequence != sequence or len(outcomes) != requests:
        was = f"batch {reply.sequence} with {len(outcomes)} outcomes"
        raise EngineError(f"the service answered {was} where batch {sequence} of {requests} requests was due")
    return BatchAnswer(sequence, outcomes, host_codes, host_ids, reply.released, reply.inventory_generation)
