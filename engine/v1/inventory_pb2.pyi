from engine.v1 import numa_pb2 as _numa_pb2
from engine.v1 import pci_pb2 as _pci_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ResourceInventory(_message.Message):
    __slots__ = ("total", "reserved", "allocation_ratio", "min_unit", "max_unit", "step_size", "used")
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    RESERVED_FIELD_NUMBER: _ClassVar[int]
    ALLOCATION_RATIO_FIELD_NUMBER: _ClassVar[int]
    MIN_UNIT_FIELD_NUMBER: _ClassVar[int]
    MAX_UNIT_FIELD_NUMBER: _ClassVar[int]
    STEP_SIZE_FIELD_NUMBER: _ClassVar[int]
    USED_FIELD_NUMBER: _ClassVar[int]
    total: int
    reserved: int
    allocation_ratio: float
    min_unit: int
    max_unit: int
    step_size: int
    used: int
    def __init__(self, total: _Optional[int] = ..., reserved: _Optional[int] = ..., allocation_ratio: _Optional[float] = ..., min_unit: _Optional[int] = ..., max_unit: _Optional[int] = ..., step_size: _Optional[int] = ..., used: _Optional[int] = ...) -> None: ...

class HostService(_message.Message):
    __slots__ = ("disabled", "disabled_reason", "forced_down", "last_seen_up_us")
    DISABLED_FIELD_NUMBER: _ClassVar[int]
    DISABLED_REASON_FIELD_NUMBER: _ClassVar[int]
    FORCED_DOWN_FIELD_NUMBER: _ClassVar[int]
    LAST_SEEN_UP_US_FIELD_NUMBER: _ClassVar[int]
    disabled: bool
    disabled_reason: str
    forced_down: bool
    last_seen_up_us: int
    def __init__(self, disabled: _Optional[bool] = ..., disabled_reason: _Optional[str] = ..., forced_down: _Optional[bool] = ..., last_seen_up_us: _Optional[int] = ...) -> None: ...

class SupportedInstance(_message.Message):
    __slots__ = ("arch", "hypervisor_type", "vm_mode")
    ARCH_FIELD_NUMBER: _ClassVar[int]
    HYPERVISOR_TYPE_FIELD_NUMBER: _ClassVar[int]
    VM_MODE_FIELD_NUMBER: _ClassVar[int]
    arch: str
    hypervisor_type: str
    vm_mode: str
    def __init__(self, arch: _Optional[str] = ..., hypervisor_type: _Optional[str] = ..., vm_mode: _Optional[str] = ...) -> None: ...

