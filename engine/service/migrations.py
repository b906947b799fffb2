"""Migrations: an instance gets a new allocation and keeps its old one under another consumer, until that is settled.

It goes as in nova's conductor: what the instance holds passes to the consumer of the migration, and the instance gets a
new allocation, chosen as for a new instance. To confirm it the migration's consumer is released; to go back the
instance gets its old allocation again. Each step is one record in the ledger, and undone whole.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from engine.errors import ConflictError, InvalidRequestError, LedgerError
from engine.ledger.records import Record, Releases
from engine.model.request_spec import RequestSpec
from engine.service.convert import consumer_text
from engine.service.holdings import Holding, apply, claim_records, give, held_entry, take
from engine.service.instance_rows import hinted_instance_rows
from engine.service.placer import Placement, Placer


class Migrator:
    """Starts migrations and takes them back, on one placer's table, book and ledger."""

    def __init__(self, placer: Placer) -> None:
        self.placer = placer

    async def migrate(
        self,
        request: RequestSpec,
        instance: bytes,
        migration: bytes,
        token: str,
        fingerprint: bytes,
        render: Callable[[Placement], bytes],
    ) -> bytes:
        """Give an instance a new allocation, keep its present one under the migration, and return the rendered answer.

        Raises UnknownAllocationError where the instance holds nothing, AllocationExistsError where the migration does,
        NoValidHostError, LedgerError, with everything as it was.
        """
        placer = self.placer
        if request.num_instances != 1 or instance == migration:
            raise _of_its_own()
        now = placer.refresh()
        old = Holding.of(held_entry(self.placer.book, instance))
        hidden = placer.released_before([migration])
        selections = placer.selector.select(
            request,
            group=placer.group_of(request),
            own_rows=[frozenset({old.row})],
            instance_rows=hinted_instance_rows(request, placer.book),
            image_counts=placer.image_counts(request),
        )
        rows, shapes, assignments = placer.claimed(request, selections)
        new = Holding(
            int(rows[0]),
            int(shapes[0]),
            placer.owner_of(request),
            now,
            assignments[0] if assignments else None,
        )
        kept = replace(old, owner=self._without_group(old.owner))
        take(self.placer.book, instance)
        give(self.placer.book, migration, kept)
        give(self.placer.book, instance, new)

        def undo() -> None:
            apply(self.placer, take(self.placer.book, instance), -1)
            take(self.placer.book, migration)
            placer.book.uncover(hidden)
            give(self.placer.book, instance, old)

        try:
            answer = render(Placement([instance], selections, placer.table.generation))
            records = [*claim_records(migration, kept), *claim_records(instance, new)]
        except BaseException:
            undo()
            raise
        return await placer.answers.give(
            records, undo, token, fingerprint, answer, now, abandon=lambda: self._abandon(instance, migration)
        )

    async def revert(
        self, instance: bytes, migration: bytes, token: str, fingerprint: bytes, render: Callable[[], bytes]
    ) -> bytes:
        """Give an instance back what its migration holds, release what it was given for it; return the answer.

        Raises UnknownAllocationError where either holds nothing, ConflictError where the two are of different owners,
        InvalidRequestError where they are the same, LedgerError, with everything as it was.
        """
        if instance == migration:
            raise _of_its_own()
        now = self.placer.clock()
        records, undo = self._revert(instance, migration, now)
        try:
            answer = render()
        except BaseException:
            undo()
            raise
        return await self.placer.answers.give(records, undo, token, fingerprint, answer, now, abandon=lambda: None)

    def _revert(self, instance: bytes, migration: bytes, now: int) -> tuple[list[Record], Callable[[], None]]:
        """Go back in memory, and return the ledger's records and the way forward again."""
        book = self.placer.book
        entry, earlier = held_entry(self.placer.book, instance), held_entry(self.placer.book, migration)
        given, kept = Holding.of(entry), Holding.of(earlier)
        mine, its = book.owners[entry.owner], book.owners[earlier.owner]
        if (mine.project_id, its.instance_group) != (its.project_id, ""):
            raise ConflictError(
                f"{consumer_text(migration)} holds nothing that was of instance {consumer_text(instance)}",
                consumer=consumer_text(migration),
            )
        restored = replace(
            kept,
            owner=book.owner_code(its.project_id, its.user_id, mine.instance_group, dict(its.image_properties)),
        )
        apply(self.placer, given, -1)
        book.release(np.array([earlier.place], dtype=np.int64), now)
        take(self.placer.book, instance)
        give(self.placer.book, instance, restored)
        records = [*claim_records(instance, restored), Releases(migration, now)]

        def undo() -> None:
            take(self.placer.book, instance)
            give(self.placer.book, instance, given)
            book.unrelease(np.array(book.places([migration]), dtype=np.int64))
            apply(self.placer, given, 1)

        return records, undo

    def _abandon(self, instance: bytes, migration: bytes) -> None:
        """Go back where a caller went away without a way to ask again; without a ledger, it never went anywhere."""
        entries = [self.placer.book.find(consumer) for consumer in (instance, migration)]
        if all(entry is not None and entry.held for entry in entries):
            records, undo = self._revert(instance, migration, self.placer.clock())
            try:
                self.placer.commits.submit(records, undo)
            except LedgerError:
                return

    def _without_group(self, owner: int) -> int:
        """Return the code of the same owner outside every server group: a migration is no member."""
        found = self.placer.book.owners[owner]
        return self.placer.book.owner_code(found.project_id, found.user_id, "", dict(found.image_properties))


def _of_its_own() -> InvalidRequestError:
    return InvalidRequestError("a migration is of one instance, by a migration_uuid of its own", field="migration_uuid")
