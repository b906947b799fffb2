"""Security groups: one named default for every project, made when it is first needed, and those that users make."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, delete, select, update
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.cloud.network.collection import Collection, Document
from engine.cloud.network.creation import (
    Described,
    Owned,
    bodies_of,
    body_of,
    changed_values,
    check_quota,
    now_text,
    standard_values,
)
from engine.cloud.network.deps import Deps
from engine.cloud.network.policy import is_privileged, owner_project, require_owner, require_writer
from engine.cloud.network.schema import port_groups, security_group_rules, security_groups
from engine.cloud.network.tags import tag_filters
from engine.rest.access import Access
from engine.rest.errors import Conflict
from engine.rest.replies import empty_reply, json_reply
from engine.rest.request import access_of

DEFAULT = "default"
_RULE_COLUMNS = {
    name: security_group_rules.c[name]
    for name in (
        "id",
        "project_id",
        "security_group_id",
        "description",
        "direction",
        "ethertype",
        "protocol",
        "port_range_min",
        "port_range_max",
        "remote_ip_prefix",
        "remote_group_id",
        "created_at",
        "updated_at",
        "revision_number",
    )
}
_DEFAULT_OF = select(security_groups.c.id).where(
    security_groups.c.project_id == bindparam("project"), security_groups.c.is_default
)


class NewSecurityGroup(Owned):
    """A security group to be made."""

    stateful: bool = True


class SecurityGroupChange(Described):
    """What is to be changed of a security group."""

    stateful: bool = True


def _complete_rules(_: Connection, documents: Sequence[Document]) -> None:
    for document in documents:
        document |= {
            "normalized_cidr": document["remote_ip_prefix"],
            "remote_address_group_id": None,
            "tags": [],
        }


RULES = Collection(
    plural="security_group_rules",
    table=security_group_rules,
    columns=_RULE_COLUMNS,
    kind="SecurityGroupRuleNotFound",
    missing="Security group rule {} does not exist",
    complete=_complete_rules,
)


def _complete(connection: Connection, documents: Sequence[Document]) -> None:
    """Add each group's rules."""
    found: dict[str, list[Document]] = {document["id"]: [] for document in documents}
    query = select(*_RULE_COLUMNS.values()).where(security_group_rules.c.security_group_id.in_(list(found)))
    rules = [dict(zip(_RULE_COLUMNS, row, strict=True)) for row in connection.execute(query)]
    _complete_rules(connection, rules)
    for rule in rules:
        rule["tenant_id"] = rule["project_id"]
        found[rule["security_group_id"]].append(rule)
    for document in documents:
        document |= {"security_group_rules": found[document["id"]], "shared": False}


SECURITY_GROUPS = Collection(
    plural="security_groups",
    table=security_groups,
    columns={
        name: security_groups.c[name]
        for name in (
            "id",
            "name",
            "project_id",
            "description",
            "stateful",
            "tags",
            "created_at",
            "updated_at",
            "revision_number",
        )
    },
    kind="SecurityGroupNotFound",
    missing="Security group {} does not exist",
    complete=_complete,
    filters=tag_filters(security_groups),
)


def visible_groups(access: Access) -> ColumnElement[bool] | None:
    """Return the condition for the groups a caller sees; None: all."""
    return None if is_privileged(access) else security_groups.c.project_id == access.project_id


def default_group(connection: Connection, project_id: str) -> str:
    """Return the id of a project's default group, which is made when there is none."""
    found = connection.execute(_DEFAULT_OF, {"project": project_id}).scalar()
    return found or _insert(
        connection, project_id, {"name": DEFAULT, "description": "Default security group", "is_default": True}
    )


