"""One cloud for all drills: each begins with nothing in it, and must leave nothing in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.system.clouds import cloud
from tests.system.drills import HOSTS, QUICK, Drill


@pytest.fixture(scope="session")
def drilled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Drill]:
    with cloud(tmp_path_factory.mktemp("drills") / "state", hosts=HOSTS, each=True, settings=QUICK) as up:
        yield Drill(up)


@pytest.fixture
def drill(drilled: Drill) -> Iterator[Drill]:
    yield drilled
    drilled.tidy()
