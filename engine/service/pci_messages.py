"""Between PCI messages and the model; everything a message may get wrong is refused here, by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from engine.errors import InvalidRequestError
from engine.inventory.device_records import MAX_POOLS
from engine.model.limits import MAX_AMOUNT, check_amount
from engine.model.pci import NUMA_POLICIES, PciPool, PciRequest, PciSpec
from engine.v1 import pci_pb2

_MAX_DEVICES = 65_536


def pools_from(message: pci_pb2.PciPools) -> tuple[PciPool, ...]:
    """Return a host's pools; raise InvalidRequestError for pools that are alike, or too many, or counts out of range.

    All counts together stay within what a column holds.
    """
    if len(message.pools) > MAX_POOLS:
        raise _invalid(f"there are {len(message.pools)} PCI pools, at most {MAX_POOLS} are allowed")
    pools = tuple(_pool(pool) for pool in message.pools)
    facts = [(pool.vendor_id, pool.product_id, pool.numa_node, pool.tags) for pool in pools]
    if len(set(facts)) != len(facts):
        raise _invalid("two PCI pools have the same facts: add their counts up")
    check_amount("pci_pools: all counts together", sum(pool.count for pool in pools), 0, MAX_AMOUNT)
    return pools


def _pool(message: pci_pb2.PciPool) -> PciPool:
    if not message.vendor_id or not message.product_id:
        raise _invalid("a PCI pool needs a vendor_id and a product_id")
    both = sorted(set(message.null_tags) & set(message.tags))
    if both:
        raise _invalid(f"the PCI tag {both[0]!r} has a value and is among the null_tags too")
    if message.HasField("numa_node"):
        check_amount("a PCI pool's numa_node", message.numa_node, 0, MAX_AMOUNT)
    tags: dict[str, str | None] = {**message.tags, **dict.fromkeys(message.null_tags)}
    return PciPool(
        vendor_id=message.vendor_id,
        product_id=message.product_id,
        numa_node=message.numa_node if message.HasField("numa_node") else None,
        count=check_amount("a PCI pool's count", message.count, 0, _MAX_DEVICES),
        tags=tuple(sorted(tags.items())),
    )


def pool_message(pool: PciPool) -> pci_pb2.PciPool:
    """Return a pool's message."""
    return pci_pb2.PciPool(
        vendor_id=pool.vendor_id,
        product_id=pool.product_id,
        numa_node=pool.numa_node,
        count=pool.count,
        tags={name: value for name, value in pool.tags if value is not None},
        null_tags=[name for name, value in pool.tags if value is None],
    )


def pools_message(pools: Iterable[PciPool]) -> pci_pb2.PciPools:
    """Return the message of a host's pools."""
    return pci_pb2.PciPools(pools=[pool_message(pool) for pool in pools])


def pci_requests_from(messages: Iterable[pci_pb2.PciRequest]) -> tuple[PciRequest, ...]:
    """Return what is asked of PCI devices; raise InvalidRequestError for what no device can be, or names used twice.

    A request without a name gets one of its own.
    """
    requests = tuple(_request(message, number) for number, message in enumerate(messages))
    names = [request.request_id for request in requests]
    if len(set(names)) != len(names):
        raise _wrong("two pci_requests have the same request_id")
    return requests


def _request(message: pci_pb2.PciRequest, number: int) -> PciRequest:
    if message.numa_policy not in ("", *NUMA_POLICIES):
        raise _wrong(f"numa_policy {message.numa_policy!r} is none of {', '.join(NUMA_POLICIES)}, or empty")
    if not message.specs:
        raise _wrong("a PCI request says nothing of its devices: give at least one spec")
    return PciRequest(
        count=check_amount("a PCI request's count", message.count, 1, _MAX_DEVICES),
        specs=tuple(_spec(spec.facts) for spec in message.specs),
        numa_policy=message.numa_policy,
        request_id=message.request_id or f"request-{number}",
        alias_name=message.alias_name,
        requester_id=message.requester_id,
        live_migratable=message.live_migratable if message.HasField("live_migratable") else None,
    )


def _spec(facts: Mapping[str, str]) -> PciSpec:
    return tuple(sorted(facts.items()))


def _invalid(message: str) -> InvalidRequestError:
    return InvalidRequestError(message, field="pci_pools")


def _wrong(message: str) -> InvalidRequestError:
    return InvalidRequestError(message, field="pci_requests")
