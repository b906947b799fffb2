"""``POST /servers``: from a request to records that wait for hosts."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.boot.api.boot_request import BootRequest, store_request
from engine.boot.api.callers import caller_of
from engine.boot.api.cloud_errors import worded
from engine.boot.api.create_body import CreateBody, ServerBody, check_version
from engine.boot.api.deps import Deps
from engine.boot.api.device_plan import DevicePlan, plan_devices
from engine.boot.api.image_check import check_image, check_volume_size, image_record, volume_image_record
from engine.boot.api.links import PREFIX, links_of
from engine.boot.api.names import password, reservation_id
from engine.boot.api.network_check import check_networks
from engine.boot.api.numa_check import check_numa
from engine.boot.api.reservations import announce_preparation, sweep_soon, take_back
from engine.boot.api.server_fields import is_uuid
from engine.boot.api.target import target_of
from engine.boot.api.volume_check import check_volume, reserve
from engine.boot.messages import Caller
from engine.boot.openstack.errors import CloudBadRequest, CloudNotFound
from engine.boot.store.flavors import FlavorRow, get_flavor
from engine.boot.store.history import StepRow
from engine.boot.store.key_pairs import get_key_pair
from engine.model.limits import MAX_INSTANCES
from engine.rest.access import Access
from engine.rest.errors import BadRequest, Conflict, Forbidden
from engine.rest.replies import json_reply
from engine.rest.request import access_of, base_url, body_of, microversion_of


def routes(deps: Deps) -> list[Route]:
    """Return the route on which servers are made."""

    async def create(request: Request) -> Response:
        """Check, reserve, record, and answer 202."""
        access = access_of(request)
        access.require_writer()
        body = await body_of(request, CreateBody)
        check_version(body.server, microversion_of(request))
        boot = await _checked(deps, request, access, body)
        if boot.plan.volume_ids:
            boot = await _with_reservations(deps, boot)
        asked_at_us = _us(deps)
        steps = _first_steps(request, access)
        quotas = deps.settings.boot.quotas

        try:
            number, message = await deps.store.write(
                lambda connection: store_request(
                    connection, boot, quotas, steps, asked_at_us=asked_at_us, now=deps.clock()
                )
            )
        except BaseException:
            if boot.attachments:
                await take_back(deps, boot.attachments.values(), boot.preparation)
            raise
        deps.casts.put_nowait((number, message))
        return _answer(request, body.server, boot)

    return [Route(f"{PREFIX}/servers", create, methods=["POST"])]


async def _checked(deps: Deps, request: Request, access: Access, body: CreateBody) -> BootRequest:
    """Return the request once every check that needs no reservation has passed."""
    server = body.server
    who = caller_of(request)
    least, most = _counts(server)
    flavor, key_data = await _flavor_and_key(deps, access, server)
    image_id = _image_id(server)
    plan = plan_devices(
        image_id, server.block_device_mapping_v2, root_gb=flavor.root_gb, ephemeral_gb=flavor.ephemeral_gb
    )
    if most > 1 and plan.volume_ids:
        raise BadRequest("Cannot attach one or more volumes to multiple instances")
    if flavor.root_gb == 0 and not plan.boots_from_volume and not access.is_admin:
        raise Forbidden("Only volume-backed servers are allowed for flavors with zero disk.")
    sizes = {
        "name": flavor.name,
        "vcpus": flavor.vcpus,
        "memory_mb": flavor.memory_mb,
        "root_gb": flavor.root_gb,
        "ephemeral_gb": flavor.ephemeral_gb,
        "swap_mb": flavor.swap_mb,
        "extra_specs": flavor.extra_specs,
    }
    target, image, (networks, most), _ = await asyncio.gather(
        target_of(deps, access, server, body.scheduler_hints()),
        _image(deps, who, plan, sizes),
        check_networks(deps.clouds, deps.recent, who, access, server.networks, least=least, most=most),
        _check_security_groups(deps, who, [group.name for group in server.security_groups]),
    )
    return BootRequest(
        caller=who,
        name=server.name,
        flavor_id=flavor.flavor_id,
        flavor=sizes,
        image_id="" if plan.boots_from_volume else plan.root.image_id,
        image=image,
        plan=plan,
        networks=networks,
        target=target,
        least=least,
        most=most,
        reservation_id=reservation_id(),
        uuids=[str(uuid4()) for _ in range(most)],
        hostname=server.hostname or "",
        description=server.description or "",
        metadata=server.metadata,
        tags=list(dict.fromkeys(server.tags)),
        security_groups=list(dict.fromkeys(group.name for group in server.security_groups)),
        key_name=server.key_name or "",
        key_data=key_data,
        user_data=server.user_data or "",
        config_drive=bool(server.config_drive),
    )


def _counts(server: ServerBody) -> tuple[int, int]:
    """Return how many servers are wanted, at least and at most."""
    least = server.min_count or 1
    most = server.max_count or least
    if least > most:
        raise BadRequest("min_count must be <= max_count")
    if most > MAX_INSTANCES:
        raise BadRequest(f"max_count must be <= {MAX_INSTANCES}")
    return least, most


async def _flavor_and_key(deps: Deps, access: Access, server: ServerBody) -> tuple[FlavorRow, str]:
    """Return the flavor and the public key that the body names; raise BadRequest, in nova's words, without one."""
    flavor_id = str(server.flavor_ref).rstrip("/").rpartition("/")[2]
    key_name = server.key_name

    def find(connection: Any) -> tuple[FlavorRow | None, str | None]:
        key = get_key_pair(connection, access.user_id, key_name) if key_name else None
        return get_flavor(connection, flavor_id), None if key is None else key.public_key

    flavor, key_data = await deps.store.look_up(find)
    if flavor is None or flavor.disabled:
        raise BadRequest("Invalid flavorRef provided.")
    if not flavor.is_public and not access.is_admin and access.project_id not in flavor.projects:
        raise BadRequest("Invalid flavorRef provided.")
    if key_name and key_data is None:
        raise BadRequest("Invalid key_name provided.")
    return flavor, key_data or ""


