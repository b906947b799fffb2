"""One tortured world: a table, selectors of two chains on it, and operations that a seed and a number decide."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.errors import HostInUseError, NoValidHostError
from engine.inventory.check import check_invariants
from engine.inventory.fleet import Fleet
from engine.inventory.table import HostTable
from engine.inventory.usage import Amounts
from engine.model.request_spec import RequestSpec
from engine.model.selection import Selection
from engine.scheduler.select import Selector
from engine.scheduler.views import Releases
from tests.builders import NOW_US, SECOND_US, fleet
from tests.torture.view_matter import OPTIONS, chain_of, random_aggregate, random_class, random_host
from tests.torture.view_oracle import Answer, Oracle, answer_by_bodies, change_usage, picture_to_change

DOWN_TIME_US = 60 * SECOND_US
ALL_EVERY = 64
"""Operations between two looks at every live class."""
BODIES_EVERY = 501
SNAPSHOTS_KEPT = 3
STORM_CLAIMS = 40_000
"""Each given back at once: together more changes than a ring of 64 Ki remembers."""
STORM_FACTS = 1_100
BUDGETS = (1, 2**17, 2**24)
"""Bytes for views: the first holds four classes, so that they are put out and taken in all the time."""


class DifferenceError(AssertionError):
    """Views answered something else than the hosts themselves do."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that decides a world: its seed, the chain it starts under, and its number of hosts."""

    seed: int
    chain: str
    hosts: int


@dataclass(frozen=True, slots=True)
class _Held:
    """One instance: its row and what it takes."""

    row: int
    amounts: Amounts


