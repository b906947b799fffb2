"""FactGroups: the hosts by the combination of their text facts, so that what depends on these is asked once a group.

A million hosts come in some ten thousand combinations of profile, membership, units and metrics. Groups are numbered in
the order they are found and keep their numbers while hosts join and leave them, so that what is known of a group stays
known when the facts of a few hosts change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.int64]

FACT_COLUMNS: Final = ("profile", "membership", "units", "metrics")
"""The columns whose codes make a group."""

_DENSE = 4
"""A key whose values span at most this many times its length is looked up instead of sorted."""
_MOST_NEW = 256
"""Combinations that are looked up one by one; where more change, the hosts are grouped anew."""


@dataclass(frozen=True, slots=True)
class FactGroups:
    """Which group each row is in, and what each group's facts are; never written to.

    ``of_rows`` is int32[rows], 0 for a row that is no host; ``combinations`` int32[groups, len(FACT_COLUMNS)], of which
    the first is nobody's; ``hosts`` int64[groups] how many there are. Groups of the same ``line`` have the same numbers
    for the same combinations, some only more of them than others.
    """

    of_rows: npt.NDArray[np.int32]
    combinations: npt.NDArray[np.int32]
    hosts: npt.NDArray[np.int64]
    line: object

    def __len__(self) -> int:
        return len(self.combinations)

    def codes_in_use(self, column: str) -> list[int]:
        """Return the codes that hosts have in one of FACT_COLUMNS, ascending."""
        codes = self.combinations[self.hosts > 0, FACT_COLUMNS.index(column)]
        return np.flatnonzero(np.bincount(codes)).tolist()


def group_hosts(columns: Mapping[str, npt.NDArray[Any]]) -> FactGroups:
    """Return the hosts of a fleet's columns in groups."""
    rows = np.flatnonzero(columns["present"])
    of_rows = np.zeros(len(columns["present"]), dtype=np.int32)
    nobody = np.zeros((1, len(FACT_COLUMNS)), dtype=np.int32)
    if not len(rows):
        return FactGroups(of_rows, nobody, np.zeros(1, dtype=np.int64), object())
    # without a removed host a column is read in one piece
    part: slice | Rows = slice(0, len(rows)) if int(rows[-1]) == len(rows) - 1 else rows
    keys = [columns[name][part] for name in FACT_COLUMNS]
    first, codes = distinct(keys, len(rows))
    found = np.column_stack([key[first] for key in keys]).astype(np.int32)
    of_rows[part] = codes + 1
    hosts = np.concatenate([[0], np.bincount(codes, minlength=len(first))]).astype(np.int64)
    return FactGroups(of_rows, np.concatenate([nobody, found]), hosts, object())


def regroup_hosts(groups: FactGroups, columns: Mapping[str, npt.NDArray[Any]], rows: Rows) -> FactGroups:
    """Return the groups after the facts of some rows changed; of the same line unless very many are new.

    The columns may have grown.
    """
    if not len(rows):
        return groups
    present = columns["present"][rows] != 0
    changed = np.column_stack([columns[name][rows] for name in FACT_COLUMNS]).astype(np.int32)
    wanted, place = np.unique(changed, axis=0, return_inverse=True) if len(rows) > 1 else (changed, np.zeros(1, int))
    if len(wanted) > _MOST_NEW or 2 * len(rows) > len(groups.of_rows) + 64:
        return group_hosts(columns)
    combinations = groups.combinations
    numbers = np.empty(len(wanted), dtype=np.int32)
    new: list[npt.NDArray[np.int32]] = []
    for index, combination in enumerate(wanted):
        number = _find(combinations, combination)
        if number < 0:
            number = len(combinations) + len(new)
            new.append(combination)
        numbers[index] = number
    if new:
        combinations = np.concatenate([combinations, new])
    of_rows = np.zeros(len(columns["present"]), dtype=np.int32)
    of_rows[: len(groups.of_rows)] = groups.of_rows
    hosts = np.zeros(len(combinations), dtype=np.int64)
    hosts[: len(groups.hosts)] = groups.hosts
    np.subtract.at(hosts, of_rows[rows], 1)
    of_rows[rows] = np.where(present, numbers[place.reshape(-1)], 0)
    np.add.at(hosts, of_rows[rows], 1)
    hosts[0] = 0
    return FactGroups(of_rows, combinations, hosts, groups.line)


def _find(combinations: npt.NDArray[np.int32], wanted: npt.NDArray[np.int32]) -> int:
    """Return the number of a combination, -1 where there is none; the first is nobody's."""
    near = np.flatnonzero(combinations[1:, 1] == wanted[1]) + 1
    found = near[(combinations[near] == wanted).all(axis=1)]
    return int(found[0]) if len(found) else -1


def distinct(keys: Sequence[npt.NDArray[Any]], many: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return (first index of, code per row of) the distinct combinations of ``many`` rows' key columns."""
    if not keys:
        return np.zeros(1, dtype=np.int64), np.zeros(many, dtype=np.int64)
    first, codes = _numbered(keys[0])
    for key in keys[1:]:
        if len(key) and not (key != key[0]).any():
            # one value throughout, as of metrics that nobody reports, tells nothing apart
            continue
        other, more = _numbered(key)
        first, codes = _numbered(codes * len(other) + more)
    return first, codes


def _numbered(key: npt.NDArray[Any]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return (first index of, code per row of) a key's distinct values.

    Keys are codes, nearly always dense: those are looked up, which takes a tenth of the time that sorting them does.
    Allocation ratios are keys as well, and no numbers to look up by.
    """
    low, high = key.min(), key.max()
    if key.dtype.kind != "i" or int(high) - int(low) > _DENSE * len(key) + 1024:
        _, first, codes = np.unique(key, return_index=True, return_inverse=True)
        return first, codes
    dense = key - low if low else key
    first_of = np.full(int(high) - int(low) + 1, -1, dtype=np.int64)
    first_of[dense[::-1]] = np.arange(len(key) - 1, -1, -1)
    present = np.flatnonzero(first_of >= 0)
    code_of = np.empty(len(first_of), dtype=np.int64)
    code_of[present] = np.arange(len(present))
    return first_of[present], code_of[dense]
