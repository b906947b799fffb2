"""What is said of the providers behind candidates."""

from __future__ import annotations

from engine.model.candidates import SHARES
from engine.model.resources import ResourceInventory
from engine.placement.candidates import candidates
from engine.placement.deployment import Deployment
from engine.placement.summaries import ProviderSummary, provider_summaries
from tests.placement.builders import group, provider, query, tree

HOST = provider("host", "", "OWNER", "a", VCPU=ResourceInventory(3, allocation_ratio=1.5), used={"VCPU": 2, "GONE": 1})
CHILD = provider("child", "host", VGPU=1)
DISKS = provider("disks", "", SHARES, "a", DISK_GB=10)
WHOLE = Deployment((tree(HOST, CHILD), tree(DISKS), tree(provider("other", VCPU=1))))


def test_all_providers_of_each_tree_that_gives_something_are_shown() -> None:
    found = list(candidates(WHOLE, query(group(VCPU=2, DISK_GB=1))))
    assert provider_summaries(WHOLE, found) == (
        ProviderSummary("host", (("VCPU", 4, 2),), frozenset({"OWNER"}), "", "host"),
        ProviderSummary("child", (("VGPU", 1, 0),), frozenset(), "host", "host"),
        ProviderSummary("disks", (("DISK_GB", 10, 0),), frozenset({SHARES}), "", "disks"),
    )


def test_before_trees_were_known_only_those_that_give_are_shown() -> None:
    found = list(candidates(WHOLE, query(group(VCPU=2, DISK_GB=1)), microversion=(1, 28)))
    assert [each.uuid for each in provider_summaries(WHOLE, found, microversion=(1, 28))] == ["host", "disks"]


def test_no_candidates_no_summaries() -> None:
    assert provider_summaries(WHOLE, []) == ()
