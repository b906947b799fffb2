from __future__ import annotations

import pytest

from engine.errors import InvalidRequestError, UnknownFlavorError
from engine.fitting.pci_aliases import Aliases
from engine.model.flavor import Flavor
from engine.service.catalog import Catalog
from engine.service.known_requests import KnownRequests
from engine.v1.request_spec_pb2 import RequestSpec
from tests.builders import host_table

UUID = "6f1d2a1c-0000-4000-8000-000000000002"


def known(**flavors: int) -> tuple[KnownRequests, Catalog]:
    catalog = Catalog({name: Flavor(name, vcpus, 512) for name, vcpus in flavors.items()})
    return KnownRequests(catalog, host_table([{"host_id": "a", "availability_zone": "z1"}]), "nova", Aliases()), catalog


def test_the_same_request_is_converted_once():
    requests, _ = known(small=1)
    first = requests.request_from(RequestSpec(flavor_name="small", availability_zone="z1"))
    assert requests.request_from(RequestSpec(flavor_name="small", availability_zone="z1")) is first
    assert requests.request_from(RequestSpec(flavor_name="small")) is not first


def test_a_changed_flavor_is_seen():
    requests, catalog = known(small=1)
    assert requests.request_from(RequestSpec(flavor_name="small")).flavor.vcpus == 1
    catalog.flavors["small"] = Flavor("small", 2, 512)
    catalog.revision += 1
    assert requests.request_from(RequestSpec(flavor_name="small")).flavor.vcpus == 2
    del catalog.flavors["small"]
    catalog.revision += 1
    with pytest.raises(UnknownFlavorError):
        requests.request_from(RequestSpec(flavor_name="small"))


def test_a_zone_that_is_gone_is_refused_again():
    requests, _ = known(small=1)
    spec = RequestSpec(flavor_name="small", availability_zone="z1")
    requests.request_from(spec)
    requests._table.delete(["a"])
    with pytest.raises(InvalidRequestError, match="z1"):
        requests.request_from(spec)


def test_requests_that_differ_by_the_names_of_instances_are_one():
    requests, _ = known(small=1)
    kind = requests.request_from(RequestSpec(flavor_name="small"))
    message = RequestSpec(flavor_name="small", instance_uuids=[UUID], migration_uuid=UUID)
    assert requests.request_from(message) is kind
    assert list(message.instance_uuids) == [UUID]
    assert requests.request_from(RequestSpec(flavor_name="small", project_id="p")) is not kind


def test_a_call_is_known_again_by_its_bytes_until_facts_or_flavors_change():
    requests, catalog = known(small=1)
    message = RequestSpec(flavor_name="small")
    raw = b"\x0a" + bytes([message.ByteSize()]) + message.SerializeToString()
    assert requests.of_call(raw) is None
    kind = requests.request_from(message)
    requests.remember(raw, kind)
    assert requests.of_call(raw) is kind
    assert requests.of_call(raw + b"\x12\x01t") is None
    catalog.revision += 1
    assert requests.of_call(raw) is None
    requests.remember(raw, requests.request_from(message))
    requests._table.delete(["a"])
    assert requests.of_call(raw) is None


def test_calls_that_are_long_or_many_are_not_all_kept():
    requests, _ = known(small=1)
    kind = requests.request_from(RequestSpec(flavor_name="small"))
    requests.remember(bytes(5000), kind)
    assert requests.of_call(bytes(5000)) is None
    for number in range(5000):
        requests.remember(number.to_bytes(4, "big"), kind)
        requests.of_call(b"")
    assert len(requests._calls) <= 4096
