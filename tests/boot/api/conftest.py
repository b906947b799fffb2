"""The API beside servers, shared by the tests of its resources: each test names its own things."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.boot.api.extras_harness import Api, extras_api


@pytest.fixture(scope="session")
def shared_extras(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """The API that the tests share."""
    with extras_api(tmp_path_factory.mktemp("extras")) as api:
        yield api


@pytest.fixture
def extras(shared_extras: Api) -> Api:
    """The API with hosts cn1 and cn2, whose heartbeats are of now: the whole run is longer than one lasts."""
    for name in ("cn1", "cn2"):
        shared_extras.add_host(name)
    return shared_extras
