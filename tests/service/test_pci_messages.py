"""PCI pools and requests between messages and the model; what is refused is listed with the bad hosts and requests."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.inventory.device_texts import pools_of, pools_text
from engine.model.pci import NUMA_POLICIES, PciPool
from engine.service.pci_messages import pci_requests_from, pools_from, pools_message
from engine.v1.pci_pb2 import PciRequest, PciSpec

TAGS = st.dictionaries(st.sampled_from(["dev_type", "physical_network", "address"]), st.none() | st.text(max_size=5))
POOLS = st.builds(
    lambda node, count, tags: PciPool("8086", "154d", node, count, tuple(sorted(tags.items()))),
    st.none() | st.integers(0, 3),
    st.integers(0, 100),
    TAGS,
)


@given(st.lists(POOLS, max_size=4, unique_by=lambda pool: (pool.numa_node, pool.tags)))
def test_pools_are_the_same_after_message_and_text(pools):
    assert pools_from(pools_message(pools)) == tuple(pools)
    assert pools_of(pools_text(pools_from(pools_message(pools)))) == tuple(pools)


@given(
    st.lists(st.dictionaries(st.text(max_size=4), st.text(max_size=4), max_size=3), min_size=1, max_size=3),
    st.sampled_from(["", *NUMA_POLICIES]),
    st.sampled_from([None, True, False]),
)
def test_a_request_is_what_its_message_says(specs, policy, migratable):
    message = PciRequest(
        count=2,
        specs=[PciSpec(facts=facts) for facts in specs],
        numa_policy=policy,
        alias_name="a",
        requester_id="port",
        live_migratable=migratable,
    )
    first, second = pci_requests_from([message, message])
    assert first.request_id != second.request_id
    assert [dict(spec) for spec in first.specs] == specs
    assert (first.count, first.numa_policy, first.live_migratable) == (2, policy, migratable)
    assert (first.alias_name, first.requester_id) == ("a", "port")
