"""How much of a resource class a provider can still give.

Source: placement/objects/research_context.py (the clause that checks one amount, and the check of merged requests).
"""

from __future__ import annotations

from engine.model.candidates import Provider
from engine.model.resources import ResourceInventory


def capacity(inventory: ResourceInventory) -> float:
    """Return how much may be used in all; a fraction is kept, as the check of one amount keeps it."""
    return (inventory.total - inventory.reserved) * inventory.allocation_ratio


def whole_capacity(inventory: ResourceInventory) -> int:
    """Return the capacity that summaries show and that several groups' amounts together must not exceed."""
    return int(capacity(inventory))


def takes(inventory: ResourceInventory, used: int, amount: int) -> bool:
    """Return whether one allocation of the amount fits beside what is used, in the inventory's pieces."""
    return (
        used + amount <= capacity(inventory)
        and inventory.min_unit <= amount <= inventory.largest_unit
        and amount % inventory.step_size == 0
    )


def room(inventory: ResourceInventory, used: int) -> int:
    """Return the most that all groups of one request may take together (the pieces are not looked at again)."""
    return min(whole_capacity(inventory) - used, inventory.largest_unit)


def stock(provider: Provider) -> dict[str, tuple[ResourceInventory, int]]:
    """Return a provider's inventory and usage by resource class; usage of a class without inventory is left out."""
    used = dict(provider.used)
    return {name: (inventory, used.get(name, 0)) for name, inventory in provider.inventories}
