"""The tables of the identity database; times are seconds since 1970 UTC, ids 32 hexadecimal digits."""

from __future__ import annotations

import uuid

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Float,
    ForeignKey,
    LargeBinary,
    MetaData,
    String,
    Table,
    UniqueConstraint,
)

METADATA = MetaData()
SCHEMA_VERSION = 1
DOMAIN_ID = "default"
DOMAIN_NAME = "Default"
"""The one domain: every user and project is in it."""

users = Table(
    "users",
    METADATA,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False, unique=True),
    Column("description", String),
    Column("email", String),
    Column("enabled", Boolean, nullable=False),
    Column("default_project_id", String),
    Column("password_hash", String),
    Column("options", JSON, nullable=False),
)

projects = Table(
    "projects",
    METADATA,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False, unique=True),
    Column("description", String, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("tags", JSON, nullable=False),
)

roles = Table(
    "roles",
    METADATA,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False, unique=True),
    Column("description", String),
    Column("immutable", Boolean, nullable=False),
)

implied_roles = Table(
    "implied_roles",
    METADATA,
    Column("prior_id", ForeignKey(roles.c.id, ondelete="CASCADE"), primary_key=True),
    Column("implied_id", ForeignKey(roles.c.id, ondelete="CASCADE"), primary_key=True),
)
"""Whoever has the prior role has the implied one too."""

assignments = Table(
    "assignments",
    METADATA,
    Column("user_id", ForeignKey(users.c.id, ondelete="CASCADE"), primary_key=True),
    Column("project_id", ForeignKey(projects.c.id, ondelete="CASCADE"), primary_key=True),
    Column("role_id", ForeignKey(roles.c.id, ondelete="CASCADE"), primary_key=True),
)

regions = Table(
    "regions",
    METADATA,
    Column("id", String, primary_key=True),
    Column("description", String, nullable=False),
    Column("parent_region_id", String),
)

services = Table(
    "services",
    METADATA,
    Column("id", String, primary_key=True),
    Column("type", String, nullable=False),
    Column("name", String),
    Column("description", String),
    Column("enabled", Boolean, nullable=False),
)

endpoints = Table(
    "endpoints",
    METADATA,
    Column("id", String, primary_key=True),
    Column("service_id", ForeignKey(services.c.id, ondelete="CASCADE"), nullable=False, index=True),
    Column("interface", String, nullable=False),
    Column("region_id", ForeignKey(regions.c.id)),
    Column("url", String, nullable=False),
    Column("enabled", Boolean, nullable=False),
)

application_credentials = Table(
    "application_credentials",
    METADATA,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("user_id", ForeignKey(users.c.id, ondelete="CASCADE"), nullable=False),
    Column("project_id", ForeignKey(projects.c.id, ondelete="CASCADE"), nullable=False, index=True),
    Column("description", String),
    Column("secret_hash", String, nullable=False),
    Column("expires_at", Float),
    Column("unrestricted", Boolean, nullable=False),
    Column("role_ids", JSON, nullable=False),
    UniqueConstraint("user_id", "name"),
)

tokens = Table(
    "tokens",
    METADATA,
    Column("digest", LargeBinary, primary_key=True),
    Column("user_id", ForeignKey(users.c.id, ondelete="CASCADE"), nullable=False, index=True),
    Column("project_id", ForeignKey(projects.c.id, ondelete="CASCADE"), index=True),
    Column(
        "application_credential_id",
        ForeignKey(application_credentials.c.id, ondelete="CASCADE"),
        index=True,
    ),
    Column("methods", JSON, nullable=False),
    Column("audit_ids", JSON, nullable=False),
    Column("issued_at", Float, nullable=False),
    Column("expires_at", Float, nullable=False, index=True),
)
"""A token is kept as the SHA-256 of its text: whoever reads the file learns no token."""

seeded = Table("seeded", METADATA, Column("name", String, primary_key=True))
"""What was made at a first start, so that what an operator deleted since stays deleted."""


def new_id() -> str:
    """Return an id that nothing has yet."""
    return uuid.uuid4().hex
