from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import NoValidHostError
from engine.inventory.usage import assigned_amounts
from engine.model.request_spec import RequestSpec
from engine.scheduler.chain import Chain
from engine.scheduler.options import SchedulerOptions
from engine.whatif.decisions import Decisions, Outcome, Reason
from engine.whatif.replay import run
from engine.whatif.scenario.changes import Fail, SetFlavor
from engine.whatif.scenario.hosts import HostChoice
from engine.whatif.workload import NOTHING, Events, Workload
from engine.whatif.world import World
from tests.builders import host_table, request, selector
from tests.devices import cell, numa, pinned

HOSTS: list[dict[str, object]] = [
    {"vcpus": 1, "cpu_allocation_ratio": 4.0, "memory_mb": 8_192, **numa(cell(0, 2), cell(1, 2))},
    {"vcpus": 2, "cpu_allocation_ratio": 1.0, "memory_mb": 4_096},
    {"vcpus": 1, "cpu_allocation_ratio": 3.0, "memory_mb": 2_048},
]
OPTIONS = SchedulerOptions(enabled_filters=("ComputeFilter", "NUMATopologyFilter"))
REQUESTS: tuple[RequestSpec, ...] = (
    request(vcpus=1, memory_mb=512),
    request(vcpus=2, memory_mb=1_024),
    pinned(1, 256),
)


def a_world() -> World:
    return World(host_table(HOSTS), OPTIONS)


def workload_of(
    world: World, lives: list[tuple[int, float, float | None]], *, stop_after_refusals: int = 0
) -> Workload:
    """Instances by (what is asked for, an index into REQUESTS; created; deleted), in the order given at equal times."""
    codes = np.array([world.code(spec) for spec in REQUESTS], dtype=np.int32)
    moments = [(deleted, number, False) for number, (_, _, deleted) in enumerate(lives) if deleted is not None]
    moments += [(created, number, True) for number, (_, created, _) in enumerate(lives)]
    moments.sort(key=lambda moment: (moment[0], moment[2], moment[1]))
    events = Events(
        np.array([number for _, number, _ in moments], dtype=np.int64),
        np.array([creates for _, _, creates in moments], dtype=np.bool_),
        np.array([time_s for time_s, _, _ in moments], dtype=np.float64),
    )
    asked = codes[np.array([kind for kind, _, _ in lives], dtype=np.int64)]
    return Workload(REQUESTS, asked, pa.array(range(len(lives))), events, stop_after_refusals=stop_after_refusals)


def replayed(world: World, workload: Workload, **options: object) -> Decisions:
    return run(world, workload, (), rng=np.random.default_rng(0), **options)  # type: ignore[arg-type]


@st.composite
def lives(draw: st.DrawFn) -> list[tuple[int, float, float | None]]:
    found = []
    for _ in range(draw(st.integers(0, 30))):
        created = draw(st.integers(0, 20))
        life = draw(st.none() | st.integers(1, 15))
        found.append((draw(st.integers(0, 2)), float(created), None if life is None else float(created + life)))
    return found


@settings(max_examples=60, deadline=None)
@given(lives())
def test_a_run_decides_as_one_call_an_event_does(instances: list[tuple[int, float, float | None]]) -> None:
    world = a_world()
    workload = workload_of(world, instances)
    decided = replayed(world, workload)
    table = host_table(HOSTS)
    chosen = selector(table, Chain.from_options(OPTIONS))
    held, rows, numbers = {}, [], []
    for number, creates in zip(workload.events.instances.tolist(), workload.events.creates.tolist(), strict=True):
        spec = REQUESTS[instances[number][0]]
        if not creates:
            if number in held:
                row, assignment = held.pop(number)
                amounts = assigned_amounts(chosen.demand(spec).amounts, assignment, table.identity.uuids[row])
                table.apply(row, -1, amounts, assignment)
            continue
        numbers.append(number)
        try:
            (found,) = chosen.select(spec)
        except NoValidHostError:
            rows.append(-1)
            continue
        held[number] = (found.row, found.assignment)
        rows.append(found.row)
    assert decided.instances.tolist() == numbers
    assert decided.rows.tolist() == rows
    assert (decided.refused == (decided.rows < 0)).all()
    assert ((decided.reasons == Reason.NONE) == ~decided.refused).all()
    assert {number: int(row) for number, row in enumerate(world.rows.tolist()) if row >= 0} == {
        number: row for number, (row, _) in held.items()
    }
    assert decided.times_s.tolist() == [instances[number][1] for number in numbers]


