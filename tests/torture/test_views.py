"""The torture of views passes for every chain, and finds, shortens and repeats what is planted."""

from __future__ import annotations

import random
import subprocess
import sys

import numpy as np
import numpy.typing as npt
import pytest

from engine.inventory.table import HostTable
from tests.torture.view_matter import OPTIONS, random_aggregate
from tests.torture.view_world import DifferenceError, Recipe, World
from tests.torture.views import Failure, recipes, replay_command, run, shrunk, torture


@pytest.mark.parametrize("name", OPTIONS)
def test_views_answer_as_a_full_scan_does_after_every_operation(name: str) -> None:
    (tally,) = run(3_000, 130, 7, [name]).values()
    assert tally.operations == 3_000
    assert tally.placed > 50
    assert tally.compared > 3_000


@pytest.mark.parametrize("hosts", [0, 1, 63, 64, 65, 255, 256, 257])
def test_edges_of_leaves_and_blocks_are_no_edges_of_answers(hosts: int) -> None:
    world, failure = torture(Recipe(hosts, "default", hosts), range(150))
    assert failure is None
    assert world.compared >= 150


@pytest.mark.parametrize("seed", range(4))
def test_after_a_storm_of_changes_every_class_is_answered_right(seed: int) -> None:
    world = World(Recipe(seed, "default", 129))
    for number in range(60):
        world.run(number)
    if not world.table.aggregates:
        world.table.set_aggregate(random_aggregate(random.Random(seed), ["h1", "h2", "h3"], overrides=False))
    world.storm(AlwaysSo(0.0))
    world.storm(AlwaysSo(0.9))
    before = world.compared
    for request in world.classes:
        world.compare(request, 3)
    assert world.compared > before


class AlwaysSo(random.Random):
    """Chance that always falls the same way."""

    def __new__(cls, _value: float) -> AlwaysSo:
        return super().__new__(cls)

    def __init__(self, value: float) -> None:
        super().__init__(0)
        self.value = value

    def random(self) -> float:
        return self.value


@pytest.fixture
def untold(monkeypatch: pytest.MonkeyPatch) -> None:
    """A table that changes running counts and tells nobody."""

    def set_numbers(table: HostTable, rows: npt.NDArray[np.int64], column: str, values: npt.NDArray[np.int64]) -> None:
        table.own([column])[0][rows] = values

    monkeypatch.setattr(HostTable, "set_numbers", set_numbers)


@pytest.mark.usefixtures("untold")
def test_a_change_that_nobody_is_told_of_is_found_shortened_and_repeated() -> None:
    failure = next(found for recipe in recipes(1, ["io"], 64) if (found := torture(recipe, range(800))[1]) is not None)
    short = shrunk(failure, budget_s=10.0)
    assert len(short.operations) < len(failure.operations)
    assert len(short.operations) <= 12
    again = torture(short.recipe, short.operations)[1]
    assert again is not None
    assert again.words == short.words
    assert again.words.startswith("DifferenceError: chain")


@pytest.mark.usefixtures("untold")
def test_a_run_that_fails_says_how_to_repeat_it() -> None:
    with pytest.raises(DifferenceError, match=r"repeat it by: python -m tests\.torture\.views --world \d+ --chain io"):
        run(20_000, 64, 1, ["io"])


def test_the_command_repeats_one_world() -> None:
    failure = Failure(Recipe(5, "pack", 9), (0, 3, 4), "")
    command = replay_command(failure).split()
    done = subprocess.run([sys.executable, *command[1:]], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_worlds_are_of_every_chain_and_of_the_sizes_where_edges_are() -> None:
    made = recipes(1, list(OPTIONS), 300)
    found = [next(made) for _ in range(400)]
    assert {item.chain for item in found} == set(OPTIONS)
    assert {0, 1, 63, 64, 65, 256, 300} <= {item.hosts for item in found}
