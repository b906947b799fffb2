"""CapacityService over gRPC: snapshots of this service, and what-if questions answered by processes of their own."""

from __future__ import annotations

import asyncio
import re
import shutil
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping
from contextlib import aclosing, closing
from pathlib import Path
from typing import Any, Final

import grpc
from msgspec.structs import replace

from engine.arrow_chunks import CHUNK_BYTES
from engine.errors import EngineError, InvalidRequestError, LimitExceededError
from engine.service.capacity_process import WhatIf
from engine.service.capacity_snapshot import Picture, SnapshotMemory, picture_of, snapshot_messages
from engine.service.capacity_turns import Turns
from engine.service.draining import stopping, until_draining
from engine.service.placer import Placer
from engine.service.status import streaming
from engine.v1 import capacity_service_pb2 as pb
from engine.v1 import capacity_service_pb2_grpc
from engine.whatif.served.frames import Task

MAX_SCENARIO_BYTES: Final = 1 << 20
_MAX_SEED: Final = 2**63 - 1
_PART_OF_NAME: Final = re.compile(r"(?!\.{1,2}$)[\w. -]{1,255}")
_MAX_NAME: Final = 1000
_SNAPSHOTS_AT_ONCE: Final = 2
_SNAPSHOTS_WAITING: Final = 16
"""A picture that is still being sent keeps what it shows in memory, so there are only so many."""
_END_S: Final = 10.0


class CapacityServicer(capacity_service_pb2_grpc.CapacityServiceServicer):
    """The calls that look at capacity; ``folder`` is theirs alone: what an earlier service left there is removed."""

    def __init__(
        self, placer: Placer, draining: asyncio.Event, folder: Path, *, at_once: int = 1, waiting: int = 8
    ) -> None:
        self.placer = placer
        self.draining = draining
        self.reasons: dict[str, str] = {}
        self.running: set[WhatIf] = set()
        """The processes that are at work."""
        self._folder = folder.resolve()
        self._turns = Turns(at_once, waiting)
        self._snapshots = Turns(_SNAPSHOTS_AT_ONCE, _SNAPSHOTS_WAITING)
        shutil.rmtree(folder, ignore_errors=True)

    @property
    def waiting(self) -> int:
        """How many questions wait."""
        return self._turns.waiting

    def close(self) -> None:
        """End the processes, and refuse who waits for one."""
        for turns in (self._turns, self._snapshots):
            turns.close(stopping())
        for process in self.running:
            process.end()

    @streaming
    async def GetSnapshot(self, request: Any, context: grpc.aio.ServicerContext) -> AsyncIterator[Any]:  # noqa: N802
        """Send the service as it is at one moment."""
        async with self._snapshots.turn():
            messages = snapshot_messages(picture_of(self.placer))
            while (message := await asyncio.to_thread(next, messages, None)) is not None:
                if self.draining.is_set():
                    raise stopping()
                yield message

    @streaming
    async def Ask(self, request: Any, context: grpc.aio.ServicerContext) -> AsyncIterator[Any]:  # noqa: N802
        """Answer a question."""
        _check_request(request)
        name = request.scenario_name or "scenario.toml"
        is_of_itself = await asyncio.to_thread(_checked, request, name)
        self._turns.check()
        yield pb.AskResponse(progress=pb.AskProgress(what=_waiting_text(self._turns.ahead)))
        async with self._turns.turn():
            if self.draining.is_set():
                raise stopping()
            folder = await asyncio.to_thread(self._new_folder)
            try:
                async with aclosing(self._answered(request, name, is_of_itself, folder, context)) as responses:
                    async for response in responses:
                        yield response
            finally:
                await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    async def _answered(
        self, request: Any, name: str, is_of_itself: bool, folder: Path, context: grpc.aio.ServicerContext
    ) -> AsyncGenerator[pb.AskResponse, None]:
        """Yield how far the answer is, and then its files, all of which is made in ``folder``."""
        files, out = folder / "files", folder / "out"
        await _to_the_end(_write_files, files, request.files)
        seed = request.seed if request.HasField("seed") else None
        task = Task(
            request.question, request.scenario_toml, name, seed, str(files), tuple(request.files), None, str(out)
        )
        if is_of_itself:
            yield pb.AskResponse(progress=pb.AskProgress(what="taking a snapshot"))
            with closing(SnapshotMemory()) as memory:
                await _to_the_end(_write_snapshot, memory, picture_of(self.placer))
                task = replace(task, snapshot=memory.paths)
                process = await WhatIf.on(task, folder / "log", memory.numbers)
        else:
            process = await WhatIf.on(task, folder / "log")
        self.running.add(process)
        # the caller may go away while nothing here is awaited by its call
        context.add_done_callback(lambda _: process.end())
        try:
            async with aclosing(until_draining(process.steps(), self.draining)) as steps:
                async for step in steps:
                    yield pb.AskResponse(progress=pb.AskProgress(what=step.what, done=step.done, total=step.total))
        finally:
            process.end()
            self.running.discard(process)
            await asyncio.to_thread(process.gone.wait, _END_S)
        pieces = _file_messages(out)
        while (message := await asyncio.to_thread(next, pieces, None)) is not None:
            yield message

    def _new_folder(self) -> Path:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            return Path(tempfile.mkdtemp(dir=self._folder))
        except OSError as error:
            raise _no_room(error) from error


