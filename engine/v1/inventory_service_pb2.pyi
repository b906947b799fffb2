from engine.v1 import inventory_pb2 as _inventory_pb2
from engine.v1 import request_spec_pb2 as _request_spec_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class UpdateHostsRequest(_message.Message):
    __slots__ = ("hosts",)
    HOSTS_FIELD_NUMBER: _ClassVar[int]
    hosts: _containers.RepeatedCompositeFieldContainer[_inventory_pb2.Host]
    def __init__(self, hosts: _Optional[_Iterable[_Union[_inventory_pb2.Host, _Mapping]]] = ...) -> None: ...

class UpdateHostsResponse(_message.Message):
    __slots__ = ("inventory_generation", "added", "changed")
    INVENTORY_GENERATION_FIELD_NUMBER: _ClassVar[int]
    ADDED_FIELD_NUMBER: _ClassVar[int]
    CHANGED_FIELD_NUMBER: _ClassVar[int]
    inventory_generation: int
    added: int
    changed: int
    def __init__(self, inventory_generation: _Optional[int] = ..., added: _Optional[int] = ..., changed: _Optional[int] = ...) -> None: ...

class ImportHostsRequest(_message.Message):
    __slots__ = ("arrow_ipc",)
    ARROW_IPC_FIELD_NUMBER: _ClassVar[int]
    arrow_ipc: bytes
    def __init__(self, arrow_ipc: _Optional[bytes] = ...) -> None: ...

class ImportHostsResponse(_message.Message):
    __slots__ = ("inventory_generation", "added", "changed")
    INVENTORY_GENERATION_FIELD_NUMBER: _ClassVar[int]
    ADDED_FIELD_NUMBER: _ClassVar[int]
    CHANGED_FIELD_NUMBER: _ClassVar[int]
    inventory_generation: int
    added: int
    changed: int
    def __init__(self, inventory_generation: _Optional[int] = ..., added: _Optional[int] = ..., changed: _Optional[int] = ...) -> None: ...

class ListHostsRequest(_message.Message):
    __slots__ = ("page_size", "page_token", "availability_zone", "aggregate_uuid")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    AVAILABILITY_ZONE_FIELD_NUMBER: _ClassVar[int]
    AGGREGATE_UUID_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    availability_zone: str
    aggregate_uuid: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., availability_zone: _Optional[str] = ..., aggregate_uuid: _Optional[str] = ...) -> None: ...

