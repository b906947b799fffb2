"""Times as nova prints them; inside they are seconds since 1970 UTC."""

from __future__ import annotations

from datetime import UTC, datetime


def micro_text(seconds: float | None) -> str | None:
    """Return ``2026-11-22T12:16:11.250000``, or None for None."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")
