from __future__ import annotations

from engine.fitting.pci_pools import work_pools
from engine.model.pci import PciPool


def test_pools_with_fewer_facts_come_first_and_equals_keep_their_order():
    many = PciPool("8086", "0001", None, 1, (("address", "a"), ("dev_type", "type-VF")))
    one = PciPool("8086", "0002", 0, 2, (("dev_type", "type-VF"),))
    other = PciPool("8086", "0003", 1, 3, (("dev_type", "type-PF"),))
    assert [work.pool.product_id for work in work_pools((many, one, other))] == ["0002", "0003", "0001"]
    assert [work.count for work in work_pools((many, one, other))] == [2, 3, 1]


def test_a_tag_named_as_a_fact_adds_none():
    plain = PciPool("8086", "0001", None, 1, (("address", "a"),))
    same_name = PciPool("8086", "0002", None, 1, (("vendor_id", "10DE"),))
    first = work_pools((plain, same_name))[0]
    assert first.pool.product_id == "0002"
    assert first.facts["vendor_id"] == "10DE"


def test_a_pool_keeps_what_it_is_while_its_count_goes_down():
    pool = PciPool("8086", "0001", 1, 7)
    (work,) = work_pools((pool,))
    work.count -= 3
    assert (work.pool, work.node, work.count) == (pool, 1, 4)
