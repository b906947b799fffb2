from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class PciPool(_message.Message):
    __slots__ = ("vendor_id", "product_id", "numa_node", "count", "tags", "null_tags")
    class TagsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    VENDOR_ID_FIELD_NUMBER: _ClassVar[int]
    PRODUCT_ID_FIELD_NUMBER: _ClassVar[int]
    NUMA_NODE_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    NULL_TAGS_FIELD_NUMBER: _ClassVar[int]
    vendor_id: str
    product_id: str
    numa_node: int
    count: int
    tags: _containers.ScalarMap[str, str]
    null_tags: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, vendor_id: _Optional[str] = ..., product_id: _Optional[str] = ..., numa_node: _Optional[int] = ..., count: _Optional[int] = ..., tags: _Optional[_Mapping[str, str]] = ..., null_tags: _Optional[_Iterable[str]] = ...) -> None: ...

class PciPools(_message.Message):
    __slots__ = ("pools",)
    POOLS_FIELD_NUMBER: _ClassVar[int]
    pools: _containers.RepeatedCompositeFieldContainer[PciPool]
    def __init__(self, pools: _Optional[_Iterable[_Union[PciPool, _Mapping]]] = ...) -> None: ...

class PciSpec(_message.Message):
    __slots__ = ("facts",)
    class FactsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    FACTS_FIELD_NUMBER: _ClassVar[int]
    facts: _containers.ScalarMap[str, str]
    def __init__(self, facts: _Optional[_Mapping[str, str]] = ...) -> None: ...

class PciRequest(_message.Message):
    __slots__ = ("count", "specs", "numa_policy", "request_id", "alias_name", "requester_id", "live_migratable")
    COUNT_FIELD_NUMBER: _ClassVar[int]
    SPECS_FIELD_NUMBER: _ClassVar[int]
    NUMA_POLICY_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    ALIAS_NAME_FIELD_NUMBER: _ClassVar[int]
    REQUESTER_ID_FIELD_NUMBER: _ClassVar[int]
    LIVE_MIGRATABLE_FIELD_NUMBER: _ClassVar[int]
    count: int
    specs: _containers.RepeatedCompositeFieldContainer[PciSpec]
    numa_policy: str
    request_id: str
    alias_name: str
    requester_id: str
    live_migratable: bool
    def __init__(self, count: _Optional[int] = ..., specs: _Optional[_Iterable[_Union[PciSpec, _Mapping]]] = ..., numa_policy: _Optional[str] = ..., request_id: _Optional[str] = ..., alias_name: _Optional[str] = ..., requester_id: _Optional[str] = ..., live_migratable: _Optional[bool] = ...) -> None: ...
