from engine.v1 import numa_pb2 as _numa_pb2
from engine.v1 import pci_pb2 as _pci_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Flavor(_message.Message):
    __slots__ = ("name", "vcpus", "memory_mb", "root_gb", "ephemeral_gb", "swap_mb", "extra_specs")
    class ExtraSpecsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    VCPUS_FIELD_NUMBER: _ClassVar[int]
    MEMORY_MB_FIELD_NUMBER: _ClassVar[int]
    ROOT_GB_FIELD_NUMBER: _ClassVar[int]
    EPHEMERAL_GB_FIELD_NUMBER: _ClassVar[int]
    SWAP_MB_FIELD_NUMBER: _ClassVar[int]
    EXTRA_SPECS_FIELD_NUMBER: _ClassVar[int]
    name: str
    vcpus: int
    memory_mb: int
    root_gb: int
    ephemeral_gb: int
    swap_mb: int
    extra_specs: _containers.ScalarMap[str, str]
    def __init__(self, name: _Optional[str] = ..., vcpus: _Optional[int] = ..., memory_mb: _Optional[int] = ..., root_gb: _Optional[int] = ..., ephemeral_gb: _Optional[int] = ..., swap_mb: _Optional[int] = ..., extra_specs: _Optional[_Mapping[str, str]] = ...) -> None: ...

class Image(_message.Message):
    __slots__ = ("id", "disk_format", "properties")
    class PropertiesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    ID_FIELD_NUMBER: _ClassVar[int]
    DISK_FORMAT_FIELD_NUMBER: _ClassVar[int]
    PROPERTIES_FIELD_NUMBER: _ClassVar[int]
    id: str
    disk_format: str
    properties: _containers.ScalarMap[str, str]
    def __init__(self, id: _Optional[str] = ..., disk_format: _Optional[str] = ..., properties: _Optional[_Mapping[str, str]] = ...) -> None: ...

class HintValues(_message.Message):
    __slots__ = ("values",)
    VALUES_FIELD_NUMBER: _ClassVar[int]
    values: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, values: _Optional[_Iterable[str]] = ...) -> None: ...

class AggregateSet(_message.Message):
    __slots__ = ("aggregate_uuids",)
    AGGREGATE_UUIDS_FIELD_NUMBER: _ClassVar[int]
    aggregate_uuids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, aggregate_uuids: _Optional[_Iterable[str]] = ...) -> None: ...

class RequestedDestination(_message.Message):
    __slots__ = ("host", "node", "cell", "allow_cross_cell_move")
    HOST_FIELD_NUMBER: _ClassVar[int]
    NODE_FIELD_NUMBER: _ClassVar[int]
    CELL_FIELD_NUMBER: _ClassVar[int]
    ALLOW_CROSS_CELL_MOVE_FIELD_NUMBER: _ClassVar[int]
    host: str
    node: str
    cell: str
    allow_cross_cell_move: bool
    def __init__(self, host: _Optional[str] = ..., node: _Optional[str] = ..., cell: _Optional[str] = ..., allow_cross_cell_move: _Optional[bool] = ...) -> None: ...

class TraitSet(_message.Message):
    __slots__ = ("traits",)
    TRAITS_FIELD_NUMBER: _ClassVar[int]
    traits: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, traits: _Optional[_Iterable[str]] = ...) -> None: ...

class SuffixSet(_message.Message):
    __slots__ = ("suffixes",)
    SUFFIXES_FIELD_NUMBER: _ClassVar[int]
    suffixes: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, suffixes: _Optional[_Iterable[str]] = ...) -> None: ...

