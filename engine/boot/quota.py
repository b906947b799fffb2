"""The quota of instances, cores and memory: whether more fits beside what a project uses."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from engine.boot.store.usage import Usage, usage_of
from engine.rest.errors import Forbidden

__all__ = ["RESOURCES", "UNLIMITED", "Usage", "admit", "usage_of"]

RESOURCES = ("cores", "instances", "ram")
"""In the order in which nova names them when a request exceeds several."""
UNLIMITED = -1


def admit(
    limits: Mapping[str, int], usage: Callable[[], Usage], *, vcpus: int, memory_mb: int, least: int, most: int
) -> int:
    """Return how many instances of a size, ``most`` or fewer, fit into what the project has left.

    Called in the transaction that inserts them, so that requests at once cannot pass together; ``usage`` is asked for
    only where there is a limit. Raises Forbidden, in nova's words, when not even ``least`` fit.
    """
    each = {"instances": 1, "cores": vcpus, "ram": memory_mb}
    limited = [resource for resource in RESOURCES if limits[resource] != UNLIMITED and each[resource]]
    if not limited:
        return most
    used = usage()
    allowed = most
    for resource in limited:
        left = max(0, limits[resource] - used.of(resource))
        allowed = min(allowed, left // each[resource])
    if allowed >= least:
        return allowed
    over = [name for name in limited if used.of(name) + each[name] * least > limits[name]]
    names = ", ".join(over)
    wanted = ", ".join(str(each[name] * least) for name in over)
    taken = ", ".join(str(used.of(name)) for name in over)
    most_of = ", ".join(str(limits[name]) for name in over)
    raise Forbidden(f"Quota exceeded for {names}: Requested {wanted}, but already used {taken} of {most_of} {names}")
