"""A running identity service whose clock a test can turn, and callers of it."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
from starlette.types import ASGIApp

from engine.cloud.bootstrap import seed_identity
from engine.cloud.database import Database
from engine.cloud.identity.passwords import Passwords
from engine.cloud.identity.schema import METADATA, SCHEMA_VERSION
from engine.cloud.identity.service import identity_app
from engine.cloud.options import CloudOptions
from tests.rest.serving import serving

OPTIONS = CloudOptions(
    admin_password="admin-secret",
    member_password="demo-secret",
    service_password="service-secret",
    lockout_failure_attempts=3,
)
DOMAIN = {"id": "default"}
_numbers = itertools.count(1)


class Clock:
    """The real time, and what a test added to it."""

    def __init__(self) -> None:
        self.ahead_s = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead_s


@dataclass(frozen=True)
class Caller:
    """Somebody with a token."""

    url: str
    token: str
    http: requests.Session = field(default_factory=requests.Session)

    def __call__(self, method: str, path: str, body: object = None, **headers: str) -> requests.Response:
        given = {"X-Auth-Token": self.token} if self.token else {}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        return self.http.request(method, f"{self.url}{path}", json=body, headers=given, timeout=20)

    def ok(self, method: str, path: str, body: object = None, *, status: int = 200) -> Any:
        """What a call that must succeed answers."""
        reply = self(method, path, body)
        assert reply.status_code == status, reply.text
        return reply.json() if reply.content else None

    @property
    def document(self) -> dict[str, Any]:
        """What the token says."""
        reply = self("GET", "/v3/auth/tokens", X_Subject_Token=self.token)
        assert reply.status_code == 200, reply.text
        token: dict[str, Any] = reply.json()["token"]
        return token

    @property
    def is_valid(self) -> bool:
        """Whether the token still counts."""
        return self("GET", "/v3/auth/tokens", X_Subject_Token=self.token).status_code == 200


@dataclass(frozen=True)
class Identity:
    """The service: where it is, its clock and its database."""

    url: str
    clock: Clock
    database: Database
    _known: dict[str, Caller] = field(default_factory=dict)

    def authenticate(self, auth: object, path: str = "/v3/auth/tokens") -> requests.Response:
        return requests.post(f"{self.url}{path}", json={"auth": auth}, timeout=20)

    def caller(self, auth: object) -> Caller:
        reply = self.authenticate(auth)
        assert reply.status_code == 201, reply.text
        return Caller(self.url, reply.headers["X-Subject-Token"])

    def login(self, user: str, password: str, project: str | None = None) -> Caller:
        scope: object = "unscoped" if project is None else {"project": {"name": project, "domain": DOMAIN}}
        return self.caller(password_auth(user, password, scope))

    @property
    def admin(self) -> Caller:
        return self._remembered("admin", "admin-secret", "admin")

    @property
    def demo(self) -> Caller:
        return self.login("demo", "demo-secret", "demo")

    @property
    def nova(self) -> Caller:
        return self._remembered("nova", "service-secret", "service")

    def _remembered(self, user: str, password: str, project: str) -> Caller:
        """A caller with a token from before, unless the clock was turned; no test revokes it."""
        if self.clock.ahead_s:
            return self.login(user, password, project)
        if user not in self._known:
            self._known[user] = self.login(user, password, project)
        return self._known[user]

    def new_project(self) -> dict[str, Any]:
        """A project nobody else uses."""
        made: dict[str, Any] = self.admin.ok(
            "POST", "/v3/projects", {"project": {"name": f"project-{next(_numbers)}"}}, status=201
        )["project"]
        return made

    def new_user(self, project: dict[str, Any] | None = None, role: str = "member") -> dict[str, Any]:
        """A user nobody else uses, password ``secret``, with a role in a project."""
        admin = self.admin
        body = {"user": {"name": f"user-{next(_numbers)}", "password": "secret"}}
        made: dict[str, Any] = admin.ok("POST", "/v3/users", body, status=201)["user"]
        if project is not None:
            path = f"/v3/projects/{project['id']}/users/{made['id']}/roles/{self.role_id(role)}"
            admin.ok("PUT", path, status=204)
        return made

    def role_id(self, name: str) -> str:
        found: str = self.admin.ok("GET", f"/v3/roles?name={name}")["roles"][0]["id"]
        return found


def password_auth(user: str, password: str, scope: object = None) -> dict[str, Any]:
    proof = {"user": {"name": user, "domain": DOMAIN, "password": password}}
    auth: dict[str, Any] = {"identity": {"methods": ["password"], "password": proof}}
    return auth if scope is None else auth | {"scope": scope}


@contextmanager
def running_identity(
    folder: Path, options: CloudOptions = OPTIONS, around: Callable[[ASGIApp], ASGIApp] = lambda app: app
) -> Iterator[Identity]:
    """A seeded identity service; ``around`` puts something between it and its callers."""
    clock = Clock()
    database = Database(folder / "identity.sqlite", METADATA, version=SCHEMA_VERSION)
    passwords = Passwords()
    try:
        asyncio.run(seed_identity(database, options, passwords))
        with serving(around(identity_app(database, passwords, options, clock))) as url:
            yield Identity(url, clock, database)
    finally:
        passwords.close()
        database.close()