class RequestGroup(_message.Message):
    __slots__ = ("suffix", "resources", "required_traits", "forbidden_traits", "any_of_traits", "member_of", "forbidden_aggregates", "in_tree")
    class ResourcesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    SUFFIX_FIELD_NUMBER: _ClassVar[int]
    RESOURCES_FIELD_NUMBER: _ClassVar[int]
    REQUIRED_TRAITS_FIELD_NUMBER: _ClassVar[int]
    FORBIDDEN_TRAITS_FIELD_NUMBER: _ClassVar[int]
    ANY_OF_TRAITS_FIELD_NUMBER: _ClassVar[int]
    MEMBER_OF_FIELD_NUMBER: _ClassVar[int]
    FORBIDDEN_AGGREGATES_FIELD_NUMBER: _ClassVar[int]
    IN_TREE_FIELD_NUMBER: _ClassVar[int]
    suffix: str
    resources: _containers.ScalarMap[str, int]
    required_traits: _containers.RepeatedScalarFieldContainer[str]
    forbidden_traits: _containers.RepeatedScalarFieldContainer[str]
    any_of_traits: _containers.RepeatedCompositeFieldContainer[TraitSet]
    member_of: _containers.RepeatedCompositeFieldContainer[AggregateSet]
    forbidden_aggregates: _containers.RepeatedScalarFieldContainer[str]
    in_tree: str
    def __init__(self, suffix: _Optional[str] = ..., resources: _Optional[_Mapping[str, int]] = ..., required_traits: _Optional[_Iterable[str]] = ..., forbidden_traits: _Optional[_Iterable[str]] = ..., any_of_traits: _Optional[_Iterable[_Union[TraitSet, _Mapping]]] = ..., member_of: _Optional[_Iterable[_Union[AggregateSet, _Mapping]]] = ..., forbidden_aggregates: _Optional[_Iterable[str]] = ..., in_tree: _Optional[str] = ...) -> None: ...

class TriedHost(_message.Message):
    __slots__ = ("host", "node")
    HOST_FIELD_NUMBER: _ClassVar[int]
    NODE_FIELD_NUMBER: _ClassVar[int]
    host: str
    node: str
    def __init__(self, host: _Optional[str] = ..., node: _Optional[str] = ...) -> None: ...

