"""Batches of a placement stream: messages of columns are checked and answered.

Hosts are named by code, in a dictionary that each stream has of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from engine.errors import InvalidRequestError, LimitExceededError
from engine.model.limits import MAX_INSTANCES
from engine.service.batch_run import BatchColumns, BatchRun
from engine.service.consumer_index import consumer_columns
from engine.service.known_requests import KnownRequests
from engine.service.placer import Placer
from engine.v1 import scheduler_service_pb2 as pb

MAX_BATCH = 8192
MAX_BATCH_INSTANCES = 65_536
NO_HOST = np.uint32(0xFFFFFFFF)


@dataclass(slots=True)
class StreamDictionary:
    """The host codes of one stream: handed out as hosts are first named, for the stream's life."""

    codes: npt.NDArray[np.uint32] = field(default_factory=lambda: np.full(1024, NO_HOST))
    """By row; the last is of no row, and so of row -1."""
    size: int = 0

    def encode(self, rows: npt.NDArray[np.int64], host_ids: Sequence[str]) -> tuple[npt.NDArray[np.uint32], list[str]]:
        """Return a code a row (NO_HOST for row -1) and the host_ids of the codes that are new."""
        top = int(rows.max(initial=-1))
        if top + 1 >= len(self.codes):
            grown = np.full(max(top + 2, 2 * len(self.codes)), NO_HOST)
            grown[: len(self.codes)] = self.codes
            self.codes = grown
        encoded = self.codes[rows]
        unknown = encoded == NO_HOST
        if not unknown.any():
            return encoded, []
        named = rows[unknown]
        new = np.unique(named[named >= 0])
        self.codes[new] = np.arange(self.size, self.size + len(new), dtype=np.uint32)
        self.size += len(new)
        return self.codes[rows], [host_ids[row] for row in new.tolist()]


def place_batch(
    placer: Placer, known: KnownRequests, message: pb.SelectDestinationsStreamRequest, dictionary: StreamDictionary
) -> tuple[pb.SelectDestinationsStreamResponse, asyncio.Future[None] | None]:
    """Release and place a batch in memory; return its answer and the future to wait for before it may be sent.

    Raises InvalidRequestError, LimitExceededError, UnknownFlavorError, or FilterFault where a flavor's extra specs
    break a filter, with nothing done.
    """
    columns = _parse(message)
    requests = [known.for_flavor(name, message.project_id, message.user_id) for name in message.flavor_names]
    run = BatchRun(
        placer, requests, columns, placer.book.owner_code(message.project_id, message.user_id, ""), placer.refresh()
    )
    try:
        run.place()
    except BaseException:
        run.undo()
        raise
    # a batch that only repeats answers has nothing to write, but may repeat one that is still on its way to disk
    done = placer.commits.submit(run.records, run.undo) if run.records else placer.commits.latest
    codes, new_host_ids = dictionary.encode(run.rows, placer.table.identity.host_ids)
    answer = pb.SelectDestinationsStreamResponse(
        sequence=message.sequence,
        outcomes=run.outcomes.tobytes(),
        host_codes=codes.astype("<u4").tobytes(),
        new_host_ids=new_host_ids,
        released=run.released,
        inventory_generation=placer.table.generation,
    )
    return answer, done


def _parse(message: pb.SelectDestinationsStreamRequest) -> BatchColumns:
    tokens = message.tokens
    if len(tokens) % 16 or len(message.release_consumers) % 16:
        raise InvalidRequestError("tokens and release_consumers are columns of 16 bytes an entry", field="tokens")
    many = len(tokens) // 16
    if many > MAX_BATCH or len(message.release_consumers) // 16 > MAX_BATCH:
        raise LimitExceededError(f"a batch holds at most {MAX_BATCH} requests and as many releases", limit=MAX_BATCH)
    if len(message.flavor_names) > MAX_BATCH:
        raise LimitExceededError(f"a batch names at most {MAX_BATCH} flavors", limit=MAX_BATCH)
    if len(message.flavor_codes) != 4 * many:
        raise InvalidRequestError(
            f"flavor_codes has {len(message.flavor_codes)} bytes for {many} requests, not 4 each", field="flavor_codes"
        )
    if message.counts and len(message.counts) != 4 * many:
        raise InvalidRequestError(
            f"counts has {len(message.counts)} bytes for {many} requests, not 4 each", field="counts"
        )
    flavors = np.frombuffer(message.flavor_codes, dtype="<u4").astype(np.int64)
    if many and flavors.max() >= len(message.flavor_names):
        raise InvalidRequestError(
            f"flavor code {flavors.max()} names none of {len(message.flavor_names)} flavor_names", field="flavor_codes"
        )
    counts = (
        np.frombuffer(message.counts, dtype="<u4").astype(np.int64) if message.counts else np.ones(many, dtype=np.int64)
    )
    if many and (counts.min() < 1 or counts.max() > MAX_INSTANCES or counts.sum() > MAX_BATCH_INSTANCES):
        raise LimitExceededError(
            f"a request is for 1 to {MAX_INSTANCES} instances, a batch for at most {MAX_BATCH_INSTANCES}",
            limit=MAX_BATCH_INSTANCES,
        )
    names = consumer_columns(tokens)
    if not (names[:, 0] | names[:, 1]).all():
        raise InvalidRequestError("a token is all zero: give each request 16 bytes of its own", field="tokens")
    releases = message.release_consumers
    released = len(releases) // 16
    if message.release_positions and len(message.release_positions) != 4 * released:
        raise InvalidRequestError(
            f"release_positions has {len(message.release_positions)} bytes for {released} releases, not 4 each",
            field="release_positions",
        )
    positions = (
        np.frombuffer(message.release_positions, dtype="<u4").astype(np.int64)
        if message.release_positions
        else np.zeros(released, dtype=np.int64)
    )
    if released and (positions.max() > many or (np.diff(positions) < 0).any()):
        raise InvalidRequestError(
            f"release_positions must ascend from 0 to at most {many}, the number of requests", field="release_positions"
        )
    return BatchColumns(flavors, counts, names, consumer_columns(releases), positions)
