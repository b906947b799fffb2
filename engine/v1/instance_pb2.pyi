from engine.v1 import assignment_pb2 as _assignment_pb2
from engine.v1 import request_spec_pb2 as _request_spec_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RequestedNetwork(_message.Message):
    __slots__ = ("network_id", "port_id", "fixed_ip", "tag")
    NETWORK_ID_FIELD_NUMBER: _ClassVar[int]
    PORT_ID_FIELD_NUMBER: _ClassVar[int]
    FIXED_IP_FIELD_NUMBER: _ClassVar[int]
    TAG_FIELD_NUMBER: _ClassVar[int]
    network_id: str
    port_id: str
    fixed_ip: str
    tag: str
    def __init__(self, network_id: _Optional[str] = ..., port_id: _Optional[str] = ..., fixed_ip: _Optional[str] = ..., tag: _Optional[str] = ...) -> None: ...

class BlockDevice(_message.Message):
    __slots__ = ("uuid", "source_type", "destination_type", "image_id", "volume_id", "attachment_id", "size_gb", "boot_index", "device_name", "delete_on_termination", "volume_type", "tag", "connection_info_json")
    UUID_FIELD_NUMBER: _ClassVar[int]
    SOURCE_TYPE_FIELD_NUMBER: _ClassVar[int]
    DESTINATION_TYPE_FIELD_NUMBER: _ClassVar[int]
    IMAGE_ID_FIELD_NUMBER: _ClassVar[int]
    VOLUME_ID_FIELD_NUMBER: _ClassVar[int]
    ATTACHMENT_ID_FIELD_NUMBER: _ClassVar[int]
    SIZE_GB_FIELD_NUMBER: _ClassVar[int]
    BOOT_INDEX_FIELD_NUMBER: _ClassVar[int]
    DEVICE_NAME_FIELD_NUMBER: _ClassVar[int]
    DELETE_ON_TERMINATION_FIELD_NUMBER: _ClassVar[int]
    VOLUME_TYPE_FIELD_NUMBER: _ClassVar[int]
    TAG_FIELD_NUMBER: _ClassVar[int]
    CONNECTION_INFO_JSON_FIELD_NUMBER: _ClassVar[int]
    uuid: str
    source_type: str
    destination_type: str
    image_id: str
    volume_id: str
    attachment_id: str
    size_gb: int
    boot_index: int
    device_name: str
    delete_on_termination: bool
    volume_type: str
    tag: str
    connection_info_json: str
    def __init__(self, uuid: _Optional[str] = ..., source_type: _Optional[str] = ..., destination_type: _Optional[str] = ..., image_id: _Optional[str] = ..., volume_id: _Optional[str] = ..., attachment_id: _Optional[str] = ..., size_gb: _Optional[int] = ..., boot_index: _Optional[int] = ..., device_name: _Optional[str] = ..., delete_on_termination: _Optional[bool] = ..., volume_type: _Optional[str] = ..., tag: _Optional[str] = ..., connection_info_json: _Optional[str] = ...) -> None: ...

class FixedAddress(_message.Message):
    __slots__ = ("address", "subnet_id")
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    SUBNET_ID_FIELD_NUMBER: _ClassVar[int]
    address: str
    subnet_id: str
    def __init__(self, address: _Optional[str] = ..., subnet_id: _Optional[str] = ...) -> None: ...

class NetworkInterface(_message.Message):
    __slots__ = ("port_id", "network_id", "network_name", "mac_address", "addresses", "vif_type", "mtu", "preexisting", "tag")
    PORT_ID_FIELD_NUMBER: _ClassVar[int]
    NETWORK_ID_FIELD_NUMBER: _ClassVar[int]
    NETWORK_NAME_FIELD_NUMBER: _ClassVar[int]
    MAC_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    ADDRESSES_FIELD_NUMBER: _ClassVar[int]
    VIF_TYPE_FIELD_NUMBER: _ClassVar[int]
    MTU_FIELD_NUMBER: _ClassVar[int]
    PREEXISTING_FIELD_NUMBER: _ClassVar[int]
    TAG_FIELD_NUMBER: _ClassVar[int]
    port_id: str
    network_id: str
    network_name: str
    mac_address: str
    addresses: _containers.RepeatedCompositeFieldContainer[FixedAddress]
    vif_type: str
    mtu: int
    preexisting: bool
    tag: str
    def __init__(self, port_id: _Optional[str] = ..., network_id: _Optional[str] = ..., network_name: _Optional[str] = ..., mac_address: _Optional[str] = ..., addresses: _Optional[_Iterable[_Union[FixedAddress, _Mapping]]] = ..., vif_type: _Optional[str] = ..., mtu: _Optional[int] = ..., preexisting: _Optional[bool] = ..., tag: _Optional[str] = ...) -> None: ...

