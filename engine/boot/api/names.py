"""Names that the API gives: of each server of a request, its host name, its reservation, its password."""

from __future__ import annotations

import re
import secrets
import string

_LETTERS_AND_DIGITS = string.ascii_letters + string.digits
_RESERVATION_CHARACTERS = string.ascii_lowercase + string.digits
_HOSTNAME_MOST = 63


def display_names(name: str, count: int) -> list[str]:
    """Return the names of ``count`` servers: the name itself for one, NAME-1, NAME-2 ... for several."""
    return [name] if count == 1 else [f"{name}-{number}" for number in range(1, count + 1)]


def hostname_of(display_name: str, instance_uuid: str) -> str:
    """Return the host name that nova makes of a server's name: letters, digits and hyphens, at most 63."""
    text = re.sub(r"[ _]", "-", display_name).lower()
    text = re.sub(r"[^a-z0-9.-]+", "", text)
    return text.strip(".-")[:_HOSTNAME_MOST].strip(".-") or f"server-{instance_uuid}"


def reservation_id() -> str:
    """Return a new name for what one request makes, such as ``r-bb5dw3ho``."""
    return "r-" + "".join(secrets.choice(_RESERVATION_CHARACTERS) for _ in range(8))


def password() -> str:
    """Return a new password of 12 letters and digits."""
    return "".join(secrets.choice(_LETTERS_AND_DIGITS) for _ in range(12))
