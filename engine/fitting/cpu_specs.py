"""CPU lists in nova's notation, such as ``0-3,^2,6`` (nova.virt.hardware.parse_cpu_spec)."""

from __future__ import annotations

from engine.fitting.errors import NumaConstraintError
from engine.model.limits import MAX_VCPUS


def parse_cpu_spec(text: str, *, name: str) -> frozenset[int]:
    """Return the CPU numbers that ``text`` includes and does not exclude; ``name`` is where it stands.

    Elements are numbers and ranges, excluded with a leading caret wherever they stand; empty elements are skipped.
    Raises NumaConstraintError where an element is neither, where a range runs backwards, and above MAX_VCPUS, a number
    that no guest has.
    """
    # sets of bits: a short text may name wide ranges many times over
    included = excluded = 0
    for element in text.split(","):
        rule = element.strip()
        if not rule:
            continue
        first, dash, last = rule.removeprefix("^").partition("-")
        low = _cpu_number(first, rule, name)
        high = _cpu_number(last, rule, name) if dash else low
        if low > high:
            raise _bad_element(rule, name)
        if high > MAX_VCPUS:
            raise NumaConstraintError(
                f"{name} names CPU {high}, but no guest has more than {MAX_VCPUS} CPUs", nova_exception="Invalid"
            )
        named = ((1 << (high - low + 1)) - 1) << low
        if rule.startswith("^"):
            excluded |= named
        else:
            included |= named
    chosen = f"{included & ~excluded:b}"
    return frozenset(number for number, bit in enumerate(reversed(chosen)) if bit == "1")


def _cpu_number(text: str, rule: str, name: str) -> int:
    """Return a CPU number; raise NumaConstraintError where the text is none."""
    try:
        return int(text.strip())
    except ValueError:
        raise _bad_element(rule, name) from None


def _bad_element(rule: str, name: str) -> NumaConstraintError:
    """Return the error of a list element that is neither a CPU number nor a range."""
    return NumaConstraintError(
        f"{name} has the element {rule!r}: write CPU numbers and ranges such as 0-3,^2,6", nova_exception="Invalid"
    )
