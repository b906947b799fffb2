"""What a trace's instances ask for: one request for each distinct combination of flavor, extra specs and devices."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.fitting.pci_aliases import Aliases
from engine.model.flavor import Flavor
from engine.model.request_spec import RequestSpec
from engine.whatif.fleets.choice import unknown_name
from engine.whatif.scenario.requests import aliases_of, fitted, flavor_request
from engine.whatif.scenario.workload import DeviceColumns, TraceWorkload
from engine.whatif.workloads.column_texts import ColumnTexts, column_texts, says_yes
from engine.whatif.workloads.columns import Columns
from engine.whatif.workloads.distinct import distinct_rows
from engine.whatif.workloads.templates import columns_named, filled_in
from engine.whatif.workloads.trace_sizes import has_sizes, scaled_up, sizes_of
from engine.whatif.workloads.trace_table import WHEN
from engine.whatif.world import World

MAX_REQUESTS: Final = 200_000
"""The most different requests of a trace: beyond it a column that is another for each instance is in an extra spec."""

MAX_DEVICES: Final = 128
"""The most devices of an instance."""

Numbers = NDArray[np.int64]


def flavor_column(columns: Columns) -> str:
    """Return the column of flavor names, empty where sizes say what is asked for.

    A column that the scenario's ``columns`` names counts, and one called flavor in a file that has no sizes.
    """
    if "flavor" in columns.called:
        return columns.name_of(("flavor",))
    return "" if has_sizes(columns) or "flavor" not in columns.names else "flavor"


def trace_codes(columns: Columns, trace: TraceWorkload, world: World) -> NDArray[np.int32]:
    """Return the world's code of each row's request.

    Flavors made of sizes are named after them, and after what extra specs and devices are made of: ``4c-8192m-0g``,
    ``4c-8192m-0g-numa_nodes=2``. Raises InvalidFileError for a row that makes no sense or names no flavor there is.
    """
    parts: list[Numbers] = []
    flavors = flavor_column(columns)
    if flavors:
        named = column_texts(columns, flavors)
        _check_flavors(columns, flavors, named, world)
        parts.append(named.codes)
    else:
        vcpus, memory_mb, disk_gb = sizes_of(columns, trace.scale)
        parts += [vcpus, memory_mb, disk_gb]
    words = {name: column_texts(columns, columns.name_of((name,))) for name in columns_named(trace.extra_specs)}
    parts += [text.codes for text in words.values()]
    has_specs = np.ones(len(columns), dtype=np.bool_)
    if trace.extra_specs and WHEN in columns.called:
        has_specs = says_yes(columns, columns.name_of((WHEN,)))
        parts.append(has_specs.astype(np.int64))
    counts, amounts = _devices(columns, trace)
    if trace.devices is not None:
        parts += [counts, amounts]
    first, codes = distinct_rows(parts)
    if len(first) > MAX_REQUESTS:
        raise columns.fault(
            f"asks for {len(first)} different things, more than {MAX_REQUESTS}: leave columns that are "
            "another for each instance out of extra_specs"
        )
    made, aliases = np.empty(len(first), dtype=np.int32), aliases_of(world.options)
    for number, row in enumerate(first.tolist()):
        if flavors:
            base = world.flavors[named.texts[named.codes[row]] or ""]
        else:
            base = _of_sizes(int(vcpus[row]), int(memory_mb[row]), int(disk_gb[row]), aliases)
        texts = {name: text.texts[text.codes[row]] for name, text in words.items()}
        specs = filled_in(trace.extra_specs, texts) if has_specs[row] else {}
        device = _Device(trace.devices, int(counts[row]), int(amounts[row]))
        suffix = _suffix(texts if has_specs[row] else {}, device)
        made[number] = world.code(_with_specs(base, specs, device, suffix, aliases))
    return made[codes]


@dataclass(frozen=True, slots=True)
class _Device:
    """How many devices of a class an instance takes, and how much of each."""

    columns: DeviceColumns | None
    count: int
    amount: int

    @property
    def is_wanted(self) -> bool:
        """Whether there is any."""
        return self.columns is not None and self.count > 0


def _of_sizes(vcpus: int, memory_mb: int, disk_gb: int, aliases: Aliases) -> RequestSpec:
    return flavor_request(Flavor(f"{vcpus}c-{memory_mb}m-{disk_gb}g", vcpus, memory_mb, disk_gb), aliases)


def _suffix(texts: dict[str, str | None], device: _Device) -> str:
    """Return what tells a flavor apart from others of the same sizes."""
    said = [f"-{name}={text}" for name, text in texts.items() if text]
    if device.columns is not None and device.is_wanted:
        said.append(f"-{device.columns.resource_class}={device.count}x{device.amount}")
    return "".join(said)


def _with_specs(
    base: RequestSpec, specs: dict[str, str], device: _Device, suffix: str, aliases: Aliases
) -> RequestSpec:
    """Return a request with further extra specs and devices, and with what NUMA cells and PCI devices they ask for."""
    if not specs and not device.is_wanted:
        return base
    merged = {**base.flavor.extra_specs, **specs}
    if device.columns is not None and device.is_wanted:
        free = (number for number in range(1, 2 * MAX_DEVICES + len(merged)) if not _is_taken(merged, number))
        for _ in range(device.count):
            merged[f"resources{next(free)}:{device.columns.resource_class}"] = str(device.amount)
        if device.count > 1:
            # two halves of one device are not two devices
            merged.setdefault("group_policy", "isolate")
    flavor = replace(base.flavor, name=base.flavor.name + suffix, extra_specs=merged)
    return fitted(replace(base, flavor=flavor), aliases)


def _is_taken(specs: dict[str, str], number: int) -> bool:
    return any(key.startswith((f"resources{number}:", f"trait{number}:")) for key in specs)


def _devices(columns: Columns, trace: TraceWorkload) -> tuple[Numbers, Numbers]:
    """Return how many devices each row takes, and how much of each; 0 for none."""
    none = np.zeros(len(columns), dtype=np.int64)
    if trace.devices is None:
        return none, none
    count_name, amount_name = (columns.name_of((name,)) for name in (trace.devices.count, trace.devices.amount))
    counts = scaled_up(columns, count_name, trace.scale.get(count_name, 1.0), MAX_DEVICES, nullable=True)
    amounts = scaled_up(columns, amount_name, trace.scale.get(amount_name, 1.0), nullable=True)
    empty = np.flatnonzero((counts > 0) & (amounts == 0))
    if len(empty):
        raise columns.fault(f"is 0 for {counts[empty[0]]} devices", column=amount_name, row=int(empty[0]))
    return counts, np.where(counts > 0, amounts, 0)


def _check_flavors(columns: Columns, name: str, named: ColumnTexts, world: World) -> None:
    """Raise InvalidFileError for the first row of a flavor that is not known."""
    known = np.array([text in world.flavors for text in named.texts], dtype=np.bool_)
    wrong = np.flatnonzero(~known[named.codes])
    if not len(wrong):
        return
    row = int(wrong[0])
    text = named.texts[named.codes[row]]
    if text is None:
        raise columns.fault("is missing: fill it in, or set skip_incomplete = true", column=name, row=row)
    raise columns.fault(unknown_name("flavor", text, world.flavors).message, column=name, row=row)