@pytest.mark.parametrize("stop", [1, 2, 5])
def test_a_fill_ends_with_the_refusal_it_waits_for(stop: int) -> None:
    world = a_world()
    decided = replayed(world, workload_of(world, [(0, 0.0, None)] * 40, stop_after_refusals=stop))
    assert decided.refused.sum() == stop
    assert decided.refused[-stop:].all()
    assert len(decided) == int((world.rows >= 0).sum()) + stop
    again = a_world()
    assert replayed(again, workload_of(again, [(0, 0.0, None)] * len(decided))).rows.tolist() == decided.rows.tolist()
    assert world.table.columns["vcpu_used"].tolist() == again.table.columns["vcpu_used"].tolist()


def test_a_run_ends_at_its_last_moment_inclusive() -> None:
    world = a_world()
    workload = workload_of(world, [(0, 1.0, 5.0), (0, 2.0, None), (0, 3.0, None)])
    decided = replayed(world, workload, until_s=2.0)
    assert decided.times_s.tolist() == [1.0, 2.0]
    assert (world.rows >= 0).tolist() == [True, True, False]


def test_an_observer_sees_what_happened_up_to_its_time_and_changes_come_before_events() -> None:
    world = a_world()
    seen: list[tuple[float, int, int]] = []

    class Watch:
        def observe(self, time_s: float) -> None:
            seen.append((time_s, int((world.rows >= 0).sum()), world.table.host_count))

    workload = workload_of(world, [(0, 1.0, None), (0, 2.0, None)])
    change = Fail(do="fail", at=2.0, of=HostChoice(hosts=("h1", "h2")))
    run(
        world,
        workload,
        [change],
        rng=np.random.default_rng(0),
        sample_times=np.array([0.0, 1.0, 1.5, 2.0]),
        observer=Watch(),
    )
    assert seen == [(0.0, 0, 3), (1.0, 1, 3), (1.5, 1, 3), (2.0, 2, 1)]
    assert set(world.rows.tolist()) == {0}


def test_a_changed_flavor_counts_for_instances_created_later() -> None:
    world = a_world()
    world.flavors["small"] = REQUESTS[0]
    workload = workload_of(world, [(0, 1.0, None), (0, 2.0, None)])
    change = SetFlavor(do="set_flavor", at=1.5, name="small", memory_mb=2_048)
    run(world, workload, [change], rng=np.random.default_rng(0))
    assert [world.amounts(int(code)).requested_memory_mb for code in world.codes] == [512, 2_048]


def test_a_refusal_says_what_the_hosts_lack_at_that_moment() -> None:
    world = a_world()
    decided = replayed(world, workload_of(world, [(1, 0.0, None)] * 8))
    refused = decided.refused
    assert set(decided.outcomes[refused].tolist()) == {Outcome.REFUSED}
    assert set(decided.reasons[refused].tolist()) == {Reason.VCPU}
    assert (decided.short[refused][:, 0] == 3).all()
    assert not decided.short[~refused].any()


def test_nothing_comes_of_nothing() -> None:
    told: list[tuple[str, int, int]] = []
    decided = replayed(a_world(), NOTHING, progress=lambda *word: told.append(word))
    assert len(decided) == 0
    assert told == [("replaying", 0, 0)]


def test_an_observer_sees_the_moment_at_which_a_fill_ends() -> None:
    world = a_world()
    seen: list[tuple[float, int]] = []

    class Watch:
        def observe(self, time_s: float) -> None:
            seen.append((time_s, int((world.rows >= 0).sum())))

    workload = workload_of(world, [(0, float(number), None) for number in range(40)], stop_after_refusals=1)
    decided = replayed(world, workload, sample_times=np.array([2.0, 39.0]), observer=Watch())
    end_s = float(decided.times_s[-1])
    assert seen == [(2.0, 3), (end_s, len(decided) - 1), (39.0, len(decided) - 1)]
