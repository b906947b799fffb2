from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InvalidRequestError, InvalidSettingError
from engine.fitting.pci_aliases import Aliases, parse_aliases, pci_numa_policy, pci_requests
from engine.fitting.pci_errors import PciRequestError
from engine.model.flavor import Flavor
from engine.model.image import Image


def text(name, **keys):
    return json.dumps({"name": name, "vendor_id": "10de", "product_id": "20b5", **keys})


ALIASES = parse_aliases(
    [
        text("gpu", numa_policy="preferred"),
        text("nic", product_id="1520", device_type="type-VF", live_migratable="true"),
        text("nic", product_id="1521", device_type="type-VF", live_migratable="true"),
    ]
)


def flavor(**extra_specs):
    return Flavor("f", 1, 1024, extra_specs={key.replace("__", ":"): value for key, value in extra_specs.items()})


def asked(alias, **more):
    return pci_requests(flavor(pci_passthrough__alias=alias, **more), Image(), ALIASES)


def test_no_texts_give_no_aliases():
    assert parse_aliases([]) == Aliases()


def test_definitions_of_one_name_are_alternatives():
    alias = ALIASES.by_name["nic"]
    assert [dict(spec)["product_id"] for spec in alias.specs] == ["1520", "1521"]
    assert alias.numa_policy == "legacy"


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        ([text("a", device_type="type-PF"), text("a", device_type="type-VF")], "same device_type"),
        ([text("a", device_type="type-PF"), text("a")], "same device_type"),
        # nova looks for the key, so that two definitions without a type are refused as well.
        ([text("a"), text("a")], "same device_type"),
        ([text("a", numa_policy="socket"), text(" a ", numa_policy="legacy")], "numa_policy"),
        ([json.dumps({"name": "a"})], "needs vendor_id and product_id"),
        ([json.dumps({"name": "a", "vendor_id": "10de"})], "needs vendor_id and product_id"),
        ([json.dumps({"name": "a", "resource_class": "gpu"})], "needs vendor_id and product_id"),
        (["{"], "is not JSON"),
    ],
)
def test_definitions_that_nova_refuses_are_refused(texts, said):
    with pytest.raises(InvalidSettingError, match=said):
        parse_aliases(texts)


def test_with_pci_in_placement_a_resource_class_stands_for_the_ids():
    only_class = json.dumps({"name": "a", "resource_class": "gpu"})
    assert parse_aliases([only_class], pci_in_placement=True).by_name["a"].specs == ((("resource_class", "gpu"),),)
    with pytest.raises(InvalidSettingError, match="or resource_class"):
        parse_aliases([json.dumps({"name": "a", "product_id": "20b5"})], pci_in_placement=True)


def test_with_pci_in_placement_a_name_is_defined_once():
    with pytest.raises(InvalidSettingError, match="more than once"):
        parse_aliases([text("a", device_type="type-VF"), text("a", device_type="type-VF")], pci_in_placement=True)


def test_each_name_and_count_makes_a_request():
    first, second = asked("gpu:2, nic :1")
    assert (first.count, first.alias_name, first.numa_policy) == (2, "gpu", "preferred")
    assert (second.count, second.alias_name, second.numa_policy) == (1, "nic", "legacy")
    assert second.specs == ALIASES.by_name["nic"].specs
    assert (first.live_migratable, second.live_migratable) == (None, True)
    assert (first.requester_id, second.requester_id) == ("", "")


def test_equal_flavors_make_equal_requests_and_each_has_an_id_of_its_own():
    assert asked("gpu:1,gpu:1") == asked("gpu:1,gpu:1")
    ids = [request.request_id for request in asked(",".join(["gpu:1"] * 12))]
    assert len(set(ids)) == 12
    # No id is the beginning of another, by which placement's groups are found.
    assert {len(each) for each in ids} == {36}


def test_a_flavor_without_an_alias_asks_for_nothing():
    assert pci_requests(flavor(hw__cpu_policy="dedicated"), Image(), ALIASES) == ()


@pytest.mark.parametrize("count", ["0", " 3 ", "1_0", "-1"])
def test_counts_are_whole_numbers_as_python_reads_them(count):
    assert asked(f"gpu:{count}")[0].count == int(count)


@pytest.mark.parametrize(
    ("alias", "nova"),
    [
        ("none:1", "PciRequestAliasNotDefined"),
        (":1", "PciRequestAliasNotDefined"),
        ("GPU:1", "PciRequestAliasNotDefined"),
        ("gpu", "ValueError"),
        ("", "ValueError"),
        ("gpu:1,", "ValueError"),
        ("gpu:1:2", "ValueError"),
        ("gpu:", "ValueError"),
        ("gpu:one", "ValueError"),
        ("gpu:1.0", "ValueError"),
        ("gpu:" + "9" * 5000, "ValueError"),
        # The first that is wrong decides.
        ("none:1,gpu", "PciRequestAliasNotDefined"),
        ("gpu:x,none:1", "ValueError"),
    ],
)
def test_a_text_that_is_wrong_is_refused_under_the_class_that_nova_raises(alias, nova):
    with pytest.raises(PciRequestError) as caught:
        asked(alias)
    assert caught.value.nova_exception == nova
    assert isinstance(caught.value, InvalidRequestError)


def test_the_flavor_or_the_image_beats_the_policy_of_the_alias():
    policy = "hw_pci_numa_affinity_policy"
    assert asked("gpu:1", hw__pci_numa_affinity_policy="required")[0].numa_policy == "required"
    image = Image(properties={policy: "socket"})
    assert pci_requests(flavor(pci_passthrough__alias="gpu:1"), image, ALIASES)[0].numa_policy == "socket"
    assert pci_numa_policy(flavor(hw__pci_numa_affinity_policy="socket"), image) == "socket"
    assert pci_numa_policy(flavor(hw__pci_numa_affinity_policy=""), image) == "socket"
    assert pci_numa_policy(flavor(), Image()) == ""


@pytest.mark.parametrize(
    ("of_flavor", "of_image", "nova"),
    [
        ("required", "socket", "ImagePCINUMAPolicyForbidden"),
        ("near", "socket", "ImagePCINUMAPolicyForbidden"),
        ("near", None, "InvalidPCINUMAAffinity"),
        ("Required", None, "InvalidPCINUMAAffinity"),
        (None, "near", "ValueError"),
        (None, "", "ValueError"),
        ("required", "near", "ValueError"),
        (None, 7, "ValueError"),
        (None, ["socket"], "ValueError"),
    ],
)
def test_policies_that_are_unknown_or_differ_are_refused_even_without_an_alias(of_flavor, of_image, nova):
    extra = {} if of_flavor is None else {"hw__pci_numa_affinity_policy": of_flavor}
    properties = {} if of_image is None else {"hw_pci_numa_affinity_policy": of_image}
    with pytest.raises(PciRequestError) as caught:
        pci_requests(flavor(**extra), Image(properties=properties), ALIASES)
    assert caught.value.nova_exception == nova


@given(st.text())
def test_any_text_of_the_extra_spec_is_read_or_refused(value):
    try:
        found = asked(value)
    except PciRequestError:
        return
    assert len(found) == value.count(",") + 1
