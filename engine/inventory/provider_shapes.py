"""Provider shapes: what a host's provider tree has beyond the host's columns, without the uuids.

Hosts of one kind differ in their providers' uuids and names alone, so the *shape* of their trees is the same: it is a
ProviderTree whose root has the empty uuid and whose other providers have their position in the tree as uuid. The root
holds only what the host's columns do not: the inventories of further resource classes and what is used of those. The
uuids and names themselves are a row's own, in the order of the positions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from engine.model.candidates import Amount, Candidate, Provider, ProviderTree
from engine.model.resources import RESOURCE_CLASSES, ResourceInventory

ProviderNames = tuple[tuple[str, str], ...]
"""(uuid, name) of each provider under a host's own, in the order of their positions."""


def tree_shape(
    host_uuid: str, extra_inventories: Mapping[str, ResourceInventory], children: Sequence[Provider]
) -> tuple[ProviderTree | None, ProviderNames]:
    """Return the shape of a host's tree, None where there is nothing beyond the columns, and its providers' names.

    A child whose ``parent`` is empty or the host's uuid is directly under the host's own provider. Raises ValueError,
    whose message continues a sentence about the tree, for uuids that repeat, parents that do not exist, and loops.
    """
    columns = sorted(set(extra_inventories) & set(RESOURCE_CLASSES))
    if columns:
        raise ValueError(f"gives the host {columns[0]}, which has columns of its own")
    if not extra_inventories and not children:
        return None, ()
    ordered = _parents_first(host_uuid, children)
    place = {child.uuid: str(index) for index, child in enumerate(ordered)}
    root = Provider(uuid="", inventories=tuple(sorted(extra_inventories.items())))
    shapes = [
        replace(
            child,
            uuid=place[child.uuid],
            name="",
            parent=place.get(child.parent, ""),
            inventories=tuple(sorted(child.inventories)),
            used=_without_zeros(dict(child.used)),
        )
        for child in ordered
    ]
    return ProviderTree((root, *shapes)), tuple((child.uuid, child.name) for child in ordered)


def _parents_first(host_uuid: str, children: Sequence[Provider]) -> list[Provider]:
    known = {child.uuid for child in children}
    if len(known) != len(children) or host_uuid in known:
        raise ValueError("names a provider twice: every uuid must be its own")
    waiting: dict[str, list[Provider]] = {}
    for child in children:
        parent = "" if child.parent in ("", host_uuid) else child.parent
        if parent and parent not in known:
            raise ValueError(f"puts provider {child.uuid} under {parent}, which is none of the host's")
        waiting.setdefault(parent, []).append(child)
    ordered: list[Provider] = []
    ready = waiting.pop("", [])
    while ready:
        ordered += ready
        ready = [child for parent in ready for child in waiting.pop(parent.uuid, [])]
    if waiting:
        raise ValueError(f"has providers that are under each other: {', '.join(sorted(waiting))}")
    return ordered


def children_of(shape: ProviderTree | None, names: ProviderNames) -> tuple[Provider, ...]:
    """Return the providers under a host's own with their uuids and names; ``parent`` is empty for that one itself."""
    if shape is None:
        return ()
    return tuple(
        replace(child, uuid=uuid, name=name, parent=names[int(child.parent)][0] if child.parent else "")
        for child, (uuid, name) in zip(shape.providers[1:], names, strict=True)
    )


def whole_tree(root: Provider, shape: ProviderTree | None, names: ProviderNames) -> ProviderTree:
    """Return a host's tree under ``root``, which holds what the columns say of the host's own provider."""
    if shape is None:
        return ProviderTree((root,))
    beside = shape.root
    whole = replace(
        root,
        inventories=tuple(sorted((*root.inventories, *beside.inventories))),
        used=tuple(sorted((*root.used, *beside.used))),
    )
    children = [child if child.parent else replace(child, parent=root.uuid) for child in children_of(shape, names)]
    return ProviderTree((whole, *children))


def offers_columns(shape: ProviderTree) -> bool:
    """Return whether a provider under the host's own offers a resource class that every host has columns for."""
    return any(name in RESOURCE_CLASSES for child in shape.providers[1:] for name, _ in child.inventories)


def with_allocations(
    shape: ProviderTree, host_uuid: str, names: ProviderNames, candidate: Candidate, sign: int = 1
) -> ProviderTree:
    """Return a shape with what a candidate takes of its providers added to their usage, or taken off it again.

    What the columns count, and what other trees and sharing providers give, is left out.
    """
    place = {uuid: index + 1 for index, (uuid, _) in enumerate(names)}
    providers = list(shape.providers)
    for uuid, amounts in candidate.allocations:
        index = 0 if uuid == host_uuid else place.get(uuid)
        if index is None:
            continue
        taken = [(name, amount) for name, amount in amounts if index or name not in RESOURCE_CLASSES]
        if taken:
            used = dict(providers[index].used)
            for name, amount in taken:
                used[name] = used.get(name, 0) + sign * amount
            providers[index] = replace(providers[index], used=_without_zeros(used))
    return ProviderTree(tuple(providers))


def _without_zeros(used: Mapping[str, int]) -> tuple[Amount, ...]:
    return tuple(sorted((name, amount) for name, amount in used.items() if amount))
