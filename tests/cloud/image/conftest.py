"""One image service, with identity before it, for the tests of a module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cloud.calls import Caller, caller
from tests.cloud.harness import Cloud, cloud


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    folder = tmp_path_factory.mktemp("cloud")
    with cloud(folder, "image", image_size_limit_gb=1, fault_file=folder / "faults.json") as started:
        yield started


@pytest.fixture(scope="module")
def member(running: Cloud) -> Caller:
    return caller(running, "image", "demo")


@pytest.fixture(scope="module")
def operator(running: Cloud) -> Caller:
    return caller(running, "image", "admin")
