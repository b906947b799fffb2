"""The binding of ports to hosts: what a host's agent makes of a port, and what nova reads of it."""

from __future__ import annotations

from engine.cloud.network.plugging import BINDING_FAILED, OVS, UNBOUND
from engine.faults import FaultPlan

_VIF_DETAILS = {OVS: {"port_filter": True, "bridge_name": "br-int", "datapath_type": "system"}}
_BINDABLE = "normal"


def vif_type_for(host: str, vnic_type: str, faults: FaultPlan | None) -> str:
    """Return the vif_type of a port on a host: the embedded agent is on every host and takes normal ports.

    Fault point ``bind_port`` of a host: value ``binding_failed``.
    """
    if not host:
        return UNBOUND
    rule = faults.rule("network", "bind_port", host=host) if faults else None
    if vnic_type != _BINDABLE or (rule is not None and rule.value == BINDING_FAILED):
        return BINDING_FAILED
    return OVS


def vif_details_of(vif_type: str) -> dict[str, object]:
    """Return what nova needs to plug a port of a vif_type."""
    return dict(_VIF_DETAILS.get(vif_type, {}))
