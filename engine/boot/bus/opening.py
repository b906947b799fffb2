"""The inbox that the settings ask for."""

from __future__ import annotations

from collections.abc import Sequence

from engine.boot.bus.attend import AttendInbox
from engine.boot.bus.inbox import CallHandler, Inbox
from engine.boot.conductor.client import ConductorClient
from engine.errors import InvalidSettingError


def open_inbox(
    bus_url: str, conductor: ConductorClient, agent_id: str, hosts: Sequence[str], call_handler: CallHandler
) -> Inbox:
    """Return an agent's inbox: through the conductor, or through NATS where ``bus_url`` names it."""
    through_conductor = AttendInbox(conductor, agent_id, hosts, call_handler)
    if not bus_url:
        return through_conductor
    check_bus_url(bus_url)
    from engine.boot.bus.nats import NatsInbox

    return NatsInbox(bus_url, hosts, through_conductor)


def check_bus_url(bus_url: str) -> None:
    """Raise InvalidSettingError for a bus that is not known, or whose library is missing."""
    if not bus_url.startswith("nats://"):
        raise InvalidSettingError(f"boot.bus_url is empty or nats://HOST:PORT, not {bus_url!r}", setting="boot.bus_url")
    try:
        import nats  # noqa: F401
    except ImportError as error:
        raise InvalidSettingError("boot.bus_url asks for NATS: install nats-py", setting="boot.bus_url") from error
