"""The image, network and block storage services of one cloud, for callers in an event loop."""

from __future__ import annotations

from keystoneauth1.session import Session

from engine.boot.openstack.endpoints import Endpoints
from engine.boot.openstack.http import Http
from engine.boot.openstack.images import Images
from engine.boot.openstack.networks import Networks
from engine.boot.openstack.service import Service, Transport
from engine.boot.openstack.tokens import Tokens
from engine.boot.openstack.volumes import VOLUME_HEADERS, Volumes
from engine.boot.openstack.workers import Workers
from engine.boot.options import BootOptions
from engine.rest.keystone import Credentials, session_of

_THREADS = 64
_DOWNLOADS = 16
_TIMEOUT_S = 60.0
_ATTEMPTS = 6
PATIENT_ATTEMPTS = 10
"""For those whom nobody waits for at a prompt: a service that is being restarted is back within some ten seconds."""


class Clouds:
    """The services, each with the calls that a boot makes; all of them may be made at the same time."""

    def __init__(self, session: Session, transport: Transport) -> None:
        self.session = session
        """The service user's keystone session, for calls to the identity service itself."""
        self._transport = transport
        self.images = Images(Service("image", transport))
        self.networks = Networks(Service("network", transport))
        self.volumes = Volumes(Service("block-storage", transport, VOLUME_HEADERS))

    @classmethod
    def connect(
        cls,
        options: BootOptions,
        *,
        threads: int = _THREADS,
        timeout_s: float = _TIMEOUT_S,
        attempts: int = _ATTEMPTS,
    ) -> Clouds:
        """Return the services of the cloud that ``options`` name; nothing is asked of them before the first call.

        ``attempts``: how often a call is tried while a service is away, over about three seconds when 6.
        """
        identity = options.identity
        session = session_of(
            Credentials(
                auth_url=identity.auth_url,
                username=identity.username,
                password=identity.password.get_secret_value(),
                project_name=identity.project_name,
                user_domain_name=identity.user_domain_name,
                project_domain_name=identity.project_domain_name,
                region_name=identity.region_name,
                interface=identity.interface,
            ),
            timeout_s=timeout_s,
        )
        overrides = {str(service): url for service, url in options.endpoints.items()}
        endpoints = Endpoints(session, interface=identity.interface, region=identity.region_name, overrides=overrides)
        http = Http(threads + _DOWNLOADS, timeout_s)
        return cls(
            session, Transport(http, Tokens(session), endpoints, Workers(threads), Workers(_DOWNLOADS), attempts)
        )

    def close(self) -> None:
        """Begin no more calls and let the connections go."""
        self._transport.workers.close()
        self._transport.streams.close()
        self._transport.http.close()
        self.session.session.close()
