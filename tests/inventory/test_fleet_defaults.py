"""What an earlier version wrote is read with the columns it did not know."""

from __future__ import annotations

from engine.inventory.fleet_defaults import with_new_columns
from engine.inventory.fleet_schema import FLEET_SCHEMA
from tests.builders import fleet


def test_columns_that_are_missing_come_at_their_defaults() -> None:
    table = fleet([{"pci_devices": 3}, {"metrics": '{"cpu": 1}'}])
    old = table.drop_columns(["pci_devices", "metrics"]).append_column("number", [[7, 8]])
    found = with_new_columns(old)
    assert found["pci_devices"].to_pylist() == [0, 0]
    assert found["metrics"].to_pylist() == ["", ""]
    assert found["number"].to_pylist() == [7, 8]
    assert found.select(FLEET_SCHEMA.names).schema.types == FLEET_SCHEMA.types


def test_what_has_no_constant_default_is_not_made_up() -> None:
    found = with_new_columns(fleet([{}]).drop_columns(["vcpus", "vcpus_max_unit"]))
    assert {"vcpus", "vcpus_max_unit"}.isdisjoint(found.column_names)


def test_a_whole_table_stays_as_it_is() -> None:
    table = fleet([{}])
    assert with_new_columns(table) is table
