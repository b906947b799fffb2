from engine.v1 import instance_pb2 as _instance_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class BuildOrder(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    BUILD_ORDER_UNSPECIFIED: _ClassVar[BuildOrder]
    BUILD_ORDER_START: _ClassVar[BuildOrder]
    BUILD_ORDER_RESUME: _ClassVar[BuildOrder]
    BUILD_ORDER_STALE: _ClassVar[BuildOrder]
    BUILD_ORDER_DELETING: _ClassVar[BuildOrder]

class BuildFailure(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    BUILD_FAILURE_UNSPECIFIED: _ClassVar[BuildFailure]
    BUILD_FAILURE_RESCHEDULE: _ClassVar[BuildFailure]
    BUILD_FAILURE_ABORT: _ClassVar[BuildFailure]

class DomainOrder(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DOMAIN_ORDER_UNSPECIFIED: _ClassVar[DomainOrder]
    DOMAIN_ORDER_STOP: _ClassVar[DomainOrder]
    DOMAIN_ORDER_DESTROY: _ClassVar[DomainOrder]
BUILD_ORDER_UNSPECIFIED: BuildOrder
BUILD_ORDER_START: BuildOrder
BUILD_ORDER_RESUME: BuildOrder
BUILD_ORDER_STALE: BuildOrder
BUILD_ORDER_DELETING: BuildOrder
BUILD_FAILURE_UNSPECIFIED: BuildFailure
BUILD_FAILURE_RESCHEDULE: BuildFailure
BUILD_FAILURE_ABORT: BuildFailure
DOMAIN_ORDER_UNSPECIFIED: DomainOrder
DOMAIN_ORDER_STOP: DomainOrder
DOMAIN_ORDER_DESTROY: DomainOrder

class Subscription(_message.Message):
    __slots__ = ("agent_id", "hosts")
    AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    HOSTS_FIELD_NUMBER: _ClassVar[int]
    agent_id: str
    hosts: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, agent_id: _Optional[str] = ..., hosts: _Optional[_Iterable[str]] = ...) -> None: ...

class Acknowledgement(_message.Message):
    __slots__ = ("message_ids",)
    MESSAGE_IDS_FIELD_NUMBER: _ClassVar[int]
    message_ids: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, message_ids: _Optional[_Iterable[int]] = ...) -> None: ...

class Postponement(_message.Message):
    __slots__ = ("message_id", "delay_ms")
    MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    DELAY_MS_FIELD_NUMBER: _ClassVar[int]
    message_id: int
    delay_ms: int
    def __init__(self, message_id: _Optional[int] = ..., delay_ms: _Optional[int] = ...) -> None: ...

class CallAnswer(_message.Message):
    __slots__ = ("call_id", "body_json", "error")
    CALL_ID_FIELD_NUMBER: _ClassVar[int]
    BODY_JSON_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    call_id: int
    body_json: str
    error: str
    def __init__(self, call_id: _Optional[int] = ..., body_json: _Optional[str] = ..., error: _Optional[str] = ...) -> None: ...

class AttendRequest(_message.Message):
    __slots__ = ("subscription", "acknowledgement", "postponement", "answer")
    SUBSCRIPTION_FIELD_NUMBER: _ClassVar[int]
    ACKNOWLEDGEMENT_FIELD_NUMBER: _ClassVar[int]
    POSTPONEMENT_FIELD_NUMBER: _ClassVar[int]
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    subscription: Subscription
    acknowledgement: Acknowledgement
    postponement: Postponement
    answer: CallAnswer
    def __init__(self, subscription: _Optional[_Union[Subscription, _Mapping]] = ..., acknowledgement: _Optional[_Union[Acknowledgement, _Mapping]] = ..., postponement: _Optional[_Union[Postponement, _Mapping]] = ..., answer: _Optional[_Union[CallAnswer, _Mapping]] = ...) -> None: ...

class Delivery(_message.Message):
    __slots__ = ("message_id", "host", "body_json")
    MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    BODY_JSON_FIELD_NUMBER: _ClassVar[int]
    message_id: int
    host: str
    body_json: str
    def __init__(self, message_id: _Optional[int] = ..., host: _Optional[str] = ..., body_json: _Optional[str] = ...) -> None: ...

class Call(_message.Message):
    __slots__ = ("call_id", "host", "method", "body_json")
    CALL_ID_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    BODY_JSON_FIELD_NUMBER: _ClassVar[int]
    call_id: int
    host: str
    method: str
    body_json: str
    def __init__(self, call_id: _Optional[int] = ..., host: _Optional[str] = ..., method: _Optional[str] = ..., body_json: _Optional[str] = ...) -> None: ...

class AttendResponse(_message.Message):
    __slots__ = ("delivery", "call")
    DELIVERY_FIELD_NUMBER: _ClassVar[int]
    CALL_FIELD_NUMBER: _ClassVar[int]
    delivery: Delivery
    call: Call
    def __init__(self, delivery: _Optional[_Union[Delivery, _Mapping]] = ..., call: _Optional[_Union[Call, _Mapping]] = ...) -> None: ...

class StartBuildRequest(_message.Message):
    __slots__ = ("instance_uuid", "host", "attempt", "steps")
    INSTANCE_UUID_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    instance_uuid: str
    host: str
    attempt: int
    steps: _containers.RepeatedCompositeFieldContainer[_instance_pb2.StepRecord]
    def __init__(self, instance_uuid: _Optional[str] = ..., host: _Optional[str] = ..., attempt: _Optional[int] = ..., steps: _Optional[_Iterable[_Union[_instance_pb2.StepRecord, _Mapping]]] = ...) -> None: ...

class StartBuildResponse(_message.Message):
    __slots__ = ("order", "instance", "steps")
    ORDER_FIELD_NUMBER: _ClassVar[int]
    INSTANCE_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    order: BuildOrder
    instance: _instance_pb2.Instance
    steps: _containers.RepeatedCompositeFieldContainer[_instance_pb2.StepRecord]
    def __init__(self, order: _Optional[_Union[BuildOrder, str]] = ..., instance: _Optional[_Union[_instance_pb2.Instance, _Mapping]] = ..., steps: _Optional[_Iterable[_Union[_instance_pb2.StepRecord, _Mapping]]] = ...) -> None: ...

class SaveProgressRequest(_message.Message):
    __slots__ = ("instance_uuid", "host", "attempt", "task_state", "steps", "interfaces", "block_devices")
    INSTANCE_UUID_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    TASK_STATE_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    INTERFACES_FIELD_NUMBER: _ClassVar[int]
    BLOCK_DEVICES_FIELD_NUMBER: _ClassVar[int]
    instance_uuid: str
    host: str
    attempt: int
    task_state: str
    steps: _containers.RepeatedCompositeFieldContainer[_instance_pb2.StepRecord]
    interfaces: _containers.RepeatedCompositeFieldContainer[_instance_pb2.NetworkInterface]
    block_devices: _containers.RepeatedCompositeFieldContainer[_instance_pb2.BlockDevice]
    def __init__(self, instance_uuid: _Optional[str] = ..., host: _Optional[str] = ..., attempt: _Optional[int] = ..., task_state: _Optional[str] = ..., steps: _Optional[_Iterable[_Union[_instance_pb2.StepRecord, _Mapping]]] = ..., interfaces: _Optional[_Iterable[_Union[_instance_pb2.NetworkInterface, _Mapping]]] = ..., block_devices: _Optional[_Iterable[_Union[_instance_pb2.BlockDevice, _Mapping]]] = ...) -> None: ...

class SaveProgressResponse(_message.Message):
    __slots__ = ("order",)
    ORDER_FIELD_NUMBER: _ClassVar[int]
    order: BuildOrder
    def __init__(self, order: _Optional[_Union[BuildOrder, str]] = ...) -> None: ...

class FinishBuildRequest(_message.Message):
    __slots__ = ("instance_uuid", "host", "attempt", "power_state", "steps", "interfaces", "block_devices", "root_device_name")
    INSTANCE_UUID_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    POWER_STATE_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    INTERFACES_FIELD_NUMBER: _ClassVar[int]
    BLOCK_DEVICES_FIELD_NUMBER: _ClassVar[int]
    ROOT_DEVICE_NAME_FIELD_NUMBER: _ClassVar[int]
    instance_uuid: str
    host: str
    attempt: int
    power_state: int
    steps: _containers.RepeatedCompositeFieldContainer[_instance_pb2.StepRecord]
    interfaces: _containers.RepeatedCompositeFieldContainer[_instance_pb2.NetworkInterface]
    block_devices: _containers.RepeatedCompositeFieldContainer[_instance_pb2.BlockDevice]
    root_device_name: str
    def __init__(self, instance_uuid: _Optional[str] = ..., host: _Optional[str] = ..., attempt: _Optional[int] = ..., power_state: _Optional[int] = ..., steps: _Optional[_Iterable[_Union[_instance_pb2.StepRecord, _Mapping]]] = ..., interfaces: _Optional[_Iterable[_Union[_instance_pb2.NetworkInterface, _Mapping]]] = ..., block_devices: _Optional[_Iterable[_Union[_instance_pb2.BlockDevice, _Mapping]]] = ..., root_device_name: _Optional[str] = ...) -> None: ...

class FinishBuildResponse(_message.Message):
    __slots__ = ("order",)
    ORDER_FIELD_NUMBER: _ClassVar[int]
    order: BuildOrder
    def __init__(self, order: _Optional[_Union[BuildOrder, str]] = ...) -> None: ...

class FailBuildRequest(_message.Message):
    __slots__ = ("instance_uuid", "host", "attempt", "failure", "message", "details", "steps", "undone")
    INSTANCE_UUID_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    DETAILS_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    UNDONE_FIELD_NUMBER: _ClassVar[int]
    instance_uuid: str
    host: str
    attempt: int
    failure: BuildFailure
    message: str
    details: str
    steps: _containers.RepeatedCompositeFieldContainer[_instance_pb2.StepRecord]
    undone: bool
    def __init__(self, instance_uuid: _Optional[str] = ..., host: _Optional[str] = ..., attempt: _Optional[int] = ..., failure: _Optional[_Union[BuildFailure, str]] = ..., message: _Optional[str] = ..., details: _Optional[str] = ..., steps: _Optional[_Iterable[_Union[_instance_pb2.StepRecord, _Mapping]]] = ..., undone: _Optional[bool] = ...) -> None: ...

class FailBuildResponse(_message.Message):
    __slots__ = ("next_host",)
    NEXT_HOST_FIELD_NUMBER: _ClassVar[int]
    next_host: str
    def __init__(self, next_host: _Optional[str] = ...) -> None: ...

class GetInstanceRequest(_message.Message):
    __slots__ = ("instance_uuid",)
    INSTANCE_UUID_FIELD_NUMBER: _ClassVar[int]
    instance_uuid: str
    def __init__(self, instance_uuid: _Optional[str] = ...) -> None: ...

class GetInstanceResponse(_message.Message):
    __slots__ = ("instance",)
    INSTANCE_FIELD_NUMBER: _ClassVar[int]
    instance: _instance_pb2.Instance
    def __init__(self, instance: _Optional[_Union[_instance_pb2.Instance, _Mapping]] = ...) -> None: ...

class FinishActionRequest(_message.Message):
    __slots__ = ("instance_uuid", "host", "action", "request_id", "error", "vm_state", "power_state", "block_device")
    INSTANCE_UUID_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    VM_STATE_FIELD_NUMBER: _ClassVar[int]
    POWER_STATE_FIELD_NUMBER: _ClassVar[int]
    BLOCK_DEVICE_FIELD_NUMBER: _ClassVar[int]
    instance_uuid: str
    host: str
    action: str
    request_id: str
    error: str
    vm_state: str
    power_state: int
    block_device: _instance_pb2.BlockDevice
    def __init__(self, instance_uuid: _Optional[str] = ..., host: _Optional[str] = ..., action: _Optional[str] = ..., request_id: _Optional[str] = ..., error: _Optional[str] = ..., vm_state: _Optional[str] = ..., power_state: _Optional[int] = ..., block_device: _Optional[_Union[_instance_pb2.BlockDevice, _Mapping]] = ...) -> None: ...

class FinishActionResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListHostInstancesRequest(_message.Message):
    __slots__ = ("host",)
    HOST_FIELD_NUMBER: _ClassVar[int]
    host: str
    def __init__(self, host: _Optional[str] = ...) -> None: ...

class ListHostInstancesResponse(_message.Message):
    __slots__ = ("instances",)
    INSTANCES_FIELD_NUMBER: _ClassVar[int]
    instances: _containers.RepeatedCompositeFieldContainer[_instance_pb2.Instance]
    def __init__(self, instances: _Optional[_Iterable[_Union[_instance_pb2.Instance, _Mapping]]] = ...) -> None: ...

class DomainPower(_message.Message):
    __slots__ = ("instance_uuid", "power_state")
    INSTANCE_UUID_FIELD_NUMBER: _ClassVar[int]
    POWER_STATE_FIELD_NUMBER: _ClassVar[int]
    instance_uuid: str
    power_state: int
    def __init__(self, instance_uuid: _Optional[str] = ..., power_state: _Optional[int] = ...) -> None: ...

class SyncPowerStatesRequest(_message.Message):
    __slots__ = ("host", "domains", "complete")
    HOST_FIELD_NUMBER: _ClassVar[int]
    DOMAINS_FIELD_NUMBER: _ClassVar[int]
    COMPLETE_FIELD_NUMBER: _ClassVar[int]
    host: str
    domains: _containers.RepeatedCompositeFieldContainer[DomainPower]
    complete: bool
    def __init__(self, host: _Optional[str] = ..., domains: _Optional[_Iterable[_Union[DomainPower, _Mapping]]] = ..., complete: _Optional[bool] = ...) -> None: ...

class DomainCommand(_message.Message):
    __slots__ = ("instance_uuid", "order")
    INSTANCE_UUID_FIELD_NUMBER: _ClassVar[int]
    ORDER_FIELD_NUMBER: _ClassVar[int]
    instance_uuid: str
    order: DomainOrder
    def __init__(self, instance_uuid: _Optional[str] = ..., order: _Optional[_Union[DomainOrder, str]] = ...) -> None: ...

class SyncPowerStatesResponse(_message.Message):
    __slots__ = ("commands",)
    COMMANDS_FIELD_NUMBER: _ClassVar[int]
    commands: _containers.RepeatedCompositeFieldContainer[DomainCommand]
    def __init__(self, commands: _Optional[_Iterable[_Union[DomainCommand, _Mapping]]] = ...) -> None: ...

class CallHostRequest(_message.Message):
    __slots__ = ("host", "method", "body_json", "timeout_ms")
    HOST_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    BODY_JSON_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_MS_FIELD_NUMBER: _ClassVar[int]
    host: str
    method: str
    body_json: str
    timeout_ms: int
    def __init__(self, host: _Optional[str] = ..., method: _Optional[str] = ..., body_json: _Optional[str] = ..., timeout_ms: _Optional[int] = ...) -> None: ...

class CallHostResponse(_message.Message):
    __slots__ = ("body_json",)
    BODY_JSON_FIELD_NUMBER: _ClassVar[int]
    body_json: str
    def __init__(self, body_json: _Optional[str] = ...) -> None: ...

class WakeUpRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class WakeUpResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