class World:
    """A fleet under torture; ``run`` performs operations by number, each decided by the recipe's seed and its number.

    An operation left out takes nothing from the others but what it did, so that a failing history can be made short.
    """

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        chance = random.Random(recipe.seed)
        self.table = HostTable()
        self.named = 0
        self.now_us = NOW_US
        self.budget = chance.choice(BUDGETS)
        self.chains = [recipe.chain, chance.choice(list(OPTIONS))]
        self.overriding = chance.random() < 0.3
        """Whether aggregates may override multipliers, so that views are not asked for a while."""
        self.selectors = [self._selector(name) for name in self.chains]
        self.oracles = [Oracle(chain_of(name), self.table) for name in self.chains]
        self.current = 0
        self.classes = [random_class(chance) for _ in range(chance.choice((1, 3, 8, 24)))]
        self.held: list[_Held] = []
        self.pictures: deque[tuple[Fleet, dict[str, npt.NDArray[Any]]]] = deque()
        self.compared = 0
        self.placed = 0
        if recipe.hosts:
            self._upsert(chance, [self._new_name() for _ in range(recipe.hosts)])
        self.kinds = _kinds(self, leaning=chance.choice((0.7, 1.0, 1.6)))

    @property
    def selector(self) -> Selector:
        return self.selectors[self.current]

    def _selector(self, name: str) -> Selector:
        return Selector(self.table, chain_of(name), random.Random(0), view_budget_bytes=self.budget)

    # -- the course of things ------------------------------------------------------------------------------------------

    def run(self, number: int) -> None:
        """Perform the operation of a number and compare afterwards; raise DifferenceError."""
        chance = random.Random(self.recipe.seed * 1_000_003 + number)
        filling = number // 512 % 2 == 0
        kinds, weights = self.kinds[filling]
        (kind,) = chance.choices(kinds, cum_weights=weights)
        self.table.refresh_services(self.now_us, DOWN_TIME_US)
        kind(chance)
        self.table.refresh_services(self.now_us, DOWN_TIME_US)
        asked = self.classes if number % ALL_EVERY == ALL_EVERY - 1 else (chance.choice(self.classes),)
        for request in asked:
            self.compare(request, chance.choice((1, 1, 1, 1, 3)))
        if number % BODIES_EVERY == 0:
            self._compare_bodies(chance.choice(self.classes))
        if number % 1024 == 1023:
            problems = check_invariants(self.table)
            if problems:
                raise DifferenceError("; ".join(problems))

    def compare(self, request: RequestSpec, picks: int) -> None:
        """Compare what the view of a class answers, claiming nothing, with the full scan."""
        selector = self.selector
        demand = selector.demand(request)
        if not selector.uses_view(request, None):
            return
        expected = self._expected(request, picks)
        views = selector.views
        slot = views.slot(selector.chain.class_key(demand.request, demand.amounts), demand.request, demand.amounts)
        shape = views.shape(demand.amounts)
        placed = views.place(np.array([slot]), np.array([shape]), picks=picks, claim=False)
        self._check(expected, placed.rows[0], placed.weights[0], int(placed.survivors[0]), request)

    def _expected(self, request: RequestSpec, picks: int) -> Answer:
        demand = self.selector.demand(request)
        return self.oracles[self.current].answer(demand.request, demand.amounts, picks)

    def _check(
        self,
        expected: Answer,
        rows: npt.NDArray[np.int64],
        weights: npt.NDArray[np.float64],
        survivors: int,
        request: RequestSpec,
    ) -> None:
        """Demand the same rows, the same weights to the bit, and the same number of survivors."""
        self.compared += 1
        found = rows[rows >= 0].tolist()
        bits = weights[: len(found)].view(np.int64).tolist()
        wanted = np.array(expected.weights, dtype=np.float64).view(np.int64).tolist()
        if (found, bits, survivors) != (expected.rows, wanted, expected.survivors):
            raise DifferenceError(
                f"chain {self.chains[self.current]}, {request.flavor}: views say rows {found} "
                f"of weights {weights[: len(found)].tolist()} and {survivors} survivors; "
                f"the full scan says {expected.rows}, {expected.weights} and {expected.survivors}"
            )

    def _compare_bodies(self, request: RequestSpec) -> None:
        """Compare the full scan itself with the plug-ins' plain bodies, on a table small enough to ask each host."""
        selector = self.selector
        if self.table.rows > 300 or selector.overrides.any or not selector.uses_view(request, None):
            return
        demand = selector.demand(request)
        scanned = self._expected(request, 1)
        plain = answer_by_bodies(selector.chain, self.table, demand.request, demand.amounts)
        if scanned != plain:
            raise DifferenceError(f"the full scan says {scanned}, the plain bodies say {plain}")

    # -- claims and releases -------------------------------------------------------------------------------------------

    def claim(self, chance: random.Random) -> None:
        """Place one instance from its view."""
        request = chance.choice(self.classes)
        selector = self.selector
        demand = selector.demand(request)
        if not selector.uses_view(request, None):
            self.select(chance)
            return
        picks = chance.choice((1, 1, 1, 1, 1, 2, 4))
        expected = self._expected(request, picks)
        views = selector.views
        slot = views.slot(selector.chain.class_key(demand.request, demand.amounts), demand.request, demand.amounts)
        shape = views.shape(demand.amounts)
        placed = views.place(np.array([slot]), np.array([shape]), picks=picks, claim=True)
        self._check(expected, placed.rows[0], placed.weights[0], int(placed.survivors[0]), request)
        self._keep(placed.rows[0, :1].tolist(), demand.amounts)

    def select(self, chance: random.Random) -> None:
        """Place one instance as the service's unary call does, whatever answers it."""
        request = replace(chance.choice(self.classes), alternates=chance.choice((0, 0, 1, 3)))
        selector = self.selector
        demand = selector.demand(request)
        amounts = demand.amounts
        if not demand.plain or not selector.chain.has_class(demand.request):
            # placement refuses it, for a trait that no host ever had, or needs more than amounts and texts
            self._keep([item.row for item in self._selected(request)], amounts)
            return
        alternates = request.alternates or 0
        expected = self._expected(request, 1 + alternates)
        found = self._selected(request) if expected.rows or chance.random() < 0.05 else []
        rows = np.array([row for item in found for row in (item.row, *item.alternates)], dtype=np.int64)
        weights = np.array([w for item in found for w in (item.weight, *item.alternate_weights)], dtype=np.float64)
        self._check(expected, rows, weights, expected.survivors, request)
        self._keep([item.row for item in found], amounts)

    def _selected(self, request: RequestSpec) -> list[Selection]:
        try:
            return self.selector.select(request)
        except NoValidHostError:
            return []

    def _keep(self, rows: list[int], amounts: Amounts) -> None:
        taken = [_Held(row, amounts) for row in rows if row >= 0]
        self.held += taken
        self.placed += len(taken)

    def multi(self, chance: random.Random) -> None:
        """Place several instances of one request, each after the claim of the one before, or none of them."""
        many = chance.choice((2, 3, 7, 20))
        request = replace(chance.choice(self.classes), num_instances=many)
        amounts = self.selector.demand(request).amounts
        # without candidates the one refusal is as costly as the next: a few of them are enough
        if not self._expected(request, 1).rows and chance.random() < 0.9:
            return
        self._keep([item.row for item in self._selected(request)], amounts)

    def batch(self, chance: random.Random) -> None:
        """Place many requests in one call of the kernel, with releases between them, of earlier ones and of these."""
        selector = self.selector
        asked = [item for item in self.classes if selector.uses_view(item, None)][: selector.views.capacity]
        if not asked:
            return
        requests = [chance.choice(asked) for _ in range(chance.choice((1, 2, 5, 16, 48)))]
        demands = [selector.demand(request) for request in requests]
        due = self._due(chance, requests)
        picture = picture_to_change(self.table.snapshot())
        oracle = self.oracles[self.current]
        expected: list[Answer] = []
        for index in range(len(requests) + 1):
            for position, held, of in due:
                if position == index and held is not None:
                    change_usage(picture, held.row, -1, held.amounts)
                elif position == index and expected[of].rows:
                    change_usage(picture, expected[of].rows[0], -1, demands[of].amounts)
            if index == len(requests):
                break
            expected.append(oracle.answer(demands[index].request, demands[index].amounts, 1, picture))
            if expected[-1].rows:
                change_usage(picture, expected[-1].rows[0], 1, demands[index].amounts)
        views = selector.views
        key = selector.chain.class_key
        slots = np.array([views.slot(key(item.request, item.amounts), item.request, item.amounts) for item in demands])
        shapes = np.array([views.shape(item.amounts) for item in demands])
        releases = Releases(
            np.array([at for at, _, _ in due], dtype=np.int64),
            np.array([-1 if held is None else held.row for _, held, _ in due], dtype=np.int64),
            np.array(
                [views.shape(demands[of].amounts if held is None else held.amounts) for _, held, of in due],
                dtype=np.int64,
            ),
            np.array([of for _, _, of in due], dtype=np.int64),
        )
        placed = views.place(slots, shapes, claim=True, releases=releases)
        for index, answer in enumerate(expected):
            self._check(
                answer, placed.rows[index], placed.weights[index], int(placed.survivors[index]), requests[index]
            )
        given_back = {of for _, held, of in due if held is None}
        for index, demand in enumerate(demands):
            if index not in given_back:
                self._keep(placed.rows[index].tolist(), demand.amounts)

    def _due(self, chance: random.Random, requests: list[RequestSpec]) -> list[tuple[int, _Held | None, int]]:
        """Return what is given back before which request: an instance held already, or that of a request before."""
        many = len(requests)
        earlier = [self._taken(chance) for _ in range(min(len(self.held), chance.choice((0, 0, 1, 4))))]
        found: list[tuple[int, _Held | None, int]] = [(chance.randint(0, many), held, -1) for held in earlier]
        found += [(chance.randint(index + 1, many), None, index) for index in range(many) if chance.random() < 0.1]
        return sorted(found, key=lambda item: item[0])

    def _taken(self, chance: random.Random) -> _Held:
        place = chance.randrange(len(self.held))
        self.held[place], self.held[-1] = self.held[-1], self.held[place]
        return self.held.pop()

    def release(self, chance: random.Random) -> None:
        """Give one instance back, in the table or by the kernel."""
        if not self.held:
            return
        given = self._taken(chance)
        if chance.random() < 0.5:
            self.table.apply(given.row, -1, given.amounts)
            return
        views = self.selector.views
        nothing = np.empty(0, dtype=np.int64)
        releases = Releases(*(np.array([value]) for value in (0, given.row, views.shape(given.amounts), -1)))
        views.place(nothing, nothing, claim=True, releases=releases)

    def release_many(self, chance: random.Random) -> None:
        """Give many instances back at once, and perhaps claim them again, as an undone change of the service does."""
        given = [self._taken(chance) for _ in range(min(len(self.held), chance.choice((2, 30, 200))))]
        if not given:
            return
        rows = np.array([item.row for item in given], dtype=np.int64)
        amounts = np.array([item.amounts for item in given], dtype=np.int64)
        self.table.apply_many(rows, -1, amounts)
        if chance.random() < 0.3:
            self.table.apply_many(rows, 1, amounts)
            self.held += given

    def storm(self, chance: random.Random) -> None:
        """Change more than any journal of changes remembers, and end where it began."""
        if self.table.aggregates and chance.random() < 0.3:
            aggregate = self.table.aggregates[chance.choice(sorted(self.table.aggregates))]
            rows = self.table.aggregate_host_rows(aggregate.uuid).tolist()
            same = replace(aggregate, hosts=frozenset(self.table.identity.host_ids[row] for row in rows))
            for _ in range(STORM_FACTS):
                self.table.set_aggregate(same)
            return
        request = chance.choice(self.classes)
        selector = self.selector
        demand = selector.demand(request)
        if not selector.uses_view(request, None):
            return
        expected = self._expected(request, 1)
        views = selector.views
        slot = views.slot(selector.chain.class_key(demand.request, demand.amounts), demand.request, demand.amounts)
        shape = views.shape(demand.amounts)
        all_of_them = np.arange(STORM_CLAIMS, dtype=np.int64)
        nowhere, shapes = np.full(STORM_CLAIMS, -1), np.full(STORM_CLAIMS, shape)
        releases = Releases(all_of_them + 1, nowhere, shapes, all_of_them)
        placed = views.place(np.full(STORM_CLAIMS, slot), shapes, claim=True, releases=releases)
        for index in (0, STORM_CLAIMS // 2, STORM_CLAIMS - 1):
            self._check(expected, placed.rows[index], placed.weights[index], int(placed.survivors[index]), request)
        if len(np.unique(placed.rows)) != 1:
            raise DifferenceError("the same hosts gave the same class different answers")

    # -- hosts ---------------------------------------------------------------------------------------------------------

    def _new_name(self) -> str:
        self.named += 1
        return f"h{self.named}"

    def _upsert(self, chance: random.Random, names: list[str]) -> None:
        self.table.upsert(fleet([random_host(chance, name) for name in names]))
        self.table.refresh_services(self.now_us, DOWN_TIME_US)

    def _names(self, chance: random.Random, many: int) -> list[str]:
        known = sorted(self.table.identity.row_of)
        return chance.sample(known, min(many, len(known)))

    def update(self, chance: random.Random) -> None:
        """Give some hosts other totals, ratios, zones, traits and service states."""
        names = self._names(chance, chance.choice((1, 1, 2, 10)))
        if names:
            self._upsert(chance, names)

    def grow(self, chance: random.Random) -> None:
        """Add hosts, a few or so many that the table moves."""
        self._upsert(chance, [self._new_name() for _ in range(chance.choice((1, 1, 2, 70)))])

    def delete(self, chance: random.Random) -> None:
        """Remove hosts; one that holds something stays."""
        for name in self._names(chance, chance.choice((1, 3))):
            row = self.table.row(name)
            holds = bool(self.table.columns["num_instances"][row] != self.table.columns["base_num_instances"][row])
            try:
                self.table.delete([name])
            except HostInUseError:
                assert holds
            else:
                assert not holds

    def _rows(self, chance: random.Random) -> npt.NDArray[np.int64]:
        rows = self.table.present_rows()
        return rows[[chance.randrange(len(rows)) for _ in range(chance.choice((1, 1, 1, 9)))]] if len(rows) else rows

    def number(self, chance: random.Random) -> None:
        """Let hosts report other running counts."""
        rows = np.unique(self._rows(chance))
        column = chance.choice(("num_io_ops", "failed_builds"))
        self.table.set_numbers(rows, column, np.array([chance.choice((0, 0, 1, 3, 9)) for _ in rows], dtype=np.int64))

    def beat(self, chance: random.Random) -> None:
        """Let hosts send a heartbeat, which may be late."""
        rows = np.unique(self._rows(chance))
        seen = self.now_us + np.array([chance.randint(-80, 3) for _ in rows], dtype=np.int64) * SECOND_US
        self.table.heartbeat(rows, seen)

    def wait(self, chance: random.Random) -> None:
        """Let time pass, so that silent services go down."""
        self.now_us += chance.choice((1, 5, 30)) * SECOND_US
        if chance.random() < 0.3:
            rows = self.table.present_rows()
            self.table.heartbeat(rows, np.full(len(rows), self.now_us - chance.randint(0, 40) * SECOND_US))

    def aggregate(self, chance: random.Random) -> None:
        """Set an aggregate's hosts and metadata, or delete one."""
        if self.table.aggregates and chance.random() < 0.4:
            self.table.delete_aggregate(chance.choice(sorted(self.table.aggregates)))
        else:
            names = sorted(self.table.identity.row_of)
            self.table.set_aggregate(random_aggregate(chance, names, overrides=self.overriding))

    # -- what is beside the hosts --------------------------------------------------------------------------------------

    def snapshot(self, chance: random.Random) -> None:
        """Take a picture and keep it; one kept earlier must still be what it was."""
        picture = self.table.snapshot()
        self.pictures.append((picture, {name: values.copy() for name, values in picture.columns.items()}))
        if len(self.pictures) > SNAPSHOTS_KEPT:
            earlier, copies = self.pictures.popleft()
            for name, values in copies.items():
                if not np.array_equal(earlier.columns[name], values):
                    raise DifferenceError(f"column {name} of a snapshot has changed")

    def renew(self, chance: random.Random) -> None:
        """Replace a request class by one never seen."""
        self.classes[chance.randrange(len(self.classes))] = random_class(chance)

    def reload(self, chance: random.Random) -> None:
        """Go over to the other chain, whose views have missed all since; or to a new one."""
        if chance.random() < 0.3:
            name = chance.choice(list(OPTIONS))
            self.chains[1 - self.current] = name
            self.selectors[1 - self.current] = self._selector(name)
            self.oracles[1 - self.current] = Oracle(chain_of(name), self.table)
        self.current = 1 - self.current

    def restart(self, chance: random.Random) -> None:
        """Begin a new range of generations, or forget every view."""
        if chance.random() < 0.5:
            self.table.begin_generations(self.table.generation + chance.choice((0, 1, 2**20)))
        else:
            self.selectors[self.current] = self._selector(self.chains[self.current])


_Operation = Callable[[random.Random], None]


def _kinds(world: World, *, leaning: float) -> dict[bool, tuple[list[_Operation], list[float]]]:
    """Return the operations and their cumulative weights, while the world fills up and while it empties."""
    others: list[tuple[_Operation, float]] = [
        (world.multi, 15),
        (world.batch, 60),
        (world.number, 60),
        (world.beat, 30),
        (world.wait, 10),
        (world.update, 4),
        (world.grow, 0.7),
        (world.delete, 1.5),
        (world.aggregate, 3),
        (world.snapshot, 15),
        (world.renew, 12),
        (world.reload, 6),
        (world.restart, 0.7),
        (world.release_many, 3),
        (world.storm, 0.2),
    ]
    found = {}
    for filling, claims, releases in ((True, 480.0 * leaning, 180.0), (False, 180.0, 480.0)):
        pairs = [(world.claim, claims), (world.select, claims / 6), (world.release, releases), *others]
        found[filling] = ([kind for kind, _ in pairs], np.cumsum([weight for _, weight in pairs]).tolist())
    return found
