"""Between messages of resource providers and the model; what placement would refuse is refused here, by name."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from uuid import UUID

from engine.errors import InvalidRequestError
from engine.inventory.device_records import MAX_PROVIDERS
from engine.model.candidates import SHARES, Amount, Provider
from engine.model.limits import MAX_AMOUNT, check_amount
from engine.model.resources import UNLIMITED_MAX_UNIT, ResourceInventory
from engine.v1 import inventory_pb2

_MAX_CLASSES = 256
_MAX_RATIO = 16_384.0
_NAME = re.compile(r"[A-Z0-9_]{1,255}")
_MAX_NAME = 200
"""Of a provider, as in placement."""


def check_resource_class(name: str) -> str:
    """Return the name of a resource class; raise InvalidRequestError for what placement would not take as one."""
    if not _NAME.fullmatch(name):
        raise InvalidRequestError(
            f"{name[:300]!r} is no resource class: use 1 to 255 of A-Z, 0-9 and _", field="resource_class"
        )
    return name


def check_trait(name: str, field: str = "traits") -> str:
    """Return a trait's name; raise InvalidRequestError for what placement would not take as one."""
    if not _NAME.fullmatch(name):
        raise InvalidRequestError(f"{name[:300]!r} is no trait: use 1 to 255 of A-Z, 0-9 and _", field=field)
    return name


def uuid_text(text: str, field: str) -> str:
    """Return a uuid in its usual form; raise InvalidRequestError."""
    try:
        return str(UUID(text))
    except ValueError:
        raise InvalidRequestError(f"{field} must be a uuid, not {text[:80]!r}", field=field) from None


def inventory_from(name: str, message: inventory_pb2.ResourceInventory) -> ResourceInventory:
    """Return an inventory, zeros in its units and ratio read as placement's defaults; raise InvalidRequestError."""
    check_resource_class(name)
    ratio = message.allocation_ratio or 1.0
    if not (math.isfinite(ratio) and 0 < ratio <= _MAX_RATIO):
        raise InvalidRequestError(
            f"{name}: allocation_ratio must be above 0 and at most {_MAX_RATIO:g}, not {ratio}",
            field="allocation_ratio",
        )
    total = check_amount(f"{name}: total", message.total, 1, MAX_AMOUNT)
    inventory = ResourceInventory(
        total=total,
        reserved=check_amount(f"{name}: reserved", message.reserved, 0, total),
        allocation_ratio=ratio,
        min_unit=check_amount(f"{name}: min_unit", message.min_unit or 1, 1, UNLIMITED_MAX_UNIT),
        max_unit=check_amount(f"{name}: max_unit", message.max_unit or total, 1, UNLIMITED_MAX_UNIT),
        step_size=check_amount(f"{name}: step_size", message.step_size or 1, 1, UNLIMITED_MAX_UNIT),
    )
    if inventory.min_unit > inventory.largest_unit:
        raise InvalidRequestError(f"{name}: min_unit is above max_unit", field="min_unit")
    return inventory


def provider_from(message: inventory_pb2.ResourceProvider) -> Provider:
    """Return one provider by itself; raise InvalidRequestError."""
    uuid = uuid_text(message.uuid, "a provider's uuid")
    if len(message.name) > _MAX_NAME or not message.name.isprintable():
        raise InvalidRequestError(
            f"provider {uuid}: its name must be at most {_MAX_NAME} printable characters", field="name"
        )
    if len(message.inventories) > _MAX_CLASSES:
        raise InvalidRequestError(
            f"provider {uuid}: it has {len(message.inventories)} resource classes, at most {_MAX_CLASSES} are allowed",
            field="inventories",
        )
    try:
        inventories = {name: inventory_from(name, item) for name, item in message.inventories.items()}
        used = _used(message.used, inventories)
        return Provider(
            uuid=uuid,
            name=message.name,
            parent=uuid_text(message.parent_uuid, "parent_uuid") if message.parent_uuid else "",
            inventories=tuple(sorted(inventories.items())),
            traits=frozenset(map(check_trait, message.traits)),
            aggregates=frozenset(uuid_text(item, "aggregate_uuids") for item in message.aggregate_uuids),
            used=used,
        )
    except InvalidRequestError as error:
        raise InvalidRequestError(f"provider {uuid}: {error.message}", **error.details) from error


