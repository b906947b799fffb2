"""What an audit compares, and the rules by which something is missing, in the wrong place, or nobody's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from engine.boot.states import VmState
from engine.boot.store.instances import BlockDeviceRow, InstanceRow

DEVICE_KEY = "berth_block_device"
_OWNED = "compute:"


@dataclass(frozen=True)
class Finding:
    """Something that is not as the records say: ``kind`` (allocation, port ...), what it is about, and the words."""

    kind: str
    subject: str
    problem: str


@dataclass(frozen=True)
class Records:
    """The database at one moment: live instances and their block devices, by instance."""

    instances: Mapping[str, InstanceRow]
    devices: Mapping[str, list[BlockDeviceRow]]


@dataclass(frozen=True)
class World:
    """What there is: allocations (consumer to host), ports, attachments, volumes, and domains by host asked."""

    allocations: Mapping[str, str]
    ports: list[dict[str, Any]]
    attachments: list[dict[str, Any]]
    volumes: list[dict[str, Any]]
    domains: Mapping[str, list[dict[str, Any]]]


def compare(before: Records, world: World, after: Records) -> list[Finding]:
    """Return what is wrong.

    The world takes a while to look at, so an instance that was there before or after counts as an owner, and only of
    one that nothing happened to meanwhile, with nothing under way, is anything missed.
    """
    settled = {
        uuid: row for uuid, row in after.instances.items() if _is_settled(row) and before.instances.get(uuid) == row
    }
    known = {**before.instances, **after.instances}
    devices = {uuid: after.devices.get(uuid, []) for uuid in settled}
    rules = (
        _allocations(settled, known, world.allocations),
        _ports(settled, known, world.ports),
        _attachments(settled, known, devices, world.attachments),
        _volumes(settled, devices, world.volumes),
        _domains(settled, known, world.domains),
    )
    return [finding for rule in rules for finding in rule]


def _is_settled(row: InstanceRow) -> bool:
    """Whether nothing is under way with an instance, cleaning up included."""
    return row.vm_state != VmState.BUILDING and not row.task_state and "left" not in row.scheduling


def _is_placed(row: InstanceRow) -> bool:
    return bool(row.host)


def _allocations(
    settled: Mapping[str, InstanceRow], known: Mapping[str, InstanceRow], held: Mapping[str, str]
) -> Iterator[Finding]:
    for uuid, host in held.items():
        if uuid not in known:
            yield Finding("allocation", uuid, f"it holds resources on {host}, but there is no such instance")
    for uuid, row in settled.items():
        if _is_placed(row) and uuid not in held:
            yield Finding("allocation", uuid, f"the instance is on {row.host} without an allocation")
        elif _is_placed(row) and held[uuid] != row.host:
            yield Finding("allocation", uuid, f"the instance is on {row.host}, its allocation on {held[uuid]}")
        elif not _is_placed(row) and uuid in held:
            yield Finding("allocation", uuid, f"the instance has no host, but holds resources on {held[uuid]}")


def _ports(
    settled: Mapping[str, InstanceRow], known: Mapping[str, InstanceRow], ports: Iterable[Mapping[str, Any]]
) -> Iterator[Finding]:
    owned: dict[str, dict[str, Mapping[str, Any]]] = {}
    for port in ports:
        device = str(port.get("device_id") or "")
        if device in known:
            owned.setdefault(device, {})[str(port["id"])] = port
        elif str(port.get("device_owner") or "").startswith(_OWNED):
            yield Finding("port", str(port["id"]), f"it belongs to instance {device}, which there is not")
    for uuid, row in settled.items():
        has = owned.get(uuid, {})
        recorded = {str(interface.get("port_id")) for interface in row.interfaces} if _is_placed(row) else set()
        for port_id in sorted(recorded - has.keys()):
            yield Finding("port", port_id, f"instance {uuid} should have it, but the network service says otherwise")
        for port_id in sorted(has.keys() - recorded):
            yield Finding("port", port_id, f"the network service has it with instance {uuid}, whose record has not")
        for port_id in sorted(has.keys() & recorded):
            bound = str(has[port_id].get("binding:host_id") or "")
            if bound != row.host:
                where = bound or "nowhere"
                yield Finding("port", port_id, f"it is bound to {where}, but instance {uuid} is on {row.host}")


def _attachments(
    settled: Mapping[str, InstanceRow],
    known: Mapping[str, InstanceRow],
    devices: Mapping[str, list[BlockDeviceRow]],
    attachments: Iterable[Mapping[str, Any]],
) -> Iterator[Finding]:
    found: dict[str, set[str]] = {}
    for attachment in attachments:
        instance = str(attachment.get("instance") or attachment.get("instance_uuid") or "")
        if instance in known:
            found.setdefault(instance, set()).add(str(attachment["id"]))
        elif instance:
            yield Finding("attachment", str(attachment["id"]), f"it belongs to instance {instance}, which there is not")
    for uuid in settled:
        recorded = {device.attachment_id for device in devices[uuid] if device.attachment_id}
        has = found.get(uuid, set())
        for attachment_id in sorted(recorded - has):
            yield Finding("attachment", attachment_id, f"instance {uuid} should have it, the volume service has none")
        for attachment_id in sorted(has - recorded):
            yield Finding("attachment", attachment_id, f"no block device of instance {uuid} has it")


def _volumes(
    settled: Mapping[str, InstanceRow],
    devices: Mapping[str, list[BlockDeviceRow]],
    volumes: Iterable[Mapping[str, Any]],
) -> Iterator[Finding]:
    """Find volumes made for a block device that has none or another; those of a deleted instance may be wanted."""
    by_device = {device.uuid: device for uuid in settled for device in devices[uuid]}
    there = set()
    for volume in volumes:
        volume_id = str(volume["id"])
        there.add(volume_id)
        device = by_device.get(str((volume.get("metadata") or {}).get(DEVICE_KEY, "")))
        if device is not None and device.volume_id != volume_id:
            owner = f"block device {device.uuid} of instance {device.instance_uuid}"
            yield Finding("volume", volume_id, f"it was made for {owner}, which does not use it")
    for device in by_device.values():
        if device.volume_id and device.volume_id not in there:
            yield Finding("volume", device.volume_id, f"instance {device.instance_uuid} uses it, but it is not there")


def _domains(
    settled: Mapping[str, InstanceRow],
    known: Mapping[str, InstanceRow],
    domains: Mapping[str, list[dict[str, Any]]],
) -> Iterator[Finding]:
    running: dict[str, set[str]] = {}
    for host, found in domains.items():
        for domain in found:
            uuid = str(domain.get("uuid"))
            running.setdefault(uuid, set()).add(host)
            row = settled.get(uuid)
            if uuid not in known:
                files = ", ".join(str(file) for file in domain.get("files", ())) or "none"
                yield Finding("domain", uuid, f"it is on {host}, but there is no such instance (files: {files})")
            elif row is not None and row.host != host:
                yield Finding("domain", uuid, f"it is on {host}, but its instance is on {row.host or 'no host'}")
    for uuid, row in settled.items():
        if row.host in domains and row.vm_state != VmState.ERROR and row.host not in running.get(uuid, ()):
            yield Finding("domain", uuid, f"its instance is {row.vm_state} on {row.host}, which has no such domain")
