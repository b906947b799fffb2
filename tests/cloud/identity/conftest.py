"""One running identity service for each test module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cloud.identity.running import Identity, running_identity


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Identity]:
    with running_identity(tmp_path_factory.mktemp("identity")) as running:
        yield running


@pytest.fixture
def identity(shared: Identity) -> Iterator[Identity]:
    """The module's service, its clock at the real time."""
    yield shared
    shared.clock.ahead_s = 0.0
