from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class GetSnapshotRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetSnapshotResponse(_message.Message):
    __slots__ = ("facts", "documents", "hosts", "allocations")
    FACTS_FIELD_NUMBER: _ClassVar[int]
    DOCUMENTS_FIELD_NUMBER: _ClassVar[int]
    HOSTS_FIELD_NUMBER: _ClassVar[int]
    ALLOCATIONS_FIELD_NUMBER: _ClassVar[int]
    facts: SnapshotFacts
    documents: bytes
    hosts: bytes
    allocations: bytes
    def __init__(self, facts: _Optional[_Union[SnapshotFacts, _Mapping]] = ..., documents: _Optional[bytes] = ..., hosts: _Optional[bytes] = ..., allocations: _Optional[bytes] = ...) -> None: ...

class SnapshotFacts(_message.Message):
    __slots__ = ("inventory_generation", "time_us", "hosts", "allocations")
    INVENTORY_GENERATION_FIELD_NUMBER: _ClassVar[int]
    TIME_US_FIELD_NUMBER: _ClassVar[int]
    HOSTS_FIELD_NUMBER: _ClassVar[int]
    ALLOCATIONS_FIELD_NUMBER: _ClassVar[int]
    inventory_generation: int
    time_us: int
    hosts: int
    allocations: int
    def __init__(self, inventory_generation: _Optional[int] = ..., time_us: _Optional[int] = ..., hosts: _Optional[int] = ..., allocations: _Optional[int] = ...) -> None: ...

class AskRequest(_message.Message):
    __slots__ = ("question", "scenario_toml", "scenario_name", "seed", "files")
    class FilesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: bytes
        def __init__(self, key: _Optional[str] = ..., value: _Optional[bytes] = ...) -> None: ...
    QUESTION_FIELD_NUMBER: _ClassVar[int]
    SCENARIO_TOML_FIELD_NUMBER: _ClassVar[int]
    SCENARIO_NAME_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    FILES_FIELD_NUMBER: _ClassVar[int]
    question: str
    scenario_toml: str
    scenario_name: str
    seed: int
    files: _containers.ScalarMap[str, bytes]
    def __init__(self, question: _Optional[str] = ..., scenario_toml: _Optional[str] = ..., scenario_name: _Optional[str] = ..., seed: _Optional[int] = ..., files: _Optional[_Mapping[str, bytes]] = ...) -> None: ...

class AskResponse(_message.Message):
    __slots__ = ("progress", "file")
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    FILE_FIELD_NUMBER: _ClassVar[int]
    progress: AskProgress
    file: AnswerFile
    def __init__(self, progress: _Optional[_Union[AskProgress, _Mapping]] = ..., file: _Optional[_Union[AnswerFile, _Mapping]] = ...) -> None: ...

class AskProgress(_message.Message):
    __slots__ = ("what", "done", "total")
    WHAT_FIELD_NUMBER: _ClassVar[int]
    DONE_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    what: str
    done: int
    total: int
    def __init__(self, what: _Optional[str] = ..., done: _Optional[int] = ..., total: _Optional[int] = ...) -> None: ...

class AnswerFile(_message.Message):
    __slots__ = ("name", "data")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    name: str
    data: bytes
    def __init__(self, name: _Optional[str] = ..., data: _Optional[bytes] = ...) -> None: ...
