"""One network service for the tests that can share it, and its users."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cloud.harness import Cloud, cloud
from tests.cloud.network.api import Api


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    folder = tmp_path_factory.mktemp("network")
    with cloud(folder, "network", network_quota=-1, subnet_quota=-1, port_quota=-1) as running:
        yield running


@pytest.fixture(scope="session")
def admin(shared: Cloud) -> Api:
    return Api(shared, "admin")


@pytest.fixture(scope="session")
def demo(shared: Cloud) -> Api:
    return Api(shared, "demo")


@pytest.fixture(scope="session")
def nova(shared: Cloud) -> Api:
    return Api(shared, "nova")
