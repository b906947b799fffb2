"""Frames: what a service and a what-if process say to each other through a pipe, each message behind its length.

Only one side's words are trusted: the service reads what its own process writes, and both are of one version.
"""

from __future__ import annotations

from typing import IO, Final, TypeAlias

import msgspec

from engine.errors import EngineError, NoValidHostError
from engine.whatif.served.snapshot_files import SnapshotPaths

_LENGTH_BYTES: Final = 4
MAX_FRAME_BYTES: Final = 16 << 20
"""A scenario of the largest size, and more than any word of progress."""


class Task(msgspec.Struct, frozen=True, tag="task"):
    """What is asked: ``folder`` holds the files that the scenario names, ``snapshot`` says where the service's own is.

    ``seed`` None is the scenario's own. The answer's files go into ``out``.
    """

    question: str
    scenario_toml: str
    scenario_name: str
    seed: int | None
    folder: str
    files: tuple[str, ...]
    snapshot: SnapshotPaths | None
    out: str


class Step(msgspec.Struct, frozen=True, tag="step"):
    """How far the work is; ``total`` 0: not known."""

    what: str
    done: int
    total: int


class Answered(msgspec.Struct, frozen=True, tag="answered"):
    """The answer's files are there, by these names."""

    files: tuple[str, ...]


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """An EngineError: its reason, message and details."""

    reason: str
    message: str
    details: dict[str, str]

    @classmethod
    def of(cls, error: EngineError) -> Failed:
        """Return what an error says."""
        return cls(error.reason, error.message, dict(error.details))

    def error(self) -> EngineError:
        """Return the error again; of a reason that is none of its own it is an EngineError."""
        kinds = (item for item in _family(EngineError) if item.reason == self.reason)
        kind = next(kinds, EngineError)
        # a request without a host is an outcome of a what-if, and no error of it
        return (
            EngineError(self.message, **self.details)
            if kind is NoValidHostError
            else kind(self.message, **self.details)
        )


Word: TypeAlias = Step | Answered | Failed
"""What the process says."""

_WORDS = msgspec.msgpack.Decoder(Word)
_TASKS = msgspec.msgpack.Decoder(Task)


def write_frame(stream: IO[bytes], message: Task | Word) -> None:
    """Write a message at once; what has ended at the other side raises BrokenPipeError."""
    payload = msgspec.msgpack.encode(message)
    stream.write(len(payload).to_bytes(_LENGTH_BYTES, "little") + payload)
    stream.flush()


def read_task(stream: IO[bytes]) -> Task | None:
    """Return the task that comes next, None where the stream has ended; raise ValueError for what is none."""
    payload = _read(stream)
    return None if payload is None else _TASKS.decode(payload)


def read_word(stream: IO[bytes]) -> Word | None:
    """Return the process's next word, None where it has ended; raise ValueError for what is none."""
    payload = _read(stream)
    return None if payload is None else _WORDS.decode(payload)


def _read(stream: IO[bytes]) -> bytes | None:
    """Return the next frame's payload, None at the end, in the middle of a frame too: the other side is gone."""
    head = stream.read(_LENGTH_BYTES)
    if len(head) < _LENGTH_BYTES:
        return None
    size = int.from_bytes(head, "little")
    if size > MAX_FRAME_BYTES:
        raise ValueError(f"a frame of {size} bytes is none of ours")
    payload = stream.read(size)
    return payload if len(payload) == size else None


def _family(kind: type[EngineError]) -> list[type[EngineError]]:
    return [kind, *(item for child in kind.__subclasses__() for item in _family(child))]
