"""The API beside servers, shared by the tests of its resources: each test names its own things."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.boot.api.extras_harness import Api, extras_api


@pytest.fixture(scope="session")
def extras(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """The API with hosts cn1 and cn2."""
    with extras_api(tmp_path_factory.mktemp("extras")) as api:
        for name in ("cn1", "cn2"):
            api.add_host(name)
        yield api
