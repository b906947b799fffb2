"""MutableFleet: columns that can be written: copied first where a snapshot shares them, each change a new generation.

Columns are contiguous, because the selection kernel streams through them. A snapshot shares them all; the first write
to a shared column copies that column (1 ms for a million hosts), so a snapshot costs nothing until then and never
changes. Every change takes a new generation, the table's counter and the changed rows' ``generation``, and is noted in
the journal.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import Self

import numpy as np
import numpy.typing as npt

from engine.inventory.devices import Devices, Holding
from engine.inventory.fleet import Fleet
from engine.inventory.fleet_facts import AnyArray
from engine.inventory.identity import Identity
from engine.inventory.journal import Journal
from engine.inventory.profiles import BitNames, Numbering
from engine.inventory.schema import BLOCK_ROWS, COLUMNS, LEAF_ROWS
from engine.inventory.usage import ONLY_READ, USAGE_COLUMNS
from engine.model.candidates import STATUS_DISABLED

Rows = npt.NDArray[np.int64]


class MutableFleet(Fleet):
    """A fleet without hosts at first, whose columns and identities a subclass writes through ``own``; one writer."""

    def __init__(self) -> None:
        columns: dict[str, AnyArray] = {column.name: np.zeros(BLOCK_ROWS, dtype=column.dtype) for column in COLUMNS}
        super().__init__(
            columns=columns,
            rows=0,
            generation=0,
            identity=Identity(),
            profiles=Numbering(),
            memberships=Numbering(),
            units=Numbering(),
            metric_sets=Numbering(),
            traits=BitNames(),
            aggregate_codes=Numbering(),
            aggregates={},
            devices=Devices(),
        )
        # hosts have it by their service's state, so it is known before any host reports it
        self.traits.bits([STATUS_DISABLED])
        self.memberships.code(frozenset())
        self.metric_sets.code(frozenset())
        self.first_generation = 0
        """The generation before any change since the start."""
        self.journal = Journal(BLOCK_ROWS // LEAF_ROWS)
        self.counter = self.journal.counter
        """The generation, in an array so that a kernel can count on; see the journal for what else is in it."""
        self._shared: set[str] = set()
        self._identity_shared = False
        self._holdings_shared = False

    @property
    def generation(self) -> int:
        """How many changes the table has seen."""
        return int(self.counter[0])

    def snapshot(self) -> Fleet:
        """Return an immutable picture of the table as it is now."""
        self._shared.update(self.columns)
        self._identity_shared = True
        self._holdings_shared = True
        frozen = {}
        for name, values in self.columns.items():
            view = values.view()
            view.flags.writeable = False
            frozen[name] = view
        picture = Fleet(
            frozen,
            self.rows,
            self.generation,
            self.identity,
            self.profiles,
            self.memberships,
            self.units,
            self.metric_sets,
            self.traits,
            self.aggregate_codes,
            dict(self.aggregates),
            self.devices.picture(),
        )
        picture.arrays = dict(self.columns)
        picture.facts_revision = self.facts_revision
        picture.zones_away = self.zones_away
        picture.share_facts(self)
        return picture

    def fork(self) -> Self:
        """Return a table of its own that begins as this one is: what neither of the two changes stays shared."""
        made = copy(self)
        made.part()
        self._shared.update(self.columns)
        self._identity_shared = True
        self._holdings_shared = True
        return made

    def part(self) -> None:
        """Have all that changes by itself no longer in common with the table that this is a copy of."""
        self.columns = dict(self.columns)
        self.arrays = self.columns
        self.profiles = self.profiles.copy()
        self.memberships = self.memberships.copy()
        self.units = self.units.copy()
        self.metric_sets = self.metric_sets.copy()
        self.traits = self.traits.copy()
        self.aggregate_codes = self.aggregate_codes.copy()
        self.aggregates = dict(self.aggregates)
        self.devices = self.devices.fork()
        generation = self.generation
        self.journal = Journal(len(self.journal.leaf_revision))
        self.counter = self.journal.counter
        self.counter[0] = generation
        self._shared = set(self.columns)
        self._identity_shared = True
        self._holdings_shared = True
        self.part_facts()

    def own(self, names: Sequence[str]) -> list[AnyArray]:
        """Return columns to write to, copied first where a snapshot shares them."""
        for name in names:
            if name in self._shared:
                self.columns[name] = self.columns[name].copy()
                self._shared.discard(name)
        return [self.columns[name] for name in names]

    def own_usage(self) -> list[AnyArray]:
        """Return the columns of USAGE_COLUMNS, those to write to copied first where a snapshot shares them."""
        self.own([name for name in USAGE_COLUMNS if name not in ONLY_READ])
        return [self.columns[name] for name in USAGE_COLUMNS]

    def own_identity(self) -> Identity:
        """Return the identities to write to, copied first where a snapshot shares them."""
        if self._identity_shared:
            self.identity = self.identity.copy()
            self._identity_shared = False
        return self.identity

    def own_holdings(self) -> dict[int, Holding]:
        """Return the holdings by row to write to, copied first where a snapshot shares them."""
        if self._holdings_shared:
            self.devices.holdings = dict(self.devices.holdings)
            self._holdings_shared = False
        return self.devices.holdings

    def begin_generations(self, first: int) -> None:
        """Go on counting from ``first``, if that is later; what is there counts as changed then."""
        self.first_generation = max(self.generation, first)
        self.counter[0] = self.first_generation
        self.touch(self.present_rows(), facts=False)

    def advance(self) -> int:
        """Take and return the next generation."""
        self.counter[0] += 1
        return int(self.counter[0])

    def touch(self, rows: Rows, *, facts: bool) -> None:
        """Mark rows as changed under a new generation; ``facts`` says that more than usage changed."""
        if not len(rows):
            return
        now = self.advance()
        (generation,) = self.own(["generation"])
        generation[rows] = now
        self.journal.note_rows(rows)
        if facts:
            self.facts_revision += 1
            self.journal.note_facts(self.facts_revision, rows)

    def set_away(self, rows: Rows, *, away: bool) -> None:
        """Have hosts not be there, or be there again; what they hold stays, and their zones stay known."""
        if not len(rows):
            return
        profiles = np.unique(self.columns["profile"][rows]).tolist()
        self.zones_away |= {self.profiles.values[code].availability_zone for code in profiles} - {""}
        self.own(["present"])[0][rows] = 0 if away else 1
        self.touch(rows, facts=True)

    def changed_facts_since(self, revision: int) -> Rows | None:
        """Return the rows whose facts changed since a facts revision, ascending; None where it may be any.

        Aggregates, their metadata and sharing providers are facts of many hosts at once.
        """
        return self.journal.facts_since(revision, self.facts_revision)

    def reserve(self, rows: int) -> None:
        """Make room for ``rows`` rows, whole blocks at a time."""
        capacity = len(self.columns["present"])
        if rows <= capacity:
            return
        wanted = -(-max(rows, capacity + capacity // 4) // BLOCK_ROWS) * BLOCK_ROWS
        for name, values in self.columns.items():
            grown = np.zeros(wanted, dtype=values.dtype)
            grown[:capacity] = values
            self.columns[name] = grown
        self._shared.clear()
        self.journal.resize(wanted // LEAF_ROWS)
