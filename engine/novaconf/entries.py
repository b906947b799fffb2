"""The entries of one or several files, looked up as oslo.config looks them up."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from engine.errors import InvalidFileError
from engine.novaconf.options import OPTIONS, Option
from engine.novaconf.reader import DEFAULT_GROUP, Entry

_REFERENCE = re.compile(r"\$(?:(?P<dollar>\$)|(?P<bare>[_a-z][._a-z0-9]*)|\{(?P<braced>[_a-z][._a-z0-9]*)\})", re.I)
_MOST_REFERENCES = 16
"""How many references may lead to another: more are a circle."""

_BY_NAME = {(option.group, option.name): option for option in OPTIONS}

Default = Callable[[Option], object]
"""Returns the value of an option that no file gives."""


@dataclass(frozen=True, slots=True)
class Given:
    """What the files give for an option: its entries, the deciding one last, their values with references resolved."""

    entries: tuple[Entry, ...]
    values: tuple[str, ...]


def given(files: Sequence[Sequence[Entry]], option: Option, default: Default) -> Given | None:
    """Return what the files give for an option, None where they do not.

    A later file beats an earlier one; in a file the option's own name beats the names it had earlier, and the last of
    several entries of a name wins. A multi option has all entries of all files. Raises InvalidFileError for a
    reference to what the files do not give.
    """
    entries = _found(files, ((option.group, option.name), *option.earlier), multi=option.multi)
    if not entries:
        return None
    values = tuple(_resolved(files, entry, option.group, default, 0) for entry in entries)
    return Given(entries, values)


def _found(files: Sequence[Sequence[Entry]], names: Sequence[tuple[str, str]], *, multi: bool) -> tuple[Entry, ...]:
    found: tuple[Entry, ...] = ()
    for file in reversed(files):
        for name in names:
            entries = tuple(entry for entry in file if (entry.group, entry.name) == name)
            if entries and not multi:
                return entries[-1:]
            found = entries + found
    return found


def _resolved(files: Sequence[Sequence[Entry]], entry: Entry, group: str, default: Default, depth: int) -> str:
    """Return a value in which ``$name``, ``${name}`` and ``$group.name`` are replaced by what they stand for."""
    if depth > _MOST_REFERENCES:
        raise _refused(entry, "refers to itself through $: write the value")

    def replaced(match: re.Match[str]) -> str:
        if match["dollar"]:
            return "$"
        return _referred(files, entry, group, match["bare"] or match["braced"], default, depth)

    return _REFERENCE.sub(replaced, entry.value.replace(r"\$", "$$"))


def _referred(
    files: Sequence[Sequence[Entry]], entry: Entry, group: str, name: str, default: Default, depth: int
) -> str:
    first, dot, rest = name.partition(".")
    places = [(first if first == DEFAULT_GROUP else first.lower(), rest)] if dot else [(group, name)]
    for place in (*places, (DEFAULT_GROUP, name)):
        option = _BY_NAME.get(place)
        found = _found(files, (place, *(option.earlier if option else ())), multi=False)
        if found:
            text = _resolved(files, found[-1], place[0], default, depth + 1)
            return text if option is None else str(read(option, found[-1], text))
        if option is not None:
            value = default(option)
            return "" if value is None else str(value)
    raise _refused(entry, f"refers to ${name}, which the file does not give: write the value")


def read(option: Option, entry: Entry, text: str) -> object:
    """Return the value that a text stands for; raise InvalidFileError that names the entry's line."""
    try:
        value = option.read(text)
    except ValueError as error:
        raise _refused(entry, str(error)) from error
    # oslo.config writes a list into another value as Python shows it.
    return list(value) if isinstance(value, tuple) else value


def _refused(entry: Entry, what: str) -> InvalidFileError:
    return InvalidFileError(
        f"{entry.place}: {entry.option}: {what}", path=entry.source, line=entry.line, option=entry.option
    )
