"""Instances between the database's rows and the messages that agents see."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from engine.boot.assignment import assignment_of
from engine.boot.store.history import StepRow
from engine.boot.store.instances import BlockDeviceRow, InstanceRow
from engine.errors import InvalidRequestError
from engine.v1.instance_pb2 import (
    BlockDevice,
    FixedAddress,
    Instance,
    NetworkInterface,
    RequestedNetwork,
    StepRecord,
)
from engine.v1.request_spec_pb2 import Flavor

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_LAST_STEP = 28
_INT64 = 2**63
_IMAGE_FACTS = ("name", "disk_format", "min_disk", "min_ram", "size")
_DEVICE_TEXTS = (
    "uuid",
    "source_type",
    "destination_type",
    "image_id",
    "volume_id",
    "attachment_id",
    "device_name",
    "volume_type",
    "tag",
)


def check_uuid(text: str) -> str:
    """Return an instance's uuid as it stands; raise InvalidRequestError for anything else."""
    if not _UUID.fullmatch(text):
        raise InvalidRequestError(f"{text[:64]!r} is not an instance's uuid")
    return text


def instance_message(row: InstanceRow, devices: Iterable[BlockDeviceRow]) -> Instance:
    """Return an instance as agents see it."""
    return Instance(
        uuid=row.uuid,
        number=row.number,
        display_name=row.display_name,
        hostname=row.hostname,
        project_id=row.project_id,
        user_id=row.user_id,
        project_name=row.project_name,
        user_name=row.user_name,
        host=row.host,
        attempt=row.attempt,
        vm_state=row.vm_state,
        task_state=row.task_state,
        power_state=row.power_state,
        flavor=_flavor(row.flavor),
        flavor_id=row.flavor_id,
        image_id=row.image_id,
        image_properties=_image_properties(row.image),
        requested_networks=[
            RequestedNetwork(**{name: _text(wanted.get(name)) for name in RequestedNetwork.DESCRIPTOR.fields_by_name})
            for wanted in row.requested_networks
        ],
        block_devices=[device_message(device) for device in devices],
        interfaces=[_interface_message(interface) for interface in row.interfaces],
        security_groups=row.security_groups,
        key_name=row.key_name,
        key_data=row.key_data,
        user_data=row.user_data,
        metadata=row.metadata,
        config_drive=row.config_drive,
        availability_zone=row.availability_zone,
        created_us=int(row.created_at * 1_000_000),
        reservation_id=row.reservation_id,
        launch_index=row.launch_index,
        assignment=assignment_of(row.scheduling),
    )


def device_message(row: BlockDeviceRow) -> BlockDevice:
    """Return a block device as agents see it."""
    return BlockDevice(
        **{name: getattr(row, name) for name in _DEVICE_TEXTS},
        size_gb=row.size_gb,
        boot_index=row.boot_index,
        delete_on_termination=row.delete_on_termination,
        connection_info_json=row.connection_info,
    )


def device_changes(device: BlockDevice) -> dict[str, Any]:
    """Return the columns of a block device that an agent may change, as it tells them."""
    return {
        "volume_id": device.volume_id,
        "attachment_id": device.attachment_id,
        "size_gb": device.size_gb,
        "device_name": device.device_name,
        "connection_info": device.connection_info_json,
    }


def interface_values(interfaces: Iterable[NetworkInterface]) -> list[dict[str, Any]]:
    """Return interfaces as the record has them."""
    return [
        {
            "port_id": interface.port_id,
            "network_id": interface.network_id,
            "network_name": interface.network_name,
            "mac_address": interface.mac_address,
            "addresses": [
                {"address": address.address, "subnet_id": address.subnet_id} for address in interface.addresses
            ],
            "vif_type": interface.vif_type,
            "mtu": interface.mtu,
            "preexisting": interface.preexisting,
            "tag": interface.tag,
        }
        for interface in interfaces
    ]


def step_rows(instance_uuid: str, attempt: int, host: str, steps: Sequence[StepRecord]) -> list[StepRow]:
    """Return steps as rows; raise InvalidRequestError for a number that is no step's or times that cannot be."""
    for step in steps:
        if not 1 <= step.step <= _LAST_STEP:
            raise InvalidRequestError(f"there is no step {step.step}: they are 1 to {_LAST_STEP}")
        if not 0 <= step.started_us <= step.finished_us < _INT64:
            raise InvalidRequestError(f"step {step.step} cannot end ({step.finished_us}) before it began")
    return [
        StepRow(instance_uuid, attempt, step.step, host, step.started_us, step.finished_us, step.error, step.detail)
        for step in steps
    ]


def _flavor(values: Mapping[str, Any]) -> Flavor:
    numbers = {name: int(values.get(name, 0)) for name in ("vcpus", "memory_mb", "root_gb", "ephemeral_gb", "swap_mb")}
    extra_specs = {key: _text(value) for key, value in values.get("extra_specs", {}).items()}
    return Flavor(name=_text(values.get("name")), extra_specs=extra_specs, **numbers)


def _image_properties(image: Mapping[str, Any]) -> dict[str, str]:
    """Return an image's properties and those of its own facts that are known, in one map."""
    facts = {name: _text(image[name]) for name in _IMAGE_FACTS if image.get(name) is not None}
    return {key: _text(value) for key, value in image.get("properties", {}).items()} | facts


def _interface_message(values: Mapping[str, Any]) -> NetworkInterface:
    names = ("port_id", "network_id", "network_name", "mac_address", "vif_type", "tag")
    return NetworkInterface(
        **{name: _text(values.get(name)) for name in names},
        addresses=[
            FixedAddress(address=_text(one.get("address")), subnet_id=_text(one.get("subnet_id")))
            for one in values.get("addresses", ())
        ],
        mtu=int(values.get("mtu") or 0),
        preexisting=bool(values.get("preexisting")),
    )


def _text(value: object) -> str:
    """Return a value of a JSON document as text; null is empty."""
    if value is None:
        return ""
    return value if isinstance(value, str) else str(value)