class ListHostsResponse(_message.Message):
    __slots__ = ("hosts", "next_page_token", "inventory_generation", "total")
    HOSTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    INVENTORY_GENERATION_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    hosts: _containers.RepeatedCompositeFieldContainer[_inventory_pb2.Host]
    next_page_token: str
    inventory_generation: int
    total: int
    def __init__(self, hosts: _Optional[_Iterable[_Union[_inventory_pb2.Host, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., inventory_generation: _Optional[int] = ..., total: _Optional[int] = ...) -> None: ...

class GetHostRequest(_message.Message):
    __slots__ = ("host_id",)
    HOST_ID_FIELD_NUMBER: _ClassVar[int]
    host_id: str
    def __init__(self, host_id: _Optional[str] = ...) -> None: ...

class GetHostResponse(_message.Message):
    __slots__ = ("host", "inventory_generation")
    HOST_FIELD_NUMBER: _ClassVar[int]
    INVENTORY_GENERATION_FIELD_NUMBER: _ClassVar[int]
    host: _inventory_pb2.Host
    inventory_generation: int
    def __init__(self, host: _Optional[_Union[_inventory_pb2.Host, _Mapping]] = ..., inventory_generation: _Optional[int] = ...) -> None: ...

class DeleteHostsRequest(_message.Message):
    __slots__ = ("host_ids",)
    HOST_IDS_FIELD_NUMBER: _ClassVar[int]
    host_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, host_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class DeleteHostsResponse(_message.Message):
    __slots__ = ("inventory_generation", "deleted")
    INVENTORY_GENERATION_FIELD_NUMBER: _ClassVar[int]
    DELETED_FIELD_NUMBER: _ClassVar[int]
    inventory_generation: int
    deleted: int
    def __init__(self, inventory_generation: _Optional[int] = ..., deleted: _Optional[int] = ...) -> None: ...

class WatchHostsRequest(_message.Message):
    __slots__ = ("after_generation",)
    AFTER_GENERATION_FIELD_NUMBER: _ClassVar[int]
    after_generation: int
    def __init__(self, after_generation: _Optional[int] = ...) -> None: ...

class WatchHostsResponse(_message.Message):
    __slots__ = ("hosts", "deleted_host_ids", "inventory_generation", "full")
    HOSTS_FIELD_NUMBER: _ClassVar[int]
    DELETED_HOST_IDS_FIELD_NUMBER: _ClassVar[int]
    INVENTORY_GENERATION_FIELD_NUMBER: _ClassVar[int]
    FULL_FIELD_NUMBER: _ClassVar[int]
    hosts: _containers.RepeatedCompositeFieldContainer[_inventory_pb2.Host]
    deleted_host_ids: _containers.RepeatedScalarFieldContainer[str]
    inventory_generation: int
    full: bool
    def __init__(self, hosts: _Optional[_Iterable[_Union[_inventory_pb2.Host, _Mapping]]] = ..., deleted_host_ids: _Optional[_Iterable[str]] = ..., inventory_generation: _Optional[int] = ..., full: _Optional[bool] = ...) -> None: ...

class UpdateAggregatesRequest(_message.Message):
    __slots__ = ("aggregates", "delete_uuids")
    AGGREGATES_FIELD_NUMBER: _ClassVar[int]
    DELETE_UUIDS_FIELD_NUMBER: _ClassVar[int]
    aggregates: _containers.RepeatedCompositeFieldContainer[_inventory_pb2.Aggregate]
    delete_uuids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, aggregates: _Optional[_Iterable[_Union[_inventory_pb2.Aggregate, _Mapping]]] = ..., delete_uuids: _Optional[_Iterable[str]] = ...) -> None: ...

class UpdateAggregatesResponse(_message.Message):
    __slots__ = ("inventory_generation",)
    INVENTORY_GENERATION_FIELD_NUMBER: _ClassVar[int]
    inventory_generation: int
    def __init__(self, inventory_generation: _Optional[int] = ...) -> None: ...

class ListAggregatesRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListAggregatesResponse(_message.Message):
    __slots__ = ("aggregates", "inventory_generation")
    AGGREGATES_FIELD_NUMBER: _ClassVar[int]
    INVENTORY_GENERATION_FIELD_NUMBER: _ClassVar[int]
    aggregates: _containers.RepeatedCompositeFieldContainer[_inventory_pb2.Aggregate]
    inventory_generation: int
    def __init__(self, aggregates: _Optional[_Iterable[_Union[_inventory_pb2.Aggregate, _Mapping]]] = ..., inventory_generation: _Optional[int] = ...) -> None: ...

class UpdateFlavorsRequest(_message.Message):
    __slots__ = ("flavors", "delete_names")
    FLAVORS_FIELD_NUMBER: _ClassVar[int]
    DELETE_NAMES_FIELD_NUMBER: _ClassVar[int]
    flavors: _containers.RepeatedCompositeFieldContainer[_request_spec_pb2.Flavor]
    delete_names: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, flavors: _Optional[_Iterable[_Union[_request_spec_pb2.Flavor, _Mapping]]] = ..., delete_names: _Optional[_Iterable[str]] = ...) -> None: ...

class UpdateFlavorsResponse(_message.Message):
    __slots__ = ("inventory_generation",)
    INVENTORY_GENERATION_FIELD_NUMBER: _ClassVar[int]
    inventory_generation: int
    def __init__(self, inventory_generation: _Optional[int] = ...) -> None: ...

class ListFlavorsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListFlavorsResponse(_message.Message):
    __slots__ = ("flavors", "inventory_generation")
    FLAVORS_FIELD_NUMBER: _ClassVar[int]
    INVENTORY_GENERATION_FIELD_NUMBER: _ClassVar[int]
    flavors: _containers.RepeatedCompositeFieldContainer[_request_spec_pb2.Flavor]
    inventory_generation: int
    def __init__(self, flavors: _Optional[_Iterable[_Union[_request_spec_pb2.Flavor, _Mapping]]] = ..., inventory_generation: _Optional[int] = ...) -> None: ...

class UpdateServerGroupsRequest(_message.Message):
    __slots__ = ("server_groups", "delete_uuids")
    SERVER_GROUPS_FIELD_NUMBER: _ClassVar[int]
    DELETE_UUIDS_FIELD_NUMBER: _ClassVar[int]
    server_groups: _containers.RepeatedCompositeFieldContainer[_inventory_pb2.ServerGroup]
    delete_uuids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, server_groups: _Optional[_Iterable[_Union[_inventory_pb2.ServerGroup, _Mapping]]] = ..., delete_uuids: _Optional[_Iterable[str]] = ...) -> None: ...

