"""One block storage service, with identity and images beside it, for the tests of a module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cloud.calls import Caller, caller
from tests.cloud.harness import Cloud, cloud
from tests.cloud.volume.made import MICROVERSION, Compute


@pytest.fixture(scope="module")
def compute() -> Iterator[Compute]:
    started = Compute()
    yield started
    started.server.shutdown()
    started.server.server_close()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, compute: Compute) -> Iterator[Cloud]:
    folder = tmp_path_factory.mktemp("cloud")
    with cloud(
        folder,
        *("image", "volume"),
        volume_quota=-1,
        volume_gigabytes_quota=100_000,
        volume_capacity_gb=50_000,
        fault_file=folder / "faults.json",
        compute_url=compute.url,
    ) as started:
        yield started


@pytest.fixture(scope="module")
def member(running: Cloud) -> Caller:
    return caller(running, "volume", "demo", **MICROVERSION)


@pytest.fixture(scope="module")
def operator(running: Cloud) -> Caller:
    return caller(running, "volume", "admin", **MICROVERSION)


@pytest.fixture(scope="module")
def nova(running: Cloud) -> Caller:
    """The service user of nova, acting for itself."""
    return caller(running, "volume", "nova", **MICROVERSION)
