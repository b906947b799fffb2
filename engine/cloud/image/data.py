"""The data of images: upload, staging and import, download; only checked data ever becomes active."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse
from starlette.routing import Route

from engine.cloud.image.bodies import ImportBody
from engine.cloud.image.files import ImageFiles, ImageTooLargeError, Received
from engine.cloud.image.formats import WRAPPED, FormatMismatchError, UnsafeImageError, inspect
from engine.cloud.image.images import IMPORT_METHODS
from engine.cloud.image.policy import own_image, shown_image
from engine.cloud.image.schema import ACTIVE, DEACTIVATED, IMPORTING, QUEUED, SAVING, UPLOADING, Image
from engine.cloud.image.store import ImageStore
from engine.faults import FaultPlan
from engine.rest.errors import BadRequest, Conflict, Forbidden, NotFound, RestError, TooLarge
from engine.rest.replies import empty_reply
from engine.rest.request import access_of, body_of

_LOG = logging.getLogger("berth.image")
_OCTETS = "application/octet-stream"
_BLOCK = 256 * 1024
FAILED_IMPORT = "os_glance_failed_import"


class _Download(FileResponse):
    chunk_size = _BLOCK


@dataclass
class ImageData:
    """Moves data in and out of images; ``faults``: rules by which downloads lie, for drills."""

    store: ImageStore
    files: ImageFiles
    faults: FaultPlan | None = None
    _imports: set[asyncio.Task[None]] = field(default_factory=set)

    async def upload(self, request: Request) -> Response:
        """Take an image's data; it is active when the answer comes, or queued as before when the answer is an error."""
        image = self._receiving(request)
        self._begin(image, QUEUED, SAVING)
        try:
            received = await self._receive(request, image)
            try:
                await self._activate(image, received, SAVING)
            except BaseException:
                received.path.unlink(missing_ok=True)
                raise
        except BaseException:
            self.store.change(image.id, {"status": QUEUED}, status=SAVING)
            raise
        return empty_reply()

    async def stage(self, request: Request) -> Response:
        """Take data that becomes the image's when it is imported."""
        image = self._receiving(request)
        self._begin(image, QUEUED, UPLOADING)
        try:
            received = await self._receive(request, image)
            await asyncio.to_thread(self.files.keep, received, self.files.staged(image.id))
        except BaseException:
            self.store.change(image.id, {"status": QUEUED}, status=UPLOADING)
            raise
        return empty_reply()

    async def start_import(self, request: Request) -> Response:
        """Begin to make staged data the image's; the image is active, or queued again, some time after the answer."""
        image = own_image(request, self.store)
        body = await body_of(request, ImportBody)
        if body.method.name not in IMPORT_METHODS:
            raise BadRequest(f"Unknown import method name '{body.method.name[:100]}'.")
        _with_formats(image)
        if image.status != UPLOADING or not self.files.staged(image.id).exists():
            raise Conflict(f"Image needs to be staged before '{body.method.name}' method can be used")
        self._begin(image, UPLOADING, IMPORTING)
        self.continue_import(image)
        return empty_reply(202)

    def continue_import(self, image: Image) -> None:
        """Run the import of an image whose data is staged, in the background."""
        task = asyncio.create_task(self._import(image))
        self._imports.add(task)
        task.add_done_callback(self._imports.discard)

    async def finish(self) -> None:
        """Wait for the imports under way."""
        await asyncio.gather(*self._imports)

    async def download(self, request: Request) -> Response:
        """Send an image's data, or the part of it that a Range header asks for."""
        image = shown_image(request, self.store)
        if image.status == DEACTIVATED and not access_of(request).is_admin:
            raise Forbidden("The requested image has been deactivated. Image data download is forbidden.")
        if image.status not in (ACTIVE, DEACTIVATED):
            return empty_reply()
        path = self.files.path(image.id)
        if not path.exists():
            _LOG.error("the data of image %s is gone: there is no %s", image.id, path)
            raise NotFound(f"The data of image {image.id} is not in the store any more.")
        headers = {"Content-MD5": image.checksum or ""}
        rule = self.faults.rule("image", "download") if self.faults is not None else None
        if rule is not None:
            await asyncio.sleep(rule.delay_s)
            if rule.value == "empty":
                return empty_reply()
            if rule.value == "corrupt":
                return StreamingResponse(_corrupted(path), headers=headers, media_type=_OCTETS)
        return _Download(path, headers=headers, media_type=_OCTETS)

    def _receiving(self, request: Request) -> Image:
        """Return the image that data comes for; raise RestError when what the request says of it cannot be taken."""
        image = own_image(request, self.store)
        if request.headers.get("content-type", "").partition(";")[0].strip() != _OCTETS:
            raise RestError(f"The data of an image is sent as {_OCTETS}.", status=415)
        _with_formats(image)
        for name in ("content-length", "x-openstack-image-size"):
            given = request.headers.get(name, "0")
            if not given.isdecimal():
                raise BadRequest(f"{name} must be a number of bytes.")
            if int(given[:20]) > self.files.limit:
                raise TooLarge(f"The image is larger than the {self.files.limit} bytes this service takes.")
        return image

    def _begin(self, image: Image, before: str, during: str) -> None:
        if not self.store.change(image.id, {"status": during}, status=before):
            status = self.store.get(image.id).status
            raise Conflict(f"Image status transition from {status} to {during} is not allowed")

    async def _receive(self, request: Request, image: Image) -> Received:
        """Return the request's body as a file; raise TooLarge or BadRequest when it is not as long as it may be."""
        try:
            received = await self.files.receive(image.id, request.stream())
        except ImageTooLargeError as error:
            raise TooLarge(str(error)) from error
        except OSError as error:
            _LOG.error("cannot store the data of image %s: %s", image.id, error)
            raise TooLarge("There is no room in the store for this image.") from error
        declared = request.headers.get("x-openstack-image-size")
        if declared is not None and int(declared) != received.size:
            received.path.unlink(missing_ok=True)
            raise BadRequest(f"{received.size} bytes came, while X-OpenStack-Image-Size says {declared}.")
        return received

    async def _activate(self, image: Image, received: Received, status: str) -> None:
        """Check received data and make it the image's; raise RestError when it is not what it should be."""
        virtual_size = None
        if image.disk_format is not None and image.container_format not in WRAPPED:
            try:
                virtual_size = await asyncio.to_thread(inspect, received.path, image.disk_format)
            except FormatMismatchError as error:
                raise RestError(str(error), status=415) from error
            except UnsafeImageError as error:
                raise BadRequest(str(error)) from error
        await asyncio.to_thread(self.files.keep, received, self.files.path(image.id))
        values = {
            "status": ACTIVE,
            "size": received.size,
            "virtual_size": virtual_size,
            "checksum": received.md5,
            "os_hash_value": received.sha512,
        }
        if not self.store.change(image.id, values, status=status):
            await asyncio.to_thread(self.files.remove, image.id)
            raise RestError(f"Image {image.id} was deleted while its data came.", status=410)

    async def _import(self, image: Image) -> None:
        try:
            received = await asyncio.to_thread(self.files.reread, image.id)
            await self._activate(image, received, IMPORTING)
        except (RestError, OSError) as error:
            reason = error.message if isinstance(error, RestError) else "The data cannot be stored."
            _LOG.warning("the import of image %s failed: %s", image.id, error)
            with suppress(NotFound):
                properties = {**self.store.get(image.id).properties, FAILED_IMPORT: reason}
                self.store.change(image.id, {"status": QUEUED, "properties": properties}, status=IMPORTING)
            self.files.staged(image.id).unlink(missing_ok=True)


def routes(data: ImageData) -> list[Route]:
    """Return the routes of images' data."""
    one = "/v2/images/{image_id}"
    return [
        Route(one + "/file", data.upload, methods=["PUT"]),
        Route(one + "/file", data.download, methods=["GET"]),
        Route(one + "/stage", data.stage, methods=["PUT"]),
        Route(one + "/import", data.start_import, methods=["POST"]),
    ]


def _with_formats(image: Image) -> None:
    if image.disk_format is None or image.container_format is None:
        raise BadRequest("The disk_format and container_format of an image must be set before its data comes.")


def _corrupted(path: Path) -> Iterator[bytes]:
    """Yield a file's data with the bits of its first byte turned over."""
    with path.open("rb") as file:
        first = file.read(1)
        yield bytes(byte ^ 0xFF for byte in first)
        while data := file.read(_BLOCK):
            yield data