class RequestSpec(_message.Message):
    __slots__ = ("flavor_name", "flavor", "image", "num_instances", "instance_uuids", "project_id", "user_id", "availability_zone", "required_traits", "forbidden_traits", "member_of", "instance_group", "scheduler_hints", "force_hosts", "force_nodes", "ignore_hosts", "requested_destination", "is_bfv", "alternates", "pci_requests", "networks", "requested_resources", "same_subtree", "any_of_traits", "root_required_traits", "root_forbidden_traits", "forbidden_aggregates", "network_aggregates", "tried", "numa_topology", "migration_uuid")
    class SchedulerHintsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: HintValues
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[HintValues, _Mapping]] = ...) -> None: ...
    FLAVOR_NAME_FIELD_NUMBER: _ClassVar[int]
    FLAVOR_FIELD_NUMBER: _ClassVar[int]
    IMAGE_FIELD_NUMBER: _ClassVar[int]
    NUM_INSTANCES_FIELD_NUMBER: _ClassVar[int]
    INSTANCE_UUIDS_FIELD_NUMBER: _ClassVar[int]
    PROJECT_ID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    AVAILABILITY_ZONE_FIELD_NUMBER: _ClassVar[int]
    REQUIRED_TRAITS_FIELD_NUMBER: _ClassVar[int]
    FORBIDDEN_TRAITS_FIELD_NUMBER: _ClassVar[int]
    MEMBER_OF_FIELD_NUMBER: _ClassVar[int]
    INSTANCE_GROUP_FIELD_NUMBER: _ClassVar[int]
    SCHEDULER_HINTS_FIELD_NUMBER: _ClassVar[int]
    FORCE_HOSTS_FIELD_NUMBER: _ClassVar[int]
    FORCE_NODES_FIELD_NUMBER: _ClassVar[int]
    IGNORE_HOSTS_FIELD_NUMBER: _ClassVar[int]
    REQUESTED_DESTINATION_FIELD_NUMBER: _ClassVar[int]
    IS_BFV_FIELD_NUMBER: _ClassVar[int]
    ALTERNATES_FIELD_NUMBER: _ClassVar[int]
    PCI_REQUESTS_FIELD_NUMBER: _ClassVar[int]
    NETWORKS_FIELD_NUMBER: _ClassVar[int]
    REQUESTED_RESOURCES_FIELD_NUMBER: _ClassVar[int]
    SAME_SUBTREE_FIELD_NUMBER: _ClassVar[int]
    ANY_OF_TRAITS_FIELD_NUMBER: _ClassVar[int]
    ROOT_REQUIRED_TRAITS_FIELD_NUMBER: _ClassVar[int]
    ROOT_FORBIDDEN_TRAITS_FIELD_NUMBER: _ClassVar[int]
    FORBIDDEN_AGGREGATES_FIELD_NUMBER: _ClassVar[int]
    NETWORK_AGGREGATES_FIELD_NUMBER: _ClassVar[int]
    TRIED_FIELD_NUMBER: _ClassVar[int]
    NUMA_TOPOLOGY_FIELD_NUMBER: _ClassVar[int]
    MIGRATION_UUID_FIELD_NUMBER: _ClassVar[int]
    flavor_name: str
    flavor: Flavor
    image: Image
    num_instances: int
    instance_uuids: _containers.RepeatedScalarFieldContainer[str]
    project_id: str
    user_id: str
    availability_zone: str
    required_traits: _containers.RepeatedScalarFieldContainer[str]
    forbidden_traits: _containers.RepeatedScalarFieldContainer[str]
    member_of: _containers.RepeatedCompositeFieldContainer[AggregateSet]
    instance_group: str
    scheduler_hints: _containers.MessageMap[str, HintValues]
    force_hosts: _containers.RepeatedScalarFieldContainer[str]
    force_nodes: _containers.RepeatedScalarFieldContainer[str]
    ignore_hosts: _containers.RepeatedScalarFieldContainer[str]
    requested_destination: RequestedDestination
    is_bfv: bool
    alternates: int
    pci_requests: _containers.RepeatedCompositeFieldContainer[_pci_pb2.PciRequest]
    networks: _numa_pb2.NetworkNeeds
    requested_resources: _containers.RepeatedCompositeFieldContainer[RequestGroup]
    same_subtree: _containers.RepeatedCompositeFieldContainer[SuffixSet]
    any_of_traits: _containers.RepeatedCompositeFieldContainer[TraitSet]
    root_required_traits: _containers.RepeatedScalarFieldContainer[str]
    root_forbidden_traits: _containers.RepeatedScalarFieldContainer[str]
    forbidden_aggregates: _containers.RepeatedScalarFieldContainer[str]
    network_aggregates: _containers.RepeatedCompositeFieldContainer[AggregateSet]
    tried: _containers.RepeatedCompositeFieldContainer[TriedHost]
    numa_topology: _numa_pb2.NumaTopologyRequest
    migration_uuid: str
    def __init__(self, flavor_name: _Optional[str] = ..., flavor: _Optional[_Union[Flavor, _Mapping]] = ..., image: _Optional[_Union[Image, _Mapping]] = ..., num_instances: _Optional[int] = ..., instance_uuids: _Optional[_Iterable[str]] = ..., project_id: _Optional[str] = ..., user_id: _Optional[str] = ..., availability_zone: _Optional[str] = ..., required_traits: _Optional[_Iterable[str]] = ..., forbidden_traits: _Optional[_Iterable[str]] = ..., member_of: _Optional[_Iterable[_Union[AggregateSet, _Mapping]]] = ..., instance_group: _Optional[str] = ..., scheduler_hints: _Optional[_Mapping[str, HintValues]] = ..., force_hosts: _Optional[_Iterable[str]] = ..., force_nodes: _Optional[_Iterable[str]] = ..., ignore_hosts: _Optional[_Iterable[str]] = ..., requested_destination: _Optional[_Union[RequestedDestination, _Mapping]] = ..., is_bfv: _Optional[bool] = ..., alternates: _Optional[int] = ..., pci_requests: _Optional[_Iterable[_Union[_pci_pb2.PciRequest, _Mapping]]] = ..., networks: _Optional[_Union[_numa_pb2.NetworkNeeds, _Mapping]] = ..., requested_resources: _Optional[_Iterable[_Union[RequestGroup, _Mapping]]] = ..., same_subtree: _Optional[_Iterable[_Union[SuffixSet, _Mapping]]] = ..., any_of_traits: _Optional[_Iterable[_Union[TraitSet, _Mapping]]] = ..., root_required_traits: _Optional[_Iterable[str]] = ..., root_forbidden_traits: _Optional[_Iterable[str]] = ..., forbidden_aggregates: _Optional[_Iterable[str]] = ..., network_aggregates: _Optional[_Iterable[_Union[AggregateSet, _Mapping]]] = ..., tried: _Optional[_Iterable[_Union[TriedHost, _Mapping]]] = ..., numa_topology: _Optional[_Union[_numa_pb2.NumaTopologyRequest, _Mapping]] = ..., migration_uuid: _Optional[str] = ...) -> None: ...
