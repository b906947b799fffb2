"""MAC addresses of ports: made at random, or given and checked; unique in their network."""

from __future__ import annotations

import random
import re

from sqlalchemy import Connection, bindparam, select

from engine.cloud.network.schema import ports
from engine.rest.errors import BadRequest, Conflict

_PREFIX = "fa:16:3e"
_TRIES = 100
_WRITTEN = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")
_HOLDER = select(ports.c.id).where(ports.c.network_id == bindparam("network"), ports.c.mac_address == bindparam("mac"))


def new_mac(connection: Connection, network_id: str) -> str:
    """Return a MAC that no port of a network has."""
    for _ in range(_TRIES):
        mac = f"{_PREFIX}:{':'.join(f'{octet:02x}' for octet in random.randbytes(3))}"
        if not _is_taken(connection, network_id, mac):
            return mac
    raise Conflict(f"Unable to generate unique mac on network {network_id}.", kind="MacAddressGenerationFailure")


def checked_mac(connection: Connection, network_id: str, text: str) -> str:
    """Return a MAC that a port is to have; raise BadRequest for what is none, Conflict for one that is taken."""
    mac = text.lower()
    if not _WRITTEN.fullmatch(mac) or mac == "00:00:00:00:00:00" or int(mac[:2], 16) & 1:
        raise BadRequest(f"Invalid input for mac_address. Reason: '{text[:100]}' is not a valid MAC address.")
    if _is_taken(connection, network_id, mac):
        raise Conflict(
            f"Unable to complete operation for network {network_id}. The mac address {mac} is in use.",
            kind="MacAddressInUse",
        )
    return mac


def _is_taken(connection: Connection, network_id: str, mac: str) -> bool:
    return connection.execute(_HOLDER, {"network": network_id, "mac": mac}).first() is not None
