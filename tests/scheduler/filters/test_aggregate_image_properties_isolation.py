"""A property of the image that aggregates name has one of the values they allow."""

from __future__ import annotations

import pytest

from engine.model.aggregate import Aggregate
from engine.scheduler.explain import explain
from engine.scheduler.sparse import SelectionContext
from tests.builders import host_table, only, passing, request

NAME = "AggregateImagePropertiesIsolation"
HOSTS = [{}, {}, {}, {}]
AGGREGATES = [
    Aggregate("a", "a", frozenset({"h1", "h2"}), {"hw_disk_bus": "virtio", "novelty": "x"}),
    Aggregate("b", "b", frozenset({"h2"}), {"hw_disk_bus": "scsi, ide", "os_type": "linux"}),
    Aggregate("c", "c", frozenset({"h3"}), {"hw_qemu_guest_agent": "true", "hw_cpu_cores": "04", "zone.os_type": "x"}),
]
EVERY = {"h0", "h1", "h2", "h3"}


@pytest.mark.parametrize(
    ("properties", "passes"),
    [
        ({}, EVERY),
        ({"hw_disk_bus": "virtio"}, EVERY),
        ({"hw_disk_bus": "scsi"}, EVERY - {"h1"}),
        ({"hw_disk_bus": "usb"}, EVERY - {"h1", "h2"}),
        ({"novelty": "y"}, EVERY),
        ({"os_type": "Linux"}, EVERY),
        ({"os_type": "windows"}, EVERY - {"h2"}),
        ({"hw_qemu_guest_agent": "no"}, EVERY),
        ({"hw_qemu_guest_agent": "yes"}, EVERY - {"h3"}),
        ({"hw_cpu_cores": "4"}, EVERY - {"h3"}),
        ({"hw_cpu_cores": 0}, EVERY),
    ],
)
def test_properties_are_compared_as_texts_of_their_values(properties: dict[str, object], passes: set[str]) -> None:
    assert passing(NAME, HOSTS, request(properties=properties), aggregates=AGGREGATES) == passes


def test_a_true_property_is_true_with_a_capital() -> None:
    aggregate = Aggregate("a", "a", frozenset({"h0"}), {"hw_qemu_guest_agent": "True"})
    assert passing(NAME, HOSTS, request(properties={"hw_qemu_guest_agent": "1"}), aggregates=[aggregate]) == EVERY


@pytest.mark.parametrize(
    ("namespace", "separator", "passes"),
    [
        ("hw", "_", EVERY - {"h1", "h2"}),
        ("hw", ".", EVERY),
        ("os", "_", EVERY - {"h2"}),
        ("", "_", EVERY - {"h1", "h2"}),
    ],
)
def test_a_namespace_leaves_only_keys_that_begin_with_it(namespace: str, separator: str, passes: set[str]) -> None:
    found = passing(
        NAME,
        HOSTS,
        request(properties={"hw_disk_bus": "usb", "os_type": "windows"}),
        aggregates=AGGREGATES,
        aggregate_image_properties_isolation_namespace=namespace,
        aggregate_image_properties_isolation_separator=separator,
    )
    assert found == passes


def test_it_runs_on_rebuild() -> None:
    rebuild = request(properties={"hw_disk_bus": "usb"}, scheduler_hints={"_nova_check_type": ("rebuild",)})
    assert passing(NAME, HOSTS, rebuild, aggregates=AGGREGATES) == EVERY - {"h1", "h2"}


def test_an_explanation_says_what_the_aggregates_allow() -> None:
    picture = host_table(HOSTS, aggregates=AGGREGATES).snapshot()
    spec = request(properties={"hw_disk_bus": "usb"})
    changes = dict(explain(only(filters=[NAME]), picture, spec, SelectionContext(picture)).nearest)
    assert changes[2] == ("usb among its aggregates' hw_disk_bus: ide, scsi, virtio",)
