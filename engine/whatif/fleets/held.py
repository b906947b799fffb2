"""Held: allocations made instances of a world, each with a request that would ask for what it holds."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from engine.errors import EngineError, InvalidRequestError
from engine.fitting.pci_aliases import Aliases
from engine.inventory.usage import Amounts
from engine.model.assignment import Assignment
from engine.model.flavor import Flavor
from engine.model.image import Image
from engine.model.limits import MAX_MEMORY_MB
from engine.model.request_spec import RequestSpec
from engine.model.resources import DISK_GB, MEMORY_MB, VCPU
from engine.model.server_group import ServerGroup
from engine.whatif.fleets.choice import unknown_name
from engine.whatif.scenario.requests import aliases_of, fitted
from engine.whatif.workload import NO_GROUP, GroupRule
from engine.whatif.workloads.distinct import distinct_rows
from engine.whatif.world import World

Numbers = npt.NDArray[np.int64]

_AFFINITY = "affinity"
_MIB_A_GIB = 1024
_SIZES = ("vcpus", "memory_mb", "disk_gb")
_ASSIGNMENTS = msgspec.msgpack.Decoder(Assignment)


@dataclass(frozen=True, slots=True)
class _Kind:
    """What instances that are alike say of themselves."""

    flavor: str
    amounts: Amounts
    project_id: str
    image_properties: str


def hold_allocations(
    world: World,
    allocations: pa.Table,
    known: Sequence[Mapping[str, RequestSpec]],
    groups: Sequence[ServerGroup] = (),
) -> None:
    """Put instances on their hosts, the oldest first, whether there is room for them or not.

    ``allocations`` are in ALLOCATION_SCHEMA, of each instance one. An instance whose flavor is one of the ``known``, by
    name and sizes, asks for what that does, others for plain amounts. Raises InvalidRequestError for a host that there
    is not and an assignment that cannot be read.
    """
    many = allocations.num_rows
    if not many:
        return
    table = allocations.unify_dictionaries().combine_chunks()
    rows = _rows(world, table)
    codes = _codes(world, table, known)
    first = world.add(codes, table["instance"].combine_chunks())
    _join_groups(world, table["server_group"], first, groups)
    world.hold(np.arange(first, first + many), rows, _assignments(table, first))


def _rows(world: World, table: pa.Table) -> Numbers:
    """Return the row of each allocation's host."""
    names, codes = _coded(table["host_id"])
    known = world.table.identity.row_of.rows_of(names)
    used = np.flatnonzero(np.bincount(codes, minlength=len(names)))
    unknown = used[known[used] < 0]
    if len(unknown):
        hosts = world.table.identity.host_ids[:20_000]
        error = unknown_name("host", names[int(unknown[0])], hosts)
        more = f" (and {len(unknown) - 1} more hosts of allocations)" if len(unknown) > 1 else ""
        raise InvalidRequestError(f"allocations: {error.message}{more}", field="fleet.allocations")
    return np.asarray(known[codes], dtype=np.int64)


def _codes(world: World, table: pa.Table, known: Sequence[Mapping[str, RequestSpec]]) -> npt.NDArray[np.int32]:
    """Return the code of each instance's request."""
    sizes = [_numbers(table[name]) for name in _SIZES]
    requested = [_numbers(table[f"requested_{name}"], size) for name, size in zip(_SIZES, sizes, strict=True)]
    texts = [_coded(table[name]) for name in ("flavor", "project_id", "image_properties")]
    first, kind_of = distinct_rows([*requested, *sizes, *(codes for _, codes in texts)])
    aliases = aliases_of(world.options)
    codes = np.empty(len(first), dtype=np.int32)
    for kind, row in enumerate(first.tolist()):
        flavor, project_id, properties = (names[codes_[row]] for names, codes_ in texts)
        amounts = Amounts(*(int(column[row]) for column in (*requested, *sizes)))
        codes[kind] = world.code(_request(world, _Kind(flavor, amounts, project_id, properties), known, aliases))
    return codes[kind_of]


def _request(world: World, kind: _Kind, known: Sequence[Mapping[str, RequestSpec]], aliases: Aliases) -> RequestSpec:
    """Return a request that takes a kind's amounts, with all that is known of its flavor where that takes them too."""
    for flavors in known:
        request = flavors.get(kind.flavor)
        if request is None:
            continue
        try:
            request = _of_kind(request, kind, aliases)
            for candidate in (request, replace(request, is_bfv=True)):
                if world.selector.demand(candidate).amounts == kind.amounts:
                    return candidate
        except EngineError:
            # an image that this flavor does not go with: the instance was made with another of its name
            continue
    return RequestSpec(_plain_flavor(kind), project_id=kind.project_id, is_bfv=_is_bfv(kind.amounts), alternates=0)


