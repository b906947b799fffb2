"""The texts that stand for true and false (oslo_utils.strutils.bool_from_string)."""

from __future__ import annotations

TRUE_TEXTS = frozenset({"1", "t", "true", "on", "y", "yes"})
FALSE_TEXTS = frozenset({"0", "f", "false", "off", "n", "no"})
"""In lower case; neither holds any other text."""


def is_true(value: object) -> bool:
    """Return whether a truth value or a text says yes, in any case and with space around it; all else says no."""
    return str(value).strip().lower() in TRUE_TEXTS
