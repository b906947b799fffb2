"""Inputs: the tables of the files and services that a scenario names, and the world that it opens with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import TypeAlias

import pyarrow as pa

from engine.errors import InvalidRequestError
from engine.inventory.fleet_file import read_fleet
from engine.whatif.fleets.allocations import checked_allocations, read_allocations
from engine.whatif.fleets.opening import Sources, opened
from engine.whatif.scenario.document import key_path
from engine.whatif.scenario.model import Scenario
from engine.whatif.scenario.reading import with_values
from engine.whatif.served.snapshot import Snapshot
from engine.whatif.workloads.trace_table import read_trace_table
from engine.whatif.world import World

Source: TypeAlias = tuple[str, str]
"""What kind of thing is read, and from where."""

_HOSTS, _ALLOCATIONS, _LIVE, _TRACE = "hosts", "allocations", "live", "trace"
_READ_FROM = ("fleet.file", "fleet.allocations", "fleet.live", "workload.trace")
"""The keys of a scenario, or tables of it, that say what is read."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a run needs of files and services; it can be pickled.

    ``hosts`` is in FLEET_SCHEMA, ``allocations`` in ALLOCATION_SCHEMA, ``trace`` has the columns that its scenario
    speaks of. ``read`` has all that the scenario, its variants and its sweep name, see ``inputs_for``.
    """

    hosts: pa.Table | None = None
    allocations: pa.Table | None = None
    snapshot: Snapshot | None = None
    trace: pa.Table | None = None
    read: Mapping[Source, pa.Table | Snapshot] = field(default_factory=dict)


def read_inputs(scenario: Scenario, base: Path, fetch: Callable[[str], Snapshot] | None) -> Inputs:
    """Return what a scenario reads, with what its variants and its sweep would have it read, each thing once.

    Relative paths are relative to the folder ``base``, that of the scenario's file. ``fetch`` gets the snapshot of a
    service by its HOST:PORT, None where none can be asked. Raises InvalidFileError, InvalidRequestError.
    """
    read: dict[Source, pa.Table | Snapshot] = {}
    for varied in _variations(scenario):
        for source in _sources(varied).values():
            if source not in read:
                read[source] = _read(source, varied, base, fetch)
    return inputs_for(scenario, Inputs(read=read))


def inputs_for(scenario: Scenario, inputs: Inputs) -> Inputs:
    """Return inputs as a variation of the scenario needs them that they were read for.

    Inputs that were put together by hand, with nothing ``read``, serve every scenario. Raises InvalidRequestError where
    the scenario names what was not read.
    """
    if not inputs.read and _is_by_hand(inputs):
        return inputs
    found: dict[str, pa.Table | Snapshot] = {}
    for kind, source in _sources(scenario).items():
        if source not in inputs.read:
            raise InvalidRequestError(f"{source[1]} was not read with the scenario: read its inputs anew")
        found[kind] = inputs.read[source]
    return replace(
        inputs,
        hosts=found.get(_HOSTS),
        allocations=found.get(_ALLOCATIONS),
        snapshot=found.get(_LIVE),
        trace=found.get(_TRACE),
    )


def open_world(scenario: Scenario, inputs: Inputs, *, seed: int) -> World:
    """Return the world that a scenario begins with: hosts, aggregates, flavors, chain, and what instances hold.

    Raises InvalidRequestError where the scenario names a host, a zone, an aggregate or a flavor that there is not.
    """
    suited = inputs_for(scenario, inputs)
    allocations = suited.allocations
    if allocations is not None and not inputs.read:
        allocations = checked_allocations(allocations, "the allocations")
    return opened(scenario, Sources(suited.hosts, allocations, suited.snapshot), seed=seed)


def _is_by_hand(inputs: Inputs) -> bool:
    return any(item is not None for item in (inputs.hosts, inputs.allocations, inputs.snapshot, inputs.trace))


def _sources(scenario: Scenario) -> dict[str, Source]:
    """Return by kind what a scenario reads."""
    fleet, trace = scenario.fleet, scenario.workload.trace
    found = {}
    if fleet.file is not None:
        found[_HOSTS] = (_HOSTS, str(fleet.file))
    if fleet.allocations is not None:
        found[_ALLOCATIONS] = (_ALLOCATIONS, str(fleet.allocations))
    if fleet.live:
        found[_LIVE] = (_LIVE, fleet.live)
    if trace is not None:
        # which columns are read depends on what else the trace says
        found[_TRACE] = (_TRACE, trace.model_dump_json(exclude_unset=True))
    return found


def _read(
    source: Source, scenario: Scenario, base: Path, fetch: Callable[[str], Snapshot] | None
) -> pa.Table | Snapshot:
    kind, name = source
    if kind == _HOSTS:
        return read_fleet(base / name)
    if kind == _ALLOCATIONS:
        return read_allocations(base / name)
    if kind == _LIVE:
        if fetch is None:
            raise InvalidRequestError(f"fleet.live: no service can be asked here, {name!r} neither", field="fleet.live")
        return fetch(name)
    assert scenario.workload.trace is not None
    return read_trace_table(base / scenario.workload.trace.file, scenario.workload.trace)


def _says_what_is_read(key: str) -> bool:
    """Whether a dotted key is one of those, or a table that one is in, or in one of them."""
    path = key_path(key) or ()
    return any(path[: len(wanted)] == wanted[: len(path)] for wanted in (tuple(name.split(".")) for name in _READ_FROM))


def _variations(scenario: Scenario) -> Iterator[Scenario]:
    """Yield the scenario, and each way in which its variants and its sweep may have it read other things."""
    yield scenario
    swept = {key: values for key, values in scenario.sweep.items() if _says_what_is_read(key)}
    for variant in [{}, *(item.set for item in scenario.variants)]:
        for values in product(*swept.values()):
            if variant or swept:
                yield with_values(scenario, {**dict(zip(swept, values, strict=True)), **variant})
