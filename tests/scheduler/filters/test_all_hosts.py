"""Every host passes."""

from __future__ import annotations

from tests.builders import passing, request


def test_every_host_passes_whatever_is_asked() -> None:
    hosts = [{}, {"disabled": True}, {"vcpus": 1, "vcpus_used": 99}]
    assert passing("AllHostsFilter", hosts, request(vcpus=64)) == {"h0", "h1", "h2"}
