"""What the scheduler is asked for: the request spec of instances, made of their records alone.

Made again after a crash it is the same, so that the same client token gets the same answer.
"""

from __future__ import annotations

from collections.abc import Sequence

from engine.boot.store.instances import BlockDeviceRow, InstanceRow
from engine.v1 import request_spec_pb2 as specs


def request_spec_of(
    instance_uuids: Sequence[str], first: InstanceRow, devices: Sequence[BlockDeviceRow]
) -> specs.RequestSpec:
    """Return the spec for all instances of a request, of which ``first`` is one: they differ in name only."""
    flavor, image, wanted = first.flavor, first.image, first.scheduling
    spec = specs.RequestSpec(
        flavor=specs.Flavor(
            name=flavor["name"],
            vcpus=flavor["vcpus"],
            memory_mb=flavor["memory_mb"],
            root_gb=flavor["root_gb"],
            ephemeral_gb=flavor["ephemeral_gb"],
            swap_mb=flavor["swap_mb"],
            extra_specs={name: str(value) for name, value in flavor["extra_specs"].items()},
        ),
        image=specs.Image(
            id=first.image_id,
            disk_format=image.get("disk_format", ""),
            properties={name: str(value) for name, value in image.get("properties", {}).items()},
        ),
        num_instances=len(instance_uuids),
        instance_uuids=list(instance_uuids),
        project_id=first.project_id,
        user_id=first.user_id,
        availability_zone=first.requested_zone,
        instance_group=first.server_group,
        scheduler_hints={
            name: specs.HintValues(values=[str(value) for value in values])
            for name, values in wanted.get("hints", {}).items()
        },
        force_hosts=[wanted["force_host"]] if wanted.get("force_host") else [],
        force_nodes=[wanted["force_node"]] if wanted.get("force_node") else [],
        is_bfv=any(device.boot_index == 0 and device.destination_type == "volume" for device in devices),
    )
    if wanted.get("requested_host"):
        spec.requested_destination.host = wanted["requested_host"]
        spec.requested_destination.node = wanted.get("requested_node", "")
    return spec
