"""Placer: the one writer: admits a request, selects, claims in the table, writes book and ledger, answers when durable.

Everything here runs on the event loop's thread, so a decision and its claim are one step; only waiting for the disk is
not.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.errors import AllocationExistsError, InvalidRequestError, LedgerError
from engine.fitting.pci_aliases import parse_aliases
from engine.inventory.table import HostTable
from engine.inventory.usage import assigned_amounts
from engine.ledger.records import Claims, Record, Releases, TokensForgotten
from engine.model.assignment import Assignment
from engine.model.request_spec import RequestSpec
from engine.model.selection import Selection
from engine.scheduler.select import Selector
from engine.scheduler.sparse import GroupState, ImageCounts
from engine.service.answers import Answers
from engine.service.assignments import assignments_record
from engine.service.book import AllocationBook
from engine.service.catalog import Catalog
from engine.service.commits import Commits
from engine.service.consumer_index import Consumers, as_consumers
from engine.service.convert import consumer_text, new_consumers
from engine.service.flavor_plans import FlavorPlans
from engine.service.groups import group_state
from engine.service.instance_rows import hinted_instance_rows

Clock = Callable[[], int]
"""Microseconds since 1970 UTC."""


@dataclass(frozen=True, slots=True)
class Placement:
    """What a request was given: a consumer an instance, their selections, and the generation they were chosen at."""

    consumers: Sequence[bytes]
    selections: Sequence[Selection]
    generation: int


class Placer:
    """Places and releases instances on one table, one book and one ledger."""

    def __init__(
        self,
        table: HostTable,
        book: AllocationBook,
        catalog: Catalog,
        selector: Selector,
        commits: Commits,
        clock: Clock,
    ) -> None:
        self.table = table
        self.book = book
        self.catalog = catalog
        self.commits = commits
        self.clock = clock
        self.answers = Answers(commits)
        self.adopt(selector)

    def adopt(self, selector: Selector) -> None:
        """Decide by this selector of the same table from now on, and by all that its chain's options say."""
        self.selector = selector
        self._plans = FlavorPlans(selector, self.book)
        options = selector.chain.options
        self.aliases = parse_aliases(options.pci_alias, pci_in_placement=options.pci_in_placement)
        self._weighs_images = any(weigher.name == "ImagePropertiesWeigher" for weigher in selector.chain.weighers)
        self._down_time_us = selector.chain.options.service_down_time * 1_000_000

    @property
    def plans(self) -> FlavorPlans:
        """What flavors take under the selector that is in use."""
        if self._plans.selector is not self.selector:
            self._plans = FlavorPlans(self.selector, self.book)
        return self._plans

    def refresh(self) -> int:
        """Bring the service states up to now, and return now."""
        now = self.clock()
        self.table.refresh_services(now, self._down_time_us)
        return now

    # -- placing ------------------------------------------------------------------------------------------------------

    async def place(
        self,
        request: RequestSpec,
        consumers: Sequence[bytes],
        token: str,
        fingerprint: bytes,
        render: Callable[[Placement], bytes],
    ) -> bytes:
        """Place all instances of a request and return the rendered answer once it is durable.

        Without ``consumers``, which are all different, the instances get new uuids. A caller that goes away meanwhile
        loses its claim, unless a token lets it ask again. Raises NoValidHostError, AllocationExistsError, LedgerError,
        with nothing claimed.
        """
        now = self.refresh()
        if request.is_rebuild:
            return await self._check_rebuild(request, consumers, token, fingerprint, render)
        released = self.released_before(consumers)
        selections = self.selector.select(
            request,
            group=self.group_of(request),
            instance_rows=hinted_instance_rows(request, self.book),
            image_counts=self.image_counts(request),
        )
        ids = consumers or new_consumers(len(selections))
        owner = self.owner_of(request)
        rows, shapes, assignments = self.claimed(request, selections)
        self.book.add(ids, rows, shapes, owner, now, assignments)

        def undo() -> None:
            self.undo_claims(ids)
            self.book.uncover(released)

        try:
            answer = render(Placement(ids, selections, self.table.generation))
            records = claims_records(ids, rows, shapes, owner, now, assignments)
        except BaseException:
            undo()
            raise
        return await self.answers.give(
            records, undo, token, fingerprint, answer, now, abandon=lambda: self.release_abandoned(ids)
        )

    async def _check_rebuild(
        self,
        request: RequestSpec,
        consumers: Sequence[bytes],
        token: str,
        fingerprint: bytes,
        render: Callable[[Placement], bytes],
    ) -> bytes:
        """Return the rendered answer of a rebuild, which claims nothing: the hosts that its filters leave."""
        if len(consumers) != request.num_instances:
            raise InvalidRequestError(
                "a rebuild is of instances that there are: give their instance_uuids", field="instance_uuids"
            )
        entries = [self.book.find(consumer) for consumer in consumers]
        selections = self.selector.select(
            request,
            group=self.group_of(request),
            own_rows=[frozenset([entry.row] if entry and entry.held else ()) for entry in entries],
            instance_rows=hinted_instance_rows(request, self.book),
            image_counts=self.image_counts(request),
            claim=False,
        )
        answer = render(Placement(consumers, selections, self.table.generation))
        if not token:
            return answer
        return await self.answers.give([], lambda: None, token, fingerprint, answer, self.clock(), abandon=lambda: None)

    # -- what a request is made of ------------------------------------------------------------------------------------

    def group_of(self, request: RequestSpec) -> GroupState | None:
        """Return the state of the server group that a request names, None where it names none."""
        if not request.instance_group:
            return None
        return group_state(self.catalog.group(request.instance_group), self.book, self.table)

    def image_counts(self, request: RequestSpec) -> ImageCounts:
        """Return the images of the instances on each row, where a weigher asks for them."""
        return self.book.image_counts() if self._weighs_images and request.image.properties else {}

    def owner_of(self, request: RequestSpec) -> int:
        """Return the code of whose the instances of a request are, and of what image."""
        return self.book.owner_code(
            request.project_id, request.user_id, request.instance_group, request.image.properties
        )

    def claimed(
        self, request: RequestSpec, selections: Sequence[Selection]
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], list[Assignment | None]]:
        """Return the rows and shape codes of what was claimed for a request, and the assignments if there are any."""
        amounts = self.selector.demand(request).amounts
        name = request.flavor.name
        rows = np.array([item.row for item in selections], dtype=np.int64)
        assignments = [item.assignment for item in selections]
        if not any(assignments):
            return rows, np.full(len(selections), self.book.shape_code(name, amounts)), []
        uuids = self.table.identity.uuids
        taken = [assigned_amounts(amounts, item.assignment, uuids[item.row]) for item in selections]
        return rows, np.array([self.book.shape_code(name, item) for item in taken], dtype=np.int64), assignments

    def released_before(self, consumers: Sequence[bytes]) -> list[bytes]:
        """Return the consumers that held something once; raise AllocationExistsError for one that still does."""
        found = []
        for consumer in consumers:
            entry = self.book.find(consumer)
            if entry is None:
                continue
            if entry.held:
                uuid = consumer_text(consumer)
                raise AllocationExistsError(
                    f"instance {uuid} already holds an allocation: release it first", consumer=uuid
                )
            found.append(consumer)
        return found

    def undo_claims(self, consumers: Consumers | Sequence[bytes]) -> None:
        """Forget claims as if they had never been made; one that is released has given its amounts back already."""
        places = self._known_places(consumers)
        held = places[self.book.is_held(places)]
        self._apply(held, -1)
        self.book.remove(places)

    def release_abandoned(self, consumers: Sequence[bytes]) -> None:
        """Give back what a caller that went away was given; without a ledger to write to, it was never given."""
        with suppress(LedgerError):
            self._release_held(consumers, self.clock())

    # -- releasing ----------------------------------------------------------------------------------------------------

    async def release(self, consumers: Sequence[bytes]) -> list[bytes]:
        """Give allocations back and return the consumers that held none, once durable."""
        distinct = list(dict.fromkeys(consumers))
        held = self.held(distinct)
        missing = [
            consumer for consumer, place in zip(distinct, self.book.places(distinct), strict=True) if place not in held
        ]
        done = self._release_held(distinct, self.clock())
        if done is not None:
            await asyncio.shield(done)
        else:
            await self.commits.settled()
        return missing

    def held(self, consumers: Sequence[bytes]) -> set[int]:
        """Return the places of those consumers that hold something."""
        places = self._known_places(consumers)
        return set(places[self.book.is_held(places)].tolist())

    def _release_held(self, consumers: Sequence[bytes], now: int) -> asyncio.Future[None] | None:
        names = self.release_now(consumers, now)
        if not names:
            return None
        return self.commits.submit([Releases(b"".join(names), now)], lambda: self.undo_release(names))

    def release_now(self, consumers: Sequence[bytes], now: int) -> list[bytes]:
        """Give back what these consumers hold, in memory, and return those that held something."""
        held = self.release_in_table(consumers)
        self.book.release(held, now)
        return [self.book.consumer(place) for place in held.tolist()]

    def release_in_table(self, consumers: Consumers | Sequence[bytes]) -> npt.NDArray[np.int64]:
        """Take what these consumers hold off their hosts, and return the places, which the book has to release."""
        held = self._held_places(consumers)
        self._apply(held, -1)
        return held

    def undo_release(self, consumers: Consumers | Sequence[bytes]) -> None:
        """Hold again what was given back, where its claim still stands."""
        places = self._known_places(consumers)
        released = places[~self.book.is_held(places)]
        self.book.unrelease(released)
        self._apply(released, 1)

    def _known_places(self, consumers: Consumers | Sequence[bytes]) -> npt.NDArray[np.int64]:
        """Return the places of those consumers that hold something or did, in order."""
        places = self.book.found(consumers)
        return places[places >= 0]

    def _held_places(self, consumers: Consumers | Sequence[bytes]) -> npt.NDArray[np.int64]:
        """Return the places of those consumers that hold something, each once, in order."""
        columns = as_consumers(consumers)
        places, repeated = self.book.look_up(columns)
        places = places[(places >= 0) & ~repeated]
        return places[self.book.is_held(places)]

    # -- housekeeping -------------------------------------------------------------------------------------------------

    async def forget(self, retention_s: int) -> None:
        """Drop token answers and tombstones older than the retention, here and in the ledger."""
        before = self.clock() - retention_s * 1_000_000
        # what is on its way to disk may have to be undone, and that needs its tombstones
        await self.commits.settled()
        answers = self.answers.drop_before(before)
        allocations = self.book.forget_released(before)
        if answers or allocations:
            await asyncio.shield(self.commits.submit([TokensForgotten(max(before, 0))], lambda: None))

    def _apply(self, places: npt.NDArray[np.int64], sign: int) -> None:
        """Add or take back the amounts and assignments of places in the table."""
        if not len(places):
            return
        book = self.book
        amounts = book.amounts[book.shape_codes(places)]
        found = enumerate(map(book.assignment, places.tolist())) if book.has_assignments else ()
        assignments = {index: assignment for index, assignment in found if assignment is not None}
        self.table.apply_many(book.rows(places), sign, amounts, assignments)


