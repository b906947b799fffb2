"""The values of options, from text as oslo.config converts it (oslo_config.types).

Every function raises ValueError that says what is wrong.
"""

from __future__ import annotations

_TRUE_TEXTS = ("true", "1", "on", "yes")
_FALSE_TEXTS = ("false", "0", "off", "no")


def to_bool(text: str) -> bool:
    """Return a truth value."""
    folded = text.lower()
    if folded in _TRUE_TEXTS:
        return True
    if folded in _FALSE_TEXTS:
        return False
    raise ValueError(f"{text!r} is neither true nor false")


def to_int(text: str) -> int:
    """Return a whole number."""
    _check_given(text)
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"{_shown(text)} is not a whole number") from None


def to_float(text: str) -> float:
    """Return a number."""
    _check_given(text)
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{_shown(text)} is not a number") from None


def to_text(text: str) -> str:
    """Return the text as it is."""
    return text


def to_list(text: str) -> tuple[str, ...]:
    """Return the items between commas; commas at the end add none."""
    stripped = text.strip().rstrip(",")
    return tuple(item.strip() for item in stripped.split(",")) if stripped else ()


def _check_given(text: str) -> None:
    # oslo.config makes nothing of an empty number, and nova then fails at its first use.
    if not text.strip():
        raise ValueError("there is no number: give one, or remove the line")


def _shown(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:60] + "...")
