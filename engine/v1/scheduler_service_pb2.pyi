from engine.v1 import request_spec_pb2 as _request_spec_pb2
from engine.v1 import selection_pb2 as _selection_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class PlacementOutcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PLACEMENT_OUTCOME_UNSPECIFIED: _ClassVar[PlacementOutcome]
    PLACEMENT_OUTCOME_PLACED: _ClassVar[PlacementOutcome]
    PLACEMENT_OUTCOME_NO_VALID_HOST: _ClassVar[PlacementOutcome]
    PLACEMENT_OUTCOME_TOKEN_REUSED: _ClassVar[PlacementOutcome]
    PLACEMENT_OUTCOME_REPEATED: _ClassVar[PlacementOutcome]
PLACEMENT_OUTCOME_UNSPECIFIED: PlacementOutcome
PLACEMENT_OUTCOME_PLACED: PlacementOutcome
PLACEMENT_OUTCOME_NO_VALID_HOST: PlacementOutcome
PLACEMENT_OUTCOME_TOKEN_REUSED: PlacementOutcome
PLACEMENT_OUTCOME_REPEATED: PlacementOutcome

class SelectDestinationsRequest(_message.Message):
    __slots__ = ("request_spec", "client_token")
    REQUEST_SPEC_FIELD_NUMBER: _ClassVar[int]
    CLIENT_TOKEN_FIELD_NUMBER: _ClassVar[int]
    request_spec: _request_spec_pb2.RequestSpec
    client_token: str
    def __init__(self, request_spec: _Optional[_Union[_request_spec_pb2.RequestSpec, _Mapping]] = ..., client_token: _Optional[str] = ...) -> None: ...

class SelectDestinationsResponse(_message.Message):
    __slots__ = ("selections", "inventory_generation")
    SELECTIONS_FIELD_NUMBER: _ClassVar[int]
    INVENTORY_GENERATION_FIELD_NUMBER: _ClassVar[int]
    selections: _containers.RepeatedCompositeFieldContainer[_selection_pb2.Selection]
    inventory_generation: int
    def __init__(self, selections: _Optional[_Iterable[_Union[_selection_pb2.Selection, _Mapping]]] = ..., inventory_generation: _Optional[int] = ...) -> None: ...

class SelectDestinationsStreamRequest(_message.Message):
    __slots__ = ("flavor_names", "flavor_codes", "tokens", "counts", "project_id", "user_id", "release_consumers", "release_positions", "sequence")
    FLAVOR_NAMES_FIELD_NUMBER: _ClassVar[int]
    FLAVOR_CODES_FIELD_NUMBER: _ClassVar[int]
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    COUNTS_FIELD_NUMBER: _ClassVar[int]
    PROJECT_ID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    RELEASE_CONSUMERS_FIELD_NUMBER: _ClassVar[int]
    RELEASE_POSITIONS_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    flavor_names: _containers.RepeatedScalarFieldContainer[str]
    flavor_codes: bytes
    tokens: bytes
    counts: bytes
    project_id: str
    user_id: str
    release_consumers: bytes
    release_positions: bytes
    sequence: int
    def __init__(self, flavor_names: _Optional[_Iterable[str]] = ..., flavor_codes: _Optional[bytes] = ..., tokens: _Optional[bytes] = ..., counts: _Optional[bytes] = ..., project_id: _Optional[str] = ..., user_id: _Optional[str] = ..., release_consumers: _Optional[bytes] = ..., release_positions: _Optional[bytes] = ..., sequence: _Optional[int] = ...) -> None: ...

class SelectDestinationsStreamResponse(_message.Message):
    __slots__ = ("sequence", "outcomes", "host_codes", "new_host_ids", "released", "inventory_generation")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    HOST_CODES_FIELD_NUMBER: _ClassVar[int]
    NEW_HOST_IDS_FIELD_NUMBER: _ClassVar[int]
    RELEASED_FIELD_NUMBER: _ClassVar[int]
    INVENTORY_GENERATION_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    outcomes: bytes
    host_codes: bytes
    new_host_ids: _containers.RepeatedScalarFieldContainer[str]
    released: int
    inventory_generation: int
    def __init__(self, sequence: _Optional[int] = ..., outcomes: _Optional[bytes] = ..., host_codes: _Optional[bytes] = ..., new_host_ids: _Optional[_Iterable[str]] = ..., released: _Optional[int] = ..., inventory_generation: _Optional[int] = ...) -> None: ...