def _used(used: Mapping[str, int], inventories: Mapping[str, ResourceInventory]) -> tuple[Amount, ...]:
    unknown = sorted(used.keys() - inventories.keys())
    if unknown:
        raise InvalidRequestError(f"used names {unknown[0]!r}, of which there is no inventory", field="used")
    return tuple(sorted((name, check_amount(f"{name}: used", used[name], 0, MAX_AMOUNT)) for name in used))


def children_from(message: inventory_pb2.ResourceProviders, host_uuid: str) -> tuple[Provider, ...]:
    """Return the providers under a host's own, every parent before its children; those right under it name no parent.

    Raises InvalidRequestError for too many, one that comes twice or is the host's own, unknown parents, and circles.
    """
    if len(message.providers) > MAX_PROVIDERS:
        raise InvalidRequestError(
            f"there are {len(message.providers)} providers, at most {MAX_PROVIDERS} are allowed", field="providers"
        )
    providers = [provider_from(item) for item in message.providers]
    check_distinct(providers)
    for provider in providers:
        if provider.uuid == host_uuid:
            raise InvalidRequestError(
                f"provider {host_uuid} is the host's own: give what it has as the host's inventories and traits",
                field="providers",
            )
    return _parents_first(providers, host_uuid)


def _parents_first(providers: Sequence[Provider], host_uuid: str) -> tuple[Provider, ...]:
    below: dict[str, list[Provider]] = {}
    known = {provider.uuid for provider in providers}
    for provider in providers:
        parent = provider.parent or host_uuid
        if parent != host_uuid and parent not in known:
            raise InvalidRequestError(
                f"provider {provider.uuid}: its parent {parent} is no provider of this host", field="parent_uuid"
            )
        below.setdefault(parent, []).append(provider)
    ordered: list[Provider] = []
    parents = [host_uuid]
    while parents:
        for provider in below.pop(parents.pop(0), ()):
            ordered.append(provider if provider.parent != host_uuid else replace(provider, parent=""))
            parents.append(provider.uuid)
    if below:
        raise InvalidRequestError(
            f"provider {min(below)} is above itself: parents must lead to the host's own provider", field="parent_uuid"
        )
    return tuple(ordered)


def sharing_from(messages: Iterable[inventory_pb2.ResourceProvider]) -> list[Provider]:
    """Return sharing providers, each with the trait that makes it one; raise InvalidRequestError."""
    providers = []
    for message in messages:
        provider = provider_from(message)
        if provider.parent:
            raise InvalidRequestError(
                f"provider {provider.uuid}: a sharing provider has no parent", field="parent_uuid"
            )
        providers.append(replace(provider, traits=provider.traits | {SHARES}))
    check_distinct(providers)
    return providers


def check_distinct(providers: Sequence[Provider]) -> None:
    """Raise InvalidRequestError for a provider that comes twice."""
    seen: set[str] = set()
    for provider in providers:
        if provider.uuid in seen:
            raise InvalidRequestError(f"provider {provider.uuid} comes twice", field="providers")
        seen.add(provider.uuid)


def inventory_message(inventory: ResourceInventory, used: int) -> inventory_pb2.ResourceInventory:
    """Return an inventory's message, with what is in use."""
    return inventory_pb2.ResourceInventory(
        total=inventory.total,
        reserved=inventory.reserved,
        allocation_ratio=inventory.allocation_ratio,
        min_unit=inventory.min_unit,
        max_unit=inventory.largest_unit,
        step_size=inventory.step_size,
        used=used,
    )


def provider_message(provider: Provider, live: Provider | None = None) -> inventory_pb2.ResourceProvider:
    """Return a provider's message; ``live`` is the same with Berth's own allocations among what is used."""
    in_use = dict((live or provider).used)
    return inventory_pb2.ResourceProvider(
        uuid=provider.uuid,
        name=provider.name,
        parent_uuid=provider.parent,
        inventories={name: inventory_message(item, in_use.get(name, 0)) for name, item in provider.inventories},
        traits=sorted(provider.traits),
        aggregate_uuids=sorted(provider.aggregates),
        used=dict(provider.used),
    )
