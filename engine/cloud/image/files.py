"""The files of images: streamed in beside the final name, hashed on the way, made durable, swept at the start."""

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

_BUFFER = 1024 * 1024
_STAGED = ".staged"


class ImageTooLargeError(Exception):
    """More bytes arrived than an image may have."""


@dataclass(frozen=True)
class Received:
    """What arrived: where it lies until it is kept or dropped, its size in bytes, and its hashes in hex."""

    path: Path
    size: int
    md5: str
    sha512: str


class _Sink:
    """Writes and hashes; its methods block, so they run in a thread."""

    def __init__(self, path: Path, limit: int) -> None:
        self._path = path
        self._limit = limit
        self._file: BinaryIO = path.open("wb")
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._sha512 = hashlib.sha512()
        self._size = 0

    def write(self, data: bytes | bytearray) -> None:
        self._size += len(data)
        if self._size > self._limit:
            raise ImageTooLargeError(f"The image is larger than the {self._limit} bytes this service takes.")
        self._file.write(data)
        self._md5.update(data)
        self._sha512.update(data)

    def finish(self) -> Received:
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        return Received(self._path, self._size, self._md5.hexdigest(), self._sha512.hexdigest())

    def drop(self) -> None:
        self._file.close()
        self._path.unlink(missing_ok=True)


class ImageFiles:
    """A directory with one file per image that has data, and one ``.staged`` per image that waits for its import."""

    def __init__(self, directory: Path, *, limit: int) -> None:
        """Use ``directory`` for files of at most ``limit`` bytes."""
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._directory = directory
        self.limit = limit

    def path(self, image_id: str) -> Path:
        """Return where an image's data is, or would be."""
        return self._directory / image_id

    def staged(self, image_id: str) -> Path:
        """Return where an image's staged data is, or would be."""
        return self._directory / f"{image_id}{_STAGED}"

    async def receive(self, image_id: str, chunks: AsyncIterator[bytes]) -> Received:
        """Write a stream to a file of its own; whatever breaks the stream leaves no file.

        Raises ImageTooLargeError, OSError when the disk is full, and what ``chunks`` raises.
        """
        sink = await asyncio.to_thread(_Sink, self._directory / f"{image_id}.{secrets.token_hex(8)}.part", self.limit)
        try:
            buffer = bytearray()
            async for chunk in chunks:
                buffer += chunk
                if len(buffer) >= _BUFFER:
                    full, buffer = buffer, bytearray()
                    await asyncio.to_thread(sink.write, full)
            await asyncio.to_thread(sink.write, buffer)
            return await asyncio.to_thread(sink.finish)
        except BaseException:
            sink.drop()
            raise

    def reread(self, image_id: str) -> Received:
        """Return what a staged file holds; it stays where it is. Blocks."""
        md5, sha512, size = hashlib.md5(usedforsecurity=False), hashlib.sha512(), 0
        path = self.staged(image_id)
        with path.open("rb") as file:
            while data := file.read(_BUFFER):
                md5.update(data)
                sha512.update(data)
                size += len(data)
        return Received(path, size, md5.hexdigest(), sha512.hexdigest())

    def keep(self, received: Received, path: Path) -> None:
        """Give received data its final name, durably. Blocks."""
        received.path.replace(path)
        directory = os.open(self._directory, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)

    def remove(self, image_id: str) -> None:
        """Remove all that is there of an image. Blocks."""
        self.path(image_id).unlink(missing_ok=True)
        self.staged(image_id).unlink(missing_ok=True)

    def sweep(self, kept: Iterable[Path]) -> None:
        """Remove every file but ``kept``: what a killed process left half done."""
        wanted = set(kept)
        for path in self._directory.iterdir():
            if path not in wanted:
                path.unlink(missing_ok=True)
