"""Server groups of a workload's instances, numbered from 0."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.errors import InvalidRequestError
from engine.whatif.scenario.workload import ServerGroups
from engine.whatif.workload import NO_GROUP, GroupRule
from engine.whatif.workloads.column_texts import column_texts, says_yes
from engine.whatif.workloads.columns import Columns

Groups = NDArray[np.int32]


def rule_of(groups: ServerGroups) -> GroupRule:
    """Return the rule that all groups of a workload are under."""
    return GroupRule(groups.policy, groups.max_server_per_host)


def trace_groups(columns: Columns, groups: ServerGroups) -> Groups:
    """Return the server group of each row: rows of equal value in the column are together, a null is in none.

    Raises InvalidRequestError where the scenario names no column, InvalidFileError where the file has none such.
    """
    if not groups.column:
        key = "workload.trace.server_groups.column"
        raise InvalidRequestError(f"{key}: say which of the trace's columns makes the groups", field=key)
    codes = column_texts(columns, columns.name_of((groups.column,))).codes - 1
    if groups.when:
        codes = np.where(says_yes(columns, columns.name_of((groups.when,))), codes, NO_GROUP)
    return together(codes)


def together(codes: NDArray[np.int64]) -> Groups:
    """Return groups renumbered from 0 in their order, those of one instance dissolved.

    A rule about the others of a group says nothing of an instance that has no others, and placing it without one is
    many times quicker.
    """
    grouped = codes != NO_GROUP
    if not grouped.any():
        return np.full(len(codes), NO_GROUP, dtype=np.int32)
    _, numbers, sizes = np.unique(codes[grouped], return_inverse=True, return_counts=True)
    several = sizes > 1
    renumbered = np.where(several, np.cumsum(several) - 1, NO_GROUP)
    found = np.full(len(codes), NO_GROUP, dtype=np.int32)
    found[grouped] = renumbered[numbers]
    return found
