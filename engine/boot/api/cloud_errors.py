"""What a failed call to another service becomes in nova-api's answer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from engine.boot.openstack.errors import (
    CloudError,
    CloudForbidden,
    CloudOverQuota,
    CloudUnauthorized,
    CloudUnreachable,
)
from engine.rest.errors import BadRequest, Forbidden, RestError, Unauthorized, Unavailable


def rest_error(error: CloudError) -> RestError:
    """Return the answer for a failure that the caller of the service has no better words for."""
    if isinstance(error, CloudUnreachable):
        return Unavailable(f"The {error.service} service cannot be used now: {error.message}")
    if isinstance(error, CloudUnauthorized):
        return Unauthorized("The request you have made requires authentication.")
    if isinstance(error, CloudForbidden | CloudOverQuota):
        return Forbidden(error.message)
    return BadRequest(error.message)


@contextmanager
def worded(kind: type[CloudError], answer: RestError) -> Iterator[None]:
    """Raise ``answer`` for failures of one kind, and the general answer for all others."""
    try:
        yield
    except kind as error:
        raise answer from error
    except CloudError as error:
        raise rest_error(error) from error