async def _to_the_end(work: Callable[..., None], *arguments: object) -> None:
    """Have a thread write files; who cancels that waits for its end, since they are removed afterwards."""
    running = asyncio.ensure_future(asyncio.to_thread(work, *arguments))
    try:
        await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait({running})
        raise


def _check_request(request: Any) -> None:
    """Raise InvalidRequestError for what can be no question."""
    size = len(request.scenario_toml)
    if size > MAX_SCENARIO_BYTES:
        raise LimitExceededError(
            f"a scenario has at most {MAX_SCENARIO_BYTES} letters, not {size}: send what is large as files",
            limit=MAX_SCENARIO_BYTES,
        )
    if request.HasField("seed") and not 0 <= request.seed <= _MAX_SEED:
        raise InvalidRequestError(f"a seed is between 0 and 2**63 - 1, not {request.seed}", field="seed")
    for name in request.files:
        if len(name) > _MAX_NAME or not all(_PART_OF_NAME.fullmatch(part) for part in name.split("/")):
            raise InvalidRequestError(
                f"a file sent along has a relative name of letters, digits, dots, dashes and blanks, not {name!r}: "
                "keep it in the scenario's folder or below, and name it so",
                field="files",
            )


def _checked(request: Any, name: str) -> bool:
    """Return whether a question is about this service; raise InvalidRequestError for what can have no answer."""
    # a service that is never asked starts without all that reads scenarios
    from engine.whatif.asking import question_of
    from engine.whatif.scenario.reading import parse_scenario
    from engine.whatif.served.offered import check_files, reads_itself

    question_of(request.question)
    scenario = parse_scenario(request.scenario_toml, name)
    check_files(scenario, request.files)
    return reads_itself(scenario)


def _waiting_text(ahead: int) -> str:
    return f"waiting behind {ahead} other{'s' if ahead != 1 else ''}" if ahead else "beginning"


def _write_snapshot(memory: SnapshotMemory, picture: Picture) -> None:
    try:
        memory.write(picture)
    except OSError as error:
        raise EngineError(f"the service has no memory for a snapshot: {error.strerror or error}") from error


def _write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    try:
        folder.mkdir()
        for name, content in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        raise InvalidRequestError("one of the files sent along is in another: rename it", field="files") from error
    except OSError as error:
        raise _no_room(error) from error


def _file_messages(folder: Path) -> Iterator[pb.AskResponse]:
    """Yield the files in a folder in pieces, in the order of their names; an empty one is one piece."""
    for file in sorted(folder.iterdir()):
        with file.open("rb") as source:
            data = source.read(CHUNK_BYTES)
            while True:
                yield pb.AskResponse(file=pb.AnswerFile(name=file.name, data=data))
                data = source.read(CHUNK_BYTES)
                if not data:
                    break


def _no_room(error: OSError) -> EngineError:
    return EngineError(f"the service cannot write what the question needs to its disk: {error.strerror or error}")
