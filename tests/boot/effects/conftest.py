"""The embedded cloud that the tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.boot.effects.world import World, world


@pytest.fixture(scope="session")
def shared_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A cloud for all modules; what its tests make is theirs to clean up, or does not matter to others."""
    with world(tmp_path_factory.mktemp("world")) as made:
        yield made


@pytest.fixture
def here(shared_world: World) -> Iterator[World]:
    """The shared cloud, without anything that fails by rule."""
    shared_world.break_down()
    yield shared_world
    shared_world.break_down()
