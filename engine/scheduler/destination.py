"""Which rows a request restricts itself to before any filter runs: requested destination, ignored and forced hosts."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from engine.inventory.fleet import Fleet
from engine.model.request_spec import RequestedDestination, RequestSpec


def is_forced(request: RequestSpec) -> bool:
    """True when hosts or nodes are forced, so that nova's filters (not placement's, nor the weighers) are left out."""
    return bool(request.force_hosts or request.force_nodes) and not request.scheduler_hints.get("_nova_check_type")


def is_restricted(request: RequestSpec) -> bool:
    """True when ``destination_rows`` may leave rows out."""
    destination = request.requested_destination
    return bool(
        request.force_hosts
        or request.force_nodes
        or request.ignore_hosts
        or (destination is not None and (destination.host or _only_cell(destination)))
    )


def _only_cell(destination: RequestedDestination) -> str:
    """Return the cell whose hosts alone are looked at, empty for all.

    The rule is that of nova.scheduler.host_manager, get_host_states_by_uuids.
    """
    return "" if destination.allow_cross_cell_move else destination.cell


def destination_rows(fleet: Fleet, request: RequestSpec) -> npt.NDArray[np.int64]:
    """Return the rows left by the request's own restrictions, ascending.

    The rule is that of nova.scheduler.host_manager, get_filtered_hosts. Ignored and forced hosts compare without
    case, nodes and a requested destination with it.
    """
    rows = fleet.present_rows()
    destination = request.requested_destination
    if destination is not None and destination.host:
        row = fleet.find(destination.host)
        matches = row is not None and (not destination.node or fleet.identity.nodenames[row] == destination.node)
        rows = np.array([row] if matches else [], dtype=np.int64)
    if destination is not None and _only_cell(destination):
        inside = np.array([item.cell == destination.cell for item in fleet.profiles.values], dtype=np.bool_)
        rows = rows[inside[fleet.columns["profile"][rows]]]
    if request.ignore_hosts:
        ignored = {name.lower() for name in request.ignore_hosts}
        rows = _keep(rows, fleet.identity.host_ids, lambda name: name.lower() not in ignored)
    if request.force_hosts:
        forced = {name.lower() for name in request.force_hosts}
        rows = _keep(rows, fleet.identity.host_ids, lambda name: name.lower() in forced)
    if request.force_nodes:
        nodes = set(request.force_nodes)
        rows = _keep(rows, fleet.identity.nodenames, lambda name: name in nodes)
    return rows


def _keep(rows: npt.NDArray[np.int64], names: Sequence[str], wanted: Callable[[str], bool]) -> npt.NDArray[np.int64]:
    return np.array([row for row in rows.tolist() if wanted(names[row])], dtype=np.int64)
