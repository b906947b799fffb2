"""The backend: every volume a sparse file, made beside its final name so that a half-made one is never taken for it."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import BinaryIO

GIB = 1024**3
_BLOCK = 1024 * 1024
_PAGE = 64 * 1024
_PART = ".part"
_DOWNLOAD = ".image"


class DoesNotFitError(Exception):
    """More data came than the volume holds."""


class FileBackend:
    """A directory of volumes' files; its methods block, so they run in threads. ``capacity`` in GiB."""

    name = "berth@files#files"

    def __init__(self, directory: Path, *, capacity: int) -> None:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._directory = directory.absolute()
        self.capacity = capacity

    def path(self, volume_id: str) -> Path:
        """Return the file of a volume."""
        return self._directory / volume_id

    def draft(self, volume_id: str) -> Path:
        """Return where a volume is made."""
        return self._directory / f"{volume_id}{_PART}"

    def download(self, volume_id: str) -> Path:
        """Return where the image of a volume is kept while it is converted."""
        return self._directory / f"{volume_id}{_DOWNLOAD}"

    def fill(self, volume_id: str, blocks: Iterable[bytes], size: int) -> None:
        """Make a volume's draft of ``size`` GiB with data from its start on; holes stay holes.

        Raises DoesNotFitError, OSError, and what ``blocks`` raises.
        """
        with self.draft(volume_id).open("wb") as file:
            total = 0
            for block in blocks:
                total += len(block)
                if total > size * GIB:
                    raise DoesNotFitError(f"The data is larger than the volume's {size} GiB.")
                _write_sparse(file, block)
            file.truncate(size * GIB)
            if total:
                file.flush()
                os.fsync(file.fileno())

    def copy(self, source_id: str, volume_id: str, size: int, check: Callable[[], None]) -> None:
        """Make a volume's draft of ``size`` GiB from another volume's data; ``check`` raises to give up."""
        with self.path(source_id).open("rb") as source, self.draft(volume_id).open("wb") as target:
            end = source.seek(0, os.SEEK_END)
            if end > size * GIB:
                raise DoesNotFitError(f"The source is larger than the volume's {size} GiB.")
            position = 0
            while position < end:
                try:
                    start = os.lseek(source.fileno(), position, os.SEEK_DATA)
                except OSError:
                    # no data after this position
                    break
                position = os.lseek(source.fileno(), start, os.SEEK_HOLE)
                source.seek(start)
                target.seek(start)
                while start < position:
                    check()
                    block = source.read(min(_BLOCK, position - start))
                    if not block:
                        break
                    _write_sparse(target, block)
                    start += len(block)
            target.truncate(size * GIB)
            target.flush()
            os.fsync(target.fileno())

    def settle(self, volume_id: str, size: int) -> None:
        """Give a draft its size (GiB) and its final name; raise DoesNotFitError when it is larger."""
        draft = self.draft(volume_id)
        if draft.stat().st_size > size * GIB:
            raise DoesNotFitError(f"The data is larger than the volume's {size} GiB.")
        os.truncate(draft, size * GIB)
        draft.replace(self.path(volume_id))

    def grow(self, volume_id: str, size: int) -> None:
        """Give a volume's file a larger size, in GiB; one that has it already is left alone."""
        if self.path(volume_id).stat().st_size < size * GIB:
            os.truncate(self.path(volume_id), size * GIB)

    def size_of(self, volume_id: str) -> int | None:
        """Return the size of a volume's file in GiB; None without one."""
        try:
            return -(-self.path(volume_id).stat().st_size // GIB)
        except FileNotFoundError:
            return None

    def remove(self, volume_id: str) -> None:
        """Remove all that is there of a volume."""
        for path in (self.path(volume_id), self.draft(volume_id), self.download(volume_id)):
            path.unlink(missing_ok=True)

    def remove_drafts(self, volume_id: str) -> None:
        """Remove what an attempt to make a volume left."""
        for path in (self.draft(volume_id), self.download(volume_id)):
            path.unlink(missing_ok=True)

    def sweep(self, kept: Collection[str]) -> None:
        """Remove every file but those of the volumes ``kept``: what a killed process left half done."""
        for path in self._directory.iterdir():
            if path.name not in kept:
                path.unlink(missing_ok=True)


def _write_sparse(file: BinaryIO, block: bytes) -> None:
    """Write a block at the file's position, leaving a hole for every page of zeros."""
    view = memoryview(block)
    for start in range(0, len(view), _PAGE):
        page = view[start : start + _PAGE]
        if any(page) if len(page) < _PAGE else page != _ZEROS:
            file.write(page)
        else:
            file.seek(len(page), os.SEEK_CUR)


_ZEROS = memoryview(bytes(_PAGE))
