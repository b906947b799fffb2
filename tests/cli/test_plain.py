from __future__ import annotations

import json

from engine.cli.plain import plain
from engine.v1.inventory_pb2 import Host
from engine.v1.scheduler_service_pb2 import SelectDestinationsStreamResponse
from engine.v1.selection_pb2 import HostChoice


def test_numbers_stay_numbers_and_absent_fields_stay_away():
    host = Host(host_id="a", vcpus_used=0, generation=2**40)
    host.inventories["VCPU"].total = 5
    document = plain(host)
    assert document["generation"] == 2**40
    assert document["inventories"]["VCPU"]["total"] == 5
    assert document["vcpus_used"] == 0
    assert "memory_mb_used" not in document
    assert "service" not in document
    assert document["traits"] == []


def test_what_json_cannot_say_becomes_text():
    document = plain(HostChoice(host_id="a", weight=float("inf")))
    assert json.loads(json.dumps(document, allow_nan=False)) == {"host_id": "a", "weight": "inf"}
    assert plain(SelectDestinationsStreamResponse(outcomes=b"\x01\xff"))["outcomes"] == "01ff"
