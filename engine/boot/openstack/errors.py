"""What a call to another OpenStack service can fail with, by what the caller can do about it."""

from __future__ import annotations

from typing import ClassVar

from engine.errors import EngineError


class CloudError(EngineError):
    """A service refused a call, or could not be asked; ``message`` is in that service's own words.

    ``service``: identity, image, network or block-storage. ``status``: HTTP's, 0 when there was no answer. ``kind``:
    neutron's name of the failure (``OverQuota``), or empty. ``request_id``: the service's own id of the request.
    ``as_user``: the call was made with a user's token. ``sent``: the service may have begun to act on the call.
    """

    reason: ClassVar[str] = "INTERNAL"

    def __init__(
        self,
        message: str,
        *,
        service: str,
        status: int = 0,
        kind: str = "",
        request_id: str = "",
        as_user: bool = False,
        sent: bool = True,
    ) -> None:
        super().__init__(message, service=service, status=status, kind=kind, request_id=request_id)
        self.service = service
        self.status = status
        self.kind = kind
        self.request_id = request_id
        self.as_user = as_user
        self.sent = sent


class CloudBadRequest(CloudError):  # noqa: N818 (these are named as HTTP names them)
    """400: the service says that the request can never be right."""

    reason = "INVALID_REQUEST"


class CloudUnauthorized(CloudError):  # noqa: N818
    """401: the token is not valid (any more), also after the service's own was renewed."""


class CloudForbidden(CloudError):  # noqa: N818
    """403: the caller's roles do not allow it."""


class CloudNotFound(CloudError):  # noqa: N818
    """404: no such thing, or none that the caller may see."""

    reason = "NOT_FOUND"


class CloudConflict(CloudError):  # noqa: N818
    """409: the call contradicts the state of what it names."""

    reason = "CONFLICT"


class CloudOverQuota(CloudError):  # noqa: N818
    """413, or neutron's OverQuota, or cinder's limits: the project has no more room."""

    reason = "LIMIT_EXCEEDED"


class CloudUnreachable(CloudError):  # noqa: N818
    """No connection, no answer in time, a failure of the service itself (5xx), or keystone is away."""

    reason = "SERVICE_UNAVAILABLE"


_BY_STATUS: dict[int, type[CloudError]] = {
    400: CloudBadRequest,
    401: CloudUnauthorized,
    403: CloudForbidden,
    404: CloudNotFound,
    409: CloudConflict,
    413: CloudOverQuota,
}
_OVER_QUOTA_WORDS = ("VolumeLimitExceeded", "VolumeSizeExceedsAvailableQuota", "OverQuota", "Quota exceeded")


def error_class_of(status: int, kind: str, message: str) -> type[CloudError]:
    """Return the class for an answer's status, neutron's failure name and the service's words."""
    if status in (403, 409) and (kind == "OverQuota" or message.startswith(_OVER_QUOTA_WORDS)):
        return CloudOverQuota
    if status >= 500:
        return CloudUnreachable
    return _BY_STATUS.get(status, CloudError)
