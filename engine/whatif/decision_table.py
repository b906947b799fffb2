"""The table of decisions: what became of each instance, with names in place of numbers, in DECISION_SCHEMA."""

from __future__ import annotations

from enum import IntEnum

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from engine.whatif.decisions import DECISION_SCHEMA, Cause, Decisions, Outcome, Reason
from engine.whatif.world import World


def decisions_table(world: World, decisions: Decisions) -> pa.Table:
    """Return decisions in DECISION_SCHEMA, in the order they were taken; ``world`` is the one they were taken in."""
    refused = decisions.refused
    short = [pa.array(decisions.short[:, column], pa.int32(), mask=~refused) for column in range(5)]
    columns = [
        pa.array(decisions.times_s, pa.float64()),
        world.names_of(decisions.instances),
        _flavors(world, decisions.codes),
        _named(Cause, decisions.causes),
        _named(Outcome, decisions.outcomes),
        _hosts(world, decisions.rows, refused),
        pa.array(decisions.weights, pa.float64(), mask=refused),
        _named(Reason, decisions.reasons, ~refused),
        *short,
    ]
    return pa.Table.from_arrays(columns, schema=DECISION_SCHEMA)


def no_decisions() -> pa.Table:
    """Return the table of no decisions."""
    return DECISION_SCHEMA.empty_table()


def _flavors(world: World, codes: npt.NDArray[np.int32]) -> pa.DictionaryArray:
    """Return flavors' names, of which several requests may have one; the dictionary is in the order of the codes."""
    used = np.flatnonzero(np.bincount(codes, minlength=len(world.requests)))
    numbers: dict[str, int] = {}
    number_of = np.zeros(len(world.requests), dtype=np.int32)
    for code in used.tolist():
        number_of[code] = numbers.setdefault(world.requests[code].flavor.name, len(numbers))
    return pa.DictionaryArray.from_arrays(pa.array(number_of[codes]), pa.array(list(numbers), pa.string()))


def _hosts(world: World, rows: npt.NDArray[np.int32], refused: npt.NDArray[np.bool_]) -> pa.DictionaryArray:
    """Return hosts' names, null where ``refused``; the dictionary is in the fleet's order, of the hosts named."""
    used = np.flatnonzero(np.bincount(rows[~refused], minlength=1))
    number_of = np.zeros(int(used.max(initial=0)) + 1, dtype=np.int32)
    number_of[used] = np.arange(len(used), dtype=np.int32)
    numbers = number_of[np.where(refused, 0, rows)]
    names = pa.array(world.table.identity.host_ids.take(used), pa.string())
    return pa.DictionaryArray.from_arrays(pa.array(numbers, pa.int32(), mask=refused), names)


def _named(
    names: type[IntEnum], values: npt.NDArray[np.int8], missing: npt.NDArray[np.bool_] | None = None
) -> pa.DictionaryArray:
    """Return an enumeration's members by their names in small letters, null where ``missing``."""
    dictionary = pa.array([item.name.lower() for item in names], pa.string())
    return pa.DictionaryArray.from_arrays(pa.array(values, pa.int8(), mask=missing), dictionary)
