"""Hosts that never reported: known by name, with nothing that could be filtered or weighed.

nova's HostState of such a host keeps the values it begins with, None among them. Its CPUWeigher multiplies by one and
thereby fails every request that the host is weighed for; without nova_quirks no host of this kind is a candidate, as it
has no capacity (see engine.inventory.ingest).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engine.inventory.fleet import Fleet
from engine.scheduler.chain import Chain
from engine.scheduler.faults import FilterFault

_CPU_WEIGHER = "CPUWeigher"


def fails_weighing(chain: Chain, fleet: Fleet) -> bool:
    """True when weighing may end in nova's fault, so that a class view, which weighs all hosts, must not answer."""
    return (
        chain.options.nova_quirks
        and any(item.name == _CPU_WEIGHER for item in chain.weighers)
        and bool(_unknown_profiles(fleet).any())
    )


def check_weighable(chain: Chain, fleet: Fleet, rows: npt.NDArray[np.int64]) -> None:
    """Raise FilterFault, as nova's CPUWeigher does, where a host that never reported is among ``rows`` to be weighed.

    A lone host is not weighed. The rule is that of nova.scheduler.weights.cpu.
    """
    if len(rows) < 2 or not fails_weighing(chain, fleet):
        return
    unknown = rows[_unknown_profiles(fleet)[fleet.columns["profile"][rows]]]
    if len(unknown):
        host_id = fleet.identity.host_ids[int(unknown[0])]
        raise FilterFault(
            f"host {host_id!r} never reported what it has, and nova's CPUWeigher cannot weigh it",
            nova_exception="TypeError",
            host_id=host_id,
        )


def _unknown_profiles(fleet: Fleet) -> npt.NDArray[np.bool_]:
    """Return bool[profiles]: those of hosts that never reported."""
    return fleet.of_facts(
        "never_reported",
        lambda: np.array([profile.never_reported for profile in fleet.profiles.values], dtype=np.bool_),
    )
