"""Where the keys of a TOML text stand: tomllib gives values alone, and an error in one must name its line.

The text is known to be valid, so this looks at no more of the grammar than it takes to tell keys from values.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right
from collections.abc import Iterator

KeyPath = tuple[str | int, ...]
"""Keys and, in lists, numbers from 0, from the document down."""

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_IN_LINE = re.compile(r"[ \t]*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_STRING = re.compile(
    r'"""(?:[^"\\]|\\[\s\S]|"(?!""))*"{3,5}'
    r"|'''(?:[^']|'(?!''))*'{3,5}"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'"
)
_OTHER_VALUE = re.compile(r"[^,\]\}\s#]+(?:[ ][0-9][^,\]\}\s#]*)?")


def key_lines(text: str) -> dict[KeyPath, int]:
    """Return the line, counted from 1, on which each key and each element of a list stands first.

    ``text`` is valid TOML. A table that several headers write to stands where it is named first.
    """
    return _Scanner(text).scan()


class _Scanner:
    """A place in a text, and the lines of the keys before it."""

    def __init__(self, text: str) -> None:
        self._text = text.replace("\r\n", "\n")
        self._place = 0
        self._breaks = [found.start() for found in re.finditer("\n", self._text)]
        self._lines: dict[KeyPath, int] = {}
        self._sizes: dict[KeyPath, int] = {}
        """How many elements of each array of tables have begun."""

    def scan(self) -> dict[KeyPath, int]:
        table: KeyPath = ()
        while self._skip(_BLANK) < len(self._text):
            if self._text[self._place] == "[":
                table = self._header()
            else:
                self._pair(table)
        return self._lines

    def _header(self) -> KeyPath:
        """Read ``[a.b]`` or ``[[a.b]]`` and return the path of the table it begins."""
        line = self._line()
        is_element = self._text.startswith("[[", self._place)
        self._place += 2 if is_element else 1
        path: KeyPath = ()
        keys = list(self._keys())
        for index, key in enumerate(keys):
            path = (*path, key)
            self._lines.setdefault(path, line)
            if is_element and index == len(keys) - 1:
                self._sizes[path] = self._sizes.get(path, 0) + 1
            if path in self._sizes:
                path = (*path, self._sizes[path] - 1)
                self._lines.setdefault(path, line)
        self._place += 2 if is_element else 1
        return path

    def _pair(self, table: KeyPath) -> None:
        """Read ``a.b = value``."""
        line = self._line()
        path = table
        for key in self._keys():
            path = (*path, key)
            self._lines.setdefault(path, line)
        self._place += 1
        self._skip(_IN_LINE)
        self._value(path)

    def _keys(self) -> Iterator[str]:
        """Read a dotted key, and stop before what comes after it."""
        while True:
            self._skip(_IN_LINE)
            if found := _BARE_KEY.match(self._text, self._place):
                key = found[0]
            else:
                found = _STRING.match(self._text, self._place)
                assert found is not None
                # only TOML itself knows its escapes
                key = str(tomllib.loads(f"key = {found[0]}")["key"])
            self._place = found.end()
            yield key
            self._skip(_IN_LINE)
            if self._text[self._place] != ".":
                return
            self._place += 1

    def _value(self, path: KeyPath) -> None:
        begin = self._text[self._place]
        if begin == "[":
            self._array(path)
        elif begin == "{":
            self._inline_table(path)
        else:
            found = _STRING.match(self._text, self._place) or _OTHER_VALUE.match(self._text, self._place)
            assert found is not None
            self._place = found.end()

    def _array(self, path: KeyPath) -> None:
        self._place += 1
        number = 0
        while self._text[self._skip(_BLANK)] != "]":
            if self._text[self._place] == ",":
                self._place += 1
                continue
            element = (*path, number)
            self._lines.setdefault(element, self._line())
            self._value(element)
            number += 1
        self._place += 1

    def _inline_table(self, path: KeyPath) -> None:
        self._place += 1
        while self._text[self._skip(_BLANK)] != "}":
            if self._text[self._place] == ",":
                self._place += 1
                continue
            self._pair(path)
        self._place += 1

    def _skip(self, what: re.Pattern[str]) -> int:
        found = what.match(self._text, self._place)
        assert found is not None
        self._place = found.end()
        return self._place

    def _line(self) -> int:
        return bisect_right(self._breaks, self._place - 1) + 1
