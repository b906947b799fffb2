"""Login: a proof of who somebody is becomes a token."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from sqlalchemy import Connection, Row, select

from engine.cloud.database import Database
from engine.cloud.identity.auth_request import (
    ApplicationCredentialMethod,
    Auth,
    DomainName,
    Named,
    PasswordUser,
    Scope,
    TokenMethod,
)
from engine.cloud.identity.effective_roles import roles_of_user
from engine.cloud.identity.lockout import Lockout
from engine.cloud.identity.passwords import Passwords
from engine.cloud.identity.schema import DOMAIN_ID, DOMAIN_NAME, application_credentials, projects, users
from engine.cloud.identity.tokens import Grant, describe, end_of, issue
from engine.rest.errors import BadRequest, Forbidden, Unauthorized

REFUSED = "The request you have made requires authentication."
IGNORES_LOCKOUT = "ignore_lockout_failure_attempts"
"""Keystone's option of a user that wrong guesses never lock out, so that nobody can lock a service out."""


@dataclass(frozen=True)
class _Proven:
    """Who somebody turned out to be.

    ``secret_hash``: what the proof was checked against; ``expires_at``: the end of the token it rests on;
    ``project_id``: the one project an application credential is for.
    """

    user_id: str
    methods: Sequence[str]
    secret_hash: str | None = None
    expires_at: float | None = None
    parent_audit_id: str = ""
    application_credential_id: str | None = None
    project_id: str = ""


class Login:
    """Checks proofs and issues tokens that last ``lifetime_s``."""

    def __init__(
        self,
        database: Database,
        passwords: Passwords,
        lockout: Lockout,
        clock: Callable[[], float],
        lifetime_s: float,
    ) -> None:
        self._database = database
        self._passwords = passwords
        self._lockout = lockout
        self._clock = clock
        self._lifetime_s = lifetime_s

    async def token_for(self, auth: Auth, *, with_catalog: bool) -> tuple[str, dict[str, Any]]:
        """Return a new token and its document; raise Unauthorized when the proof or the scope does not hold."""
        proven = await self._proven(auth)
        now = self._clock()
        with self._database.write() as connection:
            if not _still_holds(connection, proven):
                raise Unauthorized(REFUSED)
            project_id = _project_for(connection, auth.scope, proven)
            grant = Grant(
                user_id=proven.user_id,
                project_id=project_id,
                methods=proven.methods,
                issued_at=now,
                expires_at=now + self._lifetime_s if proven.expires_at is None else proven.expires_at,
                parent_audit_id=proven.parent_audit_id,
                application_credential_id=proven.application_credential_id,
            )
            text = issue(connection, grant)
            document = describe(connection, text, now, with_catalog=with_catalog)
            if document is None:
                # a disabled user or project, or no role in it: raised here, so that nothing is recorded
                raise Unauthorized(REFUSED)
        return text, document

    async def check_password(self, user: Row[Any] | None, account: str, password: str) -> None:
        """Raise Unauthorized unless a password is the user's; wrong ones count towards the account's lockout."""
        guarded = user is None or not user.options.get(IGNORES_LOCKOUT)
        await self._check_secret(None if user is None else user.password_hash, account, password, guarded=guarded)

    async def _proven(self, auth: Auth) -> _Proven:
        identity = auth.identity
        match identity.methods:
            case ["password"] if identity.password is not None:
                return await self._by_password(identity.password.user)
            case ["token"] if identity.token is not None:
                return self._by_token(identity.token)
            case ["application_credential"] if identity.application_credential is not None:
                return await self._by_application_credential(identity.application_credential)
            case ["password" | "token" | "application_credential" as method]:
                raise BadRequest(f"The method {method} is named, but auth/identity/{method} is missing.")
        raise Unauthorized(
            "Attempted to authenticate with an unsupported method: give one of password, token and "
            "application_credential."
        )

    async def _by_password(self, proof: PasswordUser) -> _Proven:
        with self._database.read() as connection:
            user = _find_user(connection, proof)
        account = user.id if user is not None else f"name:{proof.id or proof.name}"
        await self.check_password(user, account, proof.password)
        if user is None:
            raise Unauthorized(REFUSED)
        return _Proven(user.id, ["password"], secret_hash=user.password_hash)

    def _by_token(self, proof: TokenMethod) -> _Proven:
        with self._database.read() as connection:
            document = describe(connection, proof.id, self._clock(), with_catalog=False)
            if document is None:
                raise Unauthorized(REFUSED)
        if "application_credential" in document:
            raise Forbidden("A token of an application credential cannot be exchanged for another.")
        methods = [*document["methods"], *(["token"] if "token" not in document["methods"] else [])]
        return _Proven(
            document["user"]["id"], methods, expires_at=end_of(document), parent_audit_id=document["audit_ids"][-1]
        )

    async def _by_application_credential(self, proof: ApplicationCredentialMethod) -> _Proven:
        with self._database.read() as connection:
            found = _find_credential(connection, proof)
        account = f"credential:{found.id if found is not None else proof.id or proof.name}"
        await self._check_secret(None if found is None else found.secret_hash, account, proof.secret, guarded=True)
        if found is None:
            raise Unauthorized(REFUSED)
        return _Proven(
            found.user_id,
            ["application_credential"],
            secret_hash=found.secret_hash,
            application_credential_id=found.id,
            project_id=found.project_id,
        )

    async def _check_secret(self, kept: str | None, account: str, secret: str, *, guarded: bool) -> None:
        matches = await self._passwords.matches(kept, secret)
        # asked after the check, so that of many guesses under way at once no more count than one by one
        if guarded and self._lockout.is_locked(account):
            raise Unauthorized(REFUSED)
        if not matches:
            if guarded:
                self._lockout.failed(account)
            raise Unauthorized(REFUSED)
        self._lockout.succeeded(account)


