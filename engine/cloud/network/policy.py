"""Who may do what, as neutron's default policy has it: projects keep to their own, administrators do not."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import BaseModel

from engine.rest.access import Access
from engine.rest.errors import BadRequest, Forbidden


def is_privileged(access: Access) -> bool:
    """Whether the caller's own roles, not those of a service that vouches for it, open every project's things."""
    return access.is_admin or "service" in access.roles


def not_allowed(rule: str) -> Forbidden:
    """Return neutron's refusal of what ``rule`` names, such as ``create_network:shared``."""
    return Forbidden(f"rule:{rule} is disallowed by policy", kind="PolicyNotAuthorized")


def require_writer(access: Access, rule: str) -> None:
    """Raise Forbidden when the caller may only read."""
    if not access.roles & {"admin", "member", "service"}:
        raise not_allowed(rule)


def require_owner(access: Access, project_id: str, rule: str) -> None:
    """Raise Forbidden unless the caller may change things of a project."""
    require_writer(access, rule)
    if not is_privileged(access) and access.project_id != project_id:
        raise not_allowed(rule)


def require_privileged(access: Access, rule: str, given: BaseModel, attributes: Iterable[str]) -> None:
    """Raise Forbidden when a body sets one of the ``attributes`` (fields of the model) that only administrators may."""
    if is_privileged(access):
        return
    for name in attributes:
        if name in given.model_fields_set:
            raise not_allowed(f"{rule}:{type(given).model_fields[name].alias or name}")


def owner_project(access: Access, project_id: str | None, tenant_id: str | None) -> str:
    """Return the project that a new thing belongs to; raise BadRequest when the caller may not choose that one."""
    if project_id and tenant_id and project_id != tenant_id:
        raise BadRequest("'project_id' and 'tenant_id' do not match")
    asked = project_id or tenant_id
    if not asked or asked == access.project_id:
        if not access.project_id:
            raise BadRequest("Running without a project requires 'project_id' to be given")
        return access.project_id
    if not is_privileged(access):
        raise BadRequest(
            "Specifying 'project_id' or 'tenant_id' other than the authenticated project in request requires admin "
            "privileges"
        )
    return asked