class ReleaseAllocationsRequest(_message.Message):
    __slots__ = ("consumer_uuids",)
    CONSUMER_UUIDS_FIELD_NUMBER: _ClassVar[int]
    consumer_uuids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, consumer_uuids: _Optional[_Iterable[str]] = ...) -> None: ...

class ReleaseAllocationsResponse(_message.Message):
    __slots__ = ("released", "not_held", "inventory_generation")
    RELEASED_FIELD_NUMBER: _ClassVar[int]
    NOT_HELD_FIELD_NUMBER: _ClassVar[int]
    INVENTORY_GENERATION_FIELD_NUMBER: _ClassVar[int]
    released: int
    not_held: _containers.RepeatedScalarFieldContainer[str]
    inventory_generation: int
    def __init__(self, released: _Optional[int] = ..., not_held: _Optional[_Iterable[str]] = ..., inventory_generation: _Optional[int] = ...) -> None: ...

class MoveAllocationRequest(_message.Message):
    __slots__ = ("consumer_uuid", "host_id")
    CONSUMER_UUID_FIELD_NUMBER: _ClassVar[int]
    HOST_ID_FIELD_NUMBER: _ClassVar[int]
    consumer_uuid: str
    host_id: str
    def __init__(self, consumer_uuid: _Optional[str] = ..., host_id: _Optional[str] = ...) -> None: ...

class MoveAllocationResponse(_message.Message):
    __slots__ = ("allocation", "inventory_generation")
    ALLOCATION_FIELD_NUMBER: _ClassVar[int]
    INVENTORY_GENERATION_FIELD_NUMBER: _ClassVar[int]
    allocation: _selection_pb2.Allocation
    inventory_generation: int
    def __init__(self, allocation: _Optional[_Union[_selection_pb2.Allocation, _Mapping]] = ..., inventory_generation: _Optional[int] = ...) -> None: ...

class RevertMoveRequest(_message.Message):
    __slots__ = ("instance_uuid", "migration_uuid", "client_token")
    INSTANCE_UUID_FIELD_NUMBER: _ClassVar[int]
    MIGRATION_UUID_FIELD_NUMBER: _ClassVar[int]
    CLIENT_TOKEN_FIELD_NUMBER: _ClassVar[int]
    instance_uuid: str
    migration_uuid: str
    client_token: str
    def __init__(self, instance_uuid: _Optional[str] = ..., migration_uuid: _Optional[str] = ..., client_token: _Optional[str] = ...) -> None: ...

class RevertMoveResponse(_message.Message):
    __slots__ = ("allocation", "inventory_generation")
    ALLOCATION_FIELD_NUMBER: _ClassVar[int]
    INVENTORY_GENERATION_FIELD_NUMBER: _ClassVar[int]
    allocation: _selection_pb2.Allocation
    inventory_generation: int
    def __init__(self, allocation: _Optional[_Union[_selection_pb2.Allocation, _Mapping]] = ..., inventory_generation: _Optional[int] = ...) -> None: ...

class GetAllocationRequest(_message.Message):
    __slots__ = ("consumer_uuid",)
    CONSUMER_UUID_FIELD_NUMBER: _ClassVar[int]
    consumer_uuid: str
    def __init__(self, consumer_uuid: _Optional[str] = ...) -> None: ...

class GetAllocationResponse(_message.Message):
    __slots__ = ("allocation", "inventory_generation")
    ALLOCATION_FIELD_NUMBER: _ClassVar[int]
    INVENTORY_GENERATION_FIELD_NUMBER: _ClassVar[int]
    allocation: _selection_pb2.Allocation
    inventory_generation: int
    def __init__(self, allocation: _Optional[_Union[_selection_pb2.Allocation, _Mapping]] = ..., inventory_generation: _Optional[int] = ...) -> None: ...

