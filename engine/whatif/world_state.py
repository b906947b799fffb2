"""WorldState: a fleet under a chain, the requests met so far, every instance, and all that needs no chain."""

from __future__ import annotations

import random
from collections.abc import Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from engine.inventory.table import HostTable
from engine.inventory.usage import Amounts, assigned_amounts
from engine.model.assignment import Assignment
from engine.model.request_spec import RequestSpec
from engine.scheduler.chain import Chain
from engine.scheduler.faults import FilterFault
from engine.scheduler.options import SchedulerOptions
from engine.scheduler.select import Selector
from engine.scheduler.sparse import GroupState
from engine.whatif.instances import Instances
from engine.whatif.workload import NO_GROUP, GroupRule

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Plan:
    """What placing a request takes while facts and chain stay as they are."""

    amounts: Amounts
    class_key: Hashable
    is_plain: bool


class WorldState:
    """A table, the selector of a chain on it, the requests met so far by code, and every instance by number.

    ``flavors`` are the requests that scenarios and services know by a flavor's name. ``replaced`` are the codes that
    instances created from now on ask for in place of others. One thread at a time.
    """

    def __init__(self, table: HostTable, options: SchedulerOptions, *, seed: int = 0) -> None:
        self.table = table
        self.rng = random.Random(seed)
        self.requests: list[RequestSpec] = []
        self.flavors: dict[str, RequestSpec] = {}
        self.replaced: dict[int, int] = {}
        self.now_us = 0
        """The moment at which hosts' heartbeats are looked at, microseconds since 1970 UTC; a run's time is its own."""
        self.instances = Instances()
        self._code_of: dict[str, int] = {}
        self._blocked: set[int] = set()
        self._group_states: dict[int, GroupState] = {}
        self._scratch: Numbers = np.empty(0, dtype=np.int64)
        """A place an instance, -1 between uses."""
        self._use(Selector(table, Chain.from_options(options), self.rng))

    def _use(self, selector: Selector) -> None:
        self.selector = selector
        self._plans: dict[int, _Plan] = {}
        self._plans_at = -1

    @property
    def options(self) -> SchedulerOptions:
        """The chain's options."""
        return self.selector.chain.options

    def fork(self) -> Self:
        """Return a world that begins as this one is and goes its own way; what neither changes stays shared.

        The generator of random choices is copied too, so that both go on with the same choices.
        """
        made = copy(self)
        made.table = self.table.fork()
        made.rng = random.Random()
        made.rng.setstate(self.rng.getstate())
        made.requests = list(self.requests)
        made.flavors = dict(self.flavors)
        made.replaced = dict(self.replaced)
        made.instances = self.instances.fork()
        made._code_of = dict(self._code_of)
        made._blocked = set(self._blocked)
        made._scratch = np.empty(0, dtype=np.int64)
        made._group_states = {number: state.copy() for number, state in self._group_states.items()}
        made._use(Selector(made.table, self.selector.chain, made.rng))
        return made

    def set_chain(self, options: SchedulerOptions) -> None:
        """Place by the chain of other options from now on; raise InvalidSettingError for an unknown plug-in."""
        self._use(Selector(self.table, Chain.from_options(options), self.rng))

    # -- requests ------------------------------------------------------------------------------------------------------

    def code(self, request: RequestSpec) -> int:
        """Return the code of a request for one instance, giving it the next one if it is new.

        Alternates are not asked for: nobody would use them.
        """
        content = repr(request)
        code = self._code_of.get(content)
        if code is None:
            code = self._code_of[content] = len(self.requests)
            self.requests.append(replace(request, alternates=0))
        return code

    def is_plain(self, code: int) -> bool:
        """Whether class views answer a request; raise InvalidRequestError where it contradicts itself."""
        return self._plan(code).is_plain

    def amounts(self, code: int) -> Amounts:
        """Return what one instance takes of a host that gives all of it from its own inventory."""
        return self._plan(code).amounts

    def _plan(self, code: int) -> _Plan:
        facts = self.table.facts_revision
        if facts != self._plans_at:
            self._plans.clear()
            self._plans_at = facts
        plan = self._plans.get(code)
        if plan is None:
            request, selector = self.requests[code], self.selector
            amounts = selector.demand(request).amounts
            key = selector.chain.class_key(request, amounts)
            plain = selector.uses_view(request, None)
            if plain:
                try:
                    selector.views.slot(key, request, amounts)
                except FilterFault:
                    plain = False
            plan = self._plans[code] = _Plan(amounts, key, plain)
        return plan

    # -- instances -----------------------------------------------------------------------------------------------------

    @property
    def rows(self) -> npt.NDArray[np.int32]:
        """int32 an instance: the row of its host, -1 for none; not to be kept while instances are added."""
        return self.instances.rows

    @property
    def codes(self) -> npt.NDArray[np.int32]:
        """int32 an instance: the code of its request; not to be kept while instances are added."""
        return self.instances.codes

    def add(
        self,
        codes: npt.NDArray[np.int32],
        names: pa.Array,
        groups: npt.NDArray[np.int32] | None = None,
        rule: GroupRule | None = None,
    ) -> int:
        """Take in instances that hold nothing yet, and return the number of the first (see Instances.add)."""
        return self.instances.add(codes, names, groups, rule)

    def names_of(self, instances: Numbers) -> pa.StringArray:
        """Return what instances are called."""
        return self.instances.names_of(instances)

    def instances_on(self, rows: Numbers | Sequence[int]) -> Numbers:
        """Return the instances that hold something on any of these rows, the oldest first."""
        return self.instances.on_rows(rows)

    def hold(
        self, instances: Numbers, rows: npt.NDArray[np.integer], assignments: Mapping[int, Assignment] | None = None
    ) -> None:
        """Put instances on hosts without asking any filter; ``assignments`` are by instance."""
        given = assignments or {}
        amounts = self._amounts_of(self.codes[instances])
        places = np.asarray(rows, dtype=np.int64)
        by_index = _by_index(instances, given)
        for index, assignment in by_index.items():
            amounts[index] = self._taken(amounts[index], assignment, int(places[index]))
        self.table.apply_many(places, 1, amounts, by_index)
        self.rows[instances] = places
        self.instances.assignments.update(given)
        self._count_groups(instances, places, 1)

    def give_back(self, instances: Numbers) -> None:
        """Have instances hold nothing any more; those that hold nothing are left as they are."""
        held = instances[self.rows[instances] >= 0]
        if not len(held):
            return
        rows = self.rows[held].astype(np.int64)
        self._release(held, rows, self.instances.assignments)
        self.rows[held] = -1
        for number in held.tolist() if self.instances.assignments else ():
            self.instances.assignments.pop(number, None)
        self._count_groups(held, rows, -1)

    # -- hosts ---------------------------------------------------------------------------------------------------------

    @property
    def blocked(self) -> Numbers:
        """The rows of hosts that take nothing, ascending."""
        return np.array(sorted(self._blocked), dtype=np.int64)

    def block(self, rows: Numbers) -> None:
        """Have hosts take nothing new, as if they were not there, until they are unblocked; what they hold stays."""
        there = np.asarray(rows, dtype=np.int64)
        there = there[self.table.columns["present"][there] == 1]
        self.table.set_away(there, away=True)
        self._blocked.update(there.tolist())

    def unblock(self, rows: Numbers) -> None:
        """Have blocked hosts take instances again."""
        there = np.array([row for row in np.asarray(rows).tolist() if row in self._blocked], dtype=np.int64)
        self.table.set_away(there, away=False)
        self._blocked.difference_update(there.tolist())

    @contextmanager
    def _hidden(self, rows: Numbers) -> Iterator[None]:
        """Have hosts be away for a while, for requests that class views do not answer."""
        there = rows[self.table.columns["present"][rows] == 1]
        self.table.set_away(there, away=True)
        try:
            yield
        finally:
            self.table.set_away(there, away=False)

    # -- amounts and groups --------------------------------------------------------------------------------------------

    def _amounts_of(self, codes: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
        """Return int64[n, 6]: what instances of these codes take."""
        table = np.zeros((len(self.requests), len(Amounts._fields)), dtype=np.int64)
        for code in np.flatnonzero(np.bincount(codes)).tolist():
            table[code] = self.amounts(code)
        return table[codes]

    def _release(self, instances: Numbers, rows: Numbers, assignments: Mapping[int, Assignment]) -> None:
        """Take back what instances hold on rows, of which ``assignments`` by instance are more than amounts."""
        amounts = self._amounts_of(self.codes[instances])
        by_index = _by_index(instances, assignments)
        for index, assignment in by_index.items():
            amounts[index] = self._taken(amounts[index], assignment, int(rows[index]))
        self.table.apply_many(rows, -1, amounts, by_index)

    def _taken(self, amounts: Numbers, assignment: Assignment, row: int) -> Amounts:
        """Return what an instance with an assignment takes of a host's own columns."""
        return assigned_amounts(Amounts(*amounts.tolist()), assignment, self.table.identity.uuids[row])

    def _group_of(self, instance: int) -> GroupState | None:
        number = int(self.instances.groups[instance])
        if number == NO_GROUP:
            return None
        state = self._group_states.get(number)
        if state is None:
            rule = self.instances.rules[number]
            state = self._group_states[number] = GroupState(rule.policy, rule.max_server_per_host)
        return state

    def _count_groups(self, instances: Numbers, rows: Numbers, change: int) -> None:
        """Count instances in or out of their server groups' members on rows."""
        if not self.instances.rules:
            return
        for instance, row in zip(instances.tolist(), rows.tolist(), strict=True):
            state = self._group_of(instance)
            if state is None:
                continue
            if change > 0:
                state.add(row)
            else:
                state.member_counts[row] -= 1
                if not state.member_counts[row]:
                    del state.member_counts[row]
                    state.host_rows.discard(row)


def _by_index(instances: Numbers, assignments: Mapping[int, Assignment]) -> dict[int, Assignment]:
    """Return assignments by the place of their instance among ``instances``."""
    if not assignments:
        return {}
    return {index: assignments[number] for index, number in enumerate(instances.tolist()) if number in assignments}
