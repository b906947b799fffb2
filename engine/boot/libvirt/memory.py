"""The launcher that keeps guests in this process's memory: no hypervisor, and it says so wherever its name shows."""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from engine.boot.libvirt.driver import (
    DomainInfo,
    DomainNotFoundError,
    Guest,
    HostProfile,
    HostResources,
    LaunchError,
    LifecycleCallback,
    LifecycleEvent,
    Spawned,
)
from engine.boot.states import PowerState

_CONSOLE_LINES = 200
_ALIVE = (PowerState.RUNNING, PowerState.PAUSED)


@dataclass
class _Domain:
    """A guest, what state it is in, the image it was spawned from, and what its console has said."""

    guest: Guest
    power_state: PowerState
    image_path: Path | None = None
    console: deque[str] = field(default_factory=lambda: deque(maxlen=_CONSOLE_LINES))


@dataclass
class _Host:
    """A host and its domains by uuid."""

    profile: HostProfile
    domains: dict[str, _Domain] = field(default_factory=dict)


class MemoryDriver:
    """Guests that exist as records alone; they are lost when the process ends."""

    name = "memory (not libvirt)"
    can_hot_plug = True

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._hosts: dict[str, _Host] = {}
        self._callbacks: list[LifecycleCallback] = []

    def open_hosts(self, hosts: Sequence[HostProfile]) -> None:
        """Make hosts ready; one that is open keeps its guests."""
        with self._lock:
            for profile in hosts:
                known = self._hosts.get(profile.name)
                self._hosts[profile.name] = _Host(profile, {} if known is None else known.domains)

    def spawn(self, host: str, guest: Guest, *, paused: bool) -> Spawned:
        """Add a guest; one that is there already is adopted as it is."""
        with self._lock:
            domains = self._host(host).domains
            known = domains.get(guest.uuid)
            if known is not None:
                return Spawned(known.guest.name, known.power_state, adopted=True)
            if any(domain.guest.name == guest.name for domain in domains.values()):
                raise LaunchError(f"host {host} has a domain {guest.name!r} of another instance already", host=host)
            domain = domains[guest.uuid] = _Domain(
                guest, PowerState.PAUSED if paused else PowerState.RUNNING, guest.image_path
            )
            self._log(domain, "defined", "started paused" if paused else "started")
        self._tell(host, guest.uuid, LifecycleEvent.STARTED)
        return Spawned(guest.name, domain.power_state)

    def resume(self, host: str, uuid: str) -> None:
        """Let a paused guest run."""
        with self._lock:
            domain = self._domain(host, uuid)
            if domain.power_state == PowerState.RUNNING:
                return
            if domain.power_state != PowerState.PAUSED:
                raise LaunchError(f"domain {domain.guest.name} is not paused, so it cannot be resumed", host=host)
            domain.power_state = PowerState.RUNNING
            self._log(domain, "resumed")
        self._tell(host, uuid, LifecycleEvent.RESUMED)

    def stop(self, host: str, uuid: str, *, timeout_s: float) -> None:
        """Turn a guest off; it obeys at once, so ``timeout_s`` is never waited for."""
        with self._lock:
            domain = self._domain(host, uuid)
            if domain.power_state not in _ALIVE:
                return
            domain.power_state = PowerState.SHUTDOWN
            self._log(domain, "stopped")
        self._tell(host, uuid, LifecycleEvent.STOPPED)

    def start(self, host: str, guest: Guest) -> None:
        """Turn a guest on; one that is missing is made anew."""
        with self._lock:
            domains = self._host(host).domains
            domain = domains.setdefault(guest.uuid, _Domain(guest, PowerState.SHUTDOWN))
            if domain.power_state in _ALIVE:
                return
            domain.guest = guest
            domain.power_state = PowerState.RUNNING
            self._log(domain, "started")
        self._tell(host, guest.uuid, LifecycleEvent.STARTED)

    def reboot(self, host: str, guest: Guest, *, hard: bool) -> None:
        """Turn a guest off and on again; ``hard`` also takes it when it is missing."""
        with self._lock:
            domains = self._host(host).domains
            if hard:
                domains.setdefault(guest.uuid, _Domain(guest, PowerState.SHUTDOWN))
            domain = self._domain(host, guest.uuid)
            was_alive = domain.power_state in _ALIVE
            domain.guest = guest
            domain.power_state = PowerState.RUNNING
            self._log(domain, "rebooted, hard" if hard else "rebooted")
        if was_alive:
            self._tell(host, guest.uuid, LifecycleEvent.STOPPED)
        self._tell(host, guest.uuid, LifecycleEvent.STARTED)

    def destroy(self, host: str, uuid: str) -> None:
        """Forget a guest; one that is not there is no error."""
        with self._lock:
            domain = self._host(host).domains.pop(uuid, None)
        if domain is not None and domain.power_state in _ALIVE:
            self._tell(host, uuid, LifecycleEvent.STOPPED)

    def power_state(self, host: str, uuid: str) -> PowerState | None:
        """Return the power state; None where there is no domain."""
        with self._lock:
            domain = self._host(host).domains.get(uuid)
            return None if domain is None else domain.power_state

    def domains(self, host: str) -> list[DomainInfo]:
        """Return every domain of a host; none of them has files."""
        with self._lock:
            return [
                DomainInfo(uuid, domain.guest.name, domain.power_state)
                for uuid, domain in self._host(host).domains.items()
            ]

    def console_output(self, host: str, uuid: str, length: int | None) -> str:
        """Return the last ``length`` lines of what happened to the guest, all for None."""
        with self._lock:
            lines = list(self._domain(host, uuid).console)
        kept = lines if length is None else lines[max(len(lines) - length, 0) :]
        return "".join(f"{line}\n" for line in kept)

    def update_devices(self, host: str, guest: Guest) -> None:
        """Give a guest the devices that ``guest`` lists, at once."""
        with self._lock:
            domain = self._domain(host, guest.uuid)
            domain.guest = guest
            self._log(domain, f"devices changed: {len(guest.disks)} disks, {len(guest.interfaces)} interfaces")

    def on_lifecycle(self, callback: LifecycleCallback) -> None:
        """Have ``callback`` told of every change from now on."""
        self._callbacks.append(callback)

    def resources(self, host: str) -> HostResources:
        """Return the host's sizes; its hypervisor is nova's name for one that runs nothing, ``fake``."""
        with self._lock:
            profile = self._host(host).profile
        return HostResources(
            vcpus=profile.vcpus,
            memory_mb=profile.memory_mb,
            disk_gb=profile.disk_gb,
            hypervisor_type="fake",
            hypervisor_version=1000,
            arch="x86_64",
            supported_instances=(("x86_64", "fake", "hvm"),),
            cpu_info=json.dumps({"arch": "x86_64", "model": self.name}),
        )

    def image_paths(self) -> set[Path]:
        """Return the images that guests were spawned from."""
        with self._lock:
            domains = [domain for host in self._hosts.values() for domain in host.domains.values()]
        return {domain.image_path for domain in domains if domain.image_path is not None}

    def close(self) -> None:
        """Forget every host and guest."""
        with self._lock:
            self._hosts.clear()
            self._callbacks.clear()

    def _host(self, name: str) -> _Host:
        try:
            return self._hosts[name]
        except KeyError:
            raise LaunchError(f"there is no host {name!r} here", host=name) from None

    def _domain(self, host: str, uuid: str) -> _Domain:
        domain = self._host(host).domains.get(uuid)
        if domain is None:
            raise DomainNotFoundError(f"host {host} has no domain {uuid}", host=host, uuid=uuid)
        return domain

    def _log(self, domain: _Domain, *events: str) -> None:
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        domain.console.extend(f"{now} {self.name}: {domain.guest.name} {event}" for event in events)

    def _tell(self, host: str, uuid: str, event: LifecycleEvent) -> None:
        for callback in list(self._callbacks):
            callback(host, uuid, event)
