"""Micro-batches: requests for one instance that arrive together are placed by one run of the kernel, in their order.

Most of what a call costs is paid once a batch: the kernel is entered once, one record is written, one future waits for
the disk. Calls are gathered while more are to be expected (see engine.service.company), a few milliseconds at most.
Only what is regular is done here; whatever is not (no view for it, no host left, a name or token that was met before)
is handed back to be placed alone, with the errors that brings.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from engine.errors import EngineError, LedgerError
from engine.ledger.records import Record, TokenAnswered
from engine.model.request_spec import RequestSpec
from engine.service.answer_bytes import Choices
from engine.service.company import Company
from engine.service.convert import consumer_text, new_consumers
from engine.service.placer import Placer, claims_record

_PATIENCE_S = 0.008
"""How long a call waits at most for company."""
_LEAST_WAIT_S = 0.0001
"""A wait shorter than this is none."""
_LOG = logging.getLogger("berth.service")


def may_be_plain(request: RequestSpec) -> bool:
    """True for a request that a micro-batch may take: for one instance of no group, that is not there already."""
    return request.num_instances == 1 and not request.instance_group and not request.is_rebuild


class _Call:
    """One call that waits: what it asks for, who the instance is if it says so, and the future of its answer."""

    __slots__ = ("claimed", "consumer", "done", "fingerprint", "request", "token")

    def __init__(
        self,
        request: RequestSpec,
        consumer: bytes,
        token: str,
        fingerprint: bytes,
        done: asyncio.Future[bytes | None],
    ) -> None:
        self.request = request
        self.consumer = consumer
        self.token = token
        self.fingerprint = fingerprint
        self.done = done
        self.claimed = False


@dataclass(frozen=True, slots=True)
class _Kind:
    """What a batch needs to know of a request, worked out once however many calls ask for it."""

    slot: int
    view_shape: int
    shape: int
    owner: int
    picks: int


class MicroBatches:
    """The calls that wait to be placed together by one placer, on its event loop."""

    def __init__(self, placer: Placer) -> None:
        self.placer = placer
        self._waiting: list[_Call] = []
        self._timer: asyncio.Handle | None = None
        self._company = Company()

    async def place(self, request: RequestSpec, consumer: bytes, token: str, fingerprint: bytes) -> bytes | None:
        """Place the instance of a request that ``may_be_plain`` and return the answer's bytes once durable.

        None is returned, with nothing done, where it has to be placed alone. Without a ``consumer`` the instance gets a
        new uuid. A caller that goes away loses its claim, unless a token lets it ask again. Raises LedgerError.
        """
        loop = asyncio.get_running_loop()
        call = _Call(request, consumer, token, fingerprint, loop.create_future())
        now_s = loop.time()
        self._company.arrived(now_s)
        self._waiting.append(call)
        if self._company.complete(len(self._waiting)):
            self.place_waiting()
        elif self._timer is None:
            self._timer = loop.call_later(self._company.patience_s(now_s), self._look_again, now_s + _PATIENCE_S)
        try:
            return await call.done
        except asyncio.CancelledError:
            if call.claimed and not token:
                self.placer.release_abandoned([call.consumer])
            raise
        finally:
            self._company.left()

    def _look_again(self, deadline_s: float) -> None:
        """Place what arrived, unless calls are still coming."""
        loop = asyncio.get_running_loop()
        now_s = loop.time()
        wait_s = min(self._company.patience_s(now_s), deadline_s - now_s)
        if wait_s > _LEAST_WAIT_S:
            self._timer = loop.call_later(wait_s, self._look_again, deadline_s)
        else:
            self._company.stayed_away(len(self._waiting))
            self.place_waiting()

    def place_waiting(self) -> None:
        """Place now, in memory, what arrived so far."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        calls, self._waiting = self._waiting, []
        try:
            taken, kinds = self._regular([call for call in calls if not call.done.done()])
            if taken:
                self._place(taken, kinds)
        except Exception as error:
            if not isinstance(error, EngineError):
                _LOG.exception("requests that arrived together could not be placed")
            for call in calls:
                if not call.done.done():
                    call.done.set_exception(error)

    def _regular(self, calls: Sequence[_Call]) -> tuple[list[_Call], list[_Kind]]:
        """Return those calls that can be placed together, each with its kind, and hand the others back."""
        placer = self.placer
        kinds: dict[int, _Kind | None] = {}
        met: set[bytes | str] = set()
        taken: list[_Call] = []
        taken_kinds: list[_Kind] = []
        room = placer.selector.views.capacity
        try:
            for call in calls:
                key = id(call.request)
                kind = kinds.get(key)
                if kind is None and key not in kinds:
                    kind = kinds[key] = self._kind(call.request) if len(kinds) < room else None
                if kind is None or not self._is_new(call, met):
                    call.done.set_result(None)
                else:
                    taken.append(call)
                    taken_kinds.append(kind)
        except Exception:
            # a filter broke, and where a view was given up others may have taken its slot: whoever is placed alone is
            # told what it is about
            for call in calls:
                if not call.done.done():
                    call.done.set_result(None)
            return [], []
        return taken, taken_kinds

    def _is_new(self, call: _Call, met: set[bytes | str]) -> bool:
        """Return whether nothing is known of a call's instance and token, and remember both."""
        if call.consumer:
            if call.consumer in met or self.placer.book.find(call.consumer) is not None:
                return False
            met.add(call.consumer)
        if call.token:
            if call.token in met or not self.placer.answers.is_free(call.token):
                return False
            met.add(call.token)
        return True

    def _kind(self, request: RequestSpec) -> _Kind | None:
        """Return a request's kind, None where no view can answer it; raise what its filters raise of a host."""
        placer, selector = self.placer, self.placer.selector
        try:
            (plan,) = placer.plans.of([request])
        except EngineError:
            # alone it is told so
            return None
        if not plan.has_view:
            return None
        slot = selector.views.slot(plan.class_key, request, plan.amounts)
        alternates = selector.chain.options.max_attempts - 1 if request.alternates is None else request.alternates
        return _Kind(slot, plan.view_shape, plan.shape, placer.owner_of(request), 1 + alternates)

    def _place(self, calls: Sequence[_Call], kinds: Sequence[_Kind]) -> None:
        """Claim for all calls in order; those that find a host get their answer once it is durable."""
        placer = self.placer
        now = placer.refresh()
        generation = placer.table.generation
        placed = placer.selector.views.place(
            np.array([kind.slot for kind in kinds]),
            np.array([kind.view_shape for kind in kinds]),
            picks=max(kind.picks for kind in kinds),
            claim=True,
        )
        claims: list[_Claim] = []
        names = new_consumers(len(calls))
        found = zip(calls, kinds, names, placed.rows.tolist(), placed.weights.tolist(), strict=True)
        for call, kind, name, rows, weights in found:
            if rows[0] < 0:
                # alone it is told which filter removed how many, or finds what was given back meanwhile
                call.done.set_result(None)
                continue
            # each claim is a generation of its own
            generation += 1
            call.consumer = call.consumer or name
            claims.append(_Claim(call, kind, rows[: kind.picks], weights[: kind.picks], generation))
        if claims:
            _Batch(placer, now, claims).submit()


