"""Which tokens a call carries: the user's or the service user's, and the service user's as the one who vouches."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from keystoneauth1 import exceptions as ksa
from keystoneauth1.session import Session

from engine.boot.messages import Caller
from engine.boot.openstack.errors import CloudError, CloudUnauthorized, CloudUnreachable

_RENEW_AT_MOST_EVERY_S = 5.0


@dataclass(frozen=True)
class CallHeaders:
    """The headers that say who calls, and the service user's token among them."""

    headers: dict[str, str]
    service_token: str


class Tokens:
    """The service user's token, renewed before it expires (by keystoneauth), and the headers made with it.

    A 401 may be the user's token's fault or the service user's: the latter is renewed then, but not for every call of a
    user whose token was revoked.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._lock = threading.Lock()
        self._renewed_at = 0.0

    def headers(self, who: Caller | None) -> CallHeaders:
        """Return the headers of a call; blocks while a token is fetched.

        Raises CloudUnreachable when keystone is away and CloudUnauthorized when it refuses the service user.
        """
        service_token = self._service_token()
        headers = {"X-Auth-Token": who.token if who else service_token, "X-Service-Token": service_token}
        if who is not None and who.request_id:
            headers["X-OpenStack-Request-ID"] = who.request_id
        return CallHeaders(headers, service_token)

    def renew(self, refused: CallHeaders) -> bool:
        """Whether a refused call is worth another try: the service user's token is, or has been, renewed."""
        with self._lock:
            if self._service_token() != refused.service_token:
                return True
            now = time.monotonic()
            if now - self._renewed_at < _RENEW_AT_MOST_EVERY_S:
                return False
            self._renewed_at = now
            return self._session.invalidate()

    def _service_token(self) -> str:
        try:
            token = (self._session.get_auth_headers() or {}).get("X-Auth-Token")
        except ksa.Unauthorized as error:
            raise CloudUnauthorized(
                "The identity service refuses the service user; its name and password are in [boot.identity].",
                service="identity",
                status=401,
            ) from error
        except ksa.HttpError as error:
            raise _identity_away(str(error.message or error), error.http_status or 0) from error
        except ksa.ClientException as error:
            # what requests and urllib3 say behind the first colon is about their objects
            raise _identity_away(str(error).partition(": ")[0], 0) from error
        if not token:
            raise _identity_away("it gave no token", 0)
        return token


def _identity_away(why: str, status: int) -> CloudError:
    # nothing reached the service that was to be called, so that any call may be tried again
    return CloudUnreachable(
        f"The Keystone service is temporarily unavailable: {why}", service="identity", status=status, sent=False
    )
