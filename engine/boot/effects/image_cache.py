"""The image cache of a host: images by what they hash to, each downloaded once, checked before anything opens it."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import time
from collections import OrderedDict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.boot.effects.errors import BuildAbort, ImageCorrupt, ImageUnacceptable, Reschedule, failure_of
from engine.boot.effects.file_lock import FileLocks
from engine.boot.effects.image_format import ImageFormat, check, inspect
from engine.boot.messages import Caller
from engine.boot.openstack import CallTrace, CloudError
from engine.boot.openstack.images import Downloaded, Images, promised_hash
from engine.v1 import instance_pb2 as v1

_NAME = re.compile(r"[0-9a-f]{64,128}")
_PART = ".part"
_GB = 1 << 30
_FORMATS_KEPT = 10_000


@dataclass(frozen=True)
class CachedImage:
    """An image that lies on disk, checked: ``detail`` says in words where it came from and how large it is."""

    path: Path
    image: Mapping[str, Any]
    size: int
    virtual_size: int
    downloaded: bool

    @property
    def detail(self) -> str:
        """Say whether it was downloaded or in the cache, and its sizes in bytes."""
        origin = "downloaded" if self.downloaded else "image in cache"
        return f"{origin}, {self.size} bytes, {self.image.get('disk_format')}, virtual size {self.virtual_size} bytes"


class ImageCache:
    """The images under ``directory``; several processes may use it at the same time."""

    def __init__(self, directory: Path, images: Images) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self._images = images
        self._locks = FileLocks(directory)
        self._formats: OrderedDict[tuple[str, int, int], ImageFormat] = OrderedDict()

    async def fetch(self, who: Caller | None, instance: v1.Instance, *, trace: CallTrace | None = None) -> CachedImage:
        """Return the instance's image, downloaded in the user's name unless it is here already.

        Raises BuildAbort (ImageUnacceptable, too large for the flavor, not active, the user may not have it) or
        Reschedule (ImageCorrupt, the service is away, no room on this host's disk).
        """
        image_id = instance.image_id
        try:
            # asked each time: it says whether this user may have the image
            image = await self._images.get(who, image_id, trace=trace)
            if image.get("status") != "active":
                raise BuildAbort(f"Image {image_id} is not active.")
            _check_flavor(instance, image, 0)
            name = cache_name(image)
            path = self._directory / name
            async with self._locks.held(name):
                downloaded = not self._is_whole(path, image)
                if downloaded:
                    await self._download(who, image, path, trace)
                # the time of the last use, by which unused ones go
                os.utime(path)
        except CloudError as error:
            raise failure_of("image", error) from error
        except OSError as error:
            raise Reschedule(f"Image {image_id} cannot be kept on this host: {error.strerror or error}.") from error
        found = await self._format_of(path)
        check(image_id, str(image.get("disk_format") or ""), found)
        _check_flavor(instance, image, found.virtual_size)
        return CachedImage(path, image, path.stat().st_size, found.virtual_size, downloaded)

    def prune(self, unused_s: float, in_use: Collection[Path] = ()) -> list[Path]:
        """Remove the images that nobody asked for since ``unused_s`` and that are not ``in_use``; return them.

        Also what broken downloads left. Blocks while files are removed.
        """
        removed: list[Path] = []
        kept = {path.name for path in in_use}
        names = {path.name.removesuffix(".lock").removesuffix(_PART) for path in self._directory.iterdir()}
        for name in sorted(name for name in names - kept if _NAME.fullmatch(name)):
            path = self._directory / name
            with self._locks.held_if_free(name) as held:
                if not held:
                    continue
                path.with_name(name + _PART).unlink(missing_ok=True)
                if path.exists() and time.time() - path.stat().st_mtime >= unused_s:
                    path.unlink()
                    removed.append(path)
                if not path.exists():
                    self._locks.discard(name)
        return removed

    @staticmethod
    def _is_whole(path: Path, image: Mapping[str, Any]) -> bool:
        """Whether the file is there with all its bytes; one of another size is not trusted."""
        try:
            size = path.stat().st_size
        except FileNotFoundError:
            return False
        return size > 0 and image.get("size") in (None, size)

    async def _download(
        self, who: Caller | None, image: Mapping[str, Any], path: Path, trace: CallTrace | None
    ) -> None:
        """Bring an image's data to ``path``, whole and as promised."""
        part = path.with_name(path.name + _PART)
        try:
            got = await self._images.download(who, image["id"], part, image=image, trace=trace)
            _check_download(image, got)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)

    async def _format_of(self, path: Path) -> ImageFormat:
        """Return what a file's bytes are, looked at once for each file."""
        status = path.stat()
        key = (path.name, status.st_ino, status.st_size)
        found = self._formats.get(key)
        if found is None:
            found = await asyncio.to_thread(inspect, path)
            self._formats[key] = found
            if len(self._formats) > _FORMATS_KEPT:
                self._formats.popitem(last=False)
        return found


def cache_name(image: Mapping[str, Any]) -> str:
    """Return the name under which an image's data are kept: their hash, else one made of id, checksum and size."""
    _, promised = promised_hash(image)
    # a weak hash is no name: data made to have the same one would lie under it
    if _NAME.fullmatch(promised):
        return promised
    told = [str(image.get(key)) for key in ("id", "checksum", "size", "updated_at")]
    return hashlib.sha256("\n".join(told).encode()).hexdigest()


def _check_download(image: Mapping[str, Any], got: Downloaded) -> None:
    """Raise unless the data are there and what the service promises."""
    if got.size == 0:
        raise ImageUnacceptable(image["id"], "Image has no associated data")
    if not got.matches:
        what = "longer than its record says" if got.too_large else f"{got.algorithm} {got.digest}"
        expected = f"; expected {got.expected}" if got.expected else ""
        raise ImageCorrupt(f"Corrupt image download: image {image['id']} is {what}{expected}.")
    if image.get("size") not in (None, got.size):
        raise ImageCorrupt(
            f"Corrupt image download: image {image['id']} has {got.size} bytes; its record says {image['size']}."
        )


def _check_flavor(instance: v1.Instance, image: Mapping[str, Any], virtual_size: int) -> None:
    """Raise BuildAbort in nova's words when the image needs more disk or memory than the flavor gives."""
    disk = instance.flavor.root_gb * _GB
    size = max(virtual_size, _number(image.get("size")))
    # a flavor without a root disk leaves its size to the image
    if disk and size > disk:
        raise BuildAbort(
            f"Flavor's disk is too small for requested image. Flavor disk is {disk} bytes, image is {size} bytes."
        )
    min_disk = _number(image.get("min_disk")) * _GB
    if disk and min_disk > disk:
        raise BuildAbort(
            "Flavor's disk is smaller than the minimum size specified in image metadata. Flavor disk is "
            f"{disk} bytes, minimum size is {min_disk} bytes."
        )
    if _number(image.get("min_ram")) > instance.flavor.memory_mb:
        raise BuildAbort("Flavor's memory is too small for requested image.")


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0
