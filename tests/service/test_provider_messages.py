"""Resource providers between messages and the model; what is refused is listed with the bad hosts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.inventory.device_texts import tree_of, tree_text
from engine.model.candidates import SHARES, Provider
from engine.model.resources import ResourceInventory
from engine.service.provider_messages import children_from, inventory_from, provider_message, sharing_from
from engine.v1.inventory_pb2 import ResourceInventory as InventoryMessage
from engine.v1.inventory_pb2 import ResourceProvider, ResourceProviders
from tests.service.devices import DISK_UUID, GPU_UUID, HOST_UUID, RACK_UUID

HOST = HOST_UUID % 5


@st.composite
def trees(draw: st.DrawFn) -> tuple[Provider, ...]:
    """Providers under a host's own, parents first, those of one level together."""
    many = draw(st.integers(0, 6))
    providers: list[Provider] = []
    for number in range(many):
        parents = ["", *(provider.uuid for provider in providers)]
        total = draw(st.integers(1, 9))
        providers.append(
            Provider(
                uuid=GPU_UUID % number,
                name=f"p{number}",
                parent=draw(st.sampled_from(parents)),
                inventories=(("VGPU", ResourceInventory(total, 0, 1.0, 1, total, 1)),),
                traits=draw(st.frozensets(st.sampled_from(["CUSTOM_A", "HW_B"]))),
                aggregates=draw(st.frozensets(st.just(RACK_UUID))),
                used=draw(st.sampled_from([(), (("VGPU", 1),)])),
            )
        )
    return tuple(providers)


@given(trees(), st.randoms())
def test_a_tree_is_the_same_after_message_and_text_in_whatever_order_it_comes(tree, chance):
    messages = [provider_message(provider) for provider in tree]
    chance.shuffle(messages)
    children = children_from(ResourceProviders(providers=messages), HOST)
    assert {child.uuid: child for child in children} == {provider.uuid: provider for provider in tree}
    known = {""}
    for child in children:
        assert child.parent in known
        known.add(child.uuid)
    assert tree_of(tree_text({}, children))[1] == children


def test_the_host_may_be_named_as_the_parent():
    message = ResourceProviders(providers=[ResourceProvider(uuid=GPU_UUID % 1, parent_uuid=HOST.upper())])
    (child,) = children_from(message, HOST)
    assert child.parent == ""


def test_zeros_are_placements_defaults():
    assert inventory_from("VGPU", InventoryMessage(total=7)) == ResourceInventory(7, 0, 1.0, 1, 7, 1)


def test_a_sharing_provider_says_that_it_is_one():
    (provider,) = sharing_from([ResourceProvider(uuid=DISK_UUID, traits=["CUSTOM_SSD"])])
    assert provider.traits == {"CUSTOM_SSD", SHARES}


def test_a_message_says_what_is_used_beside_and_in_all():
    base = Provider(DISK_UUID, inventories=(("DISK_GB", ResourceInventory(9)),), used=(("DISK_GB", 1),))
    live = Provider(DISK_UUID, inventories=base.inventories, used=(("DISK_GB", 5),))
    message = provider_message(base, live)
    assert (dict(message.used), message.inventories["DISK_GB"].used) == ({"DISK_GB": 1}, 5)
