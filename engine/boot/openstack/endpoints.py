"""Where the services are: what the settings say, else what the service user's catalog says."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping

from keystoneauth1 import exceptions as ksa
from keystoneauth1.session import Session

from engine.boot.openstack.errors import CloudUnreachable

_VERSIONS = {"image": "v2", "network": "v2.0", "block-storage": "v3"}
_VERSION = re.compile(r"/(v\d+(?:\.\d+)?)(?:/|$)")


class Endpoints:
    """The base URLs of services, with their version: found once, and again after ``forget``.

    ``overrides``: by service type, URLs that beat the catalog's.
    """

    def __init__(self, session: Session, *, interface: str, region: str, overrides: Mapping[str, str]) -> None:
        self._session = session
        self._interface = interface
        self._region = region
        self._overrides = overrides
        self._lock = threading.Lock()
        self._known: dict[str, str] = {}

    def url(self, service: str, project_id: str = "") -> str:
        """Return the URL under which a service's resources are, for a caller of a project (empty: the service user's).

        Blocks while the catalog is fetched. Raises CloudUnreachable when keystone is away or has no such endpoint.
        """
        with self._lock:
            found = self._known.get(service)
            if found is None:
                found = versioned(self._overrides.get(service) or self._from_catalog(service), _VERSIONS[service])
                self._known[service] = found
        return self._of_project(found, project_id) if project_id else found

    def forget(self, service: str) -> None:
        """Look for the service anew at the next call."""
        with self._lock:
            self._known.pop(service, None)

    def _from_catalog(self, service: str) -> str:
        try:
            url = self._session.get_endpoint(
                service_type=service, interface=self._interface, region_name=self._region, skip_discovery=True
            )
        except ksa.EndpointNotFound:
            url = None
        except ksa.ClientException as error:
            raise CloudUnreachable(
                f"The Keystone service is temporarily unavailable: {str(error).partition(': ')[0]}",
                service="identity",
                sent=False,
            ) from error
        if not url:
            raise CloudUnreachable(
                f"The catalog has no {self._interface} endpoint of a service of type {service} in region "
                f"{self._region}.",
                service=service,
                # an answer that trying again does not change
                status=501,
                sent=False,
            )
        return url

    def _of_project(self, url: str, project_id: str) -> str:
        """Return a URL that ends in the service user's project as one for the caller's project."""
        base, _, last = url.rpartition("/")
        if last in _VERSIONS.values() or last != self._session.get_project_id():
            return url
        return f"{base}/{project_id}"


def versioned(url: str, version: str) -> str:
    """Return a catalog's URL with the version in its path and without a slash at its end."""
    url = url.rstrip("/")
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    if _VERSION.search(slash + path):
        return url
    return f"{scheme}://{host}{slash}{path}/{version}"