def claims_records(
    consumers: Consumers | Sequence[bytes],
    rows: npt.NDArray[np.int64],
    shapes: npt.NDArray[np.int64],
    owner: int,
    now: int,
    assignments: Sequence[Assignment | None],
) -> list[Record]:
    """Return the ledger's records of claims and of their assignments, one a consumer or none at all."""
    records: list[Record] = [claims_record(consumers, rows, shapes, owner, now)]
    if not any(item is not None for item in assignments):
        return records
    names = [bytes(consumer) for consumer in consumers]
    given = zip(names, assignments, strict=True)
    kept = assignments_record((consumer, item) for consumer, item in given if item is not None)
    return records if kept is None else [*records, kept]


def claims_record(
    consumers: Consumers | Sequence[bytes],
    rows: npt.NDArray[np.int64],
    shapes: npt.NDArray[np.int64],
    owner: int,
    now: int,
) -> Claims:
    """Return the ledger's record of claims; a host's number is its row."""
    joined = consumers.tobytes() if isinstance(consumers, np.ndarray) else b"".join(consumers)
    return Claims(joined, rows.astype("<i4").tobytes(), shapes.astype("<i4").tobytes(), owner, now)


def fingerprint_of(message: bytes) -> bytes:
    """Return 16 bytes that stand for a request."""
    return hashlib.blake2b(message, digest_size=16).digest()
