"""One set of running parts for all tests of the agent that do not need their own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.boot.compute.harness import Stack, stack


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with stack(tmp_path_factory.mktemp("stack"), "volume") as found:
        found.start_agent()
        yield found


@pytest.fixture
def running(shared: Stack) -> Iterator[Stack]:
    """The parts with one agent for every host; no faults are laid, before and after."""
    yield shared
    shared.faults()
    shared.cloud_faults()
    shared.deaf = False
    if not any(agent.thread.is_alive() for agent in shared.agents):
        shared.start_agent()
