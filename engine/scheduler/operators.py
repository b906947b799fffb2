"""The little language of extra specs: does a value meet a requirement such as ``>= 4`` or ``<in> avx2``.

The rules are those of nova.scheduler.filters.extra_specs_ops, its surprises included:

* ``=`` means "at least"; equality of numbers is ``==``; there is no numeric ``<`` or ``>``.
* ``<in>`` and ``<all-in>`` look for substrings, so ``<in> avx`` also finds ``avx512f``.
* ``<or>`` compares every second word, whatever stands between them: ``<or> a b`` tests ``a`` alone.
* Anything that does not begin with an operator is compared with the value as a whole.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Final

from engine.scheduler.faults import FilterFault

_NUMERIC: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
    "<=": operator.le,
}
_TEXTUAL: Final[Mapping[str, Callable[[str, str], bool]]] = {
    "s==": operator.eq,
    "s!=": operator.ne,
    "s<": operator.lt,
    "s<=": operator.le,
    "s>": operator.gt,
    "s>=": operator.ge,
    "<in>": operator.contains,
}
_SHOWN_CHARS: Final = 80
"""How much of a host's value a message repeats: a list of CPU features runs to kilobytes."""


def match(value: str, requirement: str, *, key: str | None = None) -> bool:
    """Return whether ``value`` meets ``requirement``; ``key`` names the extra spec in messages.

    Raises FilterFault where nova raises and thereby fails the request: a numeric operator with a word or a value that
    Python's ``float`` refuses (ValueError), and an ``<or>`` with nothing behind it (IndexError). Any other operator
    without a word is simply not met.
    """
    words = requirement.split()
    name, operands = (words[0], words[1:]) if words else ("", [])
    if name == "<or>":
        if not operands:
            raise _fault("IndexError", "names no alternative", value, requirement, key)
        return value in operands[::2]
    if name in _NUMERIC:
        return bool(operands) and _compare_numbers(name, value, operands[0], requirement, key)
    if name in _TEXTUAL:
        return bool(operands) and _TEXTUAL[name](value, operands[0])
    if name == "<all-in>":
        return bool(operands) and all(word in value for word in operands)
    return value == requirement


def _compare_numbers(name: str, value: str, word: str, requirement: str, key: str | None) -> bool:
    """Return the comparison of two numbers: whatever ``float`` takes is one, ``inf``, ``nan``, ``1_000`` included."""
    try:
        actual, wanted = float(value), float(word)
    except ValueError:
        raise _fault("ValueError", "compares numbers", value, requirement, key) from None
    return _NUMERIC[name](actual, wanted)


def _fault(nova_exception: str, problem: str, value: str, requirement: str, key: str | None) -> FilterFault:
    """Return the fault of a requirement that cannot be evaluated for a value."""
    shown = value if len(value) <= _SHOWN_CHARS else value[:_SHOWN_CHARS] + "..."
    subject = "the requirement" if key is None else f"extra spec {key!r}: the requirement"
    return FilterFault(
        f"{subject} {requirement!r} {problem} and cannot be evaluated for the value {shown!r}",
        nova_exception=nova_exception,
        **({} if key is None else {"key": key}),
        requirement=requirement,
        value=shown,
    )
