"""Remote-managed ports: a host that can attach them (nova's remote_managed_ports_filter)."""

from __future__ import annotations

from engine.fitting.truth import is_true
from engine.scheduler.translate.request_filters.asked import Added, Asked, root_trait

_ADDED = root_trait("COMPUTE_REMOTE_MANAGED_PORTS")


def remote_managed_ports(asked: Asked) -> Added | None:
    """Return the trait of such hosts where a port asks for a device that is managed from afar.

    nova asks the port itself for its type; the same type puts ``remote_managed`` into the port's device request.
    """
    return _ADDED if any(item.requester_id and _is_remote(item.specs) for item in asked.request.pci_requests) else None


def _is_remote(specs: tuple[tuple[tuple[str, str | None], ...], ...]) -> bool:
    return any(name == "remote_managed" and is_true(value or "") for spec in specs for name, value in spec)
