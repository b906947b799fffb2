from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class HostPages(_message.Message):
    __slots__ = ("size_kb", "total", "used", "reserved")
    SIZE_KB_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    USED_FIELD_NUMBER: _ClassVar[int]
    RESERVED_FIELD_NUMBER: _ClassVar[int]
    size_kb: int
    total: int
    used: int
    reserved: int
    def __init__(self, size_kb: _Optional[int] = ..., total: _Optional[int] = ..., used: _Optional[int] = ..., reserved: _Optional[int] = ...) -> None: ...

class CpuSet(_message.Message):
    __slots__ = ("cpus",)
    CPUS_FIELD_NUMBER: _ClassVar[int]
    cpus: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, cpus: _Optional[_Iterable[int]] = ...) -> None: ...

class HostCell(_message.Message):
    __slots__ = ("cell_id", "cpus", "pinnable_cpus", "memory_mb", "cpu_usage", "memory_usage_mb", "pinned_cpus", "siblings", "pages", "socket", "physnets", "tunneled")
    CELL_ID_FIELD_NUMBER: _ClassVar[int]
    CPUS_FIELD_NUMBER: _ClassVar[int]
    PINNABLE_CPUS_FIELD_NUMBER: _ClassVar[int]
    MEMORY_MB_FIELD_NUMBER: _ClassVar[int]
    CPU_USAGE_FIELD_NUMBER: _ClassVar[int]
    MEMORY_USAGE_MB_FIELD_NUMBER: _ClassVar[int]
    PINNED_CPUS_FIELD_NUMBER: _ClassVar[int]
    SIBLINGS_FIELD_NUMBER: _ClassVar[int]
    PAGES_FIELD_NUMBER: _ClassVar[int]
    SOCKET_FIELD_NUMBER: _ClassVar[int]
    PHYSNETS_FIELD_NUMBER: _ClassVar[int]
    TUNNELED_FIELD_NUMBER: _ClassVar[int]
    cell_id: int
    cpus: _containers.RepeatedScalarFieldContainer[int]
    pinnable_cpus: _containers.RepeatedScalarFieldContainer[int]
    memory_mb: int
    cpu_usage: int
    memory_usage_mb: int
    pinned_cpus: _containers.RepeatedScalarFieldContainer[int]
    siblings: _containers.RepeatedCompositeFieldContainer[CpuSet]
    pages: _containers.RepeatedCompositeFieldContainer[HostPages]
    socket: int
    physnets: _containers.RepeatedScalarFieldContainer[str]
    tunneled: bool
    def __init__(self, cell_id: _Optional[int] = ..., cpus: _Optional[_Iterable[int]] = ..., pinnable_cpus: _Optional[_Iterable[int]] = ..., memory_mb: _Optional[int] = ..., cpu_usage: _Optional[int] = ..., memory_usage_mb: _Optional[int] = ..., pinned_cpus: _Optional[_Iterable[int]] = ..., siblings: _Optional[_Iterable[_Union[CpuSet, _Mapping]]] = ..., pages: _Optional[_Iterable[_Union[HostPages, _Mapping]]] = ..., socket: _Optional[int] = ..., physnets: _Optional[_Iterable[str]] = ..., tunneled: _Optional[bool] = ...) -> None: ...

class NumaTopology(_message.Message):
    __slots__ = ("cells",)
    CELLS_FIELD_NUMBER: _ClassVar[int]
    cells: _containers.RepeatedCompositeFieldContainer[HostCell]
    def __init__(self, cells: _Optional[_Iterable[_Union[HostCell, _Mapping]]] = ...) -> None: ...

class GuestCell(_message.Message):
    __slots__ = ("cell_id", "cpus", "dedicated_cpus", "memory_mb", "page_size_kb", "cpu_policy", "cpu_thread_policy")
    CELL_ID_FIELD_NUMBER: _ClassVar[int]
    CPUS_FIELD_NUMBER: _ClassVar[int]
    DEDICATED_CPUS_FIELD_NUMBER: _ClassVar[int]
    MEMORY_MB_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_KB_FIELD_NUMBER: _ClassVar[int]
    CPU_POLICY_FIELD_NUMBER: _ClassVar[int]
    CPU_THREAD_POLICY_FIELD_NUMBER: _ClassVar[int]
    cell_id: int
    cpus: _containers.RepeatedScalarFieldContainer[int]
    dedicated_cpus: _containers.RepeatedScalarFieldContainer[int]
    memory_mb: int
    page_size_kb: int
    cpu_policy: str
    cpu_thread_policy: str
    def __init__(self, cell_id: _Optional[int] = ..., cpus: _Optional[_Iterable[int]] = ..., dedicated_cpus: _Optional[_Iterable[int]] = ..., memory_mb: _Optional[int] = ..., page_size_kb: _Optional[int] = ..., cpu_policy: _Optional[str] = ..., cpu_thread_policy: _Optional[str] = ...) -> None: ...

class NumaTopologyRequest(_message.Message):
    __slots__ = ("cells", "emulator_threads_policy")
    CELLS_FIELD_NUMBER: _ClassVar[int]
    EMULATOR_THREADS_POLICY_FIELD_NUMBER: _ClassVar[int]
    cells: _containers.RepeatedCompositeFieldContainer[GuestCell]
    emulator_threads_policy: str
    def __init__(self, cells: _Optional[_Iterable[_Union[GuestCell, _Mapping]]] = ..., emulator_threads_policy: _Optional[str] = ...) -> None: ...

class NetworkNeeds(_message.Message):
    __slots__ = ("physnets", "tunneled")
    PHYSNETS_FIELD_NUMBER: _ClassVar[int]
    TUNNELED_FIELD_NUMBER: _ClassVar[int]
    physnets: _containers.RepeatedScalarFieldContainer[str]
    tunneled: bool
    def __init__(self, physnets: _Optional[_Iterable[str]] = ..., tunneled: _Optional[bool] = ...) -> None: ...
