"""The body of ``POST /v3/auth/tokens``: how the caller proves who it is, and for what it wants a token."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Name = Annotated[str, Field(max_length=255)]
Identifier = Annotated[str, Field(max_length=64)]
Secret = Annotated[str, Field(max_length=4096)]


class _Part(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


class DomainName(_Part):
    """A domain by id or name."""

    id: Identifier | None = None
    name: Name | None = None


class Named(_Part):
    """A user or project: by id, or by name and domain."""

    id: Identifier | None = None
    name: Name | None = None
    domain: DomainName | None = None


class PasswordUser(Named):
    """A user and its password."""

    password: Secret


class PasswordMethod(_Part):
    """Proof by password."""

    user: PasswordUser


class TokenMethod(_Part):
    """Proof by a token that is valid already."""

    id: Annotated[str, Field(max_length=4096)]


class ApplicationCredentialMethod(_Part):
    """Proof by an application credential: by its id, or by its name and its user."""

    id: Identifier | None = None
    name: Name | None = None
    secret: Secret
    user: Named | None = None


class IdentityPart(_Part):
    """The methods of proof, and what each of them needs."""

    methods: Annotated[list[Name], Field(min_length=1, max_length=8)]
    password: PasswordMethod | None = None
    token: TokenMethod | None = None
    application_credential: ApplicationCredentialMethod | None = None


class Scope(_Part):
    """What the token is for; this service gives tokens for a project, or for nothing in particular."""

    project: Named | None = None
    domain: DomainName | None = None
    system: dict[str, Any] | None = None
    unscoped: dict[str, Any] | None = None


class Auth(_Part):
    """Proof and scope."""

    identity: IdentityPart
    scope: Scope | Literal["unscoped"] | None = None


class AuthRequest(_Part):
    """The whole body."""

    auth: Auth
