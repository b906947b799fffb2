"""What a new cloud starts with: roles, projects, users and the catalog; and the clients' file of clouds."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from sqlalchemy import Connection, Table, insert, select, update
from sqlalchemy.dialects.sqlite import insert as insert_or

from engine.cloud.database import Database
from engine.cloud.identity.login import IGNORES_LOCKOUT
from engine.cloud.identity.passwords import Passwords
from engine.cloud.identity.schema import (
    DOMAIN_NAME,
    assignments,
    endpoints,
    implied_roles,
    new_id,
    projects,
    regions,
    roles,
    seeded,
    services,
    tokens,
    users,
)
from engine.cloud.identity.tokens import revoke_where
from engine.cloud.options import CloudOptions
from engine.errors import InvalidSettingError

_ROLES = {"admin": "member", "member": "reader", "reader": "", "service": ""}
"""Every role and the one it implies."""
_PROJECTS = {
    "admin": "The administrators' project",
    "demo": "A project to try things in",
    "service": "The services' project",
}


@dataclass(frozen=True)
class _User:
    """A user of a new cloud; ``needed``: by the services, so made again when it is gone."""

    name: str
    project: str
    roles: tuple[str, ...]
    password: SecretStr
    setting: str
    needed: bool = False


def _users(options: CloudOptions) -> list[_User]:
    return [
        _User("admin", "admin", ("admin",), options.admin_password, "admin_password"),
        _User("demo", "demo", ("member",), options.member_password, "member_password"),
        *(
            _User(name, "service", ("service", "admin"), options.service_password, "service_password", needed=True)
            for name in ("nova", "glance", "neutron", "cinder")
        ),
    ]


async def seed_identity(database: Database, options: CloudOptions, passwords: Passwords) -> None:
    """Make what is missing of a new cloud, and bring passwords and the catalog to what the options say.

    What an operator changed or deleted since the first start stays so, except for the options' passwords, the catalog's
    addresses, and the users without which no service can work. Raises InvalidSettingError for a missing password.
    """
    with database.read() as connection:
        kept: dict[str, str | None] = {
            row.name: row.password_hash for row in connection.execute(select(users.c.name, users.c.password_hash))
        }
    hashes: dict[str, str] = {}
    for user in _users(options):
        password = user.password.get_secret_value()
        if not password:
            if user.name not in kept and (user.needed or not kept):
                raise InvalidSettingError(
                    f"cloud.{user.setting} is empty, so that the user {user.name} cannot be made: set it",
                    setting=f"cloud.{user.setting}",
                )
        elif kept.get(user.name) is None or not await passwords.matches(kept[user.name], password):
            hashes[user.name] = await passwords.hash(password)
    with database.write() as connection:
        _seed_roles(connection)
        _seed_projects(connection)
        for user in _users(options):
            _seed_user(connection, user, hashes.get(user.name))
        _seed_catalog(connection, options)


def clouds_yaml(options: CloudOptions, path: Path) -> None:
    """Write the clients' file of clouds: ``berth`` for the user demo, ``berth-admin`` for admin; readable by its owner.

    The file appears whole or not at all.
    """
    clouds = {
        "berth": _cloud(options, "demo", "demo", options.member_password),
        "berth-admin": _cloud(options, "admin", "admin", options.admin_password),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=f".{path.name}.", delete=False) as draft:
        # made with mode 0600; JSON is YAML, and quotes every password right
        draft.write("# how OpenStack clients reach this cloud: openstack --os-cloud berth server list\n")
        draft.write(json.dumps({"clouds": clouds}, indent=2) + "\n")
        draft.flush()
        os.fsync(draft.fileno())
    Path(draft.name).replace(path)


def embedded_id(*names: str) -> str:
    """Return the id of something that every start brings up to date, the same each time."""
    return hashlib.sha256("/".join(("berth", *names)).encode()).hexdigest()[:32]


def _seed_roles(connection: Connection) -> None:
    for name in _ROLES:
        _make_once(connection, roles, name, {"immutable": True}, needed=True)
    for name, implied in _ROLES.items():
        if implied:
            pair = {"prior_id": _id_of(connection, roles, name), "implied_id": _id_of(connection, roles, implied)}
            connection.execute(insert_or(implied_roles).values(pair).on_conflict_do_nothing())


def _seed_projects(connection: Connection) -> None:
    for name, description in _PROJECTS.items():
        row = {"description": description, "enabled": True, "tags": []}
        _make_once(connection, projects, name, row, needed=name == "service")


def _seed_user(connection: Connection, user: _User, new_hash: str | None) -> None:
    project_id = _id_of(connection, projects, user.project)
    row = {
        "enabled": True,
        # an administrator says where it works each time, as with keystone's own bootstrap
        "default_project_id": None if user.project == "admin" else project_id,
        "options": {IGNORES_LOCKOUT: True} if user.needed else {},
    }
    made = _make_once(connection, users, user.name, row, needed=user.needed)
    user_id = _id_of(connection, users, user.name)
    if user_id is None:
        return
    if new_hash is not None:
        connection.execute(update(users).where(users.c.id == user_id).values(password_hash=new_hash))
        revoke_where(connection, tokens.c.user_id == user_id)
    if (made or user.needed) and project_id is not None:
        for role in user.roles:
            held = {"user_id": user_id, "project_id": project_id, "role_id": _id_of(connection, roles, role)}
            connection.execute(insert_or(assignments).values(held).on_conflict_do_nothing())


def _seed_catalog(connection: Connection, options: CloudOptions) -> None:
    connection.execute(insert_or(regions).values(id=options.region_name, description="").on_conflict_do_nothing())
    wanted = _catalog(options)
    ours = {embedded_id("service", kind) for kind in _NAMES}
    gone = ours - {embedded_id("service", kind) for kind in wanted}
    connection.execute(services.delete().where(services.c.id.in_(gone)))
    for kind, url in wanted.items():
        service_id = embedded_id("service", kind)
        row = {"type": kind, "name": _NAMES[kind], "enabled": True}
        _upsert(connection, services, service_id, row, on_conflict={})
        for interface in ("public", "internal", "admin"):
            address = {"url": url, "region_id": options.region_name}
            row = {"service_id": service_id, "interface": interface, "enabled": True, **address}
            _upsert(connection, endpoints, embedded_id("endpoint", kind, interface), row, on_conflict=address)


_NAMES = {
    "identity": "keystone",
    "compute": "nova",
    "image": "glance",
    "network": "neutron",
    "block-storage": "cinder",
    "volumev3": "cinder",
}
"""What the services are called, by type; older clients look for block storage as volumev3."""


def _catalog(options: CloudOptions) -> dict[str, str]:
    """Return the address of every service there is, by type: embedded here, or where the options say."""
    found = {"identity": options.identity_url, "compute": options.compute_url}
    if "image" in options.services:
        found["image"] = f"http://{options.url_host}:{options.image_port}"
    if "network" in options.services:
        found["network"] = f"http://{options.url_host}:{options.network_port}"
    if "volume" in options.services:
        found["block-storage"] = f"http://{options.url_host}:{options.volume_port}/v3"
    found |= {str(kind): url for kind, url in options.endpoints.items()}
    if "block-storage" in found:
        found["volumev3"] = found["block-storage"]
    return found


def _make_once(connection: Connection, table: Table, name: str, row: dict[str, Any], *, needed: bool) -> bool:
    """Make a named thing when it was never made before, or is ``needed`` and gone; return whether it was made now."""
    if _id_of(connection, table, name) is not None:
        return False
    mark = f"{table.name}/{name}"
    was_made = connection.execute(select(seeded).where(seeded.c.name == mark)).one_or_none() is not None
    if was_made and not needed:
        return False
    connection.execute(insert(table).values(id=new_id(), name=name, **row))
    connection.execute(insert_or(seeded).values(name=mark).on_conflict_do_nothing())
    return True


def _upsert(
    connection: Connection, table: Table, item_id: str, row: dict[str, Any], *, on_conflict: dict[str, Any]
) -> None:
    statement = insert_or(table).values(id=item_id, **row)
    if on_conflict:
        statement = statement.on_conflict_do_update(index_elements=[table.c.id], set_=on_conflict)
    else:
        statement = statement.on_conflict_do_nothing()
    connection.execute(statement)


def _id_of(connection: Connection, table: Table, name: str) -> str | None:
    found: str | None = connection.execute(select(table.c.id).where(table.c.name == name)).scalar_one_or_none()
    return found


def _cloud(options: CloudOptions, username: str, project: str, password: SecretStr) -> dict[str, Any]:
    return {
        "auth": {
            "auth_url": options.identity_url,
            "username": username,
            "password": password.get_secret_value(),
            "project_name": project,
            "user_domain_name": DOMAIN_NAME,
            "project_domain_name": DOMAIN_NAME,
        },
        "region_name": options.region_name,
        "interface": "public",
        "identity_api_version": "3",
    }
