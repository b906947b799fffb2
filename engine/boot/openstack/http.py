"""HTTP connections to the services, kept open; proxies and certificates are as the environment says at first use."""

from __future__ import annotations

from typing import Any

import requests
from requests.adapters import HTTPAdapter

from engine import __version__

_CONNECT_S = 5.0


class Http:
    """A requests session for ``threads`` threads that does not read the environment anew for every call."""

    def __init__(self, threads: int, timeout_s: float) -> None:
        self._timeout = (_CONNECT_S, timeout_s)
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers["User-Agent"] = f"berth/{__version__}"
        self._settings: dict[str, dict[str, Any]] = {}
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(pool_connections=threads, pool_maxsize=threads))

    def request(
        self, method: str, base: str, path: str, headers: dict[str, str], data: bytes | None, *, stream: bool
    ) -> requests.Response:
        """Return the answer to a request, whatever its status; raises requests' exceptions."""
        settings = self._settings.get(base)
        if settings is None:
            with requests.Session() as reader:
                settings = dict(reader.merge_environment_settings(base, {}, None, None, None))
            settings.pop("stream", None)
            self._settings[base] = settings
        return self._session.request(
            method,
            base + path,
            headers=headers,
            data=data,
            stream=stream,
            # a redirection could carry the tokens to another server
            allow_redirects=False,
            timeout=self._timeout,
            **settings,
        )

    def close(self) -> None:
        """Let the connections go."""
        self._session.close()
