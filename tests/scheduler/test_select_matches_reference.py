"""Selection by views and by weighing, through random histories, against the plain reference of nova's algorithm."""

from __future__ import annotations

import copy
import os
import random
from dataclasses import replace
from functools import cache
from typing import Any
from uuid import UUID

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.errors import NoValidHostError
from engine.inventory.check import check_invariants
from engine.inventory.table import HostTable
from engine.inventory.usage import flavor_amounts
from engine.model.request_spec import RequestedDestination, RequestSpec
from engine.model.selection import Selection
from engine.scheduler.chain import Chain
from engine.scheduler.options import SchedulerOptions
from engine.scheduler.select import Selector, Step
from engine.scheduler.sparse import GroupState
from engine.scheduler.views import NO_RELEASES, Releases
from tests.oracle import reference
from tests.oracle.build import build_flavor, build_table, microseconds
from tests.scheduler.fleets import FLAVORS, NOW, TRAITS, random_case

EXAMPLES = int(os.environ.get("BERTH_EXAMPLES", "300"))
DOWN_TIME_US = 60_000_000
ENABLED = (
    "ComputeFilter",
    "IoOpsFilter",
    "NumInstancesFilter",
    "ServerGroupAntiAffinityFilter",
    "ServerGroupAffinityFilter",
)
REPEATED = [name for name in ENABLED if name in reference.REPEATED_FILTERS]
TRAIT_WISHES = (
    *[(frozenset[str](), frozenset[str]())] * 4,
    (frozenset(TRAITS[:1]), frozenset[str]()),
    (frozenset[str](), frozenset(TRAITS[1:])),
)
POLICIES = ("affinity", "anti-affinity", "soft-affinity", "soft-anti-affinity")
RequestClass = tuple[dict[str, Any], tuple[frozenset[str], frozenset[str]], bool]
"""A flavor, the traits required and forbidden, and whether the root disk is a volume."""
SPREAD: dict[str, float] = {}
PACK = {
    "ram_weight_multiplier": -1.0,
    "cpu_weight_multiplier": -0.25,
    "num_instances_weight_multiplier": 0.5,
    "build_failure_weight_multiplier": 3.0,
}
SIZES = st.one_of(
    st.integers(1, 12), st.integers(1, 60), st.integers(1, 60), st.sampled_from((255, 256, 257, 513, 600, 1600))
)
SEEDS = st.integers(0, 2**32 - 1)


@cache
def chain(multipliers: tuple[tuple[str, float], ...], subset: int, shuffle: bool) -> Chain:
    options = SchedulerOptions(
        enabled_filters=ENABLED,
        host_subset_size=subset,
        shuffle_best_same_weighed_hosts=shuffle,
        **dict(multipliers),  # type: ignore[arg-type]
    )
    return Chain.from_options(options)


