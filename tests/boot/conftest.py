"""nova-api beside a whole cloud, shared by the tests that leave it as they find it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from engine.boot.options import QuotaOptions
from tests.boot.harness import BootApi, boot_api


@pytest.fixture(scope="session")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BootApi]:
    """The API with hosts h0 to h2, without quotas of instances, and one volume quota that is large."""
    quotas = QuotaOptions(instances=-1, cores=-1, ram=-1)
    options = {"volume_quota": -1, "volume_gigabytes_quota": -1, "network_quota": -1, "subnet_quota": -1}
    with boot_api(tmp_path_factory.mktemp("boot"), quotas=quotas, cloud_options=options) as running:
        yield running