class ListAllocationsRequest(_message.Message):
    __slots__ = ("host_id", "project_id", "page_size", "page_token")
    HOST_ID_FIELD_NUMBER: _ClassVar[int]
    PROJECT_ID_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    host_id: str
    project_id: str
    page_size: int
    page_token: str
    def __init__(self, host_id: _Optional[str] = ..., project_id: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListAllocationsResponse(_message.Message):
    __slots__ = ("allocations", "next_page_token", "inventory_generation", "total")
    ALLOCATIONS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    INVENTORY_GENERATION_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    allocations: _containers.RepeatedCompositeFieldContainer[_selection_pb2.Allocation]
    next_page_token: str
    inventory_generation: int
    total: int
    def __init__(self, allocations: _Optional[_Iterable[_Union[_selection_pb2.Allocation, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., inventory_generation: _Optional[int] = ..., total: _Optional[int] = ...) -> None: ...

class ExplainSelectionRequest(_message.Message):
    __slots__ = ("request_spec", "host_ids", "weighed_limit", "nearest_limit")
    REQUEST_SPEC_FIELD_NUMBER: _ClassVar[int]
    HOST_IDS_FIELD_NUMBER: _ClassVar[int]
    WEIGHED_LIMIT_FIELD_NUMBER: _ClassVar[int]
    NEAREST_LIMIT_FIELD_NUMBER: _ClassVar[int]
    request_spec: _request_spec_pb2.RequestSpec
    host_ids: _containers.RepeatedScalarFieldContainer[str]
    weighed_limit: int
    nearest_limit: int
    def __init__(self, request_spec: _Optional[_Union[_request_spec_pb2.RequestSpec, _Mapping]] = ..., host_ids: _Optional[_Iterable[str]] = ..., weighed_limit: _Optional[int] = ..., nearest_limit: _Optional[int] = ...) -> None: ...

class ExplainSelectionResponse(_message.Message):
    __slots__ = ("summary", "hosts_passed", "verdicts", "weighed", "nearest", "inventory_generation")
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    HOSTS_PASSED_FIELD_NUMBER: _ClassVar[int]
    VERDICTS_FIELD_NUMBER: _ClassVar[int]
    WEIGHED_FIELD_NUMBER: _ClassVar[int]
    NEAREST_FIELD_NUMBER: _ClassVar[int]
    INVENTORY_GENERATION_FIELD_NUMBER: _ClassVar[int]
    summary: _selection_pb2.RejectionSummary
    hosts_passed: int
    verdicts: _containers.RepeatedCompositeFieldContainer[_selection_pb2.HostVerdict]
    weighed: _containers.RepeatedCompositeFieldContainer[_selection_pb2.WeighedHost]
    nearest: _containers.RepeatedCompositeFieldContainer[_selection_pb2.NearestHost]
    inventory_generation: int
    def __init__(self, summary: _Optional[_Union[_selection_pb2.RejectionSummary, _Mapping]] = ..., hosts_passed: _Optional[int] = ..., verdicts: _Optional[_Iterable[_Union[_selection_pb2.HostVerdict, _Mapping]]] = ..., weighed: _Optional[_Iterable[_Union[_selection_pb2.WeighedHost, _Mapping]]] = ..., nearest: _Optional[_Iterable[_Union[_selection_pb2.NearestHost, _Mapping]]] = ..., inventory_generation: _Optional[int] = ...) -> None: ...

class AuditAllocationsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class AuditDifference(_message.Message):
    __slots__ = ("subject", "problem")
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    PROBLEM_FIELD_NUMBER: _ClassVar[int]
    subject: str
    problem: str
    def __init__(self, subject: _Optional[str] = ..., problem: _Optional[str] = ...) -> None: ...

class AuditAllocationsResponse(_message.Message):
    __slots__ = ("clean", "differences", "hosts", "allocations", "inventory_generation")
    CLEAN_FIELD_NUMBER: _ClassVar[int]
    DIFFERENCES_FIELD_NUMBER: _ClassVar[int]
    HOSTS_FIELD_NUMBER: _ClassVar[int]
    ALLOCATIONS_FIELD_NUMBER: _ClassVar[int]
    INVENTORY_GENERATION_FIELD_NUMBER: _ClassVar[int]
    clean: bool
    differences: _containers.RepeatedCompositeFieldContainer[AuditDifference]
    hosts: int
    allocations: int
    inventory_generation: int
    def __init__(self, clean: _Optional[bool] = ..., differences: _Optional[_Iterable[_Union[AuditDifference, _Mapping]]] = ..., hosts: _Optional[int] = ..., allocations: _Optional[int] = ..., inventory_generation: _Optional[int] = ...) -> None: ...
