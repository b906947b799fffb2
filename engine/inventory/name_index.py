"""NameIndex: from a host's name to its row, eight bytes a slot instead of a dictionary's hundred a name.

Open addressing with linear probing over one array. A slot holds 31 bits of Python's own hash of the name, which is
keyed anew in every process, so that nobody can choose names that collide, and the row; the names themselves are those
of the column beside it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.inventory.texts import TextColumn

_EMPTY = -1
_GONE = -2
"""A slot of a name that was removed: searches go on behind it."""
_HASH = 0x7FFFFFFF
_ROW = 0xFFFFFFFF
_LEAST_SLOTS = 64
_FEW = 64
"""So many names are put in one by one; array operations cost more."""


class NameIndex(Mapping[str, int]):
    """Rows by name, in the order of the rows; ``names`` is the column that holds the text of every row indexed.

    A copy shares the slots until one of the two is written to.
    """

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, names: TextColumn) -> None:
        self.names = names
        self._slots = np.full(_LEAST_SLOTS, _EMPTY, dtype=np.int64)
        self._view = self._slots.data
        self._shared = False
        self._live = 0
        self._filled = 0
        """Slots that are not empty, those of removed names too."""

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_view"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._view = self._slots.data

    def copy(self, names: TextColumn) -> NameIndex:
        """Return a copy over ``names``, itself a copy of the column here, that changes on its own."""
        made = NameIndex.__new__(NameIndex)
        made.names = names
        made._slots, made._view = self._slots, self._view
        made._live, made._filled = self._live, self._filled
        made._shared = self._shared = True
        return made

    @property
    def nbytes(self) -> int:
        """Bytes of the slots."""
        return self._slots.nbytes

    def __len__(self) -> int:
        return self._live

    def __iter__(self) -> Iterator[str]:
        return iter(self.names.take(np.sort(self._slots[self._slots >= 0] & _ROW)))

    def __contains__(self, name: object) -> bool:
        return self._slot(name) is not None

    def __getitem__(self, name: str) -> int:
        slot = self._slot(name)
        if slot is None:
            raise KeyError(name)
        return self._view[slot] & _ROW

    def get(self, name: str, default: int | None = None) -> int | None:  # type: ignore[override]
        """Return the row of a name, ``default`` where there is none."""
        slot = self._slot(name)
        return default if slot is None else self._view[slot] & _ROW

    def _slot(self, name: object) -> int | None:
        """Return the slot of a name, None where it has none."""
        view, last = self._view, len(self._view) - 1
        wanted = hash(name) & _HASH
        slot = wanted & last
        while (entry := view[slot]) != _EMPTY:
            if entry >> 32 == wanted and self.names.text(entry & _ROW) == name:
                return slot
            slot = (slot + 1) & last
        return None

    def rows_of(self, names: Sequence[str]) -> npt.NDArray[np.int64]:
        """Return the row of each name, -1 where there is none: int64[names]."""
        if len(names) <= _FEW:
            return np.array([self.get(name, -1) for name in names], dtype=np.int64)
        found = np.full(len(names), -1, dtype=np.int64)
        if not self._live:
            return found
        wanted, last = _hashes(names), len(self._slots) - 1
        slots = wanted & last
        open_ = np.arange(len(names))
        while len(open_):
            entries = self._slots[slots[open_]]
            open_, entries = open_[entries != _EMPTY], entries[entries != _EMPTY]
            alike = np.flatnonzero(entries >> 32 == wanted[open_])
            rows = entries[alike] & _ROW
            texts = self.names.take(rows)
            same = np.fromiter(
                (names[place] == text for place, text in zip(open_[alike].tolist(), texts, strict=True)),
                np.bool_,
                len(texts),
            )
            found[open_[alike[same]]] = rows[same]
            open_ = np.delete(open_, alike[same])
            slots[open_] = (slots[open_] + 1) & last
        return found

    def put(self, names: Sequence[str], rows: npt.NDArray[np.int64]) -> int:
        """Index each of ``names``, all different, under its row, and return how many were not there before.

        The column must hold them at these rows already.
        """
        known = self.rows_of(names)
        for place in np.flatnonzero((known >= 0) & (known != rows)).tolist():
            del self[names[place]]
        missing = np.flatnonzero(known != rows)
        if len(missing):
            self._own(self._live + len(missing))
            chosen = [names[place] for place in missing.tolist()] if len(missing) < len(names) else names
            self._fill(_hashes(chosen) << 32 | rows[missing])
            self._live += len(missing)
        return int((known < 0).sum())

    def __delitem__(self, name: str) -> None:
        if self._slot(name) is None:
            raise KeyError(name)
        self._own(self._live)
        slot = self._slot(name)
        assert slot is not None
        self._view[slot] = _GONE
        self._live -= 1

    def reserve(self, names: int) -> None:
        """Make room for so many names, so that putting them in does not make it again and again."""
        self._own(names)

    def _own(self, live: int) -> None:
        """Make the slots this index's own, and twice as many as ``live`` names and those removed need."""
        needed = _LEAST_SLOTS
        while needed < 2 * live:
            needed *= 2
        if needed > len(self._slots) or self._filled + live - self._live > len(self._slots) // 2:
            entries = self._slots[self._slots >= 0]
            self._slots = np.full(max(needed, len(self._slots)), _EMPTY, dtype=np.int64)
            self._filled = 0
            self._fill(entries)
        elif self._shared:
            self._slots = self._slots.copy()
        else:
            return
        self._view = self._slots.data
        self._shared = False

    def _fill(self, entries: npt.NDArray[np.int64]) -> None:
        """Put entries, none of them there yet, into slots that are free."""
        slots, last = self._slots, len(self._slots) - 1
        self._filled += len(entries)
        if len(entries) <= _FEW:
            for entry in entries.tolist():
                slot = (entry >> 32) & last
                while slots[slot] >= 0:
                    slot = (slot + 1) & last
                slots[slot] = entry
            return
        places = (entries >> 32) & last
        while len(entries):
            free = slots[places] < 0
            slots[places[free]] = entries[free]
            # where several wanted one slot, the last of them has it
            left = slots[places] != entries
            entries, places = entries[left], (places[left] + 1) & last


def _hashes(names: Sequence[str]) -> npt.NDArray[np.int64]:
    """Return the 31 bits kept of each name's hash."""
    return np.fromiter(map(hash, names), np.int64, len(names)) & _HASH
