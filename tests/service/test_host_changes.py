"""What a watcher is told changed is what a look at every host would tell it."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.inventory.usage import Amounts
from engine.service import host_changes as module
from engine.service.host_changes import HostChanges
from tests.builders import fleet, host_table

HOSTS = 700
STEPS = st.lists(
    st.tuples(st.sampled_from(["claim", "count", "remove", "add", "look", "all"]), st.integers(0, HOSTS - 1)),
    max_size=40,
)


@given(STEPS)
@settings(deadline=None, max_examples=40)
def test_changes_are_those_that_every_host_s_generation_tells(steps: list[tuple[str, int]]) -> None:
    table = host_table([{} for _ in range(HOSTS)])
    changes = HostChanges(table, table.generation)
    assert not changes.any
    changes.take()
    for step, number in [*steps, ("look", 0)]:
        name = f"h{number}"
        if step == "look":
            after = changes.after
            assert changes.any == (table.generation > after)
            present = table.present_rows()
            wanted = present[table.columns["generation"][present] > after]
            removed = {host_id for when, host_id in table.removed if when > after}
            rows, gone = changes.take()
            assert rows.tolist() == wanted.tolist()
            assert set(gone) == {host_id for host_id in removed if table.find(host_id) is None}
            assert changes.after == table.generation
        elif step == "all":
            # as after a change of more than the journal writes down, or a watcher's long absence
            table.journal.note_everything()
        elif step == "add":
            table.upsert(fleet([{"host_id": name}]))
        elif table.find(name) is None:
            continue
        elif step == "claim":
            row = table.row(name)
            if table.columns["num_instances"][row] == 0:
                table.apply(row, 1, Amounts(1, 1, 1, 1, 1, 1))
            else:
                table.apply(row, -1, Amounts(1, 1, 1, 1, 1, 1))
        elif step == "count":
            table.set_numbers(np.array([table.row(name)]), "failed_builds", np.array([number]))
        elif table.columns["num_instances"][table.row(name)] == 0:
            table.delete([name])


def test_a_watcher_from_an_earlier_generation_first_gets_all_since() -> None:
    table = host_table([{}, {}, {}])
    before = table.generation
    table.apply(1, 1, Amounts(1, 1, 1, 1, 1, 1))
    assert HostChanges(table, 0).take()[0].tolist() == [0, 1, 2]
    assert HostChanges(table, before).take()[0].tolist() == [1]


def test_a_look_costs_what_changed() -> None:
    table = host_table([{} for _ in range(5000)])
    changes = HostChanges(table, table.generation)
    changes.take()
    table.apply(3, 1, Amounts(1, 1, 1, 1, 1, 1))
    table.apply(70, 1, Amounts(1, 1, 1, 1, 1, 1))
    leaves = module.changed_leaves(table.journal, changes._position)
    assert leaves.tolist() == [0, 1]
    assert changes.take()[0].tolist() == [3, 70]
