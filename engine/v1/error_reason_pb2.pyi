from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from typing import ClassVar as _ClassVar

DESCRIPTOR: _descriptor.FileDescriptor

class ErrorReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ERROR_REASON_UNSPECIFIED: _ClassVar[ErrorReason]
    ERROR_REASON_INTERNAL: _ClassVar[ErrorReason]
    ERROR_REASON_INVALID_REQUEST: _ClassVar[ErrorReason]
    ERROR_REASON_INVALID_HOST: _ClassVar[ErrorReason]
    ERROR_REASON_INVALID_FILE: _ClassVar[ErrorReason]
    ERROR_REASON_INVALID_SETTING: _ClassVar[ErrorReason]
    ERROR_REASON_LIMIT_EXCEEDED: _ClassVar[ErrorReason]
    ERROR_REASON_NOT_FOUND: _ClassVar[ErrorReason]
    ERROR_REASON_UNKNOWN_HOST: _ClassVar[ErrorReason]
    ERROR_REASON_UNKNOWN_FLAVOR: _ClassVar[ErrorReason]
    ERROR_REASON_UNKNOWN_GROUP: _ClassVar[ErrorReason]
    ERROR_REASON_UNKNOWN_AGGREGATE: _ClassVar[ErrorReason]
    ERROR_REASON_UNKNOWN_ALLOCATION: _ClassVar[ErrorReason]
    ERROR_REASON_NO_VALID_HOST: _ClassVar[ErrorReason]
    ERROR_REASON_CONFLICT: _ClassVar[ErrorReason]
    ERROR_REASON_TOKEN_REUSED: _ClassVar[ErrorReason]
    ERROR_REASON_ALLOCATION_EXISTS: _ClassVar[ErrorReason]
    ERROR_REASON_HOST_IN_USE: _ClassVar[ErrorReason]
    ERROR_REASON_GENERATION_CONFLICT: _ClassVar[ErrorReason]
    ERROR_REASON_LEDGER_UNAVAILABLE: _ClassVar[ErrorReason]
    ERROR_REASON_LEDGER_LOCKED: _ClassVar[ErrorReason]
    ERROR_REASON_SHUTTING_DOWN: _ClassVar[ErrorReason]
    ERROR_REASON_SERVICE_UNAVAILABLE: _ClassVar[ErrorReason]
    ERROR_REASON_LEDGER_CORRUPT: _ClassVar[ErrorReason]
    ERROR_REASON_BUSY: _ClassVar[ErrorReason]
ERROR_REASON_UNSPECIFIED: ErrorReason
ERROR_REASON_INTERNAL: ErrorReason
ERROR_REASON_INVALID_REQUEST: ErrorReason
ERROR_REASON_INVALID_HOST: ErrorReason
ERROR_REASON_INVALID_FILE: ErrorReason
ERROR_REASON_INVALID_SETTING: ErrorReason
ERROR_REASON_LIMIT_EXCEEDED: ErrorReason
ERROR_REASON_NOT_FOUND: ErrorReason
ERROR_REASON_UNKNOWN_HOST: ErrorReason
ERROR_REASON_UNKNOWN_FLAVOR: ErrorReason
ERROR_REASON_UNKNOWN_GROUP: ErrorReason
ERROR_REASON_UNKNOWN_AGGREGATE: ErrorReason
ERROR_REASON_UNKNOWN_ALLOCATION: ErrorReason
ERROR_REASON_NO_VALID_HOST: ErrorReason
ERROR_REASON_CONFLICT: ErrorReason
ERROR_REASON_TOKEN_REUSED: ErrorReason
ERROR_REASON_ALLOCATION_EXISTS: ErrorReason
ERROR_REASON_HOST_IN_USE: ErrorReason
ERROR_REASON_GENERATION_CONFLICT: ErrorReason
ERROR_REASON_LEDGER_UNAVAILABLE: ErrorReason
ERROR_REASON_LEDGER_LOCKED: ErrorReason
ERROR_REASON_SHUTTING_DOWN: ErrorReason
ERROR_REASON_SERVICE_UNAVAILABLE: ErrorReason
ERROR_REASON_LEDGER_CORRUPT: ErrorReason
ERROR_REASON_BUSY: ErrorReason
