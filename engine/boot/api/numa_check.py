"""Whether a flavor and an image agree on the guest's NUMA cells, CPUs and pages: asked before anything is made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.errors import InvalidRequestError
from engine.fitting.numa_request import guest_numa
from engine.model.flavor import Flavor
from engine.model.image import Image
from engine.rest.errors import BadRequest


def check_numa(flavor: Mapping[str, Any], image: Mapping[str, Any]) -> None:
    """Raise BadRequest where a flavor and an image's record ask for a guest that no host could ever run."""
    extra_specs = {name: str(value) for name, value in flavor["extra_specs"].items()}
    properties = image.get("properties", {})
    if not extra_specs and not properties:
        return
    sizes = {name: flavor[name] for name in ("vcpus", "memory_mb", "root_gb", "ephemeral_gb", "swap_mb")}
    try:
        guest_numa(Flavor(flavor["name"], **sizes, extra_specs=extra_specs), Image(properties=properties))
    except InvalidRequestError as error:
        raise BadRequest(error.message) from error
