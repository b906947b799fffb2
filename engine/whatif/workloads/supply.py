"""How much a fleet has of a resource class, and how much of each a request asks for."""

from __future__ import annotations

from collections import Counter

import numpy as np

from engine.inventory.fleet import Fleet
from engine.inventory.schema import CLASS_PREFIX
from engine.model.candidates import Provider
from engine.model.resources import ResourceInventory
from engine.whatif.world import World


def asked_of(world: World, code: int) -> dict[str, int]:
    """Return how much of each resource class an instance of a request takes, where it is put as it asks first."""
    return _asked_in_turn(world, code)[0]


def surely_asked_of(world: World, code: int) -> dict[str, int]:
    """Return how much of each class an instance takes however it is put: pinned CPUs may fall back on shared ones."""
    ways = _asked_in_turn(world, code)
    least = {name: min(way.get(name, 0) for way in ways) for name in ways[0]}
    return {name: amount for name, amount in least.items() if amount}


def _asked_in_turn(world: World, code: int) -> list[dict[str, int]]:
    """Return what each of the request's queries asks of all providers together."""
    demand = world.selector.demand(world.requests[code])
    found = []
    for query in demand.queries:
        amounts: Counter[str] = Counter()
        for group in query.groups:
            amounts.update(dict(group.resources))
        found.append(dict(amounts))
    return found or [demand.amounts.resources]


def capacity(fleet: Fleet, resource_class: str) -> int:
    """Return what all hosts have of a class, reserved amounts taken off and overcommitted as they allow."""
    return _total(fleet, resource_class, free=False)


def free(fleet: Fleet, resource_class: str) -> int:
    """Return what all hosts have left of a class; one that has given more than it has has nothing left."""
    return _total(fleet, resource_class, free=True)


def _total(fleet: Fleet, resource_class: str, *, free: bool) -> int:
    present = fleet.columns["present"] == 1
    total = 0
    prefix = CLASS_PREFIX.get(resource_class)
    if prefix is not None:
        amounts = fleet.columns[f"{prefix}_free"].astype(np.int64)
        if not free:
            amounts = amounts + fleet.columns[f"{prefix}_used"]
        total += int(np.maximum(amounts, 0)[present].sum())
    trees = fleet.devices.trees.values
    hosts = np.bincount(fleet.columns["tree"][present], minlength=len(trees))
    for code in np.flatnonzero(hosts).tolist():
        tree = trees[code]
        if tree is not None:
            total += int(hosts[code]) * sum(_of_provider(item, resource_class, free=free) for item in tree.providers)
    return total + sum(_of_provider(item, resource_class, free=free) for item in fleet.devices.sharing.values())


def _of_provider(provider: Provider, resource_class: str, *, free: bool) -> int:
    inventory = dict(provider.inventories).get(resource_class)
    if inventory is None:
        return 0
    used = dict(provider.used).get(resource_class, 0) if free else 0
    return max(_capacity(inventory) - used, 0)


def _capacity(inventory: ResourceInventory) -> int:
    """Return how much may be given of an inventory (placement: (total - reserved) * allocation_ratio)."""
    return int((inventory.total - inventory.reserved) * inventory.allocation_ratio)
