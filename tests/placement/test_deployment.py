"""Trees out of loose providers, sharing providers and their anchors."""

from __future__ import annotations

import pytest

from engine.model.candidates import SHARES
from engine.placement.deployment import Anchor, Deployment, anchored, anchors, deployment_of, root_uuids
from tests.placement.builders import provider, tree

HOST = provider("host", aggregates="a", VCPU=8)
CHILD = provider("child", "host", aggregates="b", VGPU=4)
GRANDCHILD = provider("grandchild", "child", VGPU=1)
DISKS = provider("disks", traits=SHARES, aggregates="b", DISK_GB=100)
LONELY = provider("lonely", traits=SHARES, DISK_GB=100)
OTHER = provider("other", aggregates="c", VCPU=8)


def test_providers_are_gathered_into_trees_in_the_order_of_their_roots() -> None:
    whole = deployment_of([OTHER, HOST, DISKS, CHILD, GRANDCHILD])
    assert [[each.uuid for each in one.providers] for one in whole.trees] == [
        ["other"],
        ["host", "child", "grandchild"],
        ["disks"],
    ]
    assert root_uuids(whole)["grandchild"] == "host"


def test_a_child_before_its_parent_is_an_error() -> None:
    with pytest.raises(KeyError, match="host"):
        deployment_of([CHILD, HOST])


@pytest.mark.parametrize(
    ("providers", "trees", "either"),
    [([HOST, OTHER], False, False), ([HOST, CHILD], True, True), ([HOST, LONELY], False, True)],
)
def test_one_child_or_one_sharing_provider_anywhere_changes_the_path(providers, trees: bool, either: bool) -> None:  # type: ignore[no-untyped-def]
    whole = deployment_of(providers)
    assert (whole.has_trees, whole.has_trees_or_sharing) == (trees, either)


def test_a_sharing_provider_serves_the_trees_of_which_any_provider_is_in_its_aggregate() -> None:
    whole = Deployment((tree(HOST, CHILD), tree(DISKS), tree(LONELY), tree(OTHER)))
    assert anchors(whole) == (
        Anchor(tree(HOST, CHILD), (DISKS,), ("disks",), ("",)),
        Anchor(tree(DISKS)),
        Anchor(tree(LONELY)),
        Anchor(tree(OTHER)),
    )


def test_a_sharing_provider_inside_a_tree_serves_others_and_is_no_stranger_at_home() -> None:
    nested = provider("nested", "host", traits=SHARES, aggregates="a c", DISK_GB=100)
    assert anchored(tree(HOST, nested), [nested]) == ()
    assert anchored(tree(OTHER), [nested]) == (nested,)
    assert anchors(Deployment((tree(HOST, nested), tree(OTHER))))[1] == Anchor(tree(OTHER), (nested,), ("host",), ("",))


def test_a_sharing_provider_knows_its_nearest_ancestor_that_shares_with_the_same_tree() -> None:
    above = provider("above", traits=SHARES, aggregates="c", DISK_GB=100)
    between = provider("between", "above")
    below = provider("below", "between", traits=SHARES, aggregates="c", DISK_GB=100)
    far = provider("far", "between", traits=SHARES, aggregates="z", DISK_GB=100)
    (anchor, _) = anchors(Deployment((tree(OTHER), tree(above, between, below, far))))
    assert (anchor.sharing, anchor.sharing_parents) == ((above, below), ("", "above"))