def routes(deps: Deps) -> list[Route]:
    """Return the routes of security groups."""
    database = deps.database

    def ensure_default(access: Access) -> None:
        if not access.project_id:
            return
        with database.read() as connection:
            found = connection.execute(_DEFAULT_OF, {"project": access.project_id}).scalar()
        if found is None:
            with database.write() as connection:
                default_group(connection, access.project_id)

    async def list_groups(request: Request) -> Response:
        access = access_of(request)
        ensure_default(access)
        return await SECURITY_GROUPS.page(request, database, visible_groups(access), privileged=is_privileged(access))

    async def show_group(request: Request) -> Response:
        access = access_of(request)
        ensure_default(access)
        with database.read() as connection:
            found = SECURITY_GROUPS.find(connection, request.path_params["id"], visible_groups(access))
        fields = request.query_params.getlist("fields")
        return json_reply({"security_group": SECURITY_GROUPS.shown(found, is_privileged(access), fields)})

    async def create_groups(request: Request) -> Response:
        access = access_of(request)
        require_writer(access, "create_security_group")
        wanted, many = await bodies_of(request, "security_group", "security_groups", NewSecurityGroup)
        with database.write() as connection:
            made = [_create(connection, access, one, deps) for one in wanted]
        return json_reply({"security_groups": made} if many else {"security_group": made[0]}, 201)

    async def update_group(request: Request) -> Response:
        access = access_of(request)
        change = await body_of(request, "security_group", SecurityGroupChange)
        with database.write() as connection:
            found = SECURITY_GROUPS.find(connection, request.path_params["id"], visible_groups(access))
            require_owner(access, found["project_id"], "update_security_group")
            values = change.given()
            if values.get("name", found["name"]) != found["name"] and DEFAULT in (found["name"], values["name"]):
                raise Conflict("Updating default security group not allowed.", kind="SecurityGroupCannotUpdateDefault")
            connection.execute(
                update(security_groups)
                .where(security_groups.c.id == found["id"])
                .values(changed_values(security_groups, values))
            )
            changed = SECURITY_GROUPS.find(connection, found["id"], None)
        return json_reply({"security_group": changed})

    async def delete_group(request: Request) -> Response:
        access = access_of(request)
        with database.write() as connection:
            found = SECURITY_GROUPS.find(connection, request.path_params["id"], visible_groups(access))
            require_owner(access, found["project_id"], "delete_security_group")
            if found["name"] == DEFAULT and not access.is_admin:
                raise Conflict(
                    "Insufficient rights for removing default security group.", kind="SecurityGroupCannotRemoveDefault"
                )
            used = select(port_groups.c.port_id).where(port_groups.c.group_id == found["id"]).limit(1)
            if connection.execute(used).first() is not None:
                raise Conflict(f"Security Group {found['id']} in use.", kind="SecurityGroupInUse")
            connection.execute(delete(security_groups).where(security_groups.c.id == found["id"]))
        return empty_reply()

    return [
        Route("/v2.0/security-groups", list_groups, methods=["GET"]),
        Route("/v2.0/security-groups", create_groups, methods=["POST"]),
        Route("/v2.0/security-groups/{id}", show_group, methods=["GET"]),
        Route("/v2.0/security-groups/{id}", update_group, methods=["PUT"]),
        Route("/v2.0/security-groups/{id}", delete_group, methods=["DELETE"]),
    ]


def _create(connection: Connection, access: Access, wanted: NewSecurityGroup, deps: Deps) -> Document:
    project_id = owner_project(access, wanted.project_id, wanted.tenant_id)
    default_group(connection, project_id)
    if wanted.name == DEFAULT:
        raise Conflict("Default security group already exists.", kind="SecurityGroupDefaultAlreadyExists")
    check_quota(connection, "security_group", project_id, deps.default_quotas)
    chosen = {"name": wanted.name, "description": wanted.description, "stateful": wanted.stateful, "is_default": False}
    return SECURITY_GROUPS.find(connection, _insert(connection, project_id, chosen), None)


def _insert(connection: Connection, project_id: str, chosen: dict[str, Any]) -> str:
    """Make a group with the rules every new one has: all may leave, and in the default one members may enter."""
    values = standard_values(project_id) | chosen
    connection.execute(security_groups.insert().values(values))
    group_id: str = values["id"]
    kinds: list[tuple[str, str | None]] = [("egress", None)]
    if chosen["is_default"]:
        kinds.append(("ingress", group_id))
    now = now_text()
    rules = [
        {
            "id": str(uuid.uuid4()),
            "project_id": project_id,
            "security_group_id": group_id,
            "direction": direction,
            "ethertype": ethertype,
            "remote_group_id": remote,
            "created_at": now,
            "updated_at": now,
        }
        for direction, remote in kinds
        for ethertype in ("IPv4", "IPv6")
    ]
    connection.execute(security_group_rules.insert(), rules)
    return group_id
