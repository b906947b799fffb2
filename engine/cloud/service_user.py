"""The user that an embedded service works as, and the check of its callers' tokens in that user's name."""

from __future__ import annotations

from dataclasses import dataclass

from keystoneauth1.session import Session

from engine.cloud.options import CloudOptions
from engine.rest.keystone import Credentials, identity_adapter, session_of
from engine.rest.tokens import KeystoneGate


@dataclass(frozen=True)
class ServiceUser:
    """A service's own credentials, its session with keystone, and the gate before its routes."""

    credentials: Credentials
    session: Session
    gate: KeystoneGate


def service_user(options: CloudOptions, name: str, *, timeout_s: float = 60.0) -> ServiceUser:
    """Return the user ``name``; keystone is asked when it is first needed."""
    credentials = Credentials(
        auth_url=options.identity_url,
        username=name,
        password=options.service_password.get_secret_value(),
        region_name=options.region_name,
    )
    session = session_of(credentials, timeout_s=timeout_s)
    gate = KeystoneGate(identity_adapter(session, credentials), fresh_s=options.token_fresh_s)
    return ServiceUser(credentials, session, gate)


def where_to_authenticate(identity_url: str) -> dict[str, str]:
    """Return the header of a 401 that names keystone."""
    return {"WWW-Authenticate": f'Keystone uri="{identity_url.removesuffix("/v3")}"'}
