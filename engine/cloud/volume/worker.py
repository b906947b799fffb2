"""What goes on with volumes after the answer: they are filled, grown and removed, and none stays in between."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_delay, wait_exponential

from engine.cloud.image.formats import FormatMismatchError, UnsafeImageError, inspect
from engine.cloud.volume.attachment_store import AttachmentStore
from engine.cloud.volume.backend import GIB, DoesNotFitError, FileBackend
from engine.cloud.volume.conversion import ConversionError, convert, is_raw
from engine.cloud.volume.image_source import Caller, ImageSource, SourceImage
from engine.cloud.volume.messages import MessageStore
from engine.cloud.volume.schema import (
    AVAILABLE,
    CREATING,
    DELETING,
    DOWNLOADING,
    ERROR,
    ERROR_DELETING,
    ERROR_EXTENDING,
    EXTENDING,
    Volume,
)
from engine.cloud.volume.store import VolumeStore
from engine.faults import FaultPlan
from engine.rest.errors import RestError, Unavailable

_LOG = logging.getLogger("berth.volume")
_THREADS = 8
_FILLED_AT_ONCE = 4
_IMAGE_AWAY_S = 30
Result = TypeVar("Result")


class VolumeFailedError(Exception):
    """A volume cannot be what was asked for; the message is for its owner."""


class _GivenUpError(Exception):
    """The volume is deleted, or the process ends, while it is being made."""


@dataclass
class _Job:
    task: asyncio.Task[None]
    give_up: threading.Event


class VolumeWorker:
    """Runs one job a volume at a time; a deletion ends the job before it. ``faults``: rules for drills."""

    def __init__(
        self,
        volumes: VolumeStore,
        attachments: AttachmentStore,
        backend: FileBackend,
        images: ImageSource,
        messages: MessageStore,
        faults: FaultPlan | None = None,
    ) -> None:
        self._volumes = volumes
        self._attachments = attachments
        self._backend = backend
        self._images = images
        self._messages = messages
        self._faults = faults
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="volume")
        self._filling = asyncio.Semaphore(_FILLED_AT_ONCE)
        self._jobs: dict[str, _Job] = {}

    def create(self, volume: Volume, caller: Caller) -> None:
        """Begin to make a recorded volume."""
        give_up = threading.Event()
        self._start(volume.id, self._create(volume, caller, give_up), give_up)

    def delete(self, volume: Volume) -> None:
        """Begin to remove a volume whose status is ``deleting``."""
        before = self._jobs.get(volume.id)
        if before is not None:
            before.give_up.set()
        self._start(volume.id, self._delete(volume, before), threading.Event())

    def extend(self, volume: Volume, request_id: str) -> None:
        """Begin to give a volume the size that is recorded."""
        self._start(volume.id, self._extend(volume, request_id), threading.Event())

    def recover(self) -> None:
        """Go on with what a killed process left, with the service's own token; remove files of no volume."""
        self._backend.sweep(self._volumes.all_ids())
        for volume in self._volumes.with_status(CREATING, DOWNLOADING):
            self.create(volume, Caller("", ""))
        for volume in self._volumes.with_status(DELETING):
            self.delete(volume)
        for volume in self._volumes.with_status(EXTENDING):
            self.extend(volume, "")

    async def in_thread(self, function: Callable[..., Result], *args: object) -> Result:
        """Run something that blocks in one of the worker's threads."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, function, *args)

    async def finish(self, grace_s: float = 5.0) -> None:
        """Wait a moment for the jobs, then leave those that are not done to the next start."""
        tasks = [job.task for job in self._jobs.values()]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=grace_s)
            for job in list(self._jobs.values()):
                job.give_up.set()
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _start(self, volume_id: str, work: Coroutine[object, object, None], give_up: threading.Event) -> None:
        job = _Job(asyncio.create_task(work), give_up)
        self._jobs[volume_id] = job

        def ended(_: asyncio.Task[None]) -> None:
            if self._jobs.get(volume_id) is job:
                del self._jobs[volume_id]

        job.task.add_done_callback(ended)

    async def _create(self, volume: Volume, caller: Caller, give_up: threading.Event) -> None:
        try:
            if await self._stuck_or_failing():
                return
            self._place(volume)
            values = await self._fill(volume, caller, give_up)
            await self.in_thread(self._backend.settle, volume.id, volume.size)
            if not self._volumes.change(volume.id, {**values, "status": AVAILABLE}, statuses=(CREATING, DOWNLOADING)):
                _LOG.info("volume %s was made for nothing: its status changed meanwhile", volume.id)
        except _GivenUpError:
            await self.in_thread(self._backend.remove_drafts, volume.id)
        except Exception as error:
            reason = _reason(error)
            _LOG.warning("volume %s cannot be created: %s", volume.id, reason, exc_info=_unexpected(error))
            await self.in_thread(self._backend.remove, volume.id)
            if self._volumes.change(volume.id, {"status": ERROR, "host": None}, statuses=(CREATING, DOWNLOADING)):
                self._messages.add(volume, caller.request_id, f"create volume: {reason}")

    def _place(self, volume: Volume) -> None:
        if not self._volumes.place(volume.id, self._backend.name, self._backend.capacity):
            raise VolumeFailedError(f"There is no room for {volume.size} GiB in the storage of this service.")

    async def _stuck_or_failing(self) -> bool:
        """Apply the rule for creations, if any; return whether the volume is to stay as it is."""
        rule = self._faults.rule("volume", "create_volume") if self._faults is not None else None
        if rule is None:
            return False
        await asyncio.sleep(rule.delay_s)
        if rule.value == "error":
            raise VolumeFailedError(rule.message)
        return rule.value == "stuck"

    async def _fill(self, volume: Volume, caller: Caller, give_up: threading.Event) -> dict[str, object]:
        """Make the volume's draft; return what is known of the volume only now."""

        def check() -> None:
            if give_up.is_set():
                raise _GivenUpError

        if volume.image_id is not None:
            async with self._filling:
                check()
                self._volumes.change(volume.id, {"status": DOWNLOADING}, statuses=(CREATING, DOWNLOADING))
                image = await self._with_image(volume, volume.image_id, caller, check)
            return {"bootable": True, "image_properties": image.properties}
        if volume.source_volid is not None:
            async with self._filling:
                await self.in_thread(self._backend.copy, volume.source_volid, volume.id, volume.size, check)
            return {}
        # an empty sparse file is made at once: a thread would cost more than it saves
        self._backend.fill(volume.id, (), volume.size)
        return {}

    async def _with_image(
        self, volume: Volume, image_id: str, caller: Caller, check: Callable[[], None]
    ) -> SourceImage:
        """Make the volume's draft from an image and return it; an image service that is away is asked again."""
        async for attempt in AsyncRetrying(
            retry=retry_if_exception_type(Unavailable),
            stop=stop_after_delay(_IMAGE_AWAY_S),
            wait=wait_exponential(multiplier=0.2, max=3),
            reraise=True,
        ):
            with attempt:
                check()
                image = await self.in_thread(self._images.get, image_id, caller, volume.size)
                await self.in_thread(self._from_image, volume, image, caller, check)
        return image

    def _from_image(self, volume: Volume, image: SourceImage, caller: Caller, check: Callable[[], None]) -> None:
        """Make the volume's draft from an image. Blocks."""
        if image.container_format not in ("bare", "ami"):
            raise ConversionError(f"An image in a container of the format {image.container_format} cannot be used.")
        blocks = _checked(self._images.blocks(image.id, caller), image, check)
        if image.disk_format == "raw":
            self._backend.fill(volume.id, blocks, volume.size)
            inspect(self._backend.draft(volume.id), image.disk_format)
            return
        path = self._backend.download(volume.id)
        try:
            with path.open("wb") as file:
                for block in blocks:
                    file.write(block)
            virtual_size = inspect(path, image.disk_format)
            if virtual_size > volume.size * GIB:
                raise DoesNotFitError(f"The image's virtual size is larger than the volume's {volume.size} GiB.")
            if is_raw(image.disk_format):
                path.replace(self._backend.draft(volume.id))
            else:
                draft = self._backend.draft(volume.id)
                convert(path, image.disk_format, draft, most_bytes=volume.size * GIB, check=check)
        finally:
            path.unlink(missing_ok=True)

    async def _delete(self, volume: Volume, before: _Job | None) -> None:
        if before is not None:
            await asyncio.wait([before.task])
        try:
            await self.in_thread(self._backend.remove, volume.id)
        except OSError as error:
            _LOG.error("the file of volume %s cannot be removed: %s", volume.id, error)
            self._volumes.change(volume.id, {"status": ERROR_DELETING}, statuses=(DELETING,))
            return
        self._volumes.remove(volume.id)

    async def _extend(self, volume: Volume, request_id: str) -> None:
        try:
            self._place(volume)
            await self.in_thread(self._backend.grow, volume.id, volume.size)
            status = self._attachments.status_by_use(volume.id)
            self._volumes.change(volume.id, {"status": status}, statuses=(EXTENDING,))
        except (OSError, VolumeFailedError) as error:
            _LOG.error("volume %s cannot be extended: %s", volume.id, error)
            left = self._backend.size_of(volume.id)
            values = {"status": ERROR_EXTENDING} if left is None else {"status": ERROR_EXTENDING, "size": left}
            if self._volumes.change(volume.id, values, statuses=(EXTENDING,)):
                self._messages.add(volume, request_id, f"extend volume: {_reason(error)}")


def _checked(blocks: Iterator[bytes], image: SourceImage, check: Callable[[], None]) -> Iterator[bytes]:
    """Yield an image's data; raise VolumeFailedError at its end when it is not what the image service recorded."""
    digest = hashlib.sha512()
    size = 0
    for block in blocks:
        check()
        digest.update(block)
        size += len(block)
        yield block
    if size == 0:
        raise VolumeFailedError(f"Image {image.id} has no associated data.")
    if size != image.size or (image.sha512 and digest.hexdigest() != image.sha512):
        raise VolumeFailedError(
            f"The data of image {image.id} is corrupt: its size or its hash is not the recorded one."
        )


def _unexpected(error: Exception) -> bool:
    return not isinstance(error, _EXPECTED)


def _reason(error: Exception) -> str:
    """Return what the owner is told of a failure: what went wrong, and nothing about this machine."""
    if isinstance(error, RestError):
        return error.message
    if isinstance(error, FileNotFoundError):
        return "The source of the volume is gone."
    if isinstance(error, _EXPECTED):
        return str(error)
    return "The storage of this service failed."


_EXPECTED = (
    RestError,
    VolumeFailedError,
    DoesNotFitError,
    ConversionError,
    FormatMismatchError,
    UnsafeImageError,
)
