from __future__ import annotations

import pytest

from engine.cli.host_view import HOST_COLUMNS, host_row, state
from engine.v1.inventory_pb2 import Host, HostService


@pytest.mark.parametrize(
    ("service", "up", "said"),
    [
        (HostService(), True, "up"),
        (HostService(), False, "down"),
        (HostService(disabled=True), True, "disabled"),
        (HostService(disabled=True, disabled_reason="repair"), True, "disabled (repair)"),
        (HostService(disabled=True, forced_down=True), False, "forced down"),
    ],
)
def test_the_state_in_words(service, up, said):
    assert state(Host(host_id="a", service=service, up=up)) == said


def test_a_host_without_a_resource_has_none_of_it_and_is_not_changed():
    host = Host(host_id="a")
    host.inventories["VCPU"].total = 8
    host.inventories["VCPU"].used = 3
    row = host_row(host)
    assert len(row) == len(HOST_COLUMNS)
    assert row[3:] == (8, 3, 0, 0, 0, 0)
    assert list(host.inventories) == ["VCPU"]
