"""The records that the texts of NUMA cells, PCI pools and resource providers are made of, with what is allowed in them.

NUMA cells and PCI pools have the field names of nova's NUMATopology and PciDevicePool objects, providers and their
inventories those of placement's API.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from engine.model.limits import MAX_AMOUNT
from engine.model.resources import UNLIMITED_MAX_UNIT

MAX_CELLS = 64
MAX_CPUS = 4_096
MAX_POOLS = 4_096
MAX_PROVIDERS = 1_024
"""The most that one host may say it has."""

_Amount = Annotated[int, msgspec.Meta(ge=0, le=MAX_AMOUNT)]
_Unit = Annotated[int, msgspec.Meta(ge=0, le=UNLIMITED_MAX_UNIT)]
_Cpu = Annotated[int, msgspec.Meta(ge=0, lt=2**20)]
_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
_ClassName = Annotated[str, msgspec.Meta(pattern="^[A-Z0-9_]{1,255}$")]
_Ratio = Annotated[float, msgspec.Meta(gt=0, le=MAX_AMOUNT)]


class PagesRecord(msgspec.Struct, forbid_unknown_fields=True):
    """One page size of a cell."""

    size_kb: Annotated[int, msgspec.Meta(ge=1, le=MAX_AMOUNT)]
    total: _Amount
    used: _Amount = 0
    reserved: _Amount = 0


class NetworksRecord(msgspec.Struct, forbid_unknown_fields=True):
    """The networks near a cell."""

    physnets: list[_Name] = []
    tunneled: bool = False


class CellRecord(msgspec.Struct, forbid_unknown_fields=True):
    """One NUMA node."""

    id: _Amount
    cpuset: list[_Cpu]
    memory: _Amount
    pcpuset: list[_Cpu] = []
    cpu_usage: _Amount = 0
    memory_usage: _Amount = 0
    pinned_cpus: list[_Cpu] = []
    siblings: list[list[_Cpu]] = []
    mempages: list[PagesRecord] = []
    socket: _Amount | None = None
    network_metadata: NetworksRecord | None = None


class TopologyRecord(msgspec.Struct, forbid_unknown_fields=True):
    """All NUMA nodes of a host."""

    cells: Annotated[list[CellRecord], msgspec.Meta(min_length=1, max_length=MAX_CELLS)]


class PoolRecord(msgspec.Struct, forbid_unknown_fields=True):
    """One pool of PCI devices."""

    vendor_id: str
    product_id: str
    count: _Amount
    numa_node: _Amount | None = None
    tags: dict[_Name, str | None] = {}


class InventoryRecord(msgspec.Struct, forbid_unknown_fields=True):
    """placement's inventory of one resource class."""

    total: _Amount
    reserved: _Amount = 0
    allocation_ratio: _Ratio = 1.0
    min_unit: _Unit = 1
    max_unit: _Unit | None = None
    step_size: _Unit = 1


InventoryRecords = dict[_ClassName, InventoryRecord]


class ProviderRecord(msgspec.Struct, forbid_unknown_fields=True):
    """One resource provider under the host's own, which is its parent where none is named."""

    uuid: _Name
    name: str = ""
    parent: str | None = None
    inventories: InventoryRecords = {}
    used: dict[_ClassName, _Amount] = {}
    traits: list[_ClassName] = []
    aggregates: list[_Name] = []


class TreeRecord(msgspec.Struct, forbid_unknown_fields=True):
    """What a host's provider tree has beyond the columns of every host."""

    inventories: InventoryRecords = {}
    providers: Annotated[list[ProviderRecord], msgspec.Meta(max_length=MAX_PROVIDERS)] = []
