"""One scheduler for all tests of a module: each instance has a uuid of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from engine.client import Client
from tests.boot.conductor.harness import scheduler_with_hosts


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with scheduler_with_hosts(tmp_path_factory.mktemp("scheduler")) as client:
        yield client
