"""What every launcher does: the interface between the compute agent and whatever runs the guests."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from engine.boot.states import PowerState
from engine.errors import EngineError
from engine.model.numa import GuestNuma


class LaunchError(EngineError):
    """The launcher refused or failed; another host may do better."""

    reason = "INTERNAL"


class DomainNotFoundError(LaunchError):
    """The host has no domain of this uuid."""

    reason = "NOT_FOUND"


@dataclass(frozen=True)
class HostProfile:
    """One simulated host: its name, its stable uuid, and how large it is."""

    name: str
    uuid: str
    vcpus: int
    memory_mb: int
    disk_gb: int
    reserved_memory_mb: int = 0
    numa_cells: int = 0
    huge_pages_mb: int = 0


@dataclass(frozen=True)
class HostResources:
    """What a host reports of itself; ``supported_instances`` are (architecture, hypervisor type, vm mode)."""

    vcpus: int
    memory_mb: int
    disk_gb: int
    hypervisor_type: str
    hypervisor_version: int
    arch: str
    supported_instances: tuple[tuple[str, str, str], ...]
    cpu_info: str


@dataclass(frozen=True)
class GuestFlavor:
    """The sizes that a guest is given."""

    id: str
    name: str
    vcpus: int
    memory_mb: int
    root_gb: int = 0
    ephemeral_gb: int = 0
    swap_mb: int = 0
    extra_specs: Mapping[str, str] | None = None


@dataclass(frozen=True)
class GuestAddress:
    """An address of an interface."""

    address: str
    subnet_id: str


@dataclass(frozen=True)
class GuestInterface:
    """A network interface: the port behind it and how it is plugged."""

    port_id: str
    network_id: str
    network_name: str
    mac_address: str
    addresses: tuple[GuestAddress, ...]
    vif_type: str
    mtu: int
    tag: str = ""


@dataclass(frozen=True)
class GuestDisk:
    """A block device of a guest; a volume's ``connection`` is what the volume service answered to the connector."""

    uuid: str
    device_name: str
    source_type: str
    destination_type: str
    size_gb: int
    boot_index: int
    volume_id: str
    connection: Mapping[str, Any]
    tag: str = ""


@dataclass(frozen=True)
class Guest:
    """All that a launcher must know of an instance.

    ``image_path``: its image in the cache; None for one on a volume, and for one that was spawned before, whose root
    disk is the one it has. ``numa``: where its cells lie on the host, None for a guest without any.
    ``user_data`` is base64, as the user gave it; ``created_us`` microseconds UTC.
    """

    uuid: str
    name: str
    display_name: str
    hostname: str
    project_id: str
    project_name: str
    user_id: str
    user_name: str
    flavor: GuestFlavor
    image_id: str
    image_path: Path | None
    image_properties: Mapping[str, str]
    interfaces: tuple[GuestInterface, ...]
    disks: tuple[GuestDisk, ...]
    metadata: Mapping[str, str]
    user_data: str
    key_name: str
    key_data: str
    config_drive: bool
    availability_zone: str
    reservation_id: str
    launch_index: int
    created_us: int
    numa: GuestNuma | None = None


@dataclass(frozen=True)
class Spawned:
    """A guest that has been launched. ``adopted``: it was there already, whole, and was left as it was."""

    name: str
    power_state: PowerState
    adopted: bool = False


@dataclass(frozen=True)
class DomainInfo:
    """A domain as a host has it, with the files that belong to it; a half-made one has power state NOSTATE."""

    uuid: str
    name: str
    power_state: PowerState
    files: tuple[str, ...] = ()


class LifecycleEvent(StrEnum):
    """What happened to a domain, whoever did it."""

    STARTED = "started"
    STOPPED = "stopped"
    SUSPENDED = "suspended"
    RESUMED = "resumed"


LifecycleCallback: TypeAlias = Callable[[str, str, LifecycleEvent], None]
"""Called with host, uuid and event, in any thread; it must return at once."""


class Driver(Protocol):
    """A launcher. Every method blocks, is safe in any thread, and raises LaunchError for what the hypervisor refuses.

    ``name`` says truthfully what it is. ``can_hot_plug``: whether devices of a running guest can change.
    """

    @property
    def name(self) -> str:
        """What runs the guests, in the words users see."""

    @property
    def can_hot_plug(self) -> bool:
        """Whether ``update_devices`` reaches a running guest."""

    def open_hosts(self, hosts: Sequence[HostProfile]) -> None:
        """Make hosts ready, with the guests that their records hold."""

    def spawn(self, host: str, guest: Guest, *, paused: bool) -> Spawned:
        """Define and start a guest, ``paused`` until resumed; one that is there already is adopted as it is."""

    def resume(self, host: str, uuid: str) -> None:
        """Let a paused guest run; nothing happens to one that runs."""

    def stop(self, host: str, uuid: str, *, timeout_s: float) -> None:
        """Shut a guest down, by force after ``timeout_s``; nothing happens to one that is off."""

    def start(self, host: str, guest: Guest) -> None:
        """Start a guest that is off; one whose domain is missing is defined anew."""

    def reboot(self, host: str, guest: Guest, *, hard: bool) -> None:
        """Restart a guest; ``hard``: at once, from a definition made anew."""

    def destroy(self, host: str, uuid: str) -> None:
        """Leave nothing of a guest: domain, files, records; one that is not there is no error."""

    def power_state(self, host: str, uuid: str) -> PowerState | None:
        """Return the power state; None where there is no domain."""

    def domains(self, host: str) -> list[DomainInfo]:
        """Return every domain of a host, the half-made ones too."""

    def console_output(self, host: str, uuid: str, length: int | None) -> str:
        """Return the last ``length`` lines of the console, all for None. Raises DomainNotFoundError."""

    def update_devices(self, host: str, guest: Guest) -> None:
        """Give a guest the disks and interfaces that ``guest`` lists: now where it can, else from its next start."""

    def on_lifecycle(self, callback: LifecycleCallback) -> None:
        """Have ``callback`` told of every change of a domain's power from now on."""

    def resources(self, host: str) -> HostResources:
        """Return what a host has."""

    def image_paths(self) -> set[Path]:
        """Return the images in the cache on which the disks of guests rest, of all hosts: they must not go."""

    def close(self) -> None:
        """Let go of every host; the guests stay what their records say."""
