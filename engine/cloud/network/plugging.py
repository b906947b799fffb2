"""The embedded L2 agent: it plugs bound ports of instances, which turns them ACTIVE, and has nova-api told."""

from __future__ import annotations

import asyncio
import heapq
import re
import time
from collections.abc import Sequence

from sqlalchemy import ColumnElement, and_, bindparam, select, update

from engine.cloud.database import Database
from engine.cloud.network.creation import now_text
from engine.cloud.network.events import EventSender, add_event, first_of
from engine.cloud.network.schema import ports
from engine.faults import FaultPlan

DOWN, ACTIVE, ERROR = "DOWN", "ACTIVE", "ERROR"
UNBOUND, OVS, BINDING_FAILED = "unbound", "ovs", "binding_failed"
_INSTANCES = "compute:"
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_EARLY_WAIT_S = 10.0


def is_pluggable(vif_type: str, admin_state_up: bool, device_owner: str) -> bool:
    """Whether a port is one that the agent plugs: bound, switched on, and of an instance."""
    return vif_type == OVS and admin_state_up and device_owner.startswith(_INSTANCES)


def _waits() -> ColumnElement[bool]:
    """Return the condition for ports that wait to be plugged."""
    return and_(
        ports.c.status == DOWN,
        ports.c.vif_type == OVS,
        ports.c.admin_state_up,
        ports.c.device_owner.startswith(_INSTANCES),
    )


_PLUG = (
    update(ports)
    .where(ports.c.id == bindparam("port"), _waits())
    .values(status=bindparam("outcome"), updated_at=bindparam("at"), revision_number=ports.c.revision_number + 1)
    .returning(ports.c.device_id)
)


class PlugAgent:
    """Plugs ports ``delay_s`` after they were bound; what was bound when the process ended is plugged at the start.

    Fault point ``plug_vif`` of a host: value ``never``, ``failed`` (the port goes to ERROR), ``early`` (nova-api hears
    before the caller who bound the port), or a further ``delay_s``.
    """

    def __init__(
        self, database: Database, sender: EventSender, *, delay_s: float, faults: FaultPlan | None = None
    ) -> None:
        self._database = database
        self._sender = sender
        self._delay_s = delay_s
        self._faults = faults
        self._due: list[tuple[float, str, str]] = []
        self._wake = asyncio.Event()

    async def take(self, port_id: str, host: str) -> None:
        """Take over a port that was bound to a host and waits to be plugged."""
        rule = self._faults.rule("network", "plug_vif", host=host) if self._faults else None
        value = rule.value if rule else ""
        if value == "never":
            return
        if value == "early":
            self._plug([(port_id, ACTIVE)])
            await self._sender.told(port_id, timeout_s=_EARLY_WAIT_S)
            return
        at = time.monotonic() + self._delay_s + (rule.delay_s if rule else 0.0)
        heapq.heappush(self._due, (at, port_id, ERROR if value == "failed" else ACTIVE))
        self._wake.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Plug what falls due until ``stop`` is set."""
        with self._database.read() as connection:
            left = connection.execute(select(ports.c.id, ports.c.host_id).where(_waits())).all()
        for port_id, host in left:
            await self.take(port_id, host)
        while not stop.is_set():
            self._wake.clear()
            ripe = []
            now = time.monotonic()
            while self._due and self._due[0][0] <= now:
                _, port_id, status = heapq.heappop(self._due)
                ripe.append((port_id, status))
            if ripe:
                self._plug(ripe)
            await first_of(stop, self._wake, timeout_s=self._due[0][0] - now if self._due else None)

    def _plug(self, outcomes: Sequence[tuple[str, str]]) -> None:
        """Set the status of ports that still wait, and announce it."""
        told = False
        with self._database.write() as connection:
            for port_id, status in outcomes:
                device = connection.execute(_PLUG, {"port": port_id, "outcome": status, "at": now_text()}).scalar()
                if device is not None and _UUID.fullmatch(device):
                    outcome = "completed" if status == ACTIVE else "failed"
                    add_event(connection, "network-vif-plugged", outcome, server_uuid=device, port_id=port_id)
                    told = True
        if told:
            self._sender.wake()
