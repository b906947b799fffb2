"""Does a host have the capabilities that a flavor's extra specs ask for (nova's ComputeCapabilitiesFilter).

An extra spec is a path into nova's HostState, such as ``capabilities:cpu_info:topology:cores``, with a requirement on
the text found there. The rules are those of nova.scheduler.filters.compute_capabilities_filter and of
nova.scheduler.host_manager.HostState.
"""

from __future__ import annotations

import json
from collections import UserDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from engine.scheduler.operators import match

HOST_STATE_FACTS: Final = frozenset(
    {
        "aggregates",
        "allocation_candidates",
        "cell_uuid",
        "cpu_allocation_ratio",
        "cpu_info",
        "disk_allocation_ratio",
        "disk_mb_used",
        "failed_builds",
        "free_disk_mb",
        "free_ram_mb",
        "host",
        "host_ip",
        "hypervisor_hostname",
        "hypervisor_type",
        "hypervisor_version",
        "instances",
        "limits",
        "metrics",
        "nodename",
        "num_instances",
        "num_io_ops",
        "numa_topology",
        "pci_stats",
        "ram_allocation_ratio",
        "service",
        "stats",
        "supported_instances",
        "total_usable_disk_gb",
        "total_usable_ram_mb",
        "updated",
        "uuid",
        "vcpus_total",
        "vcpus_used",
    }
)
"""The attributes of nova's HostState that tell something of the host: the only names that HostFacts is asked for."""

HOST_STATE_INTERNALS: Final = (
    frozenset(dir(object))
    | {"__dict__", "__module__", "__weakref__"}
    | {"_lock_name", "_locked_consume_from_request", "_update_from_compute_node", "consume_from_request", "update"}
)
"""The other names that ``hasattr`` finds on a HostState: an extra spec of such a name is enforced, hardly ever met."""

HOST_STATE_ATTRIBUTES: Final = HOST_STATE_FACTS | HOST_STATE_INTERNALS
"""Every name that ``hasattr`` finds on a HostState: an unscoped extra spec of another name is enforced only where the
host's stats have that key."""

_SCOPE: Final = "capabilities"
_MAXPHYSADDR_SHORTHAND: Final = "hw:maxphysaddr_bits"
_MAXPHYSADDR_KEY: Final = "capabilities:cpu_info:maxphysaddr:bits"


class HostFacts(Protocol):
    """What one host knows of itself, under the names and in the units of nova's HostState."""

    @property
    def stats(self) -> Mapping[str, str]:
        """The host's free-form statistics, empty for a host that has not reported yet."""
        ...

    def get_attribute(self, name: str) -> object:
        """Return the attribute (text, number, list, mapping or None); raises KeyError where this host has none such.

        ``name`` is one of HOST_STATE_FACTS. ``cpu_info`` is the JSON text as the host sent it, ``service`` a mapping.
        """
        ...


@dataclass(frozen=True, slots=True)
class Unmet:
    """An extra spec that a host does not meet, and the text found where it looks, None where there is nothing."""

    key: str
    requirement: str
    found: str | None


def satisfies(facts: HostFacts, extra_specs: Mapping[str, str]) -> bool:
    """Return whether the host meets every extra spec that concerns capabilities; errors as of first_unmet."""
    return first_unmet(facts, extra_specs) is None


def first_unmet(facts: HostFacts, extra_specs: Mapping[str, str]) -> Unmet | None:
    """Return the first extra spec concerning capabilities that the host does not meet; one it lacks is not met.

    Raises FilterFault where nova's evaluation raises (see operators.match). Extra specs are taken in order and the
    first that is not met ends the evaluation, so a later one that would raise does not.
    """
    for key, path, requirement in _capability_specs(extra_specs):
        if ":" not in key and not _has(facts, key):
            continue
        found = _walk(facts, path)
        if found is None:
            return Unmet(key, requirement, None)
        text = _text(found)
        if not match(text, requirement, key=key):
            return Unmet(key, requirement, text)
    return None


