"""The format of oslo.config's files (oslo_config.iniparser), read into entries with the lines they stand on."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from engine.errors import InvalidFileError

DEFAULT_GROUP = "DEFAULT"


@dataclass(frozen=True, slots=True)
class Entry:
    """One assignment: its group in lower case (DEFAULT stays), name, value, and where it stands.

    A value of several lines has line ends between them.
    """

    group: str
    name: str
    value: str
    source: str
    line: int

    @property
    def option(self) -> str:
        """The option as nova's documentation writes it."""
        return f"[{self.group}]{self.name}"

    @property
    def place(self) -> str:
        """The file and line."""
        return f"{self.source}:{self.line}"


def read_file(path: Path) -> tuple[Entry, ...]:
    """Return the entries of a file, in their order; raise InvalidFileError that names the file and line."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InvalidFileError(f"cannot read {path}: {error.strerror or error}", path=path) from error
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InvalidFileError(f"{path}:{line}: not UTF-8: is this a nova.conf?", path=path, line=line) from error
    return read_text(text, str(path))


def read_text(text: str, source: str) -> tuple[Entry, ...]:
    """Return the entries of a text, in their order; ``source`` is what it is called in messages."""
    return tuple(_entries(io.StringIO(text, newline=None), source))


@dataclass(slots=True)
class _Open:
    """An assignment that a following line may still belong to."""

    group: str
    name: str
    values: list[str]
    line: int

    def entry(self, source: str) -> Entry:
        return Entry(self.group, self.name, "\n".join(self.values), source, self.line)


def _entries(lines: Iterable[str], source: str) -> Iterable[Entry]:
    group: str | None = None
    current: _Open | None = None
    for number, raw in enumerate(lines, start=1):
        line = raw.rstrip()
        # Only spaces and tabs at its beginning make a line part of the value before it, a comment sign or not.
        if line.startswith((" ", "\t")):
            if current is None:
                raise _broken(source, number, "an indented line that continues no value: remove the spaces before it")
            current.values.append(line.lstrip())
            continue
        if current is not None:
            yield current.entry(source)
            current = None
        if not line or line.startswith(("#", ";")):
            continue
        if line.startswith("["):
            group = _group(line, source, number)
            continue
        name, value = _assignment(line, source, number)
        if group is None:
            raise _broken(source, number, f"{name} stands before the first [group]")
        current = _Open(group, name, [value], number)
    if current is not None:
        yield current.entry(source)


def _group(line: str, source: str, number: int) -> str:
    if not line.endswith("]"):
        raise _broken(source, number, "a group must end with ] and have nothing after it")
    if len(line) <= 2:
        raise _broken(source, number, "a group without a name")
    name = line[1:-1]
    return name if name == DEFAULT_GROUP else name.lower()


def _assignment(line: str, source: str, number: int) -> tuple[str, str]:
    places = [place for place in (line.find("="), line.find(":")) if place >= 0]
    if not places:
        raise _broken(source, number, "neither a group, nor a comment, nor NAME = VALUE")
    name, value = line[: min(places)].strip(), line[min(places) + 1 :].strip()
    if not name:
        raise _broken(source, number, "a value without a name before it")
    if value.startswith(('"', "'")) and value[0] == value[-1]:
        value = value[1:-1]
    return name, value


def _broken(source: str, number: int, what: str) -> InvalidFileError:
    return InvalidFileError(f"{source}:{number}: {what}", path=source, line=number)
