"""A guest's directory: what is kept of it on disk, so that it outlives the process that runs libvirt's test driver."""

from __future__ import annotations

import json
import shutil
import uuid as uuids
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from engine.boot.libvirt.driver import LaunchError
from engine.boot.states import PowerState

_RECORD = "domain.json"
_CONSOLE = "console.log"
_GOING = "_del"


@dataclass(frozen=True)
class Record:
    """One guest as it was last left: its definition, its power state, and the cached image under its root disk."""

    uuid: str
    name: str
    power_state: PowerState
    xml: str
    image: str = ""


class Instances:
    """The directories of one host's guests, each named by its uuid; records change whole or not at all."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        for leftover in directory.glob(f"*{_GOING}"):
            shutil.rmtree(leftover, ignore_errors=True)

    def path(self, uuid: str) -> Path:
        """Return a guest's directory; raises LaunchError when ``uuid`` is none, so that no path is made of text."""
        try:
            return self._directory / str(uuids.UUID(uuid))
        except ValueError as error:
            raise LaunchError(f"{uuid[:60]!r} is no uuid") from error

    def uuids(self) -> Iterator[str]:
        """Yield every guest that has a directory, whole or not."""
        for entry in self._directory.iterdir():
            if entry.is_dir() and not entry.name.endswith(_GOING):
                yield entry.name

    def read(self, uuid: str) -> Record | None:
        """Return a guest's record; None for one whose launch never came that far."""
        try:
            kept = json.loads((self.path(uuid) / _RECORD).read_bytes())
            return Record(**(kept | {"power_state": PowerState(kept["power_state"])}))
        except (FileNotFoundError, ValueError, TypeError, KeyError):
            return None

    def write(self, record: Record) -> None:
        """Keep a guest's record in place of an earlier one."""
        directory = self.path(record.uuid)
        directory.mkdir(exist_ok=True)
        part = directory / f"{_RECORD}.part"
        part.write_text(json.dumps(asdict(record)))
        part.replace(directory / _RECORD)

    def remove(self, uuid: str) -> None:
        """Leave nothing of a guest: its directory goes by one rename, then file by file."""
        directory = self.path(uuid)
        going = directory.with_name(directory.name + _GOING)
        try:
            directory.rename(going)
        except FileNotFoundError:
            return
        except OSError:
            # what an interrupted removal left stands in the way of the rename
            shutil.rmtree(going, ignore_errors=True)
            directory.rename(going)
        shutil.rmtree(going, ignore_errors=True)

    def files(self, uuid: str) -> tuple[str, ...]:
        """Return the names of a guest's files."""
        try:
            return tuple(sorted(entry.name for entry in self.path(uuid).iterdir()))
        except FileNotFoundError:
            return ()

    def log(self, uuid: str, *lines: str) -> None:
        """Add lines to a guest's console, each with the time."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        with (self.path(uuid) / _CONSOLE).open("a") as console:
            console.writelines(f"{now} {line}\n" for line in lines)

    def console(self, uuid: str, length: int | None) -> str:
        """Return the last ``length`` lines of a guest's console, all for None."""
        try:
            lines = (self.path(uuid) / _CONSOLE).read_text(errors="replace").splitlines(keepends=True)
        except FileNotFoundError:
            return ""
        return "".join(lines if length is None else lines[max(len(lines) - length, 0) :])