def attributes_read(extra_specs: Mapping[str, str]) -> frozenset[str]:
    """Return which of HOST_STATE_FACTS ``satisfies`` may read, ``stats`` only where the whole of it is looked at.

    Hosts that agree on these and on the keys of ``stats_read``, absence included, get the same answer.
    """
    roots = (path for _, path, _ in _capability_specs(extra_specs))
    return frozenset(path[0] for path in roots if path[0] in HOST_STATE_FACTS and not _is_one_stat(path))


def stats_read(extra_specs: Mapping[str, str]) -> frozenset[str]:
    """Return the keys of the host's stats that ``satisfies`` may read, whether a host has them or not.

    An attribute that is missing or None is looked up in the stats, so nearly every path names a key of the stats too.
    """
    paths = [path for _, path, _ in _capability_specs(extra_specs)]
    named = {path[1] for path in paths if _is_one_stat(path)}
    fallbacks = {path[0] for path in paths} - HOST_STATE_INTERNALS - {"stats"}
    return frozenset(named | fallbacks)


def _capability_specs(extra_specs: Mapping[str, str]) -> Iterator[tuple[str, list[str], str]]:
    """Yield (key, path, requirement) of the extra specs that may concern capabilities, unscoped ones too, in order.

    ``hw:maxphysaddr_bits`` stands for a lower bound on the CPU's address width and replaces an explicit one.
    """
    specs = dict(extra_specs)
    bits = specs.pop(_MAXPHYSADDR_SHORTHAND, None)
    if bits is not None:
        specs[_MAXPHYSADDR_KEY] = f">= {bits}"
    for key, requirement in specs.items():
        scope, *path = key.split(":")
        if not path:
            yield key, [scope], requirement
        elif scope == _SCOPE:
            yield key, path, requirement


def _is_one_stat(path: list[str]) -> bool:
    """Return whether a path reads a single key of the stats."""
    return path[0] == "stats" and len(path) > 1


def _has(facts: HostFacts, name: str) -> bool:
    """Return whether an unscoped extra spec of this name is enforced: HostState or the stats have it."""
    if name in HOST_STATE_INTERNALS or name in facts.stats:
        return True
    if name not in HOST_STATE_FACTS:
        return False
    try:
        facts.get_attribute(name)
    except KeyError:
        return False
    return True


def _walk(facts: HostFacts, path: list[str]) -> object:
    """Return what the path leads to, or None where it leads nowhere."""
    found = _attribute(facts, path[0])
    if found is None:
        found = facts.stats.get(path[0])
    for name in path[1:]:
        if found is None:
            return None
        found = _step(found, name)
    return found


def _attribute(facts: HostFacts, name: str) -> object:
    """Return the host's attribute of this name, None where it has none."""
    if name in HOST_STATE_INTERNALS:
        # Python's text of a method, as nova would compare it, without the host's amounts that nova's goes on with.
        return f"<bound method HostState.{name}>"
    if name not in HOST_STATE_FACTS:
        return None
    try:
        found = facts.get_attribute(name)
    except KeyError:
        return None
    # nova keeps the service in a UserDict, which its walk treats as an object: the fields are reached as
    # service:data:disabled, and service:disabled is never there.
    return UserDict(found) if name == "service" and isinstance(found, Mapping) else found


def _step(value: object, name: str) -> object:
    """Return what ``name`` leads to: text is read as JSON first, a mapping has keys, anything else attributes."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            # Nesting deep enough to exhaust the parser would end nova's request; one host's broken report should not.
            return None
    if isinstance(value, Mapping) and not isinstance(value, UserDict):
        return value.get(name)
    if name.startswith("_"):
        # nova would go on into the interpreter's internals, where no capability lives and no extra spec has business.
        return None
    found: object = getattr(value, name, None)
    if found is not None:
        return found
    stats = getattr(value, "stats", None)
    return stats.get(name) if isinstance(stats, Mapping) else None


def _text(value: object) -> str:
    """Return Python's text of a value as nova holds it: ``['aes', 'avx']``, ``True``, ``{'cores': 4}``."""
    return str(_plain(value))


def _plain(value: object) -> object:
    """Return the value with every sequence a list and every mapping a dict."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
