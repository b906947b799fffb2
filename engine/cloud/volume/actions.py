"""Actions on volumes: the body of ``POST /volumes/{id}/action`` has one key, which names the action."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.cloud.volume.bodies import Extend, ImageProperties, ImageProperty, ReadOnly, ResetStatus, SetBootable
from engine.cloud.volume.parts import Parts
from engine.cloud.volume.schema import AVAILABLE, DETACHING, EXTENDING, IN_USE, Volume
from engine.cloud.volume.volumes import delete_volume, writable_volume
from engine.rest.errors import BadRequest
from engine.rest.replies import empty_reply, json_reply
from engine.rest.request import access_of, global_request_id_of, in_words, json_body, microversion_of

Action = Callable[[Request, Volume, Any], Response]
_EXTENDS_IN_USE_SINCE = 42


def routes(parts: Parts) -> list[Route]:
    """Return the route of actions."""
    actions: dict[str, tuple[type[BaseModel] | None, Action]] = {}

    def set_bootable(_: Request, volume: Volume, asked: SetBootable) -> Response:
        """Say whether a volume holds a system to boot."""
        parts.volumes.change(volume.id, {"bootable": asked.bootable})
        return empty_reply(200)

    def extend(request: Request, volume: Volume, asked: Extend) -> Response:
        """Begin to give a volume a larger size."""
        allowed = (AVAILABLE, IN_USE) if microversion_of(request).minor >= _EXTENDS_IN_USE_SINCE else (AVAILABLE,)
        if asked.new_size <= volume.size:
            raise BadRequest(
                "Invalid input received: New size for extend must be greater than current size. "
                f"(current: {volume.size}, extended: {asked.new_size})."
            )
        if not parts.volumes.begin_extend(volume.id, asked.new_size, allowed, EXTENDING):
            raise BadRequest(
                f"Invalid volume: Volume {volume.id} status must be {' or '.join(allowed)} to extend, "
                f"currently {volume.status}."
            )
        parts.worker.extend(parts.volumes.get(volume.id), global_request_id_of(request))
        return empty_reply(202)

    def reset_status(request: Request, volume: Volume, asked: ResetStatus) -> Response:
        """Give a volume a status, for administrators."""
        access_of(request).require_admin("volume_extension:volume_admin_actions:reset_status")
        if asked.status is None and asked.attach_status is None and asked.migration_status is None:
            raise BadRequest("Must specify 'status', 'attach_status' or 'migration_status' for update.")
        if asked.status is not None:
            parts.volumes.change(volume.id, {"status": asked.status})
        if asked.attach_status == "detached":
            for attachment in parts.attachments.of_volumes([volume.id])[volume.id]:
                parts.attachments.remove(attachment.id)
        return empty_reply(202)

    def force_delete(request: Request, volume: Volume, _: object) -> Response:
        """Begin to delete a volume whatever it is doing, for administrators."""
        access_of(request).require_admin("volume_extension:volume_admin_actions:force_delete")
        delete_volume(parts, volume, force=True)
        return empty_reply(202)

    def begin_detaching(_: Request, volume: Volume, __: object) -> Response:
        """Announce the end of an attachment."""
        if not parts.volumes.change(volume.id, {"status": DETACHING}, statuses=(IN_USE,)):
            raise BadRequest(
                "Invalid volume: Unable to detach volume. Volume status must be 'in-use' and attach_status must be "
                "'attached' to detach."
            )
        return empty_reply(202)

    def roll_detaching(_: Request, volume: Volume, __: object) -> Response:
        """Take back what was announced."""
        parts.volumes.change(volume.id, {"status": IN_USE}, statuses=(DETACHING,))
        return empty_reply(202)

    def update_readonly(_: Request, volume: Volume, asked: ReadOnly) -> Response:
        """Say whether a volume may be attached for reading alone."""
        if not parts.volumes.change(volume.id, {"readonly": asked.readonly}, statuses=(AVAILABLE,)):
            raise BadRequest(
                f"Invalid volume: Volume {volume.id} status must be available to update readonly flag, "
                f"but current status is: {volume.status}."
            )
        return empty_reply(202)

    def set_image_metadata(_: Request, volume: Volume, asked: ImageProperties) -> Response:
        """Set properties of the image a volume is said to be made of."""
        properties = {**volume.image_properties, **asked.metadata}
        parts.volumes.change(volume.id, {"image_properties": properties})
        return json_reply({"metadata": properties})

    def unset_image_metadata(_: Request, volume: Volume, asked: ImageProperty) -> Response:
        """Take a property of the image away."""
        left = {name: value for name, value in volume.image_properties.items() if name != asked.key}
        parts.volumes.change(volume.id, {"image_properties": left})
        return empty_reply(200)

    def show_image_metadata(_: Request, volume: Volume, __: object) -> Response:
        """Show the properties of the image."""
        return json_reply({"metadata": volume.image_properties})

    actions["os-set_bootable"] = (SetBootable, set_bootable)
    actions["os-extend"] = (Extend, extend)
    actions["os-reset_status"] = (ResetStatus, reset_status)
    actions["os-force_delete"] = (None, force_delete)
    actions["os-begin_detaching"] = (None, begin_detaching)
    actions["os-roll_detaching"] = (None, roll_detaching)
    actions["os-update_readonly_flag"] = (ReadOnly, update_readonly)
    actions["os-set_image_metadata"] = (ImageProperties, set_image_metadata)
    actions["os-unset_image_metadata"] = (ImageProperty, unset_image_metadata)
    actions["os-show_image_metadata"] = (None, show_image_metadata)

    async def act(request: Request) -> Response:
        """Run the action that the body names."""
        content = await json_body(request)
        if not isinstance(content, dict) or len(content) != 1:
            raise BadRequest("The body of an action must be a JSON object with one key.")
        [(name, given)] = content.items()
        if name not in actions:
            raise BadRequest(f"There is no such action: {str(name)[:100]}")
        model, action = actions[name]
        volume = writable_volume(request, parts)
        if model is None:
            return action(request, volume, given)
        try:
            asked = model.model_validate(given)
        except ValidationError as error:
            raise BadRequest(in_words(error)) from error
        return action(request, volume, asked)

    return [Route("/v3/volumes/{volume_id}/action", act, methods=["POST"])]
