from engine.v1 import numa_pb2 as _numa_pb2
from engine.v1 import pci_pb2 as _pci_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class CpuPin(_message.Message):
    __slots__ = ("vcpu", "host_cpu")
    VCPU_FIELD_NUMBER: _ClassVar[int]
    HOST_CPU_FIELD_NUMBER: _ClassVar[int]
    vcpu: int
    host_cpu: int
    def __init__(self, vcpu: _Optional[int] = ..., host_cpu: _Optional[int] = ...) -> None: ...

class FittedCell(_message.Message):
    __slots__ = ("cell", "host_cell", "pinning", "emulator_cpus")
    CELL_FIELD_NUMBER: _ClassVar[int]
    HOST_CELL_FIELD_NUMBER: _ClassVar[int]
    PINNING_FIELD_NUMBER: _ClassVar[int]
    EMULATOR_CPUS_FIELD_NUMBER: _ClassVar[int]
    cell: _numa_pb2.GuestCell
    host_cell: int
    pinning: _containers.RepeatedCompositeFieldContainer[CpuPin]
    emulator_cpus: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, cell: _Optional[_Union[_numa_pb2.GuestCell, _Mapping]] = ..., host_cell: _Optional[int] = ..., pinning: _Optional[_Iterable[_Union[CpuPin, _Mapping]]] = ..., emulator_cpus: _Optional[_Iterable[int]] = ...) -> None: ...

class PciDevices(_message.Message):
    __slots__ = ("pool", "count", "request_id")
    POOL_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    pool: _pci_pb2.PciPool
    count: int
    request_id: str
    def __init__(self, pool: _Optional[_Union[_pci_pb2.PciPool, _Mapping]] = ..., count: _Optional[int] = ..., request_id: _Optional[str] = ...) -> None: ...

class ProviderAmounts(_message.Message):
    __slots__ = ("provider_uuid", "resources")
    class ResourcesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    PROVIDER_UUID_FIELD_NUMBER: _ClassVar[int]
    RESOURCES_FIELD_NUMBER: _ClassVar[int]
    provider_uuid: str
    resources: _containers.ScalarMap[str, int]
    def __init__(self, provider_uuid: _Optional[str] = ..., resources: _Optional[_Mapping[str, int]] = ...) -> None: ...

class ProviderMapping(_message.Message):
    __slots__ = ("suffix", "provider_uuids")
    SUFFIX_FIELD_NUMBER: _ClassVar[int]
    PROVIDER_UUIDS_FIELD_NUMBER: _ClassVar[int]
    suffix: str
    provider_uuids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, suffix: _Optional[str] = ..., provider_uuids: _Optional[_Iterable[str]] = ...) -> None: ...

class Assignment(_message.Message):
    __slots__ = ("cells", "emulator_threads_policy", "pci_devices", "amounts", "mappings")
    CELLS_FIELD_NUMBER: _ClassVar[int]
    EMULATOR_THREADS_POLICY_FIELD_NUMBER: _ClassVar[int]
    PCI_DEVICES_FIELD_NUMBER: _ClassVar[int]
    AMOUNTS_FIELD_NUMBER: _ClassVar[int]
    MAPPINGS_FIELD_NUMBER: _ClassVar[int]
    cells: _containers.RepeatedCompositeFieldContainer[FittedCell]
    emulator_threads_policy: str
    pci_devices: _containers.RepeatedCompositeFieldContainer[PciDevices]
    amounts: _containers.RepeatedCompositeFieldContainer[ProviderAmounts]
    mappings: _containers.RepeatedCompositeFieldContainer[ProviderMapping]
    def __init__(self, cells: _Optional[_Iterable[_Union[FittedCell, _Mapping]]] = ..., emulator_threads_policy: _Optional[str] = ..., pci_devices: _Optional[_Iterable[_Union[PciDevices, _Mapping]]] = ..., amounts: _Optional[_Iterable[_Union[ProviderAmounts, _Mapping]]] = ..., mappings: _Optional[_Iterable[_Union[ProviderMapping, _Mapping]]] = ...) -> None: ...