def _of_kind(request: RequestSpec, kind: _Kind, aliases: Aliases) -> RequestSpec:
    """Return a flavor's request as instances of a kind made it."""
    if kind.image_properties:
        properties: dict[str, Any] = json.loads(kind.image_properties)
        request = fitted(replace(request, image=Image(properties=properties)), aliases)
    return replace(request, project_id=kind.project_id) if kind.project_id else request


def _is_bfv(amounts: Amounts) -> bool:
    """Whether placement was asked for less disk than the flavor has, as for an instance that boots from a volume."""
    return amounts.requested_disk_gb < amounts.flavor_disk_gb


def _plain_flavor(kind: _Kind) -> Flavor:
    """Return a flavor of a kind's sizes whose request takes exactly its amounts.

    nova asks placement for swap beside a flavor's disk, for no root disk of an instance that boots from a volume, and
    for what extra specs say in place of vCPUs and memory.
    """
    amounts = kind.amounts
    specs = {
        f"resources:{name}": str(wanted)
        for name, wanted, size in (
            (VCPU, amounts.requested_vcpu, amounts.flavor_vcpus),
            (MEMORY_MB, amounts.requested_memory_mb, amounts.flavor_memory_mb),
        )
        if wanted != size
    }
    beyond_gb = amounts.requested_disk_gb - amounts.flavor_disk_gb
    ephemeral_gb = amounts.requested_disk_gb if beyond_gb < 0 else 0
    root_gb = amounts.flavor_disk_gb - ephemeral_gb
    swap_mb = max(beyond_gb, 0) * _MIB_A_GIB
    if swap_mb > MAX_MEMORY_MB:
        specs[f"resources:{DISK_GB}"], swap_mb = str(amounts.requested_disk_gb), 0
    return Flavor(kind.flavor, amounts.flavor_vcpus, amounts.flavor_memory_mb, root_gb, ephemeral_gb, swap_mb, specs)


def _join_groups(world: World, said: pa.ChunkedArray, first: int, groups: Sequence[ServerGroup]) -> None:
    """Make instances members of the server groups they name; those of groups that are not known are in none.

    Neither is the only member of a group, affinity's aside: there is nobody for it to be away from, or near, and
    without a group it is placed many times quicker. Affinity keeps even its only member where it is, as in nova.
    """
    by_uuid = {group.uuid: group for group in groups}
    names, codes = _coded(said)
    number_of = np.full(len(names), NO_GROUP, dtype=np.int32)
    members = np.bincount(codes, minlength=len(names))
    rules = world.instances.rules
    for place, name in enumerate(names):
        group = by_uuid.get(name)
        if group is not None and (members[place] > 1 or group.policy == _AFFINITY):
            number_of[place] = len(rules)
            rules.append(GroupRule(group.policy, group.max_server_per_host))
    world.instances.groups[first:] = number_of[codes]


def _assignments(table: pa.Table, first: int) -> dict[int, Assignment]:
    """Return by instance what those hold that hold more than amounts."""
    column = table["assignment"]
    if column.null_count == len(column):
        return {}
    places = np.flatnonzero(np.asarray(pc.is_valid(column).to_numpy()))
    found = {}
    for place, payload in zip(places.tolist(), column.take(pa.array(places)).to_pylist(), strict=True):
        try:
            found[first + place] = _ASSIGNMENTS.decode(payload)
        except (msgspec.MsgspecError, TypeError, ValueError) as error:
            instance = table["instance"][place].as_py()
            raise InvalidRequestError(
                f"allocations: the assignment of instance {instance!r} cannot be read ({error})",
                field="fleet.allocations",
            ) from error
    return found


def _coded(values: pa.ChunkedArray) -> tuple[list[str], Numbers]:
    """Return the distinct texts of a column and the code of each row's; a null is an empty text."""
    combined = values.combine_chunks()
    if isinstance(combined, pa.ChunkedArray):
        combined = combined.chunk(0) if combined.num_chunks else pa.array([], values.type)
    if not pa.types.is_dictionary(combined.type):
        combined = combined.dictionary_encode()
    texts = ["" if text is None else text for text in combined.dictionary.to_pylist()]
    indices = combined.indices
    if indices.null_count:
        texts.append("")
        indices = pc.fill_null(indices, len(texts) - 1)
    return texts, np.asarray(indices.to_numpy(zero_copy_only=False), dtype=np.int64)


def _numbers(values: pa.ChunkedArray, default: Numbers | None = None) -> Numbers:
    """Return a column of whole numbers; nulls take ``default``."""
    if default is None or not values.null_count:
        return np.asarray(values.to_numpy(), dtype=np.int64)
    filled = np.asarray(pc.fill_null(values, 0).to_numpy(), dtype=np.int64)
    return np.where(np.asarray(pc.is_null(values).to_numpy()), default, filled)
