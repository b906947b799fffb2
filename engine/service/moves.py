"""Moves: what an instance holds passes to a named host, fitted anew there."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from engine.errors import (
    ConflictError,
    NoValidHostError,
)
from engine.fitting.numa_request import guest_numa
from engine.fitting.pci_aliases import pci_requests
from engine.inventory.usage import Amounts
from engine.ledger.records import Moves as MovesRecord
from engine.ledger.records import Record, Shape
from engine.model.assignment import Assignment
from engine.model.flavor import Flavor
from engine.model.image import Image
from engine.model.request_spec import RequestSpec
from engine.model.resources import DISK_GB, RESOURCE_CLASSES, VCPU
from engine.service.assignments import total_resources
from engine.service.book import shape_amounts
from engine.service.holdings import Holding, apply, claim_records, column, held_entry
from engine.service.placer import Placer

_PCPU = "PCPU"


class Mover:
    """Moves what instances hold, on one placer's table, book and ledger."""

    def __init__(self, placer: Placer) -> None:
        self.placer = placer

    async def move(self, consumer: bytes, host_id: str) -> None:
        """Move what a consumer holds to a host, or leave it where it is there already; refused whole, or durable.

        Every filter that columns and placement decide is asked, and NUMA cells, PCI devices and further resources are
        fitted anew. Raises UnknownAllocationError, UnknownHostError, NoValidHostError where it does not fit,
        ConflictError where the flavor that it was placed by is not known any more, LedgerError.
        """
        placer = self.placer
        placer.refresh()
        entry = held_entry(self.placer.book, consumer)
        row = placer.table.row(host_id)
        if row == entry.row:
            await placer.commits.settled()
            return
        before = Holding.of(entry)
        after = self._fitted(before, row, host_id)
        self._exchange(before, after)
        placer.book.move(entry.place, after.row, after.shape, after.assignment)
        done = placer.commits.submit(_move_records(consumer, before, after), lambda: self._undo_move(consumer, before))
        await asyncio.shield(done)

    def _fitted(self, held: Holding, row: int, host_id: str) -> Holding:
        """Return what the instance would hold on a row; raise NoValidHostError unless the host is up and has room."""
        placer = self.placer
        shape, table = placer.book.shapes[held.shape], placer.table
        if held.assignment is None and not table.sharing and not table.columns["tree"][row]:
            self._check_columns(row, shape_amounts(shape), host_id)
            return replace(held, row=row)
        request = self._request_of(held)
        # what it gives up counts as free, as far as both hosts draw on the same sharing provider
        apply(self.placer, held, -1)
        try:
            selection = placer.selector.assign(row, request)
            if selection is None:
                raise NoValidHostError(
                    f"host {host_id!r} does not take the instance: "
                    "its NUMA cells, PCI devices or resource providers have no room for it",
                    rejections={},
                    hosts_total=1,
                )
            _, shapes, assignments = placer.claimed(request, [selection])
            self._check_columns(row, shape_amounts(placer.book.shapes[int(shapes[0])]), host_id)
        finally:
            apply(self.placer, held, 1)
        assignment = assignments[0] if assignments else None
        if _kinds(assignment, placer.book.shapes[int(shapes[0])]) != _kinds(held.assignment, shape):
            raise _not_known(shape.flavor)
        return replace(held, row=row, shape=int(shapes[0]), assignment=assignment)

    def _request_of(self, held: Holding) -> RequestSpec:
        """Return the request that an instance was placed by, as far as its flavor and image make it."""
        placer = self.placer
        shape, owner = placer.book.shapes[held.shape], placer.book.owners[held.owner]
        if held.assignment is None:
            return RequestSpec(_plain_flavor(shape), project_id=owner.project_id, user_id=owner.user_id, alternates=0)
        flavor = placer.catalog.flavors.get(shape.flavor)
        if flavor is None or _sizes(flavor) != (shape.vcpus, shape.memory_mb, shape.disk_gb):
            raise _not_known(shape.flavor)
        image = Image(properties=dict(owner.image_properties))
        wanted = total_resources(held.assignment) or shape.resources
        return RequestSpec(
            flavor=flavor,
            image=image,
            project_id=owner.project_id,
            user_id=owner.user_id,
            is_bfv=wanted.get(DISK_GB, 0) < flavor.root_gb,
            numa=guest_numa(flavor, image),
            pci_requests=pci_requests(flavor, image, placer.aliases),
            alternates=0,
        )

    def _check_columns(self, row: int, amounts: Amounts, host_id: str) -> None:
        """Raise NoValidHostError unless the host is up and its columns have room."""
        chain = self.placer.selector.chain
        bits = int(chain.verdicts(self.placer.table, amounts)[row])
        failing = {plugin.name: plugin for index, plugin in enumerate(chain.column_filters) if bits >> index & 1}
        if failing:
            reasons = "; ".join(plugin.reason for plugin in failing.values())
            raise NoValidHostError(
                f"host {host_id!r} does not take the instance: {reasons}",
                rejections=dict.fromkeys(failing, 1),
                hosts_total=1,
            )

    def _undo_move(self, consumer: bytes, before: Holding) -> None:
        entry = self.placer.book.find(consumer)
        assert entry is not None
        self._exchange(Holding.of(entry), before)
        self.placer.book.move(entry.place, before.row, before.shape, before.assignment)

    def _exchange(self, old: Holding, new: Holding) -> None:
        apply(self.placer, old, -1)
        apply(self.placer, new, 1)


def _move_records(consumer: bytes, before: Holding, after: Holding) -> Sequence[Record]:
    """Return the ledger's records of a move: a plain one is of the host alone, any other is a claim anew."""
    if before.assignment is None and after.assignment is None and before.shape == after.shape:
        return [MovesRecord(consumer, column(after.row).astype("<i4").tobytes())]
    return claim_records(consumer, after)


def _sizes(flavor: Flavor) -> tuple[int, int, int]:
    return flavor.vcpus, flavor.memory_mb, flavor.root_gb + flavor.ephemeral_gb


def _plain_flavor(shape: Shape) -> Flavor:
    """Return a flavor that asks for what a shape holds, no less and no more."""
    amounts = {f"resources:{name}": str(shape.resources.get(name, 0)) for name in RESOURCE_CLASSES}
    return Flavor(shape.flavor, shape.vcpus, shape.memory_mb, shape.disk_gb, extra_specs=amounts)


def _kinds(assignment: Assignment | None, shape: Shape) -> tuple[int, int, dict[str, int]]:
    """Return how many cells, how many devices and how much of each resource class is held.

    CPUs are left out: a host without dedicated ones gives a dedicated vCPU as a shared one.
    """
    given = assignment or Assignment()
    cells = len(given.numa.cells) if given.numa else 0
    totals = total_resources(given) or shape.resources
    others = {name: amount for name, amount in totals.items() if name not in (VCPU, _PCPU)}
    return cells, sum(item.count for item in given.pci), others


def _not_known(flavor: str) -> ConflictError:
    return ConflictError(
        f"what flavor {flavor!r} asks for is not known as it was when the instance was placed: "
        "move it by a request with a migration_uuid",
        flavor=flavor,
    )
