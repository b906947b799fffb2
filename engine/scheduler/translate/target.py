"""The one host that a request can only go to (nova.scheduler.utils, resources_from_request_spec)."""

from __future__ import annotations

from collections.abc import Iterator

from engine.errors import NoValidHostError
from engine.inventory.fleet import Fleet
from engine.model.request_spec import RequestSpec


def target_row(request: RequestSpec, fleet: Fleet) -> int | None:
    """Return the row of the requested destination's host or node, or else of the first forced one; None without any.

    Names compare exactly, but forced hosts without case where no host has the exact name: nova compares them so later,
    and its database earlier. Raises NoValidHostError where there is no such host, or not in the cell asked for.
    """
    destination = request.requested_destination
    host = destination.host if destination is not None else ""
    node = destination.node if destination is not None else ""
    host = host or (request.force_hosts[0] if request.force_hosts else "")
    node = node or (request.force_nodes[0] if request.force_nodes else "")
    if not host and not node:
        return None
    cell = destination.cell if destination is not None else ""
    rows = _rows_of_host(host, fleet) if host else _rows_of_node(node, fleet)
    for row in rows:
        if node and fleet.identity.nodenames[row] != node:
            continue
        if cell and fleet.profiles.values[int(fleet.columns["profile"][row])].cell != cell:
            continue
        return row
    named = " and ".join(f"{kind} {name!r}" for kind, name in (("host", host), ("node", node)) if name)
    where = f" in cell {cell!r}" if cell else ""
    raise NoValidHostError(
        f"there is no {named}{where}: check the forced hosts and the requested destination",
        rejections={},
        hosts_total=fleet.host_count,
    )


def _rows_of_host(host: str, fleet: Fleet) -> Iterator[int]:
    row = fleet.find(host)
    if row is not None:
        yield row
        return
    wanted = host.lower()
    yield from (row for name, row in fleet.identity.row_of.items() if name.lower() == wanted)


def _rows_of_node(node: str, fleet: Fleet) -> Iterator[int]:
    names, present, row = fleet.identity.nodenames, fleet.columns["present"], -1
    while True:
        try:
            row = names.index(node, row + 1)
        except ValueError:
            return
        if present[row]:
            yield row
