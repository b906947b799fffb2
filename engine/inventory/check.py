"""The invariants of the host table, checked all at once: what must hold whatever happened before."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engine.fitting.pci import total
from engine.inventory.fleet import Fleet
from engine.inventory.schema import BLOCK_ROWS, CLASS_PREFIX, column_dtype

_SHOWN = 5


def check_invariants(fleet: Fleet) -> list[str]:
    """Return what is wrong with a fleet's columns, one sentence a broken rule; nothing when all of them hold."""
    problems: list[str] = []
    columns = fleet.columns
    lengths = {len(values) for values in columns.values()}
    if len(lengths) != 1 or next(iter(lengths)) % BLOCK_ROWS:
        problems.append(f"columns are not all padded to the same whole number of blocks: lengths {sorted(lengths)}")
        return problems
    problems += [
        f"column {name} has type {values.dtype}, not {column_dtype(name)}"
        for name, values in columns.items()
        if values.dtype != column_dtype(name)
    ]
    identity = fleet.identity
    texts = {len(identity.host_ids), len(identity.uuids), len(identity.nodenames), len(identity.host_ips)}
    if texts != {fleet.rows}:
        problems.append(f"there are {fleet.rows} rows and identities of {sorted(texts)}")
        return problems
    rows = fleet.present_rows()
    rows = rows[rows < fleet.rows]

    def rule(holds: np.ndarray, text: str) -> None:
        broken = rows[~holds]
        if len(broken):
            named = ", ".join(identity.host_ids[row] for row in broken[:_SHOWN].tolist())
            problems.append(f"{text}: broken on {len(broken)} hosts ({named}{', …' if len(broken) > _SHOWN else ''})")

    if (columns["present"][fleet.rows :] != 0).any():
        problems.append("a row beyond the last host is marked present")
    names = identity.host_ids.take(rows)
    named = len(set(names))
    if named != len(rows):
        problems.append(f"{len(rows)} hosts have {named} names")
    if len(identity.row_of) != named or not np.array_equal(identity.row_of.rows_of(names), rows):
        problems.append(
            f"the index of host ids ({len(identity.row_of)} entries) and the rows ({named} hosts) name different hosts"
        )
    for prefix in CLASS_PREFIX.values():
        total, reserved = columns[f"{prefix}_total"][rows], columns[f"{prefix}_reserved"][rows]
        ratio, used = columns[f"{prefix}_allocation_ratio"][rows], columns[f"{prefix}_used"][rows]
        rule((total >= 0) & (reserved >= 0) & (reserved <= total), f"0 <= {prefix}_reserved <= {prefix}_total")
        rule(np.isfinite(ratio) & (ratio > 0), f"{prefix}_allocation_ratio is a positive number")
        rule(used >= columns[f"{prefix}_foreign"][rows], f"{prefix}_used covers {prefix}_foreign")
        capacity = np.floor((total.astype(np.int64) - reserved) * ratio).astype(np.int64)
        rule(
            columns[f"{prefix}_free"][rows] == capacity - used,
            f"{prefix}_free = floor((total - reserved) * ratio) - used",
        )
    cpu_free = columns["vcpu_total"][rows] * columns["vcpu_allocation_ratio"][rows] - columns["vcpus_used"][rows]
    rule(columns["cpu_free"][rows] == cpu_free, "cpu_free = vcpu_total * ratio - vcpus_used")
    rule(
        columns["num_instances"][rows] >= columns["base_num_instances"][rows],
        "num_instances covers the foreign instances",
    )
    for code, numbering in (
        ("profile", fleet.profiles),
        ("membership", fleet.memberships),
        ("units", fleet.units),
        ("metrics", fleet.metric_sets),
    ):
        values = columns[code][rows]
        rule((values >= 0) & (values < max(1, len(numbering))), f"{code} is a known code")
    problems += _device_problems(fleet, rows)
    generation = columns["generation"][rows]
    rule((generation > 0) & (generation <= fleet.generation), "a host's generation lies within the table's")
    return problems


def _device_problems(fleet: Fleet, rows: npt.NDArray[np.int64]) -> list[str]:
    """Return what is wrong with the states of the hosts' devices."""
    columns, devices = fleet.columns, fleet.devices
    for name, many in (("numa", len(devices.numas)), ("pci", len(devices.pools)), ("tree", len(devices.trees))):
        codes = columns[name][rows]
        if ((codes < 0) | (codes >= many)).any():
            return [f"{name} is a known code: broken on {int(((codes < 0) | (codes >= many)).sum())} hosts"]
    problems = []
    present = set(rows.tolist())
    for row, held in devices.holdings.items():
        if row not in present:
            problems.append(f"row {row} is no host, but instances hold {len(held.assignments)} assignments of it")
            continue
        names = fleet.identity.providers.get(row, ())
        if fleet.device_state(row) != held.base.holding(held.assignments, fleet.identity.uuids[row], names):
            problems.append(f"the devices of {fleet.identity.host_ids[row]} are those reported less those held")
    with_pools = np.flatnonzero(columns["pci"][rows])
    counts = np.array([0 if pools is None else total(pools) for pools in devices.pools.values], dtype=np.int64)
    wrong = with_pools[counts[columns["pci"][rows[with_pools]]] != columns["pci_devices"][rows[with_pools]]]
    if len(wrong):
        problems.append(f"pci_devices is the sum of the pools: broken on {len(wrong)} hosts")
    for row in rows[columns["tree"][rows] != 0].tolist():
        shape = fleet.device_state(row).tree
        under = 0 if shape is None else len(shape.providers) - 1
        if under != len(fleet.identity.providers.get(row, ())):
            problems.append(f"{fleet.identity.host_ids[row]} names another number of providers than its tree has")
    return problems
