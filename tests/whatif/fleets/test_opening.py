"""Opening: a scenario's fleet as a world."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from engine.errors import InvalidRequestError, InvalidSettingError
from engine.inventory.generate import generate_fleet
from engine.model.aggregate import Aggregate
from engine.model.candidates import Provider
from engine.model.flavor import Flavor
from engine.model.resources import ResourceInventory
from engine.scheduler.options import SchedulerOptions
from engine.whatif.inputs import Inputs, open_world
from engine.whatif.scenario.reading import parse_scenario
from engine.whatif.served.snapshot import ALLOCATION_SCHEMA, Snapshot
from engine.whatif.world import World
from tests.builders import fleet

LIVE = "[fleet]\nlive = 'h:1'\n"
SECOND_US = 1_000_000
NOW_US = 1_790_000_000 * SECOND_US


def opened(text: str, inputs: Inputs | None = None, seed: int = 0) -> World:
    return open_world(parse_scenario(text, "s.toml"), inputs or Inputs(), seed=seed)


def snapshot(hosts: list[dict[str, Any]], **parts: Any) -> Inputs:
    options = parts.pop("options", SchedulerOptions())
    return Inputs(snapshot=Snapshot(fleet(hosts), ALLOCATION_SCHEMA.empty_table(), options, **parts))


def test_a_line_and_a_number_make_hosts() -> None:
    assert opened("[fleet]\nsynthetic = '4 hosts of 8c 16g in 2 zones'").table.host_count == 4
    world = opened("[fleet]\nsynthetic = 50\nseed = 3")
    assert world.table.identity.host_ids[:50] == generate_fleet(50, 3)["host_id"].to_pylist()


def test_hosts_without_heartbeats_are_up_and_others_as_at_the_newest() -> None:
    seen = [None, NOW_US, NOW_US - 30 * SECOND_US, NOW_US - 90 * SECOND_US]
    hosts = [{"last_seen_up_us": time} for time in seen] + [{"disabled": True}]
    table = opened("[fleet]\nfile = 'x.csv'", Inputs(hosts=fleet(hosts))).table
    assert table.columns["service_up"][:5].tolist() == [1, 1, 1, 0, 0]
    longer = opened("[fleet]\nfile = 'x.csv'\n[chain]\nservice_down_time = 100", Inputs(hosts=fleet(hosts))).table
    assert longer.columns["service_up"][:5].tolist() == [1, 1, 1, 1, 0]


def test_a_snapshots_heartbeats_are_looked_at_from_its_own_moment() -> None:
    hosts = [{"last_seen_up_us": NOW_US - 30 * SECOND_US}, {}]
    assert opened(LIVE, snapshot(hosts, time_us=NOW_US)).table.columns["service_up"][:2].tolist() == [1, 1]
    late = snapshot(hosts, time_us=NOW_US + 60 * SECOND_US)
    assert opened(LIVE, late).table.columns["service_up"][:2].tolist() == [0, 1]


def test_aggregates_get_metadata_and_hosts_beside_those_they_have() -> None:
    hosts = [{"aggregates": ["ssd"]}, {}, {"aggregates": ["ssd", "b"]}]
    text = LIVE + "aggregates = [{name='ssd', metadata={x='2', y='3'}, hosts=['h1']}, {name='new', metadata={z='1'}}]"
    given = snapshot(hosts, aggregates=(Aggregate("u1", "ssd", metadata={"x": "1", "w": "0"}), Aggregate("u2", "b")))
    table = opened(text, given).table
    assert table.aggregates["u1"].metadata == {"w": "0", "x": "2", "y": "3"}
    assert table.aggregate_host_rows("u1").tolist() == [0, 1, 2]
    assert table.aggregate_host_rows("u2").tolist() == [2]
    assert [item.metadata for item in table.aggregates.values() if item.name == "new"] == [{"z": "1"}]


def test_an_aggregate_that_is_a_zone_decides_where_instances_go() -> None:
    text = """
        [fleet]
        synthetic = "3 hosts of 8c 16g"
        aggregates = [{name = "agg", metadata = {availability_zone = "z"}, hosts = ["h-000002"]}]
        [[flavors]]
        name = "a"
        vcpus = 1
        memory_mb = 1
        zone = "z"
    """
    world = opened(text)
    assert world.flavors["a"].availability_zone == "z"
    assert world.table.zones == {"z"}


def test_the_scenarios_chain_goes_over_the_services() -> None:
    options = SchedulerOptions(ram_weight_multiplier=3.0, cpu_weight_multiplier=2.0)
    world = opened(
        LIVE + "[chain]\ncpu_weight_multiplier = -1\nenabled_filters = ['AllHostsFilter']",
        snapshot([{}], options=options),
    )
    assert world.options.ram_weight_multiplier == 3.0
    assert world.options.cpu_weight_multiplier == -1.0
    assert world.options.enabled_filters == ("AllHostsFilter",)


def test_flavors_are_the_services_and_the_scenarios_which_win() -> None:
    flavors = (Flavor("a", 1, 1), Flavor("b", 2, 2), Flavor("odd", 3, 4, extra_specs={"hw:numa_nodes": "2"}))
    text = LIVE + "[[flavors]]\nname = 'a'\nvcpus = 4\nmemory_mb = 8\nextra_specs = {'hw:numa_nodes' = '2'}"
    world = opened(text, snapshot([{}], flavors=flavors))
    assert list(world.flavors) == ["a", "b"]
    assert world.flavors["a"].flavor.vcpus == 4
    assert world.flavors["a"].numa is not None
    assert len(world.flavors["a"].numa.cells) == 2


def test_what_a_flavor_says_besides_is_in_its_request() -> None:
    text = """
        [fleet]
        synthetic = "1 host of 8c 16g"
        [chain]
        pci_alias = ['{"name": "gpu", "vendor_id": "10de", "product_id": "20b5"}']
        [[flavors]]
        name = "a"
        vcpus = 1
        memory_mb = 2048
        disk_gb = 3
        ephemeral_gb = 4
        swap_mb = 5
        zone = "z"
        required_traits = ["HW_CPU_X86_AVX2"]
        hints = {group = ["g"]}
        image_properties = {hw_machine_type = "q35", flag = true, many = 3}
        extra_specs = {"pci_passthrough:alias" = "gpu:2"}
    """
    request = opened(text).flavors["a"]
    assert request.flavor == Flavor("a", 1, 2048, 3, 4, 5, {"pci_passthrough:alias": "gpu:2"})
    assert request.required_traits == {"HW_CPU_X86_AVX2"}
    assert request.scheduler_hints == {"group": ("g",)}
    assert request.image.properties == {"hw_machine_type": "q35", "flag": True, "many": 3}
    assert [(item.alias_name, item.count) for item in request.pci_requests] == [("gpu", 2)]


def test_an_alias_that_the_service_lacks_is_told_when_it_is_asked() -> None:
    text = LIVE + "[[flavors]]\nname='a'\nvcpus=1\nmemory_mb=1\nextra_specs={'pci_passthrough:alias'='gpu:1'}"
    with pytest.raises(InvalidRequestError, match="names 'gpu', which is no alias"):
        opened(text, snapshot([{}]))
    options = SchedulerOptions(pci_alias=('{"name": "gpu", "vendor_id": "10de", "product_id": "20b5"}',))
    assert opened(text, snapshot([{}], options=options)).flavors["a"].pci_requests


def test_sharing_providers_are_taken_over() -> None:
    uuid = "0a3b1c1e-9f7a-4b6e-8a53-6f1f3d1b2c4d"
    provider = Provider(uuid, "pool", inventories=(("DISK_GB", ResourceInventory(1000)),), aggregates=frozenset({"u1"}))
    table = opened(LIVE, snapshot([{}], aggregates=(Aggregate("u1", "x"),), sharing=(provider,))).table
    assert list(table.sharing) == [uuid]


def test_an_empty_fleet_opens() -> None:
    world = opened("[fleet]\nfile = 'x.csv'", Inputs(hosts=fleet([{}]).slice(0, 0)))
    assert world.table.host_count == 0


def test_a_chain_that_a_service_cannot_have_is_told() -> None:
    with pytest.raises(InvalidSettingError, match="chain: there is no filter called 'X'"):
        opened(LIVE + "[chain]", snapshot([{}], options=SchedulerOptions(enabled_filters=("X",))))


def test_inputs_that_were_not_read_are_told() -> None:
    with pytest.raises(InvalidRequestError, match="was not read"):
        opened("[fleet]\nfile = 'x.csv'", Inputs())


def test_the_same_scenario_opens_the_same_world_twice() -> None:
    text = "[fleet]\nsynthetic = 30\n[[flavors]]\nname='a'\nvcpus=1\nmemory_mb=1"
    one, other = opened(text, seed=5), opened(text, seed=5)
    assert all((one.table.columns[name] == values).all() for name, values in other.table.columns.items())
    assert one.rng.random() == other.rng.random()


def test_inputs_can_be_pickled() -> None:
    inputs = snapshot([{}], flavors=(Flavor("a", 1, 1),))
    again = pickle.loads(pickle.dumps(inputs))
    assert again.snapshot.flavors == inputs.snapshot.flavors  # type: ignore[union-attr]
    assert opened(LIVE, again).table.host_count == 1