class World:
    """One fleet three times over, in a table answered from views, in one answered by weighing, and in the reference."""

    def __init__(self, rng: random.Random, case: dict[str, Any], multipliers: dict[str, float], **chance: Any) -> None:
        self.rng = rng
        self.case = case
        self.chain = chain(tuple(multipliers.items()), chance.get("subset", 1), chance.get("shuffle", False))
        self.hosts = reference.host_states(case)
        # those that the reference lacks have nothing to say here
        self.weighers = [item.name for item in self.chain.weighers if item.name in reference.WEIGHERS]
        seed = rng.randrange(2**32)
        self.options = {
            **reference.DEFAULTS,
            **multipliers,
            "host_subset_size": chance.get("subset", 1),
            "shuffle_best_same_weighed_hosts": chance.get("shuffle", False),
            "rng": random.Random(seed),
        }
        self.by_view = Selector(
            make_table(case), self.chain, random.Random(seed), view_budget_bytes=rng.choice((1, 2**24))
        )
        self.by_weighing = Selector(make_table(case), self.chain, random.Random(seed))
        self.placed: list[tuple[int, reference.Request, RequestSpec]] = []
        self.group = self._make_group()
        self.group_states = [self._group_state(), self._group_state()]
        self.uuids = 0
        self.classes = [
            (rng.choice(FLAVORS), rng.choice(TRAIT_WISHES), rng.random() < 0.2) for _ in range(rng.choice((1, 3, 6)))
        ]

    def _make_group(self) -> dict[str, Any]:
        members = [f"member-{number}" for number in range(40)]
        group: dict[str, Any] = {
            "policy": self.rng.choice(POLICIES),
            "rules": {"max_server_per_host": str(self.rng.choice((1, 2)))},
            "members": members,
            "hosts": [],
        }
        for number in range(self.rng.choice((0, 0, 3))):
            host = self.rng.choice(self.hosts)
            host["instances"].add(f"member-{39 - number}")
            group["hosts"].append(host["host"])
        return group

    def _group_state(self) -> GroupState:
        counts = {host["index"]: len(host["instances"]) for host in self.hosts if host["instances"]}
        most = int(self.group["rules"]["max_server_per_host"])
        return GroupState(self.group["policy"], most, counts, set(counts))

    def step(self) -> None:
        """Let one thing happen to all three."""
        kind = self.rng.random()
        if kind < 0.6 or (kind < 0.9 and not self.placed):
            self._select(claim=self.rng.random() < 0.85)
        elif kind < 0.7:
            self._batch()
        elif kind < 0.9:
            self._release()
        elif kind < 0.95:
            self._change()
        else:
            self.by_view.table.snapshot()

    def _release(self) -> None:
        row, request, spec = self.placed.pop(self.rng.randrange(len(self.placed)))
        reference.release(self.hosts[row], request)
        amounts = flavor_amounts(spec.flavor, is_bfv=spec.is_bfv)
        self.by_weighing.table.apply(row, -1, amounts)
        views = self.by_view.views
        given_back = Releases(*(np.array([value]) for value in (0, row, views.shape(amounts), -1)))
        nothing = np.empty(0, dtype=np.int64)
        views.place(nothing, nothing, claim=True, releases=given_back)

    def race(self) -> None:
        """Let one thing happen to the two tables, and demand that views choose as weighing does."""
        kind = self.rng.random()
        if kind < 0.12 and self.placed:
            self._release()
        elif kind < 0.2:
            self._change()
        else:
            request, spec = self._plain(self.rng.choice(self.classes))
            by_weighing = attempt(self.by_weighing, spec, steps=[])
            assert attempt(self.by_view, spec) == by_weighing
            if by_weighing is not None:
                self.placed.append((by_weighing[0].row, request, spec))

    def _batch(self) -> None:
        """Place several requests in one call of the kernel, with one of them perhaps given back in between."""
        selector = self.by_view
        if selector.overrides.any or not selector.is_deterministic:
            return
        # as many classes as the smallest store of views holds, so that none makes room for another
        wanted = [self._plain(self.classes[self.rng.randrange(min(4, len(self.classes)))]) for _ in range(5)]
        given_back = self.rng.randrange(3) if self.rng.random() < 0.5 else None
        rows: list[int] = []
        for number, (request, spec) in enumerate(wanted):
            answer = reference.select(self.hosts, request, self.options, self.weighers)
            by_weighing = attempt(self.by_weighing, spec, steps=[])
            assert (answer.selected is None) == (by_weighing is None)
            rows.append(-1 if answer.selected is None else answer.selected[0][0])
            if number == given_back and rows[-1] >= 0:
                reference.release(self.hosts[rows[-1]], request)
                self.by_weighing.table.apply(rows[-1], -1, flavor_amounts(spec.flavor, is_bfv=spec.is_bfv))
        amounts = [flavor_amounts(spec.flavor, is_bfv=spec.is_bfv) for _, spec in wanted]
        shapes = np.array([selector.views.shape(item) for item in amounts])
        slots = np.array(
            [
                selector.views.slot(selector.chain.class_key(spec, item), spec, item)
                for (_, spec), item in zip(wanted, amounts, strict=True)
            ]
        )
        releases = NO_RELEASES
        if given_back is not None:
            values = (given_back + 1, -1, shapes[given_back], given_back)
            releases = Releases(*(np.array([value]) for value in values))
        placed = selector.views.place(slots, shapes, claim=True, releases=releases)
        assert placed.rows[:, 0].tolist() == rows
        self.placed += [
            (row, *item)
            for number, (row, item) in enumerate(zip(rows, wanted, strict=True))
            if row >= 0 and number != given_back
        ]

    def _plain(self, kind: RequestClass) -> tuple[reference.Request, RequestSpec]:
        """Return a request of a class for one instance, without anything of its own."""
        sizes, (required, forbidden), is_bfv = kind
        flavor = {**sizes, "extra_specs": {}}
        with_traits = {
            index
            for index, host in enumerate(self.case["hosts"])
            if required <= set(host["traits"]) and not forbidden & set(host["traits"])
        }
        request = reference.Request(
            flavor=flavor,
            instances=[self._uuid()],
            placement=[with_traits],
            once=[{host["index"] for host in self.hosts if host["up"]}],
            each=REPEATED,
            amounts=reference.placement_amounts(flavor, is_bfv=is_bfv),
        )
        spec = RequestSpec(
            flavor=build_flavor(flavor),
            required_traits=required,
            forbidden_traits=forbidden,
            is_bfv=is_bfv,
            alternates=0,
        )
        return request, spec

    def _change(self) -> None:
        column = self.rng.choice(("failed_builds", "num_io_ops"))
        row, value = self.rng.randrange(len(self.hosts)), self.rng.choice((0, 1, 4, 9))
        self.hosts[row][column] = value
        for selector in (self.by_view, self.by_weighing):
            selector.table.set_numbers(np.array([row]), column, np.array([value]))

    def _select(self, *, claim: bool) -> None:
        grouped = self.rng.random() < 0.1
        request, spec = self._request(grouped=grouped)
        hosts = self.hosts if claim else copy.deepcopy(self.hosts)
        answer = reference.select(hosts, request, self.options, self.weighers)
        members = [uuid in self.group["members"] for uuid in request.instances]
        view_group, weigh_group = self.group_states if grouped else (None, None)
        kept = self.options["rng"].getstate()
        steps: list[Step] = []
        by_weighing = attempt(self.by_weighing, spec, group=weigh_group, members=members, claim=claim, steps=steps)
        by_view = attempt(self.by_view, spec, group=view_group, members=members, claim=claim)
        assert self.options["rng"].getstate() == kept
        ours = [list(zip(step.rows.tolist(), step.weights.tolist(), strict=True)) for step in steps]
        assert ours == answer.steps
        for selections in (by_weighing, by_view):
            if answer.selected is None:
                assert selections is None
                continue
            assert selections is not None
            assert [(item.row, item.weight) for item in selections] == answer.selected
            assert [list(item.alternates) for item in selections] == answer.alternates
        if by_view is not None and len(by_view) == 1:
            weights = dict(answer.steps[0])
            assert list(by_view[0].alternate_weights) == [weights[row] for row in by_view[0].alternates]
        if claim and answer.selected is not None:
            for row, _ in answer.selected:
                if grouped:
                    self.group["hosts"].append(self.hosts[row]["host"])
                else:
                    self.placed.append((row, request, spec))

    def _request(self, *, grouped: bool) -> tuple[reference.Request, RequestSpec]:
        rng = self.rng
        many = rng.choice((*[1] * 14, 2, 3, 7))
        names = [host["host"] for host in self.hosts]
        special = rng.random()
        forced = tuple(name.upper() for name in rng.sample(names, min(3, len(names)))) if special < 0.03 else ()
        ignored = tuple(name.upper() for name in names if rng.random() < 0.5) if 0.03 < special < 0.06 else ()
        destination = rng.choice(names) if 0.06 < special < 0.09 else ""
        alternates = rng.choice((0, 0, 0, 0, 1, 2, 4))
        request, spec = self._plain(rng.choice(self.classes))
        # placement is asked for candidates of one tree, that of the first host named
        target = destination or (forced[0].lower() if forced else "")
        in_tree = [{names.index(target)}] if target else []
        request = replace(
            request,
            placement=[*request.placement, *in_tree],
            instances=[self._uuid() for _ in range(many)],
            group=self.group if grouped else None,
            force_hosts=forced,
            ignore_hosts=ignored,
            destination={"host": destination} if destination else None,
            alternates=alternates,
        )
        spec = replace(
            spec,
            num_instances=many,
            instance_group="group" if grouped else "",
            force_hosts=forced,
            ignore_hosts=ignored,
            requested_destination=RequestedDestination(destination) if destination else None,
            alternates=alternates,
        )
        return request, spec

    def _uuid(self) -> str:
        self.uuids += 1
        return f"member-{self.uuids}" if self.rng.random() < 0.7 and self.uuids < 30 else str(UUID(int=self.uuids))

    def check_tables(self) -> None:
        """Demand that both tables hold what the reference holds."""
        for selector in (self.by_view, self.by_weighing):
            table = selector.table
            assert check_invariants(table) == []
            for host in self.hosts:
                row = host["index"]
                ours = [
                    int(table.columns[name][row])
                    for name in ("free_ram_mb", "free_disk_gb", "vcpus_used", "num_instances", "num_io_ops")
                ]
                assert ours == [
                    host["free_ram_mb"],
                    host["free_disk_mb"] // 1024,
                    host["vcpus_used"],
                    host["num_instances"],
                    host["num_io_ops"],
                ]


