"""Ephemeral encryption: a host that encrypts disks, in the format asked for (nova's ephemeral_encryption_filter)."""

from __future__ import annotations

from engine.errors import InvalidRequestError
from engine.scheduler.translate.request_filters.asked import Added, Asked

FORMATS = ("plain", "luks", "luksv2")
_TRAIT = "COMPUTE_EPHEMERAL_ENCRYPTION"
_KEY = "hw:ephemeral_encryption_format"


def ephemeral_encryption(asked: Asked) -> Added | None:
    """Return the traits of such hosts; InvalidRequestError where flavor and image differ or the format is unknown."""
    guest = asked.guest
    if not guest.switch("ephemeral_encryption"):
        return None
    wanted = guest.agreed("ephemeral_encryption_format")
    if not wanted:
        return Added(root_required=frozenset({_TRAIT}))
    if wanted not in FORMATS:
        raise InvalidRequestError(f"{_KEY} must be one of {', '.join(FORMATS)}, not {wanted!r}", field=_KEY)
    return Added(root_required=frozenset({_TRAIT, f"{_TRAIT}_{str(wanted).upper()}"}))