class Host(_message.Message):
    __slots__ = ("host_id", "uuid", "nodename", "inventories", "vcpus_used", "memory_mb_used", "local_gb_used", "free_ram_mb", "free_disk_gb", "disk_available_least_gb", "num_instances", "num_io_ops", "failed_builds", "availability_zone", "hypervisor_type", "hypervisor_version", "arch", "supported_instances", "cpu_info", "host_ip", "cell", "traits", "stats", "service", "generation", "aggregate_uuids", "up", "pci_devices", "metrics", "numa_topology", "pci_pools", "providers", "numa_in_use", "pci_free", "never_reported")
    class InventoriesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: ResourceInventory
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[ResourceInventory, _Mapping]] = ...) -> None: ...
    class StatsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    class MetricsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    HOST_ID_FIELD_NUMBER: _ClassVar[int]
    UUID_FIELD_NUMBER: _ClassVar[int]
    NODENAME_FIELD_NUMBER: _ClassVar[int]
    INVENTORIES_FIELD_NUMBER: _ClassVar[int]
    VCPUS_USED_FIELD_NUMBER: _ClassVar[int]
    MEMORY_MB_USED_FIELD_NUMBER: _ClassVar[int]
    LOCAL_GB_USED_FIELD_NUMBER: _ClassVar[int]
    FREE_RAM_MB_FIELD_NUMBER: _ClassVar[int]
    FREE_DISK_GB_FIELD_NUMBER: _ClassVar[int]
    DISK_AVAILABLE_LEAST_GB_FIELD_NUMBER: _ClassVar[int]
    NUM_INSTANCES_FIELD_NUMBER: _ClassVar[int]
    NUM_IO_OPS_FIELD_NUMBER: _ClassVar[int]
    FAILED_BUILDS_FIELD_NUMBER: _ClassVar[int]
    AVAILABILITY_ZONE_FIELD_NUMBER: _ClassVar[int]
    HYPERVISOR_TYPE_FIELD_NUMBER: _ClassVar[int]
    HYPERVISOR_VERSION_FIELD_NUMBER: _ClassVar[int]
    ARCH_FIELD_NUMBER: _ClassVar[int]
    SUPPORTED_INSTANCES_FIELD_NUMBER: _ClassVar[int]
    CPU_INFO_FIELD_NUMBER: _ClassVar[int]
    HOST_IP_FIELD_NUMBER: _ClassVar[int]
    CELL_FIELD_NUMBER: _ClassVar[int]
    TRAITS_FIELD_NUMBER: _ClassVar[int]
    STATS_FIELD_NUMBER: _ClassVar[int]
    SERVICE_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    AGGREGATE_UUIDS_FIELD_NUMBER: _ClassVar[int]
    UP_FIELD_NUMBER: _ClassVar[int]
    PCI_DEVICES_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    NUMA_TOPOLOGY_FIELD_NUMBER: _ClassVar[int]
    PCI_POOLS_FIELD_NUMBER: _ClassVar[int]
    PROVIDERS_FIELD_NUMBER: _ClassVar[int]
    NUMA_IN_USE_FIELD_NUMBER: _ClassVar[int]
    PCI_FREE_FIELD_NUMBER: _ClassVar[int]
    NEVER_REPORTED_FIELD_NUMBER: _ClassVar[int]
    host_id: str
    uuid: str
    nodename: str
    inventories: _containers.MessageMap[str, ResourceInventory]
    vcpus_used: int
    memory_mb_used: int
    local_gb_used: int
    free_ram_mb: int
    free_disk_gb: int
    disk_available_least_gb: int
    num_instances: int
    num_io_ops: int
    failed_builds: int
    availability_zone: str
    hypervisor_type: str
    hypervisor_version: int
    arch: str
    supported_instances: _containers.RepeatedCompositeFieldContainer[SupportedInstance]
    cpu_info: str
    host_ip: str
    cell: str
    traits: _containers.RepeatedScalarFieldContainer[str]
    stats: _containers.ScalarMap[str, str]
    service: HostService
    generation: int
    aggregate_uuids: _containers.RepeatedScalarFieldContainer[str]
    up: bool
    pci_devices: int
    metrics: _containers.ScalarMap[str, int]
    numa_topology: _numa_pb2.NumaTopology
    pci_pools: _pci_pb2.PciPools
    providers: ResourceProviders
    numa_in_use: _numa_pb2.NumaTopology
    pci_free: _pci_pb2.PciPools
    never_reported: bool
    def __init__(self, host_id: _Optional[str] = ..., uuid: _Optional[str] = ..., nodename: _Optional[str] = ..., inventories: _Optional[_Mapping[str, ResourceInventory]] = ..., vcpus_used: _Optional[int] = ..., memory_mb_used: _Optional[int] = ..., local_gb_used: _Optional[int] = ..., free_ram_mb: _Optional[int] = ..., free_disk_gb: _Optional[int] = ..., disk_available_least_gb: _Optional[int] = ..., num_instances: _Optional[int] = ..., num_io_ops: _Optional[int] = ..., failed_builds: _Optional[int] = ..., availability_zone: _Optional[str] = ..., hypervisor_type: _Optional[str] = ..., hypervisor_version: _Optional[int] = ..., arch: _Optional[str] = ..., supported_instances: _Optional[_Iterable[_Union[SupportedInstance, _Mapping]]] = ..., cpu_info: _Optional[str] = ..., host_ip: _Optional[str] = ..., cell: _Optional[str] = ..., traits: _Optional[_Iterable[str]] = ..., stats: _Optional[_Mapping[str, str]] = ..., service: _Optional[_Union[HostService, _Mapping]] = ..., generation: _Optional[int] = ..., aggregate_uuids: _Optional[_Iterable[str]] = ..., up: _Optional[bool] = ..., pci_devices: _Optional[int] = ..., metrics: _Optional[_Mapping[str, int]] = ..., numa_topology: _Optional[_Union[_numa_pb2.NumaTopology, _Mapping]] = ..., pci_pools: _Optional[_Union[_pci_pb2.PciPools, _Mapping]] = ..., providers: _Optional[_Union[ResourceProviders, _Mapping]] = ..., numa_in_use: _Optional[_Union[_numa_pb2.NumaTopology, _Mapping]] = ..., pci_free: _Optional[_Union[_pci_pb2.PciPools, _Mapping]] = ..., never_reported: _Optional[bool] = ...) -> None: ...

