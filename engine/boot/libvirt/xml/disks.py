"""The disks: local files and attached volumes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lxml import etree
from lxml.builder import E

from engine.boot.libvirt.driver import Guest, GuestDisk, LaunchError
from engine.boot.libvirt.xml.profile import HypervisorProfile


@dataclass(frozen=True)
class LocalDisk:
    """A disk of the instance's own directory: its file, its format, the device the guest sees."""

    path: Path
    format: str
    device_name: str
    is_cdrom: bool = False


def local_disks(guest: Guest, directory: Path) -> list[LocalDisk]:
    """Return the disks that lie in an instance's directory: root, ephemeral, swap and the config drive."""
    taken = {disk.device_name for disk in guest.disks if disk.destination_type == "volume" and disk.device_name}
    free = (name for name in _device_names("vd") if name not in taken)
    disks = []
    if not any(disk.boot_index == 0 and disk.destination_type == "volume" for disk in guest.disks):
        root = next((disk.device_name for disk in guest.disks if disk.boot_index == 0 and disk.device_name), "")
        disks.append(LocalDisk(directory / "disk", "qcow2", root or next(free)))
        taken.add(disks[0].device_name)
    for name, size in (("disk.eph0", guest.flavor.ephemeral_gb), ("disk.swap", guest.flavor.swap_mb)):
        if size:
            disks.append(LocalDisk(directory / name, "qcow2", next(free)))
            taken.add(disks[-1].device_name)
    if guest.config_drive:
        disks.append(LocalDisk(directory / "disk.config", "raw", "sda", is_cdrom=True))
    return disks


def disk_elements(guest: Guest, local: list[LocalDisk], profile: HypervisorProfile) -> list[etree._Element]:
    """Return a ``<disk>`` for every local disk and every volume; raises LaunchError for a volume it cannot reach."""
    elements = [_local(disk, profile) for disk in local]
    taken = {disk.device_name for disk in local} | {disk.device_name for disk in guest.disks}
    free = (name for name in _device_names("vd") if name not in taken)
    volumes = [disk for disk in guest.disks if disk.destination_type == "volume"]
    return elements + [_volume(disk, disk.device_name or next(free), profile) for disk in volumes]


def _local(disk: LocalDisk, profile: HypervisorProfile) -> etree._Element:
    bus, device = ("sata", "cdrom") if disk.is_cdrom else ("virtio", "disk")
    return E.disk(
        E.driver(name=profile.disk_driver, type=disk.format, cache="none"),
        E.source(file=str(disk.path)),
        E.target(dev=disk.device_name, bus=bus),
        *([E.readonly()] if disk.is_cdrom else []),
        type="file",
        device=device,
    )


def _volume(disk: GuestDisk, device_name: str, profile: HypervisorProfile) -> etree._Element:
    kind = str(disk.connection.get("driver_volume_type", "nothing"))
    # the attachments API answers flat, the older connection call nested
    data = disk.connection.get("data") or disk.connection
    path = str(data.get("device_path", ""))
    if kind != "local" or not path.startswith("/"):
        raise LaunchError(
            f"volume {disk.volume_id} is offered by {kind!r}, which this launcher cannot reach: it takes local files"
        )
    return E.disk(
        E.driver(name=profile.disk_driver, type="raw", cache="none"),
        E.source(file=path),
        E.target(dev=device_name, bus="virtio"),
        *([E.readonly()] if data.get("access_mode") == "ro" else []),
        E.serial(disk.volume_id),
        type="file",
        device="disk",
    )


def _device_names(prefix: str) -> list[str]:
    """Return vda to vdz, then vdaa to vdzz: more than a domain may have."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    return [prefix + one for one in letters] + [prefix + one + two for one in letters for two in letters]
