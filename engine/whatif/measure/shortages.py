"""Shortages: what the hosts lacked at the moment each request of a batch was refused."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from engine.whatif.decisions import Reason
from engine.whatif.measure.kernels import BLOCK, compiled
from engine.whatif.measure.kinds import kinds_of
from engine.whatif.measure.meters import beyond_columns, deciding_meters, read_meters
from engine.whatif.measure.standing import Standings
from engine.whatif.world import World

_AMOUNTS: Final = np.array([Reason.VCPU, Reason.MEMORY_MB, Reason.DISK_GB, Reason.INSTANCES], dtype=np.int8)
_NO_ROWS: Final = np.empty(0, dtype=np.int64)


def explain_refused(
    world: World,
    rows: npt.NDArray[np.int32],
    codes: npt.NDArray[np.int32],
    signs: npt.NDArray[np.int8],
    *,
    without: npt.NDArray[np.int64] = _NO_ROWS,
) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.int32]]:
    """Return why each refused operation of a batch was, int8[k], and how many hosts lacked what, int32[k, 5].

    ``rows``, ``codes`` and ``signs`` are the operations in order: an instance of ``code`` claimed on ``row`` (sign 1),
    given back there (-1), or refused (0). The world is as after the batch; the operations are undone on a copy, so
    that each answer is that of its own moment. What an instance holds beyond its request's amounts is not undone.

    The first four counts are of hosts that pass every other filter and are short of vCPUs, memory, disk, or run as
    many instances as they may (one may be short of several; a host whose largest piece is too small is short, too);
    the last is of hosts that fail another filter. Hosts on rows ``without`` did not exist for the batch. The reason is
    what most are short of, ties by the order of Reason; FILTERED where no host passes the other filters, OTHER where
    one that passes them lacks nothing: then a server group, NUMA cells, devices or other providers decided, which are
    not counted.
    """
    refused = np.flatnonzero(signs == 0)
    if not len(refused):
        return np.empty(0, dtype=np.int8), np.empty((0, 5), dtype=np.int32)
    selector, table = world.selector, world.table
    wanted, kind_places = np.unique(codes[refused], return_inverse=True)
    asked = [world.requests[code] for code in wanted.tolist()]
    deciding = deciding_meters(selector.chain, table, [world.amounts(code) for code in wanted.tolist()])
    meters = read_meters(selector.chain, table, beyond_columns(selector.chain, table), wanted=deciding)
    kinds = kinds_of(Standings(selector), meters, asked)
    kinds.masks[:, without] = 0
    used, operations = np.unique(codes, return_inverse=True)
    taken = [meters.taken(world.amounts(code)) for code in used.tolist()]
    kind_of_operation = np.zeros(len(codes), dtype=np.int64)
    kind_of_operation[refused] = kinds.kind_of[kind_places]
    found = np.zeros((len(refused), 5), dtype=np.int64)
    counts = np.zeros((5, len(kinds)), dtype=np.int64)
    kernels = compiled()
    scratch = np.zeros((5, BLOCK), dtype=np.int64)
    kernels.tally_all(meters.values, kinds.masks, kinds.ends, kinds.needs, meters.lacks, scratch, counts)
    kernels.walk_back(
        rows,
        signs,
        operations.astype(np.int64),
        np.ascontiguousarray(np.array(taken, dtype=np.float64).reshape(len(used), len(meters.meters)).T),
        kind_of_operation,
        meters.values,
        kinds.masks,
        kinds.ends,
        kinds.needs,
        meters.lacks,
        counts,
        found,
    )
    standing = kinds.masks.sum(axis=1, dtype=np.int64)
    mask_of_kind = np.repeat(np.arange(len(kinds.masks)), np.diff(kinds.ends))
    passing = standing[mask_of_kind][kind_of_operation[refused]]
    short = found.astype(np.int32)
    short[:, 4] = int(table.columns["present"].sum() - table.columns["present"][without].sum()) - passing
    reasons = _AMOUNTS[np.argmax(found[:, :4], axis=1)]
    reasons[found[:, 4] > 0] = Reason.OTHER
    reasons[passing == 0] = Reason.FILTERED
    return reasons, short