def make_table(case: dict[str, Any]) -> HostTable:
    table = build_table(case)
    table.refresh_services(microseconds(NOW), DOWN_TIME_US)
    return table


def attempt(selector: Selector, spec: RequestSpec, **arguments: Any) -> list[Selection] | None:
    try:
        return selector.select(spec, **arguments)
    except NoValidHostError:
        return None


EXPLORE = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    derandomize="BERTH_EXAMPLES" not in os.environ,
    database=None,
)


@EXPLORE
@given(
    seed=SEEDS,
    hosts=SIZES,
    steps=st.integers(1, 20),
    pack=st.booleans(),
    overrides=st.booleans(),
    cells=st.sampled_from((1, 1, 2)),
)
def test_every_selection_is_the_one_that_nova_makes(
    seed: int, hosts: int, steps: int, pack: bool, overrides: bool, cells: int
) -> None:
    rng = random.Random(seed)
    case = random_case(rng, hosts, overrides=overrides and rng.random() < 0.5, cells=cells)
    world = World(rng, case, PACK if pack else SPREAD)
    for _ in range(steps):
        world.step()
    world.check_tables()


@settings(EXPLORE, max_examples=max(1, EXAMPLES // 6))
@given(seed=SEEDS, blocks=st.integers(2, 9), pack=st.booleans())
def test_views_choose_as_weighing_does_while_ranges_drift(seed: int, blocks: int, pack: bool) -> None:
    rng = random.Random(seed)
    case = random_case(rng, 256 * blocks - 3, overrides=False, cells=1)
    for host in case["hosts"]:
        # no crowd at either end of a range, so that one host that fills or empties moves it
        host["stats"] |= {"num_instances": rng.randint(1, 45), "failed_builds": rng.choice((1, 2))}
    world = World(rng, case, PACK if pack else SPREAD)
    for _ in range(100):
        world.race()
    assert world.by_view.views.statistics[0] > 0


@settings(EXPLORE, max_examples=max(1, EXAMPLES // 6))
@given(
    seed=SEEDS,
    hosts=st.integers(1, 40),
    steps=st.integers(1, 6),
    subset=st.sampled_from((1, 2, 5, 100)),
    shuffle=st.booleans(),
)
def test_chance_chooses_among_the_hosts_that_nova_lets_it_choose_among(
    seed: int, hosts: int, steps: int, subset: int, shuffle: bool
) -> None:
    rng = random.Random(seed)
    world = World(rng, random_case(rng, hosts, overrides=False, cells=1), SPREAD, subset=subset, shuffle=shuffle)
    for _ in range(steps):
        world.step()
    world.check_tables()