def _in_our_domain(domain: DomainName | None) -> bool:
    return domain is not None and (domain.id == DOMAIN_ID or (domain.id is None and domain.name == DOMAIN_NAME))


def _find_user(connection: Connection, named: Named | None) -> Row[Any] | None:
    if named is None:
        return None
    if named.id is not None:
        return connection.execute(select(users).where(users.c.id == named.id)).one_or_none()
    if named.name is None or named.domain is None:
        raise BadRequest("Expecting to find the user's id, or its name and domain, in the authentication request.")
    if not _in_our_domain(named.domain):
        return None
    return connection.execute(select(users).where(users.c.name == named.name)).one_or_none()


def _find_credential(connection: Connection, proof: ApplicationCredentialMethod) -> Row[Any] | None:
    if proof.id is not None:
        condition = application_credentials.c.id == proof.id
    else:
        user = _find_user(connection, proof.user)
        if user is None or proof.name is None:
            return None
        condition = (application_credentials.c.user_id == user.id) & (application_credentials.c.name == proof.name)
    return connection.execute(select(application_credentials).where(condition)).one_or_none()


def _still_holds(connection: Connection, proven: _Proven) -> bool:
    """Whether what a secret was checked against did not change meanwhile."""
    if proven.secret_hash is None:
        return True
    if proven.application_credential_id is not None:
        kept = select(application_credentials.c.secret_hash).where(
            application_credentials.c.id == proven.application_credential_id
        )
    else:
        kept = select(users.c.password_hash).where(users.c.id == proven.user_id)
    return connection.execute(kept).scalar_one_or_none() == proven.secret_hash


def _project_for(connection: Connection, scope: Scope | str | None, proven: _Proven) -> str:
    """Return the id of the project a token is for, "" for none; the token's roles there are checked elsewhere."""
    if proven.application_credential_id is not None:
        if scope is not None:
            raise Unauthorized("An application credential is for one project: give no scope with it.")
        return proven.project_id
    if scope is None:
        return _default_project(connection, proven.user_id)
    if isinstance(scope, str) or scope.unscoped is not None:
        return ""
    if scope.project is None:
        _refuse_scope(scope)
    if scope.project.id is not None:
        condition = projects.c.id == scope.project.id
    elif scope.project.name is None or scope.project.domain is None:
        raise BadRequest("Expecting to find the project's id, or its name and domain, in the scope.")
    elif not _in_our_domain(scope.project.domain):
        raise Unauthorized(REFUSED)
    else:
        condition = projects.c.name == scope.project.name
    found: str | None = connection.execute(select(projects.c.id).where(condition)).scalar_one_or_none()
    if found is None:
        raise Unauthorized(REFUSED)
    return found


def _default_project(connection: Connection, user_id: str) -> str:
    """Return the project a user works in when it names none: its default one, where it has a role there."""
    chosen = (
        select(projects.c.id)
        .join(users, users.c.default_project_id == projects.c.id)
        .where(users.c.id == user_id, projects.c.enabled)
    )
    found: str | None = connection.execute(chosen).scalar_one_or_none()
    return found if found is not None and roles_of_user(connection, user_id, found) else ""


def _refuse_scope(scope: Scope) -> NoReturn:
    if scope.domain is None and scope.system is None:
        raise BadRequest("The scope names nothing: give a project.")
    kind = "a domain" if scope.domain is not None else "the system"
    raise Unauthorized(
        f"This service gives no tokens for {kind}: roles are held in projects. Name a project instead; an "
        "administrator's token for any project manages everything."
    )
