"""Who may change an image: its project's members and administrators; what is public, administrators decide."""

from __future__ import annotations

from starlette.requests import Request

from engine.cloud.image.schema import PUBLIC, Image
from engine.cloud.image.store import ImageStore
from engine.rest.access import Access
from engine.rest.errors import Forbidden
from engine.rest.request import access_of


def shown_image(request: Request, store: ImageStore) -> Image:
    """Return the image a path names; raise NotFound when the caller may not see it."""
    return store.get(request.path_params["image_id"], access_of(request))


def own_image(request: Request, store: ImageStore) -> Image:
    """Return the image a path names, for a change; raise NotFound or Forbidden when it is not the caller's to make."""
    image = shown_image(request, store)
    require_owner(access_of(request), image.owner)
    return image


def require_owner(access: Access, owner: str) -> None:
    """Raise Forbidden unless the caller may write things of the project ``owner``."""
    access.require_writer()
    if not access.is_admin and access.project_id != owner:
        raise Forbidden("You are not authorized to complete this action: the image is another project's.")


def require_publisher(access: Access, visibility: str) -> None:
    """Raise Forbidden when the caller may not give an image this visibility."""
    if visibility == PUBLIC and not access.is_admin:
        raise Forbidden("You are not authorized to complete publicize_image action.")