def _image_id(server: ServerBody) -> str:
    """Return the image's id out of ``imageRef``, which may be a link; empty when there is none."""
    text = (server.image_ref or "").rstrip("/")
    image_id = text.rpartition("/")[2]
    if text and not is_uuid(image_id):
        raise BadRequest("Invalid imageRef provided.")
    return image_id


async def _image(deps: Deps, who: Caller, plan: DevicePlan, flavor: Mapping[str, Any]) -> dict[str, Any]:
    """Check every image and volume of the plan with its service, at once; return the root's record."""

    async def image(image_id: str) -> dict[str, Any]:
        with worded(CloudNotFound, BadRequest("Can not find requested image")):
            try:
                asked = ("image", image_id, who.token)
                return await deps.recent.get(asked, lambda: deps.clouds.images.get(who, image_id))
            except CloudBadRequest as error:
                raise BadRequest("Can not find requested image") from error

    image_ids = sorted(plan.image_ids)
    found = await asyncio.gather(
        *(image(image_id) for image_id in image_ids),
        *(
            check_volume(deps.clouds, who, volume_id, root=plan.root.volume_id == volume_id)
            for volume_id in plan.volume_ids
        ),
    )
    images = dict(zip(image_ids, found, strict=False))
    volumes = dict(zip(plan.volume_ids, found[len(image_ids) :], strict=True))
    for device in plan.devices:
        if device.image_id:
            check_image(images[device.image_id], flavor, local_root=device.destination_type == "local")
            if device.destination_type == "volume":
                check_volume_size(images[device.image_id], device.size_gb)
    root = plan.root
    record = image_record(images[root.image_id]) if root.image_id else volume_image_record(volumes[root.volume_id])
    check_numa(flavor, record)
    return record


async def _check_security_groups(deps: Deps, who: Caller, asked: Sequence[str]) -> None:
    """Refuse groups that the project does not have, and names that two have; every project has ``default``."""
    wanted = [name for name in asked if name != "default"]
    if not wanted:
        return
    with worded(CloudNotFound, BadRequest("Security groups could not be found.")):
        groups = await deps.clouds.networks.list_security_groups(who)
    ids = {group["id"] for group in groups}
    names = Counter(group.get("name") for group in groups)
    for name in wanted:
        if name in ids:
            continue
        if not names[name]:
            raise BadRequest(f"Security group {name} not found for project {who.project_id}.")
        if names[name] > 1:
            raise Conflict(f"Multiple security groups found matching '{name}'. Use an ID to be more specific.")


async def _with_reservations(deps: Deps, boot: BootRequest) -> BootRequest:
    """Return the request with its volumes reserved; a crash from here on leaves a message that takes them back."""
    preparation = await announce_preparation(deps, boot.uuids[0], boot.caller.request_id)
    try:
        attachments = await reserve(deps.clouds, boot.caller, boot.plan.volume_ids, boot.uuids[0])
    except BaseException:
        await sweep_soon(deps, preparation)
        raise
    return replace(boot, attachments=attachments, preparation=preparation)


def _first_steps(request: Request, access: Access) -> list[StepRow]:
    """Return steps 1 to 5 as far as the API can know them: from the token, and from the gate's check of it."""
    arrived_us: int = request.scope["berth.arrived_us"]
    check_us, checked_us, how = request.scope["berth.token_check"]
    document = access.document
    issued_us = min(_issued_us(document) or arrived_us, arrived_us)
    methods = ", ".join(str(method) for method in document.get("methods", ())) or "unknown"
    told = "asked keystone" if how == "validated" else "its answer was remembered"
    roles = ", ".join(sorted(access.roles))
    user_agent = request.headers.get("user-agent", "")[:200]

    def step(number: int, started_us: int, finished_us: int, detail: str) -> StepRow:
        return StepRow("", 1, number, "", started_us, finished_us, "", detail)

    return [
        step(1, issued_us, issued_us, f"method {methods}"),
        step(2, issued_us, issued_us, f"token for project {access.project_name or access.project_id}"),
        step(3, arrived_us, arrived_us, user_agent),
        step(4, check_us, checked_us, told),
        step(5, check_us, checked_us, f"roles {roles}"),
    ]


def _issued_us(document: Mapping[str, Any]) -> int:
    """Return when the token was issued; 0 where it does not tell."""
    try:
        return int(datetime.fromisoformat(str(document["issued_at"])).timestamp() * 1_000_000)
    except (KeyError, ValueError):
        return 0


def _us(deps: Deps) -> int:
    return int(deps.clock() * 1_000_000)


def _answer(request: Request, server: ServerBody, boot: BootRequest) -> Response:
    if server.return_reservation_id:
        return json_reply({"reservation_id": boot.reservation_id}, 202)
    first = boot.uuids[0]
    content = {
        "id": first,
        "links": links_of(request, "servers", first),
        "OS-DCF:diskConfig": server.disk_config,
        "security_groups": [{"name": name} for name in boot.security_groups or ("default",)],
        "adminPass": server.admin_pass or password(),
    }
    return json_reply({"server": content}, 202, {"Location": f"{base_url(request)}{PREFIX}/servers/{first}"})