class Instance(_message.Message):
    __slots__ = ("uuid", "number", "display_name", "hostname", "project_id", "user_id", "project_name", "user_name", "host", "attempt", "vm_state", "task_state", "power_state", "flavor", "flavor_id", "image_id", "image_properties", "requested_networks", "block_devices", "interfaces", "security_groups", "key_name", "key_data", "user_data", "metadata", "config_drive", "availability_zone", "created_us", "reservation_id", "launch_index", "assignment")
    class ImagePropertiesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    class MetadataEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    UUID_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    DISPLAY_NAME_FIELD_NUMBER: _ClassVar[int]
    HOSTNAME_FIELD_NUMBER: _ClassVar[int]
    PROJECT_ID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    PROJECT_NAME_FIELD_NUMBER: _ClassVar[int]
    USER_NAME_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    VM_STATE_FIELD_NUMBER: _ClassVar[int]
    TASK_STATE_FIELD_NUMBER: _ClassVar[int]
    POWER_STATE_FIELD_NUMBER: _ClassVar[int]
    FLAVOR_FIELD_NUMBER: _ClassVar[int]
    FLAVOR_ID_FIELD_NUMBER: _ClassVar[int]
    IMAGE_ID_FIELD_NUMBER: _ClassVar[int]
    IMAGE_PROPERTIES_FIELD_NUMBER: _ClassVar[int]
    REQUESTED_NETWORKS_FIELD_NUMBER: _ClassVar[int]
    BLOCK_DEVICES_FIELD_NUMBER: _ClassVar[int]
    INTERFACES_FIELD_NUMBER: _ClassVar[int]
    SECURITY_GROUPS_FIELD_NUMBER: _ClassVar[int]
    KEY_NAME_FIELD_NUMBER: _ClassVar[int]
    KEY_DATA_FIELD_NUMBER: _ClassVar[int]
    USER_DATA_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    CONFIG_DRIVE_FIELD_NUMBER: _ClassVar[int]
    AVAILABILITY_ZONE_FIELD_NUMBER: _ClassVar[int]
    CREATED_US_FIELD_NUMBER: _ClassVar[int]
    RESERVATION_ID_FIELD_NUMBER: _ClassVar[int]
    LAUNCH_INDEX_FIELD_NUMBER: _ClassVar[int]
    ASSIGNMENT_FIELD_NUMBER: _ClassVar[int]
    uuid: str
    number: int
    display_name: str
    hostname: str
    project_id: str
    user_id: str
    project_name: str
    user_name: str
    host: str
    attempt: int
    vm_state: str
    task_state: str
    power_state: int
    flavor: _request_spec_pb2.Flavor
    flavor_id: str
    image_id: str
    image_properties: _containers.ScalarMap[str, str]
    requested_networks: _containers.RepeatedCompositeFieldContainer[RequestedNetwork]
    block_devices: _containers.RepeatedCompositeFieldContainer[BlockDevice]
    interfaces: _containers.RepeatedCompositeFieldContainer[NetworkInterface]
    security_groups: _containers.RepeatedScalarFieldContainer[str]
    key_name: str
    key_data: str
    user_data: str
    metadata: _containers.ScalarMap[str, str]
    config_drive: bool
    availability_zone: str
    created_us: int
    reservation_id: str
    launch_index: int
    assignment: _assignment_pb2.Assignment
    def __init__(self, uuid: _Optional[str] = ..., number: _Optional[int] = ..., display_name: _Optional[str] = ..., hostname: _Optional[str] = ..., project_id: _Optional[str] = ..., user_id: _Optional[str] = ..., project_name: _Optional[str] = ..., user_name: _Optional[str] = ..., host: _Optional[str] = ..., attempt: _Optional[int] = ..., vm_state: _Optional[str] = ..., task_state: _Optional[str] = ..., power_state: _Optional[int] = ..., flavor: _Optional[_Union[_request_spec_pb2.Flavor, _Mapping]] = ..., flavor_id: _Optional[str] = ..., image_id: _Optional[str] = ..., image_properties: _Optional[_Mapping[str, str]] = ..., requested_networks: _Optional[_Iterable[_Union[RequestedNetwork, _Mapping]]] = ..., block_devices: _Optional[_Iterable[_Union[BlockDevice, _Mapping]]] = ..., interfaces: _Optional[_Iterable[_Union[NetworkInterface, _Mapping]]] = ..., security_groups: _Optional[_Iterable[str]] = ..., key_name: _Optional[str] = ..., key_data: _Optional[str] = ..., user_data: _Optional[str] = ..., metadata: _Optional[_Mapping[str, str]] = ..., config_drive: _Optional[bool] = ..., availability_zone: _Optional[str] = ..., created_us: _Optional[int] = ..., reservation_id: _Optional[str] = ..., launch_index: _Optional[int] = ..., assignment: _Optional[_Union[_assignment_pb2.Assignment, _Mapping]] = ...) -> None: ...

class UserContext(_message.Message):
    __slots__ = ("token", "user_id", "project_id", "roles", "request_id")
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    PROJECT_ID_FIELD_NUMBER: _ClassVar[int]
    ROLES_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    token: str
    user_id: str
    project_id: str
    roles: _containers.RepeatedScalarFieldContainer[str]
    request_id: str
    def __init__(self, token: _Optional[str] = ..., user_id: _Optional[str] = ..., project_id: _Optional[str] = ..., roles: _Optional[_Iterable[str]] = ..., request_id: _Optional[str] = ...) -> None: ...

class StepRecord(_message.Message):
    __slots__ = ("step", "started_us", "finished_us", "error", "detail")
    STEP_FIELD_NUMBER: _ClassVar[int]
    STARTED_US_FIELD_NUMBER: _ClassVar[int]
    FINISHED_US_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    step: int
    started_us: int
    finished_us: int
    error: str
    detail: str
    def __init__(self, step: _Optional[int] = ..., started_us: _Optional[int] = ..., finished_us: _Optional[int] = ..., error: _Optional[str] = ..., detail: _Optional[str] = ...) -> None: ...
