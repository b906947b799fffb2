"""The one host that a request can only go to."""

from __future__ import annotations

from typing import Any

import pytest

from engine.errors import NoValidHostError
from engine.model.request_spec import RequestedDestination
from engine.scheduler.translate.target import target_row
from tests.builders import request
from tests.scheduler.translate.asking import fleet


@pytest.mark.parametrize(
    ("spec", "row"),
    [
        ({}, None),
        ({"requested_destination": RequestedDestination()}, None),
        ({"requested_destination": RequestedDestination(cell="c1")}, None),
        ({"requested_destination": RequestedDestination("h1")}, 1),
        ({"requested_destination": RequestedDestination("h1", "n1")}, 1),
        ({"requested_destination": RequestedDestination(node="n2")}, 2),
        ({"requested_destination": RequestedDestination("h2", cell="c2")}, 2),
        ({"requested_destination": RequestedDestination(node="n2", cell="c2")}, 2),
        ({"force_hosts": ("h2", "h1")}, 2),
        ({"force_hosts": ("H2",)}, 2),
        ({"force_nodes": ("n1", "n9")}, 1),
        ({"force_hosts": ("h1",), "force_nodes": ("n1",)}, 1),
        ({"force_hosts": ("h2",), "requested_destination": RequestedDestination("h0")}, 0),
        ({"force_nodes": ("n0",), "requested_destination": RequestedDestination("h0")}, 0),
        ({"ignore_hosts": ("h0",)}, None),
    ],
)
def test_the_row(spec: dict[str, Any], row: int | None) -> None:
    assert target_row(request(**spec), fleet()) == row


@pytest.mark.parametrize(
    "spec",
    [
        {"requested_destination": RequestedDestination("h9")},
        {"requested_destination": RequestedDestination("h1", "n2")},
        {"requested_destination": RequestedDestination("h1", "N1")},
        {"requested_destination": RequestedDestination("h1", cell="c2")},
        {"requested_destination": RequestedDestination(node="n1", cell="c2")},
        {"force_hosts": ("h9", "h1")},
        {"force_nodes": ("N1",)},
        {"force_nodes": ("n1",), "requested_destination": RequestedDestination("h0")},
    ],
)
def test_an_unknown_target_has_no_host(spec: dict[str, Any]) -> None:
    with pytest.raises(NoValidHostError, match="there is no ") as error:
        target_row(request(**spec), fleet())
    assert error.value.hosts_total == 3


def test_a_host_that_is_gone_is_no_target() -> None:
    table = fleet()
    table.delete(["h1"])
    with pytest.raises(NoValidHostError):
        target_row(request(force_nodes=("n1",)), table)