class UpdateServerGroupsResponse(_message.Message):
    __slots__ = ("inventory_generation",)
    INVENTORY_GENERATION_FIELD_NUMBER: _ClassVar[int]
    inventory_generation: int
    def __init__(self, inventory_generation: _Optional[int] = ...) -> None: ...

class ListServerGroupsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListServerGroupsResponse(_message.Message):
    __slots__ = ("server_groups", "inventory_generation")
    SERVER_GROUPS_FIELD_NUMBER: _ClassVar[int]
    INVENTORY_GENERATION_FIELD_NUMBER: _ClassVar[int]
    server_groups: _containers.RepeatedCompositeFieldContainer[_inventory_pb2.ServerGroup]
    inventory_generation: int
    def __init__(self, server_groups: _Optional[_Iterable[_Union[_inventory_pb2.ServerGroup, _Mapping]]] = ..., inventory_generation: _Optional[int] = ...) -> None: ...

class UpdateSharingProvidersRequest(_message.Message):
    __slots__ = ("providers",)
    PROVIDERS_FIELD_NUMBER: _ClassVar[int]
    providers: _containers.RepeatedCompositeFieldContainer[_inventory_pb2.ResourceProvider]
    def __init__(self, providers: _Optional[_Iterable[_Union[_inventory_pb2.ResourceProvider, _Mapping]]] = ...) -> None: ...

class UpdateSharingProvidersResponse(_message.Message):
    __slots__ = ("inventory_generation",)
    INVENTORY_GENERATION_FIELD_NUMBER: _ClassVar[int]
    inventory_generation: int
    def __init__(self, inventory_generation: _Optional[int] = ...) -> None: ...

class ListSharingProvidersRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListSharingProvidersResponse(_message.Message):
    __slots__ = ("providers", "inventory_generation")
    PROVIDERS_FIELD_NUMBER: _ClassVar[int]
    INVENTORY_GENERATION_FIELD_NUMBER: _ClassVar[int]
    providers: _containers.RepeatedCompositeFieldContainer[_inventory_pb2.ResourceProvider]
    inventory_generation: int
    def __init__(self, providers: _Optional[_Iterable[_Union[_inventory_pb2.ResourceProvider, _Mapping]]] = ..., inventory_generation: _Optional[int] = ...) -> None: ...

class DeleteSharingProvidersRequest(_message.Message):
    __slots__ = ("uuids",)
    UUIDS_FIELD_NUMBER: _ClassVar[int]
    uuids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, uuids: _Optional[_Iterable[str]] = ...) -> None: ...

class DeleteSharingProvidersResponse(_message.Message):
    __slots__ = ("inventory_generation",)
    INVENTORY_GENERATION_FIELD_NUMBER: _ClassVar[int]
    inventory_generation: int
    def __init__(self, inventory_generation: _Optional[int] = ...) -> None: ...
