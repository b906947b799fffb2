"""Plain REST calls for tests: a user at one service, and answers as they come."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

import requests
from keystoneauth1.identity.v3 import Password
from keystoneauth1.session import Session

from tests.cloud.harness import Cloud, Part


@dataclass(frozen=True)
class Caller:
    """A user at one service; every call answers, whatever the status."""

    url: str
    token: str
    headers: dict[str, str]

    def call(self, method: str, path: str, *, headers: dict[str, str] | None = None, **given: Any) -> requests.Response:
        """The service's answer."""
        sent = {"X-Auth-Token": self.token, **self.headers, **(headers or {})}
        return requests.request(method, self.url + path, headers=sent, timeout=20, **given)

    def get(self, path: str, **given: Any) -> requests.Response:
        """The answer to a GET."""
        return self.call("GET", path, **given)

    def post(self, path: str, **given: Any) -> requests.Response:
        """The answer to a POST."""
        return self.call("POST", path, **given)

    def put(self, path: str, **given: Any) -> requests.Response:
        """The answer to a PUT."""
        return self.call("PUT", path, **given)

    def delete(self, path: str, **given: Any) -> requests.Response:
        """The answer to a DELETE."""
        return self.call("DELETE", path, **given)


def caller(running: Cloud, part: Part, user: str = "demo", project: str = "", **headers: str) -> Caller:
    """A user with a token of its own."""
    return Caller(running.url(part), running.token(user, project), headers)


def reader(running: Cloud, part: Part, **headers: str) -> Caller:
    """A new user who may only read the project demo."""
    session = running.session("admin")
    identity = {"service_type": "identity", "interface": "public"}

    def first(path: str, kind: str) -> str:
        return str(session.get(path, endpoint_filter=identity).json()[kind][0]["id"])

    name = f"reader-{secrets.token_hex(4)}"
    body = {"user": {"name": name, "password": "reader-secret", "domain_id": "default"}}
    user = session.post("/users", json=body, endpoint_filter=identity).json()["user"]["id"]
    project, role = first("/projects?name=demo", "projects"), first("/roles?name=reader", "roles")
    session.put(f"/projects/{project}/users/{user}/roles/{role}", endpoint_filter=identity)
    auth = Password(
        auth_url=running.options.identity_url,
        username=name,
        password="reader-secret",
        project_name="demo",
        user_domain_name="Default",
        project_domain_name="Default",
    )
    return Caller(running.url(part), str(Session(auth=auth, timeout=20).get_token()), headers)
