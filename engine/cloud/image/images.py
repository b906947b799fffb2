"""Images themselves: create, list, show, change, delete, tags, deactivation."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.cloud.image.bodies import ImageBody, image_body
from engine.cloud.image.files import ImageFiles
from engine.cloud.image.listing import list_query
from engine.cloud.image.patch import patched
from engine.cloud.image.policy import own_image, require_owner, require_publisher, shown_image
from engine.cloud.image.schema import ACTIVE, DEACTIVATED, QUEUED, Image, now_us
from engine.cloud.image.store import ImageStore
from engine.cloud.image.views import image_view
from engine.rest.errors import BadRequest, Conflict, Forbidden, NotFound, TooLarge
from engine.rest.replies import empty_reply, json_reply
from engine.rest.request import access_of, base_url, json_body

IMPORT_METHODS = ("glance-direct",)
_MOST_TAGS = 128


def routes(store: ImageStore, files: ImageFiles) -> list[Route]:
    """Return the routes of images without their data."""

    async def create(request: Request) -> Response:
        """Record an image that awaits its data."""
        access = access_of(request)
        access.require_writer()
        body = image_body(await json_body(request))
        owner = body.owner or access.project_id
        require_owner(access, owner)
        require_publisher(access, body.visibility)
        now = now_us()
        image = Image(
            id=body.id or str(uuid.uuid4()),
            owner=owner,
            status=QUEUED,
            size=None,
            virtual_size=None,
            checksum=None,
            os_hash_value=None,
            created_us=now,
            updated_us=now,
            **_described(body),
        )
        if not store.add(image):
            raise Conflict(f"Image ID {image.id} already exists!")
        view = image_view(image)
        headers = {
            "Location": base_url(request) + view["self"],
            "OpenStack-image-import-methods": ",".join(IMPORT_METHODS),
        }
        return json_reply(view, 201, headers)

    async def index(request: Request) -> Response:
        """List a page of the images the caller may see."""
        query = list_query(request.query_params)
        found = store.page(access_of(request), query)
        page = found[: query.limit]
        given = [(name, value) for name, value in request.query_params.multi_items() if name != "marker"]
        listing: dict[str, Any] = {
            "images": [image_view(image) for image in page],
            "first": f"/v2/images?{urlencode(given)}" if given else "/v2/images",
            "schema": "/v2/schemas/images",
        }
        if len(found) > len(page) > 0:
            listing["next"] = f"/v2/images?{urlencode([('marker', page[-1].id), *given])}"
        return json_reply(listing)

    async def show(request: Request) -> Response:
        """Show one image."""
        return json_reply(image_view(shown_image(request, store)))

    async def change(request: Request) -> Response:
        """Apply a JSON patch."""
        content = await json_body(request)
        # from here on nothing is awaited: the patch applies to the image as it is
        image = own_image(request, store)
        current = _writable(image)
        body = image_body(patched(current, content, request.headers.get("content-type", "")))
        described = _described(body)
        access = access_of(request)
        if image.visibility != body.visibility:
            require_publisher(access, body.visibility)
        owner = body.owner or image.owner
        if owner != image.owner:
            access.require_admin("modify_image:owner")
        for name in ("disk_format", "container_format"):
            if described[name] != current[name] and image.status != QUEUED:
                raise Forbidden(f"Attribute {name} can be only replaced for a queued image.")
        store.change(image.id, {**described, "owner": owner})
        return json_reply(image_view(store.get(image.id)))

    async def remove(request: Request) -> Response:
        """Delete an image and its data."""
        image = own_image(request, store)
        if image.protected:
            raise Forbidden(f"Image {image.id} is protected and cannot be deleted.")
        if not store.remove(image.id):
            raise NotFound(f"No image found with ID {image.id}")
        await asyncio.to_thread(files.remove, image.id)
        return empty_reply()

    async def add_tag(request: Request) -> Response:
        """Tag an image."""
        image = own_image(request, store)
        tag = request.path_params["tag"]
        if tag not in image.tags:
            if len(image.tags) >= _MOST_TAGS:
                raise TooLarge(f"The limit has been exceeded on the number of allowed image tags: {_MOST_TAGS}.")
            body = image_body({"tags": [*image.tags, tag]})
            store.change(image.id, {"tags": body.tags})
        return empty_reply()

    async def remove_tag(request: Request) -> Response:
        """Take a tag away."""
        image = own_image(request, store)
        tag = request.path_params["tag"]
        if tag not in image.tags:
            raise NotFound(f"Image {image.id} has no tag {tag[:100]}.")
        store.change(image.id, {"tags": [other for other in image.tags if other != tag]})
        return empty_reply()

    async def act(request: Request) -> Response:
        """Take an image out of use, or into use again."""
        image = own_image(request, store)
        action = request.path_params["action"]
        if action not in ("deactivate", "reactivate"):
            raise NotFound(f"There is no action {action[:50]} of images.")
        before, after = (ACTIVE, DEACTIVATED) if action == "deactivate" else (DEACTIVATED, ACTIVE)
        if image.status != after and not store.change(image.id, {"status": after}, status=before):
            raise Forbidden(f"Not allowed to {action} image in status '{image.status}'")
        return empty_reply()

    async def locations(request: Request) -> Response:
        """Tell that data is had through the service alone."""
        shown_image(request, store)
        return json_reply([])

    one = "/v2/images/{image_id}"
    return [
        Route("/v2/images", index, methods=["GET"]),
        Route("/v2/images", create, methods=["POST"]),
        Route(one, show, methods=["GET"]),
        Route(one, change, methods=["PATCH"]),
        Route(one, remove, methods=["DELETE"]),
        Route(one + "/tags/{tag}", add_tag, methods=["PUT"]),
        Route(one + "/tags/{tag}", remove_tag, methods=["DELETE"]),
        Route(one + "/actions/{action}", act, methods=["POST"]),
        Route(one + "/locations", locations, methods=["GET"]),
    ]


def _described(body: ImageBody) -> dict[str, Any]:
    """Return the columns a caller describes, but the id and the owner; raise BadRequest for formats that contradict."""
    amazon = {"ami", "ari", "aki"}
    formats = {name for name in (body.disk_format, body.container_format) if name in amazon}
    if formats and (body.disk_format != body.container_format) and body.disk_format and body.container_format:
        raise BadRequest(
            f"Invalid mix of disk and container formats: {body.disk_format} and {body.container_format}. "
            "When setting one of them to aki, ari or ami, both must match."
        )
    return {
        "name": body.name,
        "visibility": body.visibility,
        "disk_format": body.disk_format,
        "container_format": body.container_format,
        "min_disk": body.min_disk,
        "min_ram": body.min_ram,
        "protected": body.protected,
        "os_hidden": body.os_hidden,
        "tags": body.tags,
        "properties": body.properties,
    }


def _writable(image: Image) -> dict[str, Any]:
    """Return what of an image a patch starts from."""
    return {
        **image.properties,
        "name": image.name,
        "owner": image.owner,
        "visibility": image.visibility,
        "disk_format": image.disk_format,
        "container_format": image.container_format,
        "min_disk": image.min_disk,
        "min_ram": image.min_ram,
        "protected": image.protected,
        "os_hidden": image.os_hidden,
        "tags": image.tags,
    }
