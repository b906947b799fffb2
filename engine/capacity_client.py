"""The client's side of capacity calls: a snapshot put together from its pieces, an answer's files as they come."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from engine.errors import EngineError, InvalidRequestError

if TYPE_CHECKING:
    import pyarrow as pa

    from engine.v1.capacity_service_pb2 import AskResponse, GetSnapshotResponse, SnapshotFacts

OnProgress = Callable[[str, int, int], None]
"""Is told what is being done, how many steps are done, and how many there are (0: not known)."""


@dataclass(frozen=True, slots=True)
class SnapshotParts:
    """A service at one moment: what it is of, the JSON document of its small parts, hosts, and what instances hold.

    ``engine.whatif.served.documents.snapshot_of`` makes a what-if's snapshot of them.
    """

    facts: SnapshotFacts
    documents: bytes
    hosts: pa.Table
    allocations: pa.Table


def snapshot_parts(messages: Iterator[GetSnapshotResponse]) -> SnapshotParts:
    """Return what the messages of a snapshot say, read as they come; raise EngineError where they are not whole."""
    import pyarrow as pa

    parts = _Parts(messages)
    first = parts.take("facts")
    if first is None:
        raise EngineError("the service sent no snapshot")
    documents = bytearray()
    while (piece := parts.take("documents")) is not None:
        documents += piece.documents
    try:
        tables = [_table(parts, name) for name in ("hosts", "allocations")]
    except (pa.ArrowException, OSError) as error:
        raise EngineError(f"the service's snapshot cannot be read: {error}") from error
    hosts, allocations = tables
    if (hosts.num_rows, allocations.num_rows) != (first.facts.hosts, first.facts.allocations) or parts.any_left():
        raise EngineError("the service's snapshot is not whole: take it again")
    return SnapshotParts(first.facts, bytes(documents), hosts, allocations)


def save_answer(messages: Iterable[AskResponse], out: Path, on_progress: OnProgress) -> None:
    """Write an answer's files into a folder, which is made if it is not there; all of them or none show.

    Raises InvalidRequestError where they cannot be written, EngineError for an answer of no files.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".whatif-", dir=out, ignore_cleanup_errors=True) as folder:
            names = _received(messages, Path(folder), on_progress)
            for name in names:
                Path(folder, name).replace(out / name)
    except OSError as error:
        raise InvalidRequestError(f"cannot write the answer into {out}: {error.strerror or error}", path=out) from error
    if not names:
        raise EngineError("the service ended the call without an answer")


def _received(messages: Iterable[AskResponse], folder: Path, on_progress: OnProgress) -> list[str]:
    """Write the files of an answer, and return their names in the order they came."""
    names: list[str] = []
    with ExitStack() as open_files:
        file: BinaryIO | None = None
        for message in messages:
            if message.WhichOneof("part") == "progress":
                step = message.progress
                on_progress(step.what, step.done, step.total)
                continue
            name = message.file.name
            if not names or names[-1] != name:
                if not name or Path(name).name != name or name in names:
                    raise EngineError(f"the service sent a file called {name!r}, which is none of an answer")
                open_files.pop_all().close()
                file = open_files.enter_context((folder / name).open("wb"))
                names.append(name)
            assert file is not None
            file.write(message.file.data)
    return names


class _Parts:
    """Messages, looked at one ahead."""

    def __init__(self, messages: Iterator[GetSnapshotResponse]) -> None:
        self._messages = messages
        self._next = next(messages, None)

    def take(self, kind: str) -> GetSnapshotResponse | None:
        """Return the next message if it is of a kind, None otherwise."""
        found = self._next
        if found is None or found.WhichOneof("part") != kind:
            return None
        self._next = next(self._messages, None)
        return found

    def any_left(self) -> bool:
        """Return whether anything comes that was not taken."""
        return self._next is not None


class _Bytes:
    """A file of the bytes of one kind of part, read as they come; Arrow reads it through ``pyarrow.PythonFile``."""

    def __init__(self, parts: _Parts, kind: str) -> None:
        self.closed = False
        self._parts = parts
        self._kind = kind
        self._left = memoryview(b"")

    def read(self, size: int = -1) -> bytes:
        """Return the next ``size`` bytes, or all that are left where there are fewer or ``size`` is negative."""
        found: list[memoryview] = []
        missing = size
        while missing and self._fill():
            taken = self._left if missing < 0 else self._left[:missing]
            self._left = self._left[len(taken) :]
            found.append(taken)
            missing -= len(taken) if missing > 0 else 0
        return b"".join(found)

    def close(self) -> None:
        """Give up what is left."""
        self.closed = True

    def _fill(self) -> bool:
        """Return whether there is a byte to read, after taking the next part where there was none."""
        while not len(self._left):
            part = self._parts.take(self._kind)
            if part is None:
                return False
            self._left = memoryview(getattr(part, self._kind))
        return True


def _table(parts: _Parts, kind: str) -> pa.Table:
    import pyarrow as pa

    source = _Bytes(parts, kind)
    with pa.PythonFile(source, mode="r") as file, pa.ipc.open_stream(file) as reader:
        table = reader.read_all()
    if source.read():
        raise EngineError("the service's snapshot is not whole: take it again")
    return table


def no_progress(what: str, done: int, total: int) -> None:
    """Take note of nothing."""
