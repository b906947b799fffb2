"""The launcher on libvirt's own test driver: real definitions and lifecycles on thousands of simulated hosts.

Each host is a node-XML file that libvirt opens as a machine of its own. The driver never touches disks, so the root
disk is only named, not made. What libvirt holds dies with the process; a real host's guests do not, so each guest has a
record on disk, from which ``open_hosts`` defines and starts it again.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from engine.boot.libvirt.config_drive import write_config_drive
from engine.boot.libvirt.connection import binding, refusals
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
from engine.boot.libvirt.host_numa import host_numa
from engine.boot.libvirt.power import power_state_of
from engine.boot.libvirt.records import Instances, Record
from engine.boot.libvirt.xml.disks import local_disks
from engine.boot.libvirt.xml.domain import domain_xml
from engine.boot.libvirt.xml.node import node_xml
from engine.boot.libvirt.xml.profile import TEST
from engine.boot.states import PowerState

_ALIVE = (PowerState.RUNNING, PowerState.PAUSED)
_STOP_POLL_S = 0.05


@dataclass
class _Host:
    """An open host: libvirt's connection to it, its guests' records, and what it is told at once to do."""

    profile: HostProfile
    connection: Any
    instances: Instances
    lock: threading.RLock = field(default_factory=threading.RLock)


class LibvirtTestDriver:
    """Guests as domains of libvirt's test driver, with their records below ``directory``."""

    name = "libvirt-test"
    can_hot_plug = False

    def __init__(self, directory: Path) -> None:
        self._libvirt = binding()
        self._directory = directory / "hosts"
        self._hosts: dict[str, _Host] = {}
        self._callbacks: list[LifecycleCallback] = []
        self._event_kinds = {
            self._libvirt.VIR_DOMAIN_EVENT_STARTED: LifecycleEvent.STARTED,
            self._libvirt.VIR_DOMAIN_EVENT_STOPPED: LifecycleEvent.STOPPED,
            self._libvirt.VIR_DOMAIN_EVENT_CRASHED: LifecycleEvent.STOPPED,
            self._libvirt.VIR_DOMAIN_EVENT_SUSPENDED: LifecycleEvent.SUSPENDED,
            self._libvirt.VIR_DOMAIN_EVENT_RESUMED: LifecycleEvent.RESUMED,
        }

    def open_hosts(self, hosts: Sequence[HostProfile]) -> None:
        """Open hosts, with the guests that their records hold as they were; one that is open stays as it is."""
        for profile in hosts:
            if profile.name not in self._hosts:
                self._hosts[profile.name] = self._open(profile)

    def spawn(self, host: str, guest: Guest, *, paused: bool) -> Spawned:
        """Define and start a guest; one that is there already is adopted as it is."""
        at = self._host(host)
        with at.lock:
            known = self._find(at, guest.uuid)
            if known is not None:
                return Spawned(guest.name, self._power(known), adopted=True)
            state = PowerState.PAUSED if paused else PowerState.RUNNING
            try:
                self._launch(at, guest, state, f"defined on {host}", f"started{' paused' if paused else ''}")
            except LaunchError:
                at.instances.remove(guest.uuid)
                raise
            return Spawned(guest.name, state)

    def resume(self, host: str, uuid: str) -> None:
        """Let a paused guest run; nothing happens to one that runs."""
        at = self._host(host)
        with at.lock:
            domain = self._domain(at, uuid)
            state = self._power(domain)
            if state == PowerState.RUNNING:
                return
            if state != PowerState.PAUSED:
                raise LaunchError(f"domain {domain.name()} is not paused, so it cannot be resumed", host=host)
            with refusals(self._libvirt, f"{domain.name()} cannot be resumed"):
                domain.resume()
            self._keep(at, uuid, PowerState.RUNNING, "resumed")

    def stop(self, host: str, uuid: str, *, timeout_s: float) -> None:
        """Shut a guest down, by force after ``timeout_s``; nothing happens to one that is off."""
        at = self._host(host)
        with at.lock:
            domain = self._domain(at, uuid)
            if self._power(domain) not in _ALIVE:
                return
            with refusals(self._libvirt, f"{domain.name()} cannot be stopped"):
                if self._power(domain) == PowerState.RUNNING:
                    domain.shutdown()
                deadline = time.monotonic() + timeout_s
                while self._power(domain) == PowerState.RUNNING and time.monotonic() < deadline:
                    time.sleep(_STOP_POLL_S)
                if self._power(domain) in _ALIVE:
                    domain.destroy()
            self._keep(at, uuid, PowerState.SHUTDOWN, "stopped")

    def start(self, host: str, guest: Guest) -> None:
        """Start a guest that is off; one whose domain is missing is defined anew."""
        at = self._host(host)
        with at.lock:
            domain = self._find(at, guest.uuid)
            if domain is not None and self._power(domain) in _ALIVE:
                return
            self._launch(at, guest, PowerState.RUNNING, "started")

    def reboot(self, host: str, guest: Guest, *, hard: bool) -> None:
        """Restart a guest; ``hard``: from a definition made anew, also when its domain is missing."""
        at = self._host(host)
        with at.lock:
            domain = self._find(at, guest.uuid) if hard else self._domain(at, guest.uuid)
            if domain is not None and self._power(domain) in _ALIVE:
                with refusals(self._libvirt, f"{guest.name} cannot be stopped for its reboot"):
                    domain.destroy()
            self._launch(at, guest, PowerState.RUNNING, "rebooted, hard" if hard else "rebooted")

    def destroy(self, host: str, uuid: str) -> None:
        """Leave nothing of a guest: domain, files, record; one that is not there is no error."""
        at = self._host(host)
        with at.lock:
            domain = self._find(at, uuid)
            if domain is not None:
                with refusals(self._libvirt, f"{domain.name()} cannot be destroyed"):
                    if self._power(domain) in _ALIVE:
                        domain.destroy()
                    domain.undefine()
            at.instances.remove(uuid)

    def power_state(self, host: str, uuid: str) -> PowerState | None:
        """Return the power state; None where there is no domain."""
        at = self._host(host)
        domain = self._find(at, uuid)
        return None if domain is None else self._power(domain)

    def domains(self, host: str) -> list[DomainInfo]:
        """Return every domain of a host, and the directories whose launch was never finished (NOSTATE)."""
        at = self._host(host)
        with at.lock:
            with refusals(self._libvirt, f"the domains of {host} cannot be listed"):
                known = {domain.UUIDString(): domain for domain in at.connection.listAllDomains()}
            found = [
                DomainInfo(uuid, domain.name(), self._power(domain), at.instances.files(uuid))
                for uuid, domain in known.items()
            ]
            halves = [uuid for uuid in at.instances.uuids() if uuid not in known]
            return found + [DomainInfo(uuid, "", PowerState.NOSTATE, at.instances.files(uuid)) for uuid in halves]

    def console_output(self, host: str, uuid: str, length: int | None) -> str:
        """Return what this launcher has noted of a guest: the test driver gives its guests no console of their own."""
        at = self._host(host)
        self._domain(at, uuid)
        return at.instances.console(uuid, length)

    def update_devices(self, host: str, guest: Guest) -> None:
        """Give a guest the devices that ``guest`` lists, from its next start: the test driver cannot hot-plug."""
        at = self._host(host)
        with at.lock:
            domain = self._domain(at, guest.uuid)
            xml = domain_xml(guest, TEST, at.instances.path(guest.uuid), host_numa(at.profile))
            with refusals(self._libvirt, f"{guest.name} cannot be defined anew"):
                at.connection.defineXML(xml)
            self._keep(at, guest.uuid, self._power(domain), "devices changed, for its next start", xml=xml)

    def on_lifecycle(self, callback: LifecycleCallback) -> None:
        """Have ``callback`` told of every change of a domain's power from now on, in libvirt's event thread."""
        self._callbacks.append(callback)

    def resources(self, host: str) -> HostResources:
        """Return what the node reports, and the disk its profile gives it: the test driver knows none."""
        at = self._host(host)
        with refusals(self._libvirt, f"{host} does not say what it has"):
            model, memory_mb, vcpus, *_ = at.connection.getInfo()
            kind, version = at.connection.getType().lower(), at.connection.getLibVersion()
        return HostResources(
            vcpus=int(vcpus),
            memory_mb=int(memory_mb),
            disk_gb=at.profile.disk_gb,
            hypervisor_type=kind,
            hypervisor_version=int(version),
            # the test driver says i686 whatever the node file says; its guests have no processor at all
            arch="x86_64",
            supported_instances=(("x86_64", kind, "hvm"), ("i686", kind, "hvm")),
            cpu_info=json.dumps({"arch": "x86_64", "model": model, "topology": {"cores": int(vcpus)}}),
        )

    def image_paths(self) -> set[Path]:
        """Return the images in the cache on which guests' root disks rest."""
        records = (host.instances.read(uuid) for host in list(self._hosts.values()) for uuid in host.instances.uuids())
        return {Path(record.image) for record in records if record is not None and record.image}

    def close(self) -> None:
        """Close every connection; the guests stay what their records say."""
        self._callbacks.clear()
        for host in self._hosts.values():
            with refusals(self._libvirt, f"{host.profile.name} cannot be closed"):
                host.connection.close()
        self._hosts.clear()

    def _open(self, profile: HostProfile) -> _Host:
        directory = self._directory / profile.name
        host = _Host(profile, None, Instances(directory / "instances"))
        node = directory / "node.xml"
        content = node_xml(profile)
        if not node.exists() or node.read_bytes() != content:
            part = node.with_suffix(".part")
            part.write_bytes(content)
            part.replace(node)
        with refusals(self._libvirt, f"host {profile.name} cannot be opened"):
            host.connection = self._libvirt.open(f"test://{node.resolve()}")
        for uuid in host.instances.uuids():
            record = host.instances.read(uuid)
            if record is not None:
                self._begin(host, record)
        with refusals(self._libvirt, f"the events of {profile.name} cannot be had"):
            host.connection.domainEventRegisterAny(
                None, self._libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE, self._on_event, profile.name
            )
        return host

    def _begin(self, at: _Host, record: Record) -> None:
        """Define a guest and bring it into the power state of its record; undo the definition when that fails."""
        with refusals(self._libvirt, f"{record.name} cannot be started on {at.profile.name}"):
            domain = at.connection.defineXML(record.xml)
            try:
                if record.power_state in _ALIVE:
                    domain.create()
                if record.power_state == PowerState.PAUSED:
                    # the test driver has no start in the paused state
                    domain.suspend()
            except self._libvirt.libvirtError:
                domain.undefine()
                raise

    def _launch(self, at: _Host, guest: Guest, state: PowerState, *said: str) -> None:
        """Define a guest and bring it into ``state``; its directory and its record are made, or made anew."""
        directory = at.instances.path(guest.uuid)
        directory.mkdir(exist_ok=True)
        formats = {str(disk.path): disk.format for disk in local_disks(guest, directory)}
        # as nova does: each disk's format is pinned, and never guessed from what a guest wrote
        (directory / "disk.info").write_text(json.dumps(formats))
        if guest.config_drive:
            write_config_drive(guest, directory / "disk.config")
        known = at.instances.read(guest.uuid)
        image = known.image if known is not None else str(guest.image_path or "")
        xml = domain_xml(guest, TEST, directory, host_numa(at.profile))
        record = Record(guest.uuid, guest.name, state, xml, image)
        self._begin(at, record)
        at.instances.write(record)
        at.instances.log(guest.uuid, *(f"{self.name}: {guest.name} {one}" for one in said))

    def _keep(self, at: _Host, uuid: str, state: PowerState, said: str, *, xml: str = "") -> None:
        """Note a change of a guest in its record and on its console."""
        record = at.instances.read(uuid)
        if record is not None:
            at.instances.write(replace(record, power_state=state, xml=xml or record.xml))
            at.instances.log(uuid, f"{self.name}: {record.name} {said}")

    def _on_event(self, _: Any, domain: Any, event: int, __: int, host: str) -> None:
        kind = self._event_kinds.get(event)
        if kind is not None:
            for callback in list(self._callbacks):
                callback(host, domain.UUIDString(), kind)

    def _host(self, name: str) -> _Host:
        try:
            return self._hosts[name]
        except KeyError:
            raise LaunchError(f"there is no host {name!r} here", host=name) from None

    def _find(self, at: _Host, uuid: str) -> Any | None:
        """Return libvirt's domain of a guest; None where there is none."""
        at.instances.path(uuid)
        try:
            return at.connection.lookupByUUIDString(uuid)
        except self._libvirt.libvirtError as error:
            if error.get_error_code() == self._libvirt.VIR_ERR_NO_DOMAIN:
                return None
            raise LaunchError(f"domain {uuid} cannot be looked up: libvirt: {error}", uuid=uuid) from error

    def _domain(self, at: _Host, uuid: str) -> Any:
        domain = self._find(at, uuid)
        if domain is None:
            raise DomainNotFoundError(f"host {at.profile.name} has no domain {uuid}", host=at.profile.name, uuid=uuid)
        return domain

    def _power(self, domain: Any) -> PowerState:
        with refusals(self._libvirt, "a domain's state cannot be had"):
            state, _ = domain.state()
        return power_state_of(state)
