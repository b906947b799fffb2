"""Which rows a request restricts itself to before any filter runs: requested destination, ignored and forced hosts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from engine.inventory.fleet import Fleet
from engine.model.request_spec import RequestedDestination, RequestSpec

Rows = npt.NDArray[np.int64]


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


def names_few(request: RequestSpec) -> bool:
    """True when the request names the hosts it may go to, and no nodes, so that they are found by name."""
    destination = request.requested_destination
    named = bool(request.force_hosts or (destination is not None and destination.host))
    return named and not request.force_nodes


def names_cell_or_nodes(request: RequestSpec) -> bool:
    """True when the request restricts itself to hosts that only a look at every host can tell."""
    destination = request.requested_destination
    return bool(request.force_nodes or (destination is not None and _only_cell(destination)))


def _only_cell(destination: RequestedDestination) -> str:
    """Return the cell whose hosts alone are looked at, empty for all.

    The rule is that of nova.scheduler.host_manager, get_host_states_by_uuids.
    """
    return "" if destination.allow_cross_cell_move else destination.cell


def rows_named(fleet: Fleet, names: Sequence[str]) -> Rows:
    """Return the rows of the hosts of these names, compared without case, ascending."""
    wanted = {name.lower() for name in names}
    found = {row for name in wanted if (row := fleet.find(name)) is not None}
    host_ids = fleet.identity.host_ids
    found.update(row for row in _not_lower_case(fleet).tolist() if host_ids[row].lower() in wanted)
    return np.array(sorted(found), dtype=np.int64)


def _not_lower_case(fleet: Fleet) -> Rows:
    """Return the rows of the hosts whose names are not in lower case, nearly always none, ascending."""

    def among(rows: Rows) -> Rows:
        names = fleet.identity.host_ids.take(rows)
        return np.array([row for row, name in zip(rows.tolist(), names, strict=True) if name != name.lower()], np.int64)

    def refresh(known: Rows, changed: Rows) -> Rows:
        there = changed[fleet.columns["present"][changed] == 1]
        return np.union1d(np.setdiff1d(known, changed), among(there))

    return fleet.of_facts("names not in lower case", lambda: among(fleet.present_rows()), refresh)


def destination_rows(fleet: Fleet, request: RequestSpec) -> Rows:
    """Return the rows left by the request's own restrictions, ascending.

    The rule is that of nova.scheduler.host_manager, get_filtered_hosts. Ignored and forced hosts compare without
    case, nodes and a requested destination with it.
    """
    destination = request.requested_destination
    forced = rows_named(fleet, request.force_hosts) if request.force_hosts else None
    if destination is not None and destination.host:
        row = fleet.find(destination.host)
        matches = row is not None and (not destination.node or fleet.identity.nodenames[row] == destination.node)
        rows = np.array([row] if matches else [], dtype=np.int64)
        if forced is not None:
            rows = np.intersect1d(rows, forced)
    else:
        rows = fleet.present_rows() if forced is None else forced
    if destination is not None and _only_cell(destination):
        inside = np.array([item.cell == destination.cell for item in fleet.profiles.values], dtype=np.bool_)
        rows = rows[inside[fleet.columns["profile"][rows]]]
    if request.ignore_hosts:
        rows = rows[~np.isin(rows, rows_named(fleet, request.ignore_hosts))]
    if request.force_nodes:
        nodes, named = set(request.force_nodes), fleet.identity.nodenames.take(rows)
        rows = rows[np.array([name in nodes for name in named], dtype=np.bool_)]
    return rows
