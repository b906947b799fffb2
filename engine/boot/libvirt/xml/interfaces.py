"""The network interfaces."""

from __future__ import annotations

from lxml import etree
from lxml.builder import E

from engine.boot.libvirt.driver import Guest, GuestInterface

_BRIDGE = "br-int"
_TAP_NAME_CHARS = 14


def interface_elements(guest: Guest) -> list[etree._Element]:
    """Return an ``<interface>`` for every port: on the integration bridge, with the port's id for Open vSwitch."""
    return [_interface(one) for one in guest.interfaces]


def _interface(one: GuestInterface) -> etree._Element:
    port = [E.virtualport(E.parameters(interfaceid=one.port_id), type="openvswitch")] if one.vif_type == "ovs" else []
    return E.interface(
        E.mac(address=one.mac_address),
        E.source(bridge=_BRIDGE),
        *port,
        E.target(dev=("tap" + one.port_id)[:_TAP_NAME_CHARS]),
        E.model(type="virtio"),
        *([E.mtu(size=str(one.mtu))] if one.mtu else []),
        type="bridge",
    )