class ResourceProvider(_message.Message):
    __slots__ = ("uuid", "name", "parent_uuid", "inventories", "traits", "aggregate_uuids", "used")
    class InventoriesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: ResourceInventory
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[ResourceInventory, _Mapping]] = ...) -> None: ...
    class UsedEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    UUID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    PARENT_UUID_FIELD_NUMBER: _ClassVar[int]
    INVENTORIES_FIELD_NUMBER: _ClassVar[int]
    TRAITS_FIELD_NUMBER: _ClassVar[int]
    AGGREGATE_UUIDS_FIELD_NUMBER: _ClassVar[int]
    USED_FIELD_NUMBER: _ClassVar[int]
    uuid: str
    name: str
    parent_uuid: str
    inventories: _containers.MessageMap[str, ResourceInventory]
    traits: _containers.RepeatedScalarFieldContainer[str]
    aggregate_uuids: _containers.RepeatedScalarFieldContainer[str]
    used: _containers.ScalarMap[str, int]
    def __init__(self, uuid: _Optional[str] = ..., name: _Optional[str] = ..., parent_uuid: _Optional[str] = ..., inventories: _Optional[_Mapping[str, ResourceInventory]] = ..., traits: _Optional[_Iterable[str]] = ..., aggregate_uuids: _Optional[_Iterable[str]] = ..., used: _Optional[_Mapping[str, int]] = ...) -> None: ...

class ResourceProviders(_message.Message):
    __slots__ = ("providers",)
    PROVIDERS_FIELD_NUMBER: _ClassVar[int]
    providers: _containers.RepeatedCompositeFieldContainer[ResourceProvider]
    def __init__(self, providers: _Optional[_Iterable[_Union[ResourceProvider, _Mapping]]] = ...) -> None: ...

class Aggregate(_message.Message):
    __slots__ = ("uuid", "name", "host_ids", "metadata")
    class MetadataEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    UUID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    HOST_IDS_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    uuid: str
    name: str
    host_ids: _containers.RepeatedScalarFieldContainer[str]
    metadata: _containers.ScalarMap[str, str]
    def __init__(self, uuid: _Optional[str] = ..., name: _Optional[str] = ..., host_ids: _Optional[_Iterable[str]] = ..., metadata: _Optional[_Mapping[str, str]] = ...) -> None: ...

class ServerGroup(_message.Message):
    __slots__ = ("uuid", "name", "policy", "max_server_per_host", "member_uuids", "member_host_ids")
    UUID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    MAX_SERVER_PER_HOST_FIELD_NUMBER: _ClassVar[int]
    MEMBER_UUIDS_FIELD_NUMBER: _ClassVar[int]
    MEMBER_HOST_IDS_FIELD_NUMBER: _ClassVar[int]
    uuid: str
    name: str
    policy: str
    max_server_per_host: int
    member_uuids: _containers.RepeatedScalarFieldContainer[str]
    member_host_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, uuid: _Optional[str] = ..., name: _Optional[str] = ..., policy: _Optional[str] = ..., max_server_per_host: _Optional[int] = ..., member_uuids: _Optional[_Iterable[str]] = ..., member_host_ids: _Optional[_Iterable[str]] = ...) -> None: ...
