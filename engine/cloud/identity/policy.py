"""Who may do what: administrators manage, services read, everybody sees what is their own."""

from __future__ import annotations

from engine.rest.access import Access
from engine.rest.errors import Forbidden


def require_admin(access: Access, action: str) -> None:
    """Raise Forbidden unless the caller is an administrator; ``action`` is keystone's name of what was asked."""
    if not access.is_admin:
        raise _refusal(action)


def require_reader(access: Access, action: str) -> None:
    """Raise Forbidden unless the caller is an administrator or a service."""
    if not (access.is_admin or "service" in access.roles):
        raise _refusal(action)


def require_user(access: Access, user_id: str, action: str) -> None:
    """Raise Forbidden unless the caller is that user, an administrator or a service."""
    if access.user_id != user_id:
        require_reader(access, action)


def require_project(access: Access, project_id: str, action: str) -> None:
    """Raise Forbidden unless the caller works in that project, or is an administrator or a service."""
    if access.project_id != project_id or not project_id:
        require_reader(access, action)


def _refusal(action: str) -> Forbidden:
    return Forbidden(f"You are not authorized to perform the requested action: identity:{action}.")
