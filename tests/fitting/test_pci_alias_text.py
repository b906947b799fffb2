from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InvalidSettingError
from engine.fitting.pci_alias_text import alias_text


def text(**keys):
    return json.dumps({"name": "gpu", "vendor_id": "10de", "product_id": "20b5", **keys})


def test_a_whole_definition_is_read():
    found = alias_text(
        text(
            name=" gpu ",
            device_type="type-VF",
            numa_policy="socket",
            resource_class="gpu",
            traits="a,b",
            live_migratable="Yes",
            capability_type="pci",
        )
    )
    assert (found.name, found.numa_policy) == ("gpu", "socket")
    assert dict(found.spec) == {
        "vendor_id": "10de",
        "product_id": "20b5",
        "dev_type": "type-VF",
        "resource_class": "gpu",
        "traits": "a,b",
        "live_migratable": "true",
        "capability_type": "pci",
    }
    assert found.spec == tuple(sorted(found.spec))


def test_the_policy_is_legacy_where_none_is_given():
    assert alias_text(text()).numa_policy == "legacy"


@pytest.mark.parametrize(("value", "kept"), [("1", "true"), (" ON ", "true"), ("f", "false"), ("No", "false")])
def test_live_migratable_is_kept_as_true_or_false(value, kept):
    assert dict(alias_text(text(live_migratable=value)).spec)["live_migratable"] == kept


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("", "is not JSON"),
        ("{", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("[]", "must be one JSON object"),
        ('[{"name": "a"}]', "must be one JSON object"),
        ("null", "must be one JSON object"),
        ('"gpu"', "must be one JSON object"),
        ('{"vendor_id": "10de"}', "has no name"),
        (text(name=""), "1 to 256 characters"),
        (text(name="  "), "not all blank"),
        (text(name="x" * 257), "1 to 256 characters"),
        (text(name=3), "must be text"),
        (text(vendor_id=4318), "must be text"),
        (text(vendor_id="10d"), "four hexadecimal digits"),
        (text(product_id="20b55"), "four hexadecimal digits"),
        (text(product_id="wxyz"), "four hexadecimal digits"),
        (text(device_type="vdpa"), "give one of type-PCI, type-PF, type-VF"),
        (text(device_type=None), "must be text"),
        (text(numa_policy="Required"), "give one of legacy"),
        (text(numa_policy=""), "give one of legacy"),
        (text(capability_type="usb"), "give one of pci"),
        (text(live_migratable="maybe"), "give true or false"),
        (text(live_migratable=True), "must be text"),
        (text(devices=3), "unknown key 'devices'"),
    ],
)
def test_what_breaks_the_schema_is_refused_with_its_reason(given, said):
    with pytest.raises(InvalidSettingError, match=said) as caught:
        alias_text(given)
    assert caught.value.details["setting"] == "pci_alias"
    assert len(caught.value.message) < 600


@given(st.text())
def test_any_text_is_read_or_refused(given_text):
    try:
        found = alias_text(given_text)
    except InvalidSettingError:
        return
    assert found.name
