"""Sharing: an image's owner names projects, and each of them says whether it takes the image into its lists."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.cloud.image.bodies import MemberStatus, NewMember
from engine.cloud.image.policy import own_image, shown_image
from engine.cloud.image.schema import SHARED, Member
from engine.cloud.image.store import ImageStore
from engine.cloud.image.views import member_view
from engine.rest.errors import Conflict, Forbidden, NotFound, TooLarge
from engine.rest.replies import empty_reply, json_reply
from engine.rest.request import access_of, body_of

_MOST = 128


def routes(store: ImageStore) -> list[Route]:
    """Return the routes of the projects that images are shared with."""

    def seen_members(request: Request) -> list[Member]:
        """Return the members of an image that the caller may see: all for the owner, itself for a member."""
        image = shown_image(request, store)
        access = access_of(request)
        members = store.members(image.id)
        if access.sees(image.owner):
            return members
        return [member for member in members if member.member_id == access.project_id]

    def one_member(request: Request) -> Member:
        member_id = request.path_params["member_id"]
        found = next((member for member in seen_members(request) if member.member_id == member_id), None)
        if found is None:
            raise NotFound(f"Image {request.path_params['image_id']} has no member {member_id[:100]}.")
        return found

    async def index(request: Request) -> Response:
        """List an image's members."""
        members = [member_view(member) for member in seen_members(request)]
        return json_reply({"members": members, "schema": "/v2/schemas/members"})

    async def create(request: Request) -> Response:
        """Share an image with a project."""
        image = own_image(request, store)
        body = await body_of(request, NewMember)
        if image.visibility != SHARED:
            raise Forbidden("Only shared images have members.")
        if len(store.members(image.id)) >= _MOST:
            raise TooLarge(f"The limit has been exceeded on the number of allowed image members: {_MOST}.")
        if not store.add_member(image.id, body.member):
            raise Conflict(f"Project {body.member} is a member of image {image.id} already.")
        found = next(member for member in store.members(image.id) if member.member_id == body.member)
        return json_reply(member_view(found))

    async def show(request: Request) -> Response:
        """Show one member."""
        return json_reply(member_view(one_member(request)))

    async def change(request: Request) -> Response:
        """Record whether a project takes the image into its lists, which it says itself."""
        member = one_member(request)
        body = await body_of(request, MemberStatus)
        access = access_of(request)
        access.require_writer()
        if access.project_id != member.member_id and not access.is_admin:
            raise Forbidden("Only the project an image is shared with says what it thinks of that.")
        store.set_member(member.image_id, member.member_id, body.status)
        return json_reply(member_view(one_member(request)))

    async def remove(request: Request) -> Response:
        """Share an image no more with a project."""
        image = own_image(request, store)
        member_id = request.path_params["member_id"]
        if not store.remove_member(image.id, member_id):
            raise NotFound(f"Image {image.id} has no member {member_id[:100]}.")
        return empty_reply()

    every = "/v2/images/{image_id}/members"
    one = every + "/{member_id}"
    return [
        Route(every, index, methods=["GET"]),
        Route(every, create, methods=["POST"]),
        Route(one, show, methods=["GET"]),
        Route(one, change, methods=["PUT"]),
        Route(one, remove, methods=["DELETE"]),
    ]
