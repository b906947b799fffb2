"""The largest sizes Berth accepts, and the check that every size goes through.

The bounds keep every sum of a column within 32 bits in the selection kernel, far above any machine that exists.
"""

from __future__ import annotations

from engine.errors import InvalidRequestError

MAX_VCPUS = 1_000_000
MAX_MEMORY_MB = 1_000_000_000
MAX_DISK_GB = 1_000_000_000
MAX_AMOUNT = 2_000_000_000
MAX_INSTANCES = 10_000
MAX_HOSTS = 4_000_000


def check_amount(name: str, value: object, low: int, high: int) -> int:
    """Return ``value`` if it is a whole number in [low, high]; raise InvalidRequestError naming the field."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidRequestError(f"{name} must be a whole number, not {value!r}", field=name)
    if not low <= value <= high:
        raise InvalidRequestError(f"{name} must be between {low} and {high}, not {value}", field=name)
    return value
