"""The image service as a boot uses it: glance v2, real or embedded."""

from __future__ import annotations

import asyncio
import hashlib
import os
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.boot.messages import Caller
from engine.boot.openstack.errors import CloudError
from engine.boot.openstack.service import Call, Filter, Service, path_of
from engine.boot.openstack.trace import CallTrace
from engine.boot.openstack.workers import settled

_SERVICE = "image"


@dataclass(frozen=True)
class Downloaded:
    """What came of a download: its size in bytes, and its hash beside the one the service promises.

    ``expected`` is empty when the service promises none. ``too_large``: it was cut off past the promised size.
    """

    size: int
    algorithm: str
    digest: str
    expected: str
    too_large: bool = False

    @property
    def matches(self) -> bool:
        """Whether the data are what the service promises."""
        return not self.too_large and self.expected in ("", self.digest)


class Images:
    """Calls to the image service; ``who`` None is the service user."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def get(self, who: Caller | None, image_id: str, *, trace: CallTrace | None = None) -> dict[str, Any]:
        """Return an image's record; raises CloudNotFound."""
        path = path_of("images", image_id, service=_SERVICE)
        image = await self._service.json(Call(who, "GET", path, trace=trace))
        if not isinstance(image, dict) or image.get("id") != image_id:
            raise CloudError(f"The image service answered without image {image_id}.", service=_SERVICE)
        return image

    async def list(
        self, who: Caller | None, *, trace: CallTrace | None = None, **filters: Filter
    ) -> list[dict[str, Any]]:
        """Return the images that match glance's filters (``name``, ``status``, ``id="in:A,B"`` ...)."""
        return await self._service.all_of(Call(who, "GET", "/images", filters, trace=trace), "images")

    async def download(
        self,
        who: Caller | None,
        image_id: str,
        path: Path,
        *,
        image: Mapping[str, Any] | None = None,
        trace: CallTrace | None = None,
    ) -> Downloaded:
        """Write an image's data to ``path``, on disk when this returns, and return what they hash to.

        ``image``: its record; fetched when not given. A cancelled download has stopped writing when this raises.
        Raises CloudError, or OSError when the data cannot be kept.
        """
        record = image if image is not None else await self.get(who, image_id, trace=trace)
        writer = _Writer(path, record)
        call = Call(who, "GET", path_of("images", image_id, "file", service=_SERVICE), trace=trace)
        downloading = asyncio.ensure_future(self._service.stream(call, writer.write))
        try:
            return await asyncio.shield(downloading)
        except asyncio.CancelledError:
            writer.stopped.set()
            downloading.cancel()
            await settled(downloading)
            raise


class _Stopped(Exception):  # noqa: N818 (it is no error)
    """The task that asked for the data was cancelled."""


class _Writer:
    """Writes what comes to a file and hashes it, in a thread."""

    def __init__(self, path: Path, image: Mapping[str, Any]) -> None:
        self.stopped = threading.Event()
        self._path = path
        size = image.get("size")
        self._limit: int | None = size if isinstance(size, int) else None
        self._algorithm, self._expected = promised_hash(image)

    def write(self, chunks: Iterator[bytes]) -> Downloaded:
        """Write all chunks from the file's beginning and return what they were."""
        digest = hashlib.new(self._algorithm, usedforsecurity=False)
        size = 0
        too_large = False
        with self._path.open("wb") as file:
            for chunk in chunks:
                if self.stopped.is_set():
                    raise _Stopped
                size += len(chunk)
                if self._limit is not None and size > self._limit:
                    too_large = True
                    break
                digest.update(chunk)
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        return Downloaded(size, self._algorithm, digest.hexdigest(), self._expected, too_large)


def promised_hash(image: Mapping[str, Any]) -> tuple[str, str]:
    """Return the algorithm and the hash by which an image's data are known; sha256 and nothing when by none."""
    algorithm, value = image.get("os_hash_algo"), image.get("os_hash_value")
    if isinstance(algorithm, str) and isinstance(value, str) and value:
        name = algorithm.lower()
        if name in hashlib.algorithms_available and not name.startswith("shake"):
            return name, value.lower()
    checksum = image.get("checksum")
    # md5 is all that older images have
    return ("md5", checksum.lower()) if isinstance(checksum, str) and checksum else ("sha256", "")
