"""Flavors by name."""

from __future__ import annotations

from engine.errors import InvalidRequestError
from engine.model.request_spec import RequestSpec
from engine.whatif.fleets.choice import unknown_name
from engine.whatif.world import World


def known_request(world: World, name: str, *, key: str) -> RequestSpec:
    """Return the request of a flavor; raise InvalidRequestError that says which ``key`` of the scenario names it."""
    request = world.flavors.get(name)
    if request is None:
        raise InvalidRequestError(f"{key}: {unknown_name('flavor', name, world.flavors).message}", field=key)
    return request
