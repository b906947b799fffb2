from engine.v1 import assignment_pb2 as _assignment_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class HostChoice(_message.Message):
    __slots__ = ("host_id", "weight")
    HOST_ID_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    host_id: str
    weight: float
    def __init__(self, host_id: _Optional[str] = ..., weight: _Optional[float] = ...) -> None: ...

class Selection(_message.Message):
    __slots__ = ("instance_uuid", "host", "alternates", "assignment")
    INSTANCE_UUID_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    ALTERNATES_FIELD_NUMBER: _ClassVar[int]
    ASSIGNMENT_FIELD_NUMBER: _ClassVar[int]
    instance_uuid: str
    host: HostChoice
    alternates: _containers.RepeatedCompositeFieldContainer[HostChoice]
    assignment: _assignment_pb2.Assignment
    def __init__(self, instance_uuid: _Optional[str] = ..., host: _Optional[_Union[HostChoice, _Mapping]] = ..., alternates: _Optional[_Iterable[_Union[HostChoice, _Mapping]]] = ..., assignment: _Optional[_Union[_assignment_pb2.Assignment, _Mapping]] = ...) -> None: ...

class FilterRejection(_message.Message):
    __slots__ = ("filter", "hosts_removed", "hosts_left", "reason")
    FILTER_FIELD_NUMBER: _ClassVar[int]
    HOSTS_REMOVED_FIELD_NUMBER: _ClassVar[int]
    HOSTS_LEFT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    filter: str
    hosts_removed: int
    hosts_left: int
    reason: str
    def __init__(self, filter: _Optional[str] = ..., hosts_removed: _Optional[int] = ..., hosts_left: _Optional[int] = ..., reason: _Optional[str] = ...) -> None: ...

class RejectionSummary(_message.Message):
    __slots__ = ("hosts_total", "rejections", "instances_placed")
    HOSTS_TOTAL_FIELD_NUMBER: _ClassVar[int]
    REJECTIONS_FIELD_NUMBER: _ClassVar[int]
    INSTANCES_PLACED_FIELD_NUMBER: _ClassVar[int]
    hosts_total: int
    rejections: _containers.RepeatedCompositeFieldContainer[FilterRejection]
    instances_placed: int
    def __init__(self, hosts_total: _Optional[int] = ..., rejections: _Optional[_Iterable[_Union[FilterRejection, _Mapping]]] = ..., instances_placed: _Optional[int] = ...) -> None: ...

class FilterVerdict(_message.Message):
    __slots__ = ("filter", "passed", "reason")
    FILTER_FIELD_NUMBER: _ClassVar[int]
    PASSED_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    filter: str
    passed: bool
    reason: str
    def __init__(self, filter: _Optional[str] = ..., passed: _Optional[bool] = ..., reason: _Optional[str] = ...) -> None: ...

class WeightTerm(_message.Message):
    __slots__ = ("weigher", "raw", "normalized", "multiplier", "weight")
    WEIGHER_FIELD_NUMBER: _ClassVar[int]
    RAW_FIELD_NUMBER: _ClassVar[int]
    NORMALIZED_FIELD_NUMBER: _ClassVar[int]
    MULTIPLIER_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    weigher: str
    raw: float
    normalized: float
    multiplier: float
    weight: float
    def __init__(self, weigher: _Optional[str] = ..., raw: _Optional[float] = ..., normalized: _Optional[float] = ..., multiplier: _Optional[float] = ..., weight: _Optional[float] = ...) -> None: ...

class WeighedHost(_message.Message):
    __slots__ = ("host_id", "weight", "terms")
    HOST_ID_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    TERMS_FIELD_NUMBER: _ClassVar[int]
    host_id: str
    weight: float
    terms: _containers.RepeatedCompositeFieldContainer[WeightTerm]
    def __init__(self, host_id: _Optional[str] = ..., weight: _Optional[float] = ..., terms: _Optional[_Iterable[_Union[WeightTerm, _Mapping]]] = ...) -> None: ...

class NearestHost(_message.Message):
    __slots__ = ("host_id", "changes")
    HOST_ID_FIELD_NUMBER: _ClassVar[int]
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    host_id: str
    changes: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, host_id: _Optional[str] = ..., changes: _Optional[_Iterable[str]] = ...) -> None: ...

class HostVerdict(_message.Message):
    __slots__ = ("host_id", "passed", "verdicts")
    HOST_ID_FIELD_NUMBER: _ClassVar[int]
    PASSED_FIELD_NUMBER: _ClassVar[int]
    VERDICTS_FIELD_NUMBER: _ClassVar[int]
    host_id: str
    passed: bool
    verdicts: _containers.RepeatedCompositeFieldContainer[FilterVerdict]
    def __init__(self, host_id: _Optional[str] = ..., passed: _Optional[bool] = ..., verdicts: _Optional[_Iterable[_Union[FilterVerdict, _Mapping]]] = ...) -> None: ...

class Allocation(_message.Message):
    __slots__ = ("consumer_uuid", "host_id", "resources", "vcpus", "memory_mb", "disk_gb", "flavor_name", "project_id", "user_id", "instance_group", "created_us", "assignment")
    class ResourcesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    CONSUMER_UUID_FIELD_NUMBER: _ClassVar[int]
    HOST_ID_FIELD_NUMBER: _ClassVar[int]
    RESOURCES_FIELD_NUMBER: _ClassVar[int]
    VCPUS_FIELD_NUMBER: _ClassVar[int]
    MEMORY_MB_FIELD_NUMBER: _ClassVar[int]
    DISK_GB_FIELD_NUMBER: _ClassVar[int]
    FLAVOR_NAME_FIELD_NUMBER: _ClassVar[int]
    PROJECT_ID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    INSTANCE_GROUP_FIELD_NUMBER: _ClassVar[int]
    CREATED_US_FIELD_NUMBER: _ClassVar[int]
    ASSIGNMENT_FIELD_NUMBER: _ClassVar[int]
    consumer_uuid: str
    host_id: str
    resources: _containers.ScalarMap[str, int]
    vcpus: int
    memory_mb: int
    disk_gb: int
    flavor_name: str
    project_id: str
    user_id: str
    instance_group: str
    created_us: int
    assignment: _assignment_pb2.Assignment
    def __init__(self, consumer_uuid: _Optional[str] = ..., host_id: _Optional[str] = ..., resources: _Optional[_Mapping[str, int]] = ..., vcpus: _Optional[int] = ..., memory_mb: _Optional[int] = ..., disk_gb: _Optional[int] = ..., flavor_name: _Optional[str] = ..., project_id: _Optional[str] = ..., user_id: _Optional[str] = ..., instance_group: _Optional[str] = ..., created_us: _Optional[int] = ..., assignment: _Optional[_Union[_assignment_pb2.Assignment, _Mapping]] = ...) -> None: ...
