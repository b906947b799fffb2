"""The bodies of requests that make and change ports."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from engine.cloud.network.creation import Attributes, Described, Owned
from engine.cloud.network.fixed_ips import MOST_PER_PORT, FixedIp
from engine.cloud.network.ranges import Cidr
from engine.cloud.network.subnet_rules import parsed_cidr, parsed_ip
from engine.rest.errors import BadRequest

_Text = Annotated[str, StringConstraints(max_length=255)]
_Vnic = Literal["normal", "direct", "macvtap", "baremetal", "direct-physical", "virtio-forwarder", "smart-nic", "vdpa"]
_MAC = re.compile(r"[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}")
_MOST_PAIRS = 10
_MOST_DHCP_OPTIONS = 20
_MOST_GROUPS = 100


class AddressPair(Attributes):
    """An address, or a CIDR, that a port may send from beside its own."""

    ip_address: Annotated[str, StringConstraints(max_length=64)]
    mac_address: Annotated[str, StringConstraints(max_length=17)] | None = None


class DhcpOption(Attributes):
    """An option that DHCP hands to a port; a value of null takes one away."""

    opt_name: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    opt_value: _Text | None = None
    ip_version: Literal[4, 6, "4", "6"] = 4


class _PortAttributes(Attributes):
    """What both bodies may say of a port."""

    admin_state_up: bool = True
    mac_address: _Text | None = None
    # the limit is checked where its wording is neutron's; this one is against nonsense
    fixed_ips: list[FixedIp] | None = Field(default=None, max_length=MOST_PER_PORT * 20)
    device_id: _Text = ""
    device_owner: _Text = ""
    security_groups: list[_Text] | None = Field(default=None, max_length=_MOST_GROUPS)
    port_security_enabled: bool | None = None
    allowed_address_pairs: list[AddressPair] | None = Field(default=None, max_length=_MOST_PAIRS)
    extra_dhcp_opts: list[DhcpOption] | None = Field(default=None, max_length=_MOST_DHCP_OPTIONS)
    host_id: _Text | None = Field(default=None, alias="binding:host_id")
    vnic_type: _Vnic = Field(default="normal", alias="binding:vnic_type")
    profile: dict[str, Any] | None = Field(default=None, alias="binding:profile")


class NewPort(Owned, _PortAttributes):
    """A port to be made; ``fixed_ips`` absent: one of each IP version, empty: none."""

    network_id: str = Field(max_length=64)


class PortChange(Described, _PortAttributes):
    """What is to be changed of a port; ``binding:host_id`` null or empty: unbound."""


def address_pairs(given: list[AddressPair] | None, own_mac: str) -> list[dict[str, str]]:
    """Return address pairs as they are kept, with the port's MAC where none is given; raise BadRequest."""
    pairs = []
    for pair in given or ():
        address = _cidr_or_ip(pair.ip_address)
        mac = own_mac if pair.mac_address is None else pair.mac_address.lower()
        if not _MAC.fullmatch(mac):
            raise BadRequest(
                f"Invalid input for allowed_address_pairs. Reason: '{mac[:100]}' is not a valid MAC address."
            )
        pairs.append({"ip_address": address, "mac_address": mac})
    if len({tuple(pair.values()) for pair in pairs}) != len(pairs):
        raise BadRequest("Request contains duplicate address pair.", kind="DuplicateAddressPairInRequest")
    return pairs


def _cidr_or_ip(text: str) -> str:
    if "/" not in text:
        return str(parsed_ip(text, "allowed_address_pairs"))
    cidr: Cidr = parsed_cidr(text, "allowed_address_pairs")
    return str(cidr)


def dhcp_options(given: list[DhcpOption] | None) -> list[dict[str, object]]:
    """Return DHCP options as they are kept."""
    return [
        {"opt_name": option.opt_name, "opt_value": option.opt_value, "ip_version": int(option.ip_version)}
        for option in given or ()
        if option.opt_value is not None
    ]
