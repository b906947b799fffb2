"""Shapes of provider trees: alike whatever the uuids, and whole again with them."""

from __future__ import annotations

import pytest

from engine.inventory.provider_shapes import children_of, offers_columns, tree_shape, whole_tree, with_allocations
from engine.model.candidates import Candidate, Provider
from tests.devices import child, inventory

ROOT = Provider("host", "node", inventories=(("VCPU", inventory(4)),), used=(("VCPU", 1),))


def nested(one: str, two: str) -> list[Provider]:
    return [child(two, {"VGPU": 2}, parent=one, used=1), child(one, {"CUSTOM_CARD": 1}, parent="host")]


def test_hosts_of_one_kind_share_a_shape_and_keep_their_names() -> None:
    shape, names = tree_shape("host", {"PCPU": inventory(2)}, nested("a", "b"))
    assert (shape, (("x", "name of x"), ("y", "name of y"))) == tree_shape(
        "host", {"PCPU": inventory(2)}, nested("x", "y")
    )
    assert names == (("a", "name of a"), ("b", "name of b"))
    assert shape is not None
    tree = whole_tree(ROOT, shape, names)
    assert [(item.uuid, item.parent) for item in tree.providers] == [("host", ""), ("a", "host"), ("b", "a")]
    assert dict(tree.root.inventories) == {"VCPU": inventory(4), "PCPU": inventory(2)}
    assert {item.uuid: item.parent for item in children_of(shape, names)} == {"a": "", "b": "a"}


def test_nothing_beyond_the_columns_has_no_shape() -> None:
    assert tree_shape("host", {}, []) == (None, ())
    assert whole_tree(ROOT, None, ()).providers == (ROOT,)
    assert children_of(None, ()) == ()


@pytest.mark.parametrize(
    ("extra", "children", "problem"),
    [
        ({"VCPU": inventory(1)}, [], "VCPU, which has columns"),
        ({}, [child("a", {}), child("a", {})], "twice"),
        ({}, [child("host", {})], "twice"),
        ({}, [child("a", {}, parent="elsewhere")], "under elsewhere"),
        ({}, [child("a", {}, parent="b"), child("b", {}, parent="a")], "under each other: a, b"),
        ({}, [child("a", {}, parent="a")], "under each other: a"),
    ],
)
def test_trees_that_cannot_be_are_refused(extra: dict[str, object], children: list[Provider], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        tree_shape("host", extra, children)  # type: ignore[arg-type]


def test_what_a_candidate_takes_of_the_tree_is_counted_but_for_the_columns_and_others() -> None:
    shape, names = tree_shape("host", {"PCPU": inventory(2)}, nested("a", "b"))
    assert shape is not None
    taken = Candidate((("b", (("VGPU", 1),)), ("host", (("PCPU", 2), ("VCPU", 3))), ("nfs", (("DISK_GB", 5),))))
    after = with_allocations(shape, "host", names, taken)
    assert [item.used for item in after.providers] == [(("PCPU", 2),), (), (("VGPU", 2),)]
    assert with_allocations(after, "host", names, taken, -1) == shape


def test_trees_that_offer_vcpus_under_the_host_are_told() -> None:
    for name, offers in (("VCPU", True), ("DISK_GB", True), ("VGPU", False)):
        shape, _ = tree_shape("host", {"PCPU": inventory(1)}, [child("a", {name: 1})])
        assert shape is not None
        assert offers_columns(shape) is offers
