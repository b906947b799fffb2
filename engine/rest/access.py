"""Who calls: what a valid token says of its user, project and roles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.rest.errors import Forbidden


@dataclass(frozen=True)
class Access:
    """A caller, as identity describes the token: ids are identity's; ``expires_at`` is seconds since 1970 UTC.

    ``service_roles`` are those of the ``X-Service-Token`` that came along: a service acting for the user.
    """

    token: str = field(repr=False)
    user_id: str
    user_name: str
    project_id: str
    project_name: str
    roles: frozenset[str]
    expires_at: float
    service_roles: frozenset[str] = frozenset()
    document: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def is_admin(self) -> bool:
        """Whether the caller has the admin role."""
        return "admin" in self.roles

    @property
    def is_service(self) -> bool:
        """Whether a service vouches for the request, or makes it."""
        return "service" in self.service_roles or "service" in self.roles

    def require_writer(self) -> None:
        """Raise Forbidden when the caller may only read."""
        if not self.roles & {"admin", "member", "service"}:
            raise Forbidden("Policy doesn't allow this request to be performed: it needs the member role.")

    def require_admin(self, rule: str) -> None:
        """Raise Forbidden unless the caller is an administrator or a service; ``rule`` names what was asked."""
        if not (self.is_admin or "service" in self.roles):
            raise Forbidden(f"Policy doesn't allow {rule} to be performed.")

    def sees(self, project_id: str) -> bool:
        """Whether the caller may see things of a project."""
        return self.project_id == project_id or self.is_admin or "service" in self.roles


def access_of_token(token: str, document: Mapping[str, Any], expires_at: float) -> Access:
    """Return the caller that identity's token document (the value of ``token``) describes."""
    project = document.get("project") or {}
    return Access(
        token=token,
        user_id=document["user"]["id"],
        user_name=document["user"].get("name", ""),
        project_id=project.get("id", ""),
        project_name=project.get("name", ""),
        roles=frozenset(role["name"] for role in document.get("roles", ())),
        expires_at=expires_at,
        document=document,
    )
