"""Instances gather where others of the same image properties are, if the option says so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from engine.model.aggregate import Aggregate
from engine.model.request_spec import RequestSpec
from engine.scheduler.explain import explain
from engine.scheduler.select import Step
from engine.scheduler.sparse import ImageCounts, SelectionContext
from tests.builders import host_table, only, request, selector

NAME = "ImagePropertiesWeigher"
UBUNTU = ("os_distro", "ubuntu")
Q35 = ("hw_machine_type", "q35")
COUNTS: ImageCounts = {0: {UBUNTU: 3, Q35: 1}, 1: {UBUNTU: 1}, 2: {("os_distro", "windows"): 9}}
SPEC = request(properties={"os_distro": "ubuntu", "hw_machine_type": "q35"})


def weighed(
    spec: RequestSpec = SPEC, *, counts: ImageCounts = COUNTS, metadata: Mapping[str, str] | None = None, **options: Any
) -> dict[str, float]:
    """Each host's weight by this weigher alone; h0 is in the aggregate."""
    aggregates = [Aggregate("a", "a", frozenset({"h0"}), metadata or {})]
    table = host_table([{}, {}, {}], aggregates=aggregates)
    chain = only(weighers=[NAME], **options)
    steps: list[Step] = []
    selector(table, chain).select(spec, image_counts=counts, claim=False, steps=steps)
    weights = zip(steps[0].rows.tolist(), steps[0].weights.tolist(), strict=True)
    return {table.identity.host_ids[row]: weight for row, weight in weights}


def test_every_instance_that_shares_a_property_counts_once_for_each() -> None:
    assert weighed(image_props_weight_multiplier=2.0) == {"h0": 2.0, "h1": 0.5, "h2": 0.0}


def test_a_negative_multiplier_keeps_them_apart() -> None:
    assert weighed(image_props_weight_multiplier=-1.0) == {"h0": -1.0, "h1": -0.25, "h2": 0.0}


def test_a_setting_names_the_properties_that_count_and_how_much() -> None:
    setting = ("hw_machine_type=-2", "os_distro=1", "os_distro=2", "bad")
    # the later os_distro holds: 3 * 2 - 1 * 2 for h0
    assert weighed(image_props_weight_multiplier=1.0, image_props_weight_setting=setting) == {
        "h0": 1.0,
        "h1": 0.5,
        "h2": 0.0,
    }
    nothing = weighed(image_props_weight_multiplier=1.0, image_props_weight_setting=("hw_disk_bus=1",))
    assert set(nothing.values()) == {0.0}


def test_a_setting_without_a_valid_entry_is_none() -> None:
    assert weighed(image_props_weight_multiplier=1.0, image_props_weight_setting=("bad",))["h0"] == 1.0


def test_values_are_compared_as_novas_image_object_holds_them() -> None:
    spec = request(properties={"hw_qemu_guest_agent": "yes", "no_such_property": "1"})
    counts = {1: {("hw_qemu_guest_agent", "True"): 1}, 2: {("no_such_property", "1"): 5}}
    assert weighed(spec, counts=counts, image_props_weight_multiplier=1.0) == {"h0": 0.0, "h1": 1.0, "h2": 0.0}


@pytest.mark.parametrize("multiplier", [0.0, -0.0])
def test_an_aggregate_alone_does_not_switch_it_on(multiplier: float) -> None:
    metadata = {"image_props_weight_multiplier": "5"}
    off = weighed(metadata=metadata, image_props_weight_multiplier=multiplier)
    assert set(off.values()) == {0.0}
    assert weighed(metadata=metadata, image_props_weight_multiplier=1.0) == {"h0": 5.0, "h1": 0.25, "h2": 0.0}


def test_an_image_without_properties_is_not_weighed() -> None:
    assert set(weighed(request(), image_props_weight_multiplier=1.0).values()) == {0.0}


def test_an_explanation_shows_the_sum() -> None:
    picture = host_table([{}, {}, {}]).snapshot()
    chain = only(weighers=[NAME], image_props_weight_multiplier=1.0)
    weighed = explain(chain, picture, SPEC, SelectionContext(picture, image_counts=COUNTS)).weighed
    assert {row: terms[0].raw for row, _, terms in weighed} == {0: 4.0, 1: 1.0, 2: 0.0}
