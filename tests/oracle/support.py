"""Which cases the present plug-ins cover: why a case lies outside, no reason for one that must come out equal."""

from __future__ import annotations

from typing import Any

from engine.scheduler.registry import all_filters, all_weighers

Content = dict[str, Any]
WEIGHER = "weigher: "
"""How a reason begins that names a missing weigher."""


def unsupported(content: Content) -> list[str]:
    """Return why Berth cannot be held to a nova case, one phrase a missing filter, weigher or feature."""
    expected = content["expected"]
    reasons = [
        f"filter: {name}"
        for name in content["config"]["filter_scheduler"]["enabled_filters"]
        if name not in all_filters()
    ]
    reasons += [f"{WEIGHER}{name}" for name in expected["weigher_order"] if name not in all_weighers()]
    return reasons
