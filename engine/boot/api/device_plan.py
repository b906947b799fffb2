"""Which block devices a new server gets: nova's rules for boot order, kinds and sizes, without asking any service."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.boot.api.create_body import DeviceBody
from engine.boot.api.server_fields import is_uuid
from engine.rest.errors import BadRequest

_INVALID = "Block Device Mapping is Invalid: "
_ORDER = f"{_INVALID}Boot sequence for the instance and image/block device mapping combination is not valid."
_NEEDS_SIZE = {
    "image": "Images with destination_type 'volume' need to have a non-zero size specified",
    "blank": "Blank volumes (source: 'blank', dest: 'volume') need to have non-zero size",
}


@dataclass(frozen=True)
class PlannedDevice:
    """A block device before it has a record; ``size_gb`` 0: as large as its source."""

    source_type: str
    destination_type: str
    image_id: str = ""
    volume_id: str = ""
    size_gb: int = 0
    boot_index: int = -1
    device_name: str = ""
    delete_on_termination: bool = False
    volume_type: str = ""
    tag: str = ""


@dataclass(frozen=True)
class DevicePlan:
    """A server's block devices, the root first among those that are booted from."""

    devices: tuple[PlannedDevice, ...]

    @property
    def root(self) -> PlannedDevice:
        """The device that the server boots from."""
        return next(device for device in self.devices if device.boot_index == 0)

    @property
    def boots_from_volume(self) -> bool:
        """Whether the root disk takes no space on the host."""
        return self.root.destination_type == "volume"

    @property
    def volume_ids(self) -> list[str]:
        """The volumes that exist already and are to be reserved."""
        return [device.volume_id for device in self.devices if device.volume_id]

    @property
    def image_ids(self) -> set[str]:
        """The images that disks or volumes are made of."""
        return {device.image_id for device in self.devices if device.image_id}


def plan_devices(image_id: str, asked: Sequence[DeviceBody], *, root_gb: int, ephemeral_gb: int) -> DevicePlan:
    """Return the devices for ``imageRef`` (or empty) and what the body asks for; raise BadRequest in nova's words."""
    devices = [_planned(device, root_gb) for device in asked if not device.no_device]
    if image_id and not any(_is_local_root(device) for device in devices):
        if any(device.boot_index == 0 for device in devices):
            raise BadRequest(_ORDER)
        devices.insert(
            0,
            PlannedDevice(
                "image", "local", image_id=image_id, size_gb=root_gb, boot_index=0, delete_on_termination=True
            ),
        )
    if not devices:
        raise BadRequest("Missing imageRef attribute")
    order = sorted(device.boot_index for device in devices if device.boot_index >= 0)
    if order != list(range(len(order))) or not order:
        raise BadRequest(_ORDER)
    for device in devices:
        if device.source_type == "image" and device.destination_type == "local" and device.boot_index != 0:
            raise BadRequest(f"{_INVALID}Mapping image to local is not supported.")
        if _is_local_root(device) and image_id and device.image_id != image_id:
            raise BadRequest(_ORDER)
    if sum(device.size_gb for device in devices if _is_ephemeral(device)) > ephemeral_gb:
        raise BadRequest(
            "Ephemeral disks requested are larger than the instance type allows. If no value is given in one block "
            "device mapping, flavor ephemeral size will be used."
        )
    used = [device.volume_id for device in devices if device.volume_id]
    if len(set(used)) < len(used):
        raise BadRequest(f"{_INVALID}a volume is named twice.")
    names = [device.device_name for device in devices if device.device_name]
    if len(set(names)) < len(names):
        raise BadRequest(f"{_INVALID}a device name is used twice.")
    return DevicePlan(tuple(devices))


def _planned(asked: DeviceBody, root_gb: int) -> PlannedDevice:
    """Return one device of the body; raise BadRequest where its parts do not go together."""
    source = asked.source_type
    target = asked.destination_type or ("local" if source == "blank" else "volume")
    uuid = asked.uuid or ""
    size = asked.volume_size or 0
    boot_index = -1 if asked.boot_index is None else max(asked.boot_index, -1)
    if source == "snapshot":
        raise BadRequest("Invalid input for field/attribute source_type. Volume snapshots cannot be booted from here.")
    if asked.guest_format == "swap":
        raise BadRequest("Invalid input for field/attribute guest_format. Swap comes from the flavor's swap size.")
    if source == "blank" and uuid:
        raise BadRequest(f"{_INVALID}a blank device has no uuid.")
    if source != "blank" and not is_uuid(uuid):
        raise BadRequest(f"Invalid input for field/attribute uuid. Value: {uuid}. '{uuid}' is not a 'uuid'")
    if source == "volume" and target == "local":
        raise BadRequest(f"{_INVALID}Mapping volume to local is not supported.")
    if source == "blank" and boot_index == 0:
        raise BadRequest(_ORDER)
    if target == "volume" and source in _NEEDS_SIZE and not size:
        raise BadRequest(_INVALID + _NEEDS_SIZE[source])
    if target == "local" and asked.volume_type:
        raise BadRequest(f"{_INVALID}Specifying a volume_type with destination_type=local is not supported.")
    return PlannedDevice(
        source_type=source,
        destination_type=target,
        image_id=uuid if source == "image" else "",
        volume_id=uuid if source == "volume" else "",
        size_gb=(root_gb if source == "image" else size) if target == "local" else size,
        boot_index=boot_index,
        device_name=(asked.device_name or "").removeprefix("/dev/"),
        delete_on_termination=asked.delete_on_termination,
        volume_type=asked.volume_type or "",
        tag=asked.tag or "",
    )


def _is_local_root(device: PlannedDevice) -> bool:
    return device.boot_index == 0 and (device.source_type, device.destination_type) == ("image", "local")


def _is_ephemeral(device: PlannedDevice) -> bool:
    return (device.source_type, device.destination_type) == ("blank", "local")
