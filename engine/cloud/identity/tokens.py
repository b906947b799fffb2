"""Tokens in the database: issued, found and described as keystone describes them, revoked, purged."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, bindparam, delete, insert, select

from engine.cloud.identity.catalog import catalog_of
from engine.cloud.identity.effective_roles import roles_implied_by, roles_of_user
from engine.cloud.identity.schema import DOMAIN_ID, DOMAIN_NAME, application_credentials, projects, tokens, users

_DIGEST = "digest"
_FOUND = (
    select(
        tokens,
        users.c.name.label("user_name"),
        users.c.enabled.label("user_enabled"),
        projects.c.name.label("project_name"),
        projects.c.enabled.label("project_enabled"),
        application_credentials.c.name.label("credential_name"),
        application_credentials.c.unrestricted.label("credential_unrestricted"),
        application_credentials.c.role_ids.label("credential_role_ids"),
        application_credentials.c.expires_at.label("credential_expires_at"),
    )
    .join(users, users.c.id == tokens.c.user_id)
    .outerjoin(projects, projects.c.id == tokens.c.project_id)
    .outerjoin(application_credentials, application_credentials.c.id == tokens.c.application_credential_id)
    .where(tokens.c.digest == bindparam(_DIGEST))
)
_DOMAIN = {"id": DOMAIN_ID, "name": DOMAIN_NAME}


@dataclass(frozen=True)
class Grant:
    """What a token is to say: whose it is, for which project ("": none), how proven, and until when."""

    user_id: str
    project_id: str
    methods: Sequence[str]
    issued_at: float
    expires_at: float
    parent_audit_id: str = ""
    application_credential_id: str | None = None


def time_text(seconds: float) -> str:
    """Return a time as keystone prints it."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def end_of(document: dict[str, Any]) -> float:
    """Return when the token that a document describes expires."""
    return datetime.fromisoformat(document["expires_at"]).timestamp()


def issue(connection: Connection, grant: Grant) -> str:
    """Record a new token and return its text."""
    text = secrets.token_urlsafe(32)
    connection.execute(
        insert(tokens).values(
            digest=_digest(text),
            user_id=grant.user_id,
            project_id=grant.project_id or None,
            application_credential_id=grant.application_credential_id,
            methods=list(grant.methods),
            audit_ids=[_audit_id(), *([grant.parent_audit_id] if grant.parent_audit_id else [])],
            issued_at=grant.issued_at,
            expires_at=grant.expires_at,
        )
    )
    return text


def describe(
    connection: Connection, text: str, now: float, *, expired_window_s: float = 0, with_catalog: bool = True
) -> dict[str, Any] | None:
    """Return the token's document, or None when it is not valid: unknown, revoked, expired, or of nobody any more.

    ``expired_window_s``: how long after its end a token still counts.
    """
    row = connection.execute(_FOUND, {_DIGEST: _digest(text)}).one_or_none()
    if row is None or not row.user_enabled or row.expires_at + expired_window_s <= now:
        return None
    if row.credential_expires_at is not None and row.credential_expires_at <= now:
        return None
    document: dict[str, Any] = {
        "methods": row.methods,
        "user": {"id": row.user_id, "name": row.user_name, "domain": _DOMAIN, "password_expires_at": None},
        "audit_ids": row.audit_ids,
        "issued_at": time_text(row.issued_at),
        "expires_at": time_text(row.expires_at),
    }
    if row.project_id is None:
        return document
    held = _roles_of(connection, row)
    if not row.project_enabled or not held:
        return None
    document |= {
        "project": {"id": row.project_id, "name": row.project_name, "domain": _DOMAIN},
        "is_domain": False,
        "roles": [{"id": role_id, "name": name} for role_id, name in held.items()],
    }
    if row.application_credential_id is not None:
        document["application_credential"] = {
            "id": row.application_credential_id,
            "name": row.credential_name,
            "restricted": not row.credential_unrestricted,
        }
    if with_catalog:
        document["catalog"] = catalog_of(connection, row.project_id)
    return document


def revoke(connection: Connection, text: str) -> None:
    """Forget one token."""
    connection.execute(delete(tokens).where(tokens.c.digest == _digest(text)))


def revoke_where(connection: Connection, condition: ColumnElement[bool]) -> None:
    """Forget every token that a condition on the table of tokens holds for."""
    connection.execute(delete(tokens).where(condition))


def _roles_of(connection: Connection, row: Row[Any]) -> dict[str, str]:
    """Return the roles a token carries; an application credential's are those it was given that its user still has."""
    held = roles_of_user(connection, row.user_id, row.project_id)
    if row.credential_role_ids is None:
        return held
    given = roles_implied_by(connection, row.credential_role_ids)
    return {role_id: name for role_id, name in held.items() if role_id in given}


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def _audit_id() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(16)).rstrip(b"=").decode()
