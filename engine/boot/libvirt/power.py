"""libvirt's domain states as nova's power states."""

from __future__ import annotations

from engine.boot.states import PowerState

_BY_STATE = {
    0: PowerState.NOSTATE,
    1: PowerState.RUNNING,
    # blocked on a resource: it runs
    2: PowerState.RUNNING,
    3: PowerState.PAUSED,
    4: PowerState.SHUTDOWN,
    5: PowerState.SHUTDOWN,
    6: PowerState.CRASHED,
    7: PowerState.SUSPENDED,
}


def power_state_of(domain_state: int) -> PowerState:
    """Return the power state for a virDomainState; one that this table does not know is NOSTATE."""
    return _BY_STATE.get(domain_state, PowerState.NOSTATE)
