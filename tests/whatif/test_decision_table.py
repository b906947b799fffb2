"""The table of decisions: names, nulls where there is nothing, in DECISION_SCHEMA."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa

from engine.scheduler.options import SchedulerOptions
from engine.whatif.decision_table import decisions_table, no_decisions
from engine.whatif.decisions import DECISION_SCHEMA, Cause, Decisions, Outcome, Reason
from engine.whatif.world import World
from tests.builders import host_table, request


def decided() -> tuple[World, Decisions]:
    """A placed and a refused create, and a move."""
    world = World(host_table([{}, {}, {}]), SchedulerOptions())
    spec = request()
    codes = [world.code(spec), world.code(replace(spec, flavor=replace(spec.flavor, name="large", vcpus=4)))]
    world.add(np.array([codes[0], codes[1], codes[0]], dtype=np.int32), pa.array(["a", "b", "c"]))
    made = Decisions.empty(3)
    made.times_s[:] = [0.0, 1.5, 2.0]
    made.instances[:] = [2, 0, 1]
    made.codes[:] = [codes[0], codes[0], codes[1]]
    made.causes[:] = [Cause.CREATE, Cause.CREATE, Cause.EVACUATE]
    made.outcomes[:] = [Outcome.PLACED, Outcome.REFUSED, Outcome.PLACED]
    made.reasons[:] = [Reason.NONE, Reason.MEMORY_MB, Reason.NONE]
    made.rows[:] = [2, -1, 0]
    made.weights[:] = [0.5, 0.0, -1.0]
    made.short[1] = [1, 3, 0, 0, 2]
    return world, made


def test_every_decision_is_told_by_name() -> None:
    table = decisions_table(*decided())
    table.validate(full=True)
    assert table.schema == DECISION_SCHEMA
    assert table["instance"].to_pylist() == ["c", "a", "b"]
    assert table["flavor"].to_pylist() == ["small", "small", "large"]
    assert table["cause"].to_pylist() == ["create", "create", "evacuate"]
    assert table["outcome"].to_pylist() == ["placed", "refused", "placed"]


def test_what_is_refused_has_no_host_and_what_is_placed_no_reason() -> None:
    table = decisions_table(*decided())
    assert table["host_id"].to_pylist() == ["h2", None, "h0"]
    assert table["weight"].to_pylist() == [0.5, None, -1.0]
    assert table["reason"].to_pylist() == [None, "memory_mb", None]
    short = [table[name].to_pylist() for name in DECISION_SCHEMA.names[-5:]]
    assert short == [[None, 1, None], [None, 3, None], [None, 0, None], [None, 0, None], [None, 2, None]]


def test_hosts_that_are_gone_by_now_keep_their_names() -> None:
    world, made = decided()
    world.table.delete(["h2"])
    assert decisions_table(world, made)["host_id"].to_pylist() == ["h2", None, "h0"]


def test_only_hosts_that_were_chosen_are_in_the_dictionary() -> None:
    table = decisions_table(*decided())
    assert table["host_id"].combine_chunks().dictionary.to_pylist() == ["h0", "h2"]


def test_requests_of_one_flavor_are_one_entry() -> None:
    world = World(host_table([{}]), SchedulerOptions())
    codes = [world.code(request(availability_zone=zone)) for zone in ("a", "b")]
    world.add(np.array(codes, dtype=np.int32), pa.array([1, 2]))
    made = Decisions.empty(2)
    made.instances[:], made.codes[:], made.rows[:] = [0, 1], codes, 0
    table = decisions_table(world, made)
    assert table["flavor"].combine_chunks().dictionary.to_pylist() == ["small"]
    assert table["instance"].to_pylist() == ["1", "2"]


def test_nothing_decided_is_an_empty_table() -> None:
    world = World(host_table([]), SchedulerOptions())
    assert decisions_table(world, Decisions.empty(0)).num_rows == 0
    assert no_decisions().schema == DECISION_SCHEMA


def test_all_refused_names_no_host() -> None:
    world, made = decided()
    made.outcomes[:] = Outcome.REFUSED
    made.rows[:] = -1
    assert decisions_table(world, made)["host_id"].to_pylist() == [None, None, None]
