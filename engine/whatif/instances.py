"""Instances: every instance a run knows, in columns by number: what it asked for, where it is, what it is called."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from engine.model.assignment import Assignment
from engine.whatif.workload import NO_GROUP, GroupRule

_FIRST_ROOM = 1024

Numbers = npt.NDArray[np.int64]


class Instances:
    """Instances in columns that grow; ``rows`` is -1 for one that holds nothing, ``groups`` NO_GROUP for one of none.

    ``assignments`` are those of instances that hold more than amounts; ``rules`` the rule of each server group.
    """

    def __init__(self) -> None:
        self._size = 0
        self._codes = np.empty(_FIRST_ROOM, dtype=np.int32)
        self._rows = np.empty(_FIRST_ROOM, dtype=np.int32)
        self._groups = np.empty(_FIRST_ROOM, dtype=np.int32)
        self._names: list[pa.Array] = []
        self.rules: list[GroupRule] = []
        self.assignments: dict[int, Assignment] = {}

    def __len__(self) -> int:
        return self._size

    @property
    def codes(self) -> npt.NDArray[np.int32]:
        """int32 an instance: the code of what it asked for."""
        return self._codes[: self._size]

    @property
    def rows(self) -> npt.NDArray[np.int32]:
        """int32 an instance: the row of the host where it holds something, -1 for none."""
        return self._rows[: self._size]

    @property
    def groups(self) -> npt.NDArray[np.int32]:
        """int32 an instance: its server group."""
        return self._groups[: self._size]

    def add(
        self,
        codes: npt.NDArray[np.int32],
        names: pa.Array,
        groups: npt.NDArray[np.int32] | None = None,
        rule: GroupRule | None = None,
    ) -> int:
        """Take in instances that hold nothing yet, and return the number of the first.

        ``groups`` counts the server groups of these instances from 0, all under ``rule``.
        """
        first, last = self._size, self._size + len(codes)
        if last > len(self._codes):
            room = max(last, 2 * len(self._codes))
            self._codes = _grown(self._codes, room)
            self._rows = _grown(self._rows, room)
            self._groups = _grown(self._groups, room)
        self._codes[first:last] = codes
        self._rows[first:last] = -1
        if groups is None or rule is None:
            self._groups[first:last] = NO_GROUP
        else:
            self._groups[first:last] = np.where(groups == NO_GROUP, NO_GROUP, groups + len(self.rules))
            self.rules += [rule] * (int(groups.max(initial=-1)) + 1)
        self._size = last
        self._names.append(names)
        return first

    def names_of(self, instances: Numbers) -> pa.StringArray:
        """Return what instances are called."""
        texts = pa.chunked_array([names.cast(pa.string()) for names in self._names], pa.string())
        return texts.take(pa.array(instances)).combine_chunks()

    def on_rows(self, rows: npt.NDArray[np.int64] | Sequence[int]) -> Numbers:
        """Return the instances that hold something on any of these rows, the oldest first."""
        wanted = np.asarray(rows, dtype=np.int64)
        if len(wanted) == 1:
            return np.flatnonzero(self.rows == wanted[0])
        return np.flatnonzero(np.isin(self.rows, wanted))

    def fork(self) -> Self:
        """Return instances that go on by themselves."""
        made = copy(self)
        made._codes, made._rows, made._groups = self._codes.copy(), self._rows.copy(), self._groups.copy()
        made._names = list(self._names)
        made.rules = list(self.rules)
        made.assignments = dict(self.assignments)
        return made


def _grown(values: npt.NDArray[Any], room: int) -> npt.NDArray[Any]:
    grown = np.empty(room, dtype=values.dtype)
    grown[: len(values)] = values
    return grown
