"""Attachments: a volume reserved for an instance, connected to a host, marked as in use, and given back."""

from __future__ import annotations

from sqlalchemy import ColumnElement
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.cloud.volume.bodies import AttachmentChangeBody, NewAttachmentBody
from engine.cloud.volume.listing import sees_all
from engine.cloud.volume.parts import Parts
from engine.cloud.volume.schema import ATTACHMENTS, Attachment
from engine.cloud.volume.views import attachment_summary, attachment_view
from engine.rest.errors import BadRequest, NotFound
from engine.rest.paging import next_link, page_of
from engine.rest.replies import empty_reply, json_reply
from engine.rest.request import access_of, body_of, global_request_id_of, json_body, microversion_of

_SINCE = 27
_COMPLETE_SINCE = 44
_FILTERS = ("instance_id", "volume_id", "status", "id")
_MODE = "rw"


def routes(parts: Parts) -> list[Route]:
    """Return the routes of attachments."""

    def shown(attachment: Attachment) -> dict[str, object]:
        return attachment_view(attachment, parts.backend.path(attachment.volume_id))

    async def create(request: Request) -> Response:
        """Reserve a volume for an instance, and connect it when the body says where it will be used."""
        _require(request, _SINCE)
        asked = (await body_of(request, NewAttachmentBody)).attachment
        access = access_of(request)
        access.require_writer()
        volume = parts.volumes.get(asked.volume_uuid, access)
        mode = asked.mode or ("ro" if volume.readonly else _MODE)
        attachment = parts.attachments.reserve(volume.id, asked.instance_uuid, asked.connector, mode)
        return json_reply({"attachment": shown(attachment)})

    async def index(request: Request) -> Response:
        """List attachments by id, instance and volume."""
        found, more = _page(request, parts)
        return json_reply({"attachments": [attachment_summary(attachment) for attachment in found]} | more)

    async def detail(request: Request) -> Response:
        """List attachments in full."""
        found, more = _page(request, parts)
        return json_reply({"attachments": [shown(attachment) for attachment in found]} | more)

    async def show(request: Request) -> Response:
        """Show one attachment."""
        _require(request, _SINCE)
        attachment = parts.attachments.get(request.path_params["attachment_id"], access_of(request))
        return json_reply({"attachment": shown(attachment)})

    async def connect(request: Request) -> Response:
        """Record where the volume will be used, and tell how it is reached there."""
        _require(request, _SINCE)
        asked = (await body_of(request, AttachmentChangeBody)).attachment
        access = access_of(request)
        access.require_writer()
        attachment = parts.attachments.get(request.path_params["attachment_id"], access)
        attachment = parts.attachments.connect(attachment.id, asked.connector, asked.mode)
        return json_reply({"attachment": shown(attachment)})

    async def act(request: Request) -> Response:
        """Mark an attachment as complete: the volume is in use."""
        _require(request, _COMPLETE_SINCE)
        content = await json_body(request)
        if not isinstance(content, dict) or list(content) != ["os-complete"]:
            raise BadRequest("There is no such action: the one action of attachments is os-complete.")
        access = access_of(request)
        access.require_writer()
        attachment = parts.attachments.get(request.path_params["attachment_id"], access)
        parts.attachments.complete(attachment.id)
        return empty_reply()

    async def remove(request: Request) -> Response:
        """Give a volume back; who is no service may not do so while a server uses the attachment."""
        _require(request, _SINCE)
        access = access_of(request)
        access.require_writer()
        attachment = parts.attachments.get(request.path_params["attachment_id"], access)
        if attachment.instance_id is not None and not access.is_service:
            await parts.worker.in_thread(
                parts.guard.require_unused, attachment, access.token, global_request_id_of(request)
            )
        left = parts.attachments.remove(attachment.id)
        return json_reply({"attachments": [attachment_summary(other) for other in left]})

    one = "/v3/attachments/{attachment_id}"
    return [
        Route("/v3/attachments", index, methods=["GET"]),
        Route("/v3/attachments", create, methods=["POST"]),
        Route("/v3/attachments/detail", detail, methods=["GET"]),
        Route(one, show, methods=["GET"]),
        Route(one, connect, methods=["PUT"]),
        Route(one, remove, methods=["DELETE"]),
        Route(one + "/action", act, methods=["POST"]),
    ]


def _require(request: Request, minor: int) -> None:
    """Raise NotFound, as cinder does, for a microversion that does not have the call yet."""
    if microversion_of(request).minor < minor:
        raise NotFound(f"The resource could not be found: it needs the microversion 3.{minor}.")


def _page(request: Request, parts: Parts) -> tuple[list[Attachment], dict[str, object]]:
    """Return the page of attachments a query string asks for, and the link to the next one."""
    _require(request, _SINCE)
    access = access_of(request)
    conditions: list[ColumnElement[bool]] = []
    if not sees_all(request.query_params, access):
        conditions.append(ATTACHMENTS.c.project_id == access.project_id)
    given = request.query_params
    conditions += [ATTACHMENTS.c[name] == given[name] for name in _FILTERS if name in given]
    found = parts.attachments.select(conditions)
    page = page_of(request, found, lambda attachment: attachment.id)
    more: dict[str, object] = {}
    if page and page[-1] is not found[-1]:
        more["attachments_links"] = [{"rel": "next", "href": next_link(request, page[-1].id)}]
    return page, more
