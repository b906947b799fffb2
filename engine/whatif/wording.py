"""Numbers, durations and names as people read them: in the page's tables and tiles, and in the terminal."""

from __future__ import annotations

import math
from typing import Final, TypeGuard

from engine.whatif.answer import Cell, Column

THIN_SPACE: Final = "\u202f"
"""Between thousands, and between a number and its unit: it never breaks a line."""

DASH: Final = "\u2013"
"""What stands for nothing."""

_UNITS_S: Final = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))
_SCALES: Final = {
    "_percent": (1.0, "%"),
    "_share": (100.0, "%"),
}
_MIB: Final = {"_mb": 1.0, "_gb": 1024.0, "_gib": 1024.0}
"""How many MiB the units are that memory and disk are counted in; as in nova a GB is a GiB."""
_SIZES: Final = ("MiB", "GiB", "TiB", "PiB", "EiB")
_NAMES: Final = {"time_s": "As of"}
_WORDS: Final = {"vcpu": "vCPU", "vcpus": "vCPUs", "gpu": "GPU", "gpus": "GPUs", "numa": "NUMA", "pci": "PCI"}


def number_text(value: float, decimals: int = 0, *, group: str = THIN_SPACE) -> str:
    """Return a number with so many decimals and ``group`` between its thousands; a dash where it is not finite."""
    if isinstance(value, float) and not math.isfinite(value):
        return DASH
    text = f"{value:,.{max(0, decimals)}f}"
    # "-0.0" is what rounding makes of a small negative number, and reads as a mistake.
    if text.startswith("-") and not text.strip("-0.,"):
        text = text[1:]
    return text.replace(",", group)


def shown_text(value: Cell, column: Column) -> str:
    """Return a table's cell as people read it: as ``cell_text``, and seconds as a duration."""
    if is_time(column) and _is_number(value):
        return duration_text(float(value))
    return cell_text(value, column.decimals)


def cell_text(value: Cell, decimals: int = 0, *, group: str = THIN_SPACE) -> str:
    """Return a table's cell as text: a dash for nothing, yes and no, whole numbers without decimals."""
    if value is None or value == "":
        return DASH
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return number_text(value, group=group)
    if isinstance(value, float):
        return number_text(value, decimals, group=group)
    return value


def is_time(column: Column) -> bool:
    """Return whether a column's numbers are seconds, which people read as days, hours and minutes."""
    return column.unit == "s"


def duration_text(seconds: float) -> str:
    """Return a duration in its two largest units, such as ``3 d 4 h``, ``45 min`` or ``0.25 s``."""
    if not math.isfinite(seconds):
        return DASH
    if seconds < 0:
        return f"-{duration_text(-seconds)}"
    if seconds < 1:
        return f"{seconds:.3g}{THIN_SPACE}s" if seconds else "0"
    left = round(seconds)
    parts: list[str] = []
    for size, unit in _UNITS_S:
        many, left = divmod(left, size)
        if many or parts:
            parts.append(f"{many:,}".replace(",", THIN_SPACE) + THIN_SPACE + unit if many else "")
        if len(parts) == 2:
            break
    return " ".join(part for part in parts if part)


def figure_text(name: str, value: object) -> tuple[str, str]:
    """Return how a figure of an answer is called and said, by the unit that its name ends in (see Answer.figures)."""
    for ending, (scale, unit) in _SCALES.items():
        if name.endswith(ending):
            return _heading(name.removesuffix(ending)), _amount(value, scale, unit)
    for ending, mib in _MIB.items():
        if name.endswith(ending):
            return _heading(name.removesuffix(ending)), _size(float(value) * mib) if _is_number(value) else _said(value)
    if name.endswith("_s"):
        return _NAMES.get(name) or _heading(name.removesuffix("_s")), duration_text(float(value)) if _is_number(
            value
        ) else _said(value)
    return _heading(name), _amount(value, 1.0, "")


def _heading(name: str) -> str:
    words = [_WORDS.get(word, word) for word in name.replace("-", "_").split("_") if word]
    text = " ".join(words) or name
    return text if words and words[0] in _WORDS.values() else text[:1].upper() + text[1:]


def _size(mib: float) -> str:
    """Return an amount of memory or disk in the unit that leaves few digits before the point."""
    scaled, unit = mib, 0
    while abs(scaled) >= 1024 and unit + 1 < len(_SIZES) and math.isfinite(scaled):
        scaled, unit = scaled / 1024, unit + 1
    return _amount(scaled, 1.0, _SIZES[unit])


def _amount(value: object, scale: float, unit: str) -> str:
    if not _is_number(value):
        return _said(value)
    number = float(value) * scale
    text = number_text(number, _decimals(number))
    return f"{text}{THIN_SPACE}{unit}" if unit and text != DASH else text


def _decimals(number: float) -> int:
    """Return how many decimals leave three digits that mean something, none of a whole number."""
    if not math.isfinite(number) or number == round(number) or abs(number) >= 1000:
        return 0
    return max(0, min(6, 2 - math.floor(math.log10(abs(number)))))


def _said(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return DASH if value is None else str(value)


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