class _Claim(NamedTuple):
    """A call whose instance is claimed in the table: the rows of its host and alternates, their weights, when."""

    call: _Call
    kind: _Kind
    rows: list[int]
    weights: list[float]
    generation: int


class _Batch:
    """Claims that are in the table, at least one: what is written, answered or undone of them."""

    def __init__(self, placer: Placer, now: int, claims: Sequence[_Claim]) -> None:
        self.placer = placer
        self.now = now
        self.claims = claims
        self._answers: list[bytes] = []

    def submit(self) -> None:
        """Enter the claims in the book and have them written, with the answers of those that have a token."""
        records = self._entered()
        try:
            choices = Choices(self.placer.table.identity.host_ids)
            self._answers = [
                choices.answer(consumer_text(call.consumer).encode(), rows, weights, generation)
                for call, _, rows, weights, generation in self.claims
            ]
            with_token = [
                (claim.call, answer)
                for claim, answer in zip(self.claims, self._answers, strict=True)
                if claim.call.token
            ]
            records += [TokenAnswered(call.token, call.fingerprint, answer, self.now) for call, answer in with_token]
        except BaseException:
            self._undo()
            raise
        for claim in self.claims:
            claim.call.claimed = True
        done = self.placer.commits.submit(records, self._undo, self._settle)
        for call, answer in with_token:
            self.placer.answers.keep(call.token, call.fingerprint, answer, self.now, done)

    def _entered(self) -> list[Record]:
        """Enter the claims in the book, those of an owner together, and return the ledger's records of them."""
        by_owner: dict[int, list[_Claim]] = {}
        for claim in self.claims:
            by_owner.setdefault(claim.kind.owner, []).append(claim)
        records: list[Record] = []
        for owner, claims in by_owner.items():
            consumers = [claim.call.consumer for claim in claims]
            rows = np.array([claim.rows[0] for claim in claims])
            shapes = np.array([claim.kind.shape for claim in claims])
            self.placer.book.add(consumers, rows, shapes, owner, self.now)
            records.append(claims_record(consumers, rows, shapes, owner, self.now))
        return records

    def _undo(self) -> None:
        """Forget claims and tokens that did not become durable."""
        self.placer.undo_claims([claim.call.consumer for claim in self.claims])
        for call, *_ in self.claims:
            call.claimed = False
            if call.token:
                self.placer.answers.forget(call.token)

    def _settle(self, error: LedgerError | None) -> None:
        """Resume the callers that still wait."""
        for (call, *_), answer in zip(self.claims, self._answers, strict=True):
            if error is None and call.token:
                self.placer.answers.keep(call.token, call.fingerprint, answer, self.now)
            if call.done.done():
                continue
            if error is None:
                call.done.set_result(answer)
            else:
                call.done.set_exception(error)
