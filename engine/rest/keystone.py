"""The keystone session of a service's own user: tokens are fetched, kept and renewed by keystoneauth."""

from __future__ import annotations

from dataclasses import dataclass, field

from keystoneauth1.adapter import Adapter
from keystoneauth1.identity.v3 import Password
from keystoneauth1.session import Session
from requests.adapters import HTTPAdapter

from engine import __version__

_CONNECTIONS = 64


@dataclass(frozen=True)
class Credentials:
    """A user's name and password at one identity service, and the project it works in."""

    auth_url: str
    username: str
    password: str = field(repr=False)
    project_name: str = "service"
    user_domain_name: str = "Default"
    project_domain_name: str = "Default"
    region_name: str = "RegionOne"
    interface: str = "public"


def session_of(credentials: Credentials, *, timeout_s: float = 60.0) -> Session:
    """Return a session that authenticates when it is first used, and again before its token expires."""
    auth = Password(
        auth_url=credentials.auth_url,
        username=credentials.username,
        password=credentials.password,
        project_name=credentials.project_name,
        user_domain_name=credentials.user_domain_name,
        project_domain_name=credentials.project_domain_name,
    )
    session = Session(auth=auth, timeout=timeout_s, app_name="berth", app_version=__version__, collect_timing=False)
    for scheme in ("http://", "https://"):
        session.session.mount(scheme, HTTPAdapter(pool_connections=_CONNECTIONS, pool_maxsize=_CONNECTIONS))
    return session


def identity_adapter(session: Session, credentials: Credentials) -> Adapter:
    """Return the adapter for calls to the identity service itself, at the address it is known by."""
    return Adapter(session, endpoint_override=credentials.auth_url.rstrip("/").removesuffix("/v3") + "/v3")
