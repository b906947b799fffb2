"""How a build fails on a host: whether another host may do better, in nova's words, and by which failure of a service.

nova's outcomes stand as far as they depend on the host; what no other host could do better is not tried there again.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from engine.boot.openstack.errors import (
    CloudError,
    CloudOverQuota,
    CloudUnauthorized,
    CloudUnreachable,
)
from engine.errors import EngineError

Stage = Literal["image", "network", "volume"]
"""The part of a build in which a service failed."""

NO_NETWORK = "Failed to allocate the network(s), not rescheduling."
_REVOKED = (
    "the token of the request is not valid any more: it was revoked, or expired too long ago, while the instance was "
    "being built"
)
_SERVICE_USER_REFUSED = "the {service} service does not accept the service user's token"
_NO_ADDRESS = ("IpAddressGenerationFailure", "IpAddressGenerationFailureNoMatchingSubnet", "NoMoreFixedIps")


class BuildFailure(EngineError):  # noqa: N818 (a failed build is an outcome)
    """A build failed on a host; ``message`` is a sentence for the user, ``explanation`` more for administrators."""

    reason: ClassVar[str] = "INTERNAL"

    def __init__(self, message: str, *, explanation: str = "") -> None:
        super().__init__(message)
        self.explanation = explanation


class BuildAbort(BuildFailure):
    """No host could do better; ``message`` stands behind ``Build of instance X aborted: ``."""


class Reschedule(BuildFailure):
    """Another host may do better."""


class PortBindingFailed(Reschedule):
    """The network service could not bind a port to this host."""

    def __init__(self, port_id: str) -> None:
        super().__init__(f"Binding failed for port {port_id}, please check neutron logs for more information.")


class ImageUnacceptable(BuildAbort):
    """The image is not what it says it is, or nothing that may be booted."""

    def __init__(self, image_id: str, why: str) -> None:
        super().__init__(f"Image {image_id} is unacceptable: {why}")


class ImageCorrupt(Reschedule):
    """The image's data did not arrive as they were stored."""


class UndoFailed(EngineError):  # noqa: N818
    """Not everything could be undone; ``problems`` says what was left, one sentence each. Undoing may be repeated."""

    reason: ClassVar[str] = "SERVICE_UNAVAILABLE"

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


def failure_of(stage: Stage, error: CloudError) -> BuildFailure:
    """Return what a service's refusal means for the build.

    | failure                                        | image      | network    | volume |
    |------------------------------------------------|------------|------------|--------|
    | unreachable, 5xx, keystone away                | reschedule | reschedule | abort  |
    | over quota                                     | -          | reschedule | abort  |
    | the user's token is not valid any more         | abort      | abort      | abort  |
    | the service user's token is refused            | reschedule | reschedule | abort  |
    | no free address                                | -          | abort      | -      |
    | anything else (gone, forbidden, conflict, bad) | abort      | abort      | abort  |
    """
    explanation = _explained(error)
    if isinstance(error, CloudUnauthorized):
        if error.as_user:
            return BuildAbort(f"The {error.service} service refused the request: {_REVOKED}.", explanation=explanation)
        refused = _SERVICE_USER_REFUSED.format(service=error.service)
        return (BuildAbort if stage == "volume" else Reschedule)(f"Cannot go on: {refused}.", explanation=explanation)
    if stage == "volume":
        return BuildAbort(_volume_words(error), explanation=explanation)
    if isinstance(error, CloudUnreachable):
        return Reschedule(error.message, explanation=explanation)
    if stage == "image":
        return BuildAbort(error.message, explanation=explanation)
    if isinstance(error, CloudOverQuota):
        return Reschedule("Maximum number of ports exceeded", explanation=explanation)
    words = error.message.rstrip(".")
    return BuildAbort(
        f"Failed to allocate the network(s) with error {words}, not rescheduling.", explanation=explanation
    )


def no_free_address(error: CloudError) -> bool:
    """Whether the network service has no address left to give."""
    return error.kind in _NO_ADDRESS


def _volume_words(error: CloudError) -> str:
    return "Volume resource quota exceeded" if isinstance(error, CloudOverQuota) else error.message


def _explained(error: CloudError) -> str:
    """Return where an error comes from, for administrators."""
    parts = [f"{error.service} service", f"status {error.status}" if error.status else "no answer"]
    if error.kind:
        parts.append(error.kind)
    if error.request_id:
        parts.append(error.request_id)
    return f"{error.message} ({', '.join(parts)})"
