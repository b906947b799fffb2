"""A checked request for servers, and the one transaction that makes their records from it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import sqlalchemy as sa

from engine.boot.api.device_plan import DevicePlan
from engine.boot.api.names import display_names, hostname_of
from engine.boot.api.reservations import claim_message
from engine.boot.api.target import Target
from engine.boot.messages import SCHEDULE_TOPIC, Caller, Schedule
from engine.boot.options import QuotaOptions
from engine.boot.quota import UNLIMITED, admit, usage_of
from engine.boot.states import PowerState, TaskState, VmState
from engine.boot.store.history import StepRow, add_steps, begin_action
from engine.boot.store.instances import add_devices, add_instances
from engine.boot.store.outbox import cast
from engine.boot.store.quotas import limits_of
from engine.boot.store.schema import instances
from engine.boot.store.server_groups import get_server_group
from engine.rest.errors import BadRequest, Forbidden, Unavailable

CREATE = "create"


@dataclass(frozen=True)
class BootRequest:
    """All that the records of a request's servers are made of; ``flavor`` and ``image`` as the record has them.

    ``least`` to ``most`` servers are wanted. ``uuids`` are theirs, ``attachments`` the reservations of volumes by
    volume. ``preparation``: the number of the message by which an unfinished reservation would be taken back.
    """

    caller: Caller
    name: str
    flavor_id: str
    flavor: Mapping[str, Any]
    image_id: str
    image: Mapping[str, Any]
    plan: DevicePlan
    networks: Sequence[Mapping[str, Any]]
    target: Target
    least: int
    most: int
    reservation_id: str
    uuids: Sequence[str]
    hostname: str = ""
    description: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    tags: Sequence[str] = ()
    security_groups: Sequence[str] = ()
    key_name: str = ""
    key_data: str = ""
    user_data: str = ""
    config_drive: bool = False
    attachments: Mapping[str, str] = field(default_factory=dict)
    preparation: int = 0


def store_request(
    connection: sa.Connection,
    request: BootRequest,
    quotas: QuotaOptions,
    steps: Sequence[StepRow],
    *,
    asked_at_us: int,
    now: float,
) -> tuple[int, Schedule]:
    """Insert the servers, if quotas allow, and cast them to the scheduler; return the message and its number.

    ``steps`` are those before the database's; ``asked_at_us``: when the database was asked for a session.
    """
    begun_us = time.time_ns() // 1000
    caller = request.caller
    _check_quotas(connection, request, quotas)
    count = admit(
        limits_of(connection, caller.project_id, quotas),
        lambda: usage_of(connection, caller.project_id),
        vcpus=request.flavor["vcpus"],
        memory_mb=request.flavor["memory_mb"],
        least=request.least,
        most=request.most,
    )
    uuids = tuple(request.uuids[:count])
    names = display_names(request.name, count)
    rows = [_row(request, uuid, index, names[index], count, now) for index, uuid in enumerate(uuids)]
    add_instances(connection, rows)
    for uuid in uuids:
        add_devices(connection, _device_rows(request, uuid))
        begin_action(
            connection,
            uuid,
            CREATE,
            request_id=caller.request_id,
            user_id=caller.user_id,
            project_id=caller.project_id,
            now=now,
        )
    message = Schedule(instance_uuids=uuids, caller=caller)
    number = cast(connection, SCHEDULE_TOPIC, message, now=now)
    if request.preparation and not claim_message(connection, request.preparation):
        raise Unavailable("The request took too long: its volumes were given back. Ask again.")
    done_us = time.time_ns() // 1000
    for uuid in uuids:
        add_steps(
            connection,
            [
                *(StepRow(uuid, *_rest(step)) for step in steps),
                StepRow(uuid, 1, 6, "", asked_at_us, begun_us, "", "waited for the writer of the database"),
                StepRow(uuid, 1, 7, "", begun_us, done_us, "", f"instance, request, quota and {len(steps)} steps"),
            ],
        )
    return number, message


def _rest(step: StepRow) -> tuple[int, int, str, int, int, str, str]:
    return step.attempt, step.step, step.host, step.started_us, step.finished_us, step.error, step.detail


def _check_quotas(connection: sa.Connection, request: BootRequest, quotas: QuotaOptions) -> None:
    """Refuse more metadata than allowed, and a group that is gone or full."""
    if len(request.metadata) > 0:
        check_metadata_quota(connection, request.caller.project_id, quotas, len(request.metadata))
    group = request.target.group
    if not group:
        return
    found = get_server_group(connection, group)
    if found is None or found.project_id != request.caller.project_id:
        raise BadRequest(f"Instance group {group} could not be found.")
    limit = limits_of(connection, request.caller.project_id, quotas)["server_group_members"]
    if limit == UNLIMITED:
        return
    query = sa.select(sa.func.count()).where(instances.c.server_group == group, instances.c.deleted.is_(False))
    if int(connection.execute(query).scalar_one()) + request.most > limit:
        raise Forbidden("Quota exceeded, too many servers in group")


def check_metadata_quota(connection: sa.Connection, project_id: str, quotas: QuotaOptions, count: int) -> None:
    """Raise Forbidden when a server would have more items of metadata than its project may give one."""
    limit = limits_of(connection, project_id, quotas)["metadata_items"]
    if limit not in (UNLIMITED,) and count > limit:
        raise Forbidden(f"Maximum number of metadata items exceeds {limit}")


def _row(request: BootRequest, uuid: str, index: int, name: str, count: int, now: float) -> dict[str, Any]:
    caller = request.caller
    given = request.hostname and (request.hostname if count == 1 else f"{request.hostname}-{index + 1}")
    return {
        "uuid": uuid,
        "display_name": name,
        "hostname": given or hostname_of(name, uuid),
        "description": request.description,
        "project_id": caller.project_id,
        "user_id": caller.user_id,
        "project_name": caller.project_name,
        "user_name": caller.user_name,
        "reservation_id": request.reservation_id,
        "launch_index": index,
        "request_id": caller.request_id,
        "vm_state": VmState.BUILDING.value,
        "task_state": TaskState.SCHEDULING.value,
        "power_state": int(PowerState.NOSTATE),
        "requested_zone": request.target.zone,
        "flavor_id": request.flavor_id,
        "flavor": dict(request.flavor),
        "image_id": request.image_id,
        "image": dict(request.image),
        "requested_networks": [dict(network) for network in request.networks],
        "security_groups": list(request.security_groups),
        "metadata": dict(request.metadata),
        "tags": list(request.tags),
        "scheduling": request.target.record(),
        "server_group": request.target.group,
        "key_name": request.key_name,
        "key_data": request.key_data,
        "user_data": request.user_data,
        "config_drive": request.config_drive,
        "created_at": now,
        "updated_at": now,
        "progress_at": now,
    }


def _device_rows(request: BootRequest, uuid: str) -> list[dict[str, Any]]:
    return [
        {
            "uuid": str(uuid4()),
            "instance_uuid": uuid,
            "position": position,
            "source_type": device.source_type,
            "destination_type": device.destination_type,
            "image_id": device.image_id,
            "volume_id": device.volume_id,
            "attachment_id": request.attachments.get(device.volume_id, ""),
            "size_gb": device.size_gb,
            "boot_index": device.boot_index,
            "device_name": device.device_name,
            "delete_on_termination": device.delete_on_termination,
            "volume_type": device.volume_type,
            "tag": device.tag,
        }
        for position, device in enumerate(request.plan.devices)
    ]
