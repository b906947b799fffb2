"""Groups of hosts with the same text facts stay what they would be if all hosts were grouped anew."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.inventory.fact_groups import FACT_COLUMNS, FactGroups, distinct, group_hosts, regroup_hosts
from tests.builders import fleet, host_table

Columns = dict[str, np.ndarray[tuple[int], np.dtype[np.int32]]]


def columns_of(rng: random.Random, rows: int) -> Columns:
    made = {name: np.array([rng.randrange(3) for _ in range(rows)], dtype=np.int32) for name in FACT_COLUMNS}
    made["present"] = np.array([rng.random() < 0.9 for _ in range(rows)], dtype=np.int32)
    return made


def facts_by_row(groups: FactGroups) -> list[list[int] | None]:
    return [groups.combinations[code].tolist() if code else None for code in groups.of_rows.tolist()]


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), rows=st.sampled_from((1, 5, 40, 300)))
def test_groups_kept_through_changes_say_the_same_as_new_ones(seed: int, rows: int) -> None:
    rng = random.Random(seed)
    columns = columns_of(rng, rows)
    groups = group_hosts(columns)
    for _ in range(4):
        grown = rng.choice((0, 0, 7))
        old = len(columns["present"])
        more = columns_of(rng, grown)
        columns = {name: np.concatenate([values, more[name]]) for name, values in columns.items()}
        some = sorted(rng.sample(range(old), k=rng.randint(0, min(3, old))))
        for row in some:
            for name in FACT_COLUMNS:
                columns[name][row] = rng.choice((0, 1, 2, 900))
            columns["present"][row] = rng.random() < 0.5
        changed = np.array(some + list(range(old, old + grown)), dtype=np.int64)
        before = facts_by_row(groups), groups.of_rows.copy()
        kept = regroup_hosts(groups, columns, changed)
        fresh = group_hosts(columns)
        assert facts_by_row(kept) == facts_by_row(fresh)
        assert kept.hosts.tolist() == [0, *np.bincount(kept.of_rows, minlength=len(kept)).tolist()[1:]]
        for name in FACT_COLUMNS:
            assert kept.codes_in_use(name) == fresh.codes_in_use(name)
        # what was handed out before is not written to
        assert (facts_by_row(groups), groups.of_rows.tolist()) == (before[0], before[1].tolist())
        if kept.line is groups.line:
            assert kept.combinations[: len(groups)].tolist() == groups.combinations.tolist()
        groups = kept


def test_rows_without_a_host_are_nobodys() -> None:
    groups = group_hosts({name: np.zeros(256, dtype=np.int32) for name in (*FACT_COLUMNS, "present")})
    assert (len(groups), groups.hosts.tolist(), groups.of_rows.any()) == (1, [0], False)
    assert groups.codes_in_use("profile") == []


def test_very_many_new_combinations_are_grouped_anew() -> None:
    columns = {name: np.zeros(2048, dtype=np.int32) for name in (*FACT_COLUMNS, "present")}
    columns["present"][:] = 1
    groups = group_hosts(columns)
    columns["membership"][:400] = np.arange(400)
    kept = regroup_hosts(groups, columns, np.arange(400))
    assert kept.line is not groups.line
    assert facts_by_row(kept) == facts_by_row(group_hosts(columns))


@pytest.mark.parametrize("keys", [[[5, 5, 5]], [[1, 2, 1], [0, 0, 0]], [[2**30, -5, 7], [1, 1, 2]], [[0.5, 1.5, 0.5]]])
def test_distinct_combinations_have_an_example_and_a_code_each(keys: list[list[float]]) -> None:
    first, codes = distinct([np.array(key) for key in keys], 3)
    rows = list(zip(*keys, strict=True))
    assert [rows[first[code]] for code in codes.tolist()] == rows
    assert len(first) == len(set(rows))


def test_a_snapshot_and_its_table_have_what_was_made_of_facts_in_common() -> None:
    table = host_table([{"availability_zone": "az1"}, {"availability_zone": "az2"}])
    picture = table.snapshot()
    assert picture.fact_groups is table.fact_groups
    assert table.zones is picture.zones
    table.upsert(fleet([{"availability_zone": "az3"}]))
    assert (sorted(picture.zones), sorted(table.zones)) == (["az1", "az2"], ["az2", "az3"])
    assert picture.fact_groups is not table.fact_groups
    late = table.snapshot()
    assert late.fact_groups is table.fact_groups
    assert sorted(picture.zones) == ["az1", "az2"]


def test_what_is_made_of_facts_is_refreshed_for_the_rows_that_changed() -> None:
    table = host_table([{}, {}, {}])
    seen: list[list[int]] = []

    def total(known: int, rows: np.ndarray[tuple[int], np.dtype[np.int64]]) -> int:
        seen.append(rows.tolist())
        return known + 1

    assert table.of_facts("total", lambda: 10, total) == 10
    assert table.of_facts("total", lambda: 20, total) == 10
    table.upsert(fleet([{}, {"availability_zone": "az1"}]))
    assert table.of_facts("total", lambda: 30, total) == 11
    table.delete(["h2"])
    assert table.of_facts("total", lambda: 40, total) == 12
    assert seen == [[0, 1], [2]]
    picture = table.snapshot()
    table.upsert(fleet([{"availability_zone": "az2"}]))
    assert table.of_facts("total", lambda: 50, total) == 13
    # what its table has by now is not for a snapshot of earlier facts, which cannot know what changed between
    assert picture.of_facts("total", lambda: 60, total) == 60
