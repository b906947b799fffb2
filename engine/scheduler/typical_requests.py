"""Typical requests: what is mostly asked of GPUs, against which the fragmentation of a host is measured."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from engine.errors import InvalidSettingError
from engine.model.limits import MAX_AMOUNT, MAX_VCPUS

_SETTING = "gpu_typical_requests"
_LIMITS = (("vcpus", MAX_VCPUS), ("amount", MAX_AMOUNT), ("count", 1024))


@dataclass(frozen=True, slots=True)
class TypicalRequest:
    """``count`` GPUs of which ``amount`` each is wanted, beside ``vcpus``, and how often in proportion to the others.

    A ``count`` of 0 wants no GPU at all.
    """

    vcpus: int
    amount: int
    count: int
    weight: float


@cache
def typical_requests(entries: tuple[str, ...]) -> tuple[TypicalRequest, ...]:
    """Return what each entry, ``vcpus:amount:count:weight``, says; raise InvalidSettingError that names a wrong one."""
    return tuple(_parsed(entry) for entry in entries)


def _parsed(entry: str) -> TypicalRequest:
    parts = entry.split(":")
    try:
        vcpus, amount, count = (int(part) for part in parts[:3])
        (weight,) = (float(part) for part in parts[3:])
    except ValueError as error:
        raise InvalidSettingError(
            f"{_SETTING}: {entry!r} is not vcpus:amount:count:weight, such as 8000:500:1:0.25", setting=_SETTING
        ) from error
    for (name, most), value in zip(_LIMITS, (vcpus, amount, count), strict=True):
        if not 0 <= value <= most:
            raise InvalidSettingError(f"{_SETTING}: {name} of {entry!r} must be from 0 to {most}", setting=_SETTING)
    if bool(amount) != bool(count):
        raise InvalidSettingError(
            f"{_SETTING}: {entry!r} gives one of amount and count: give both, or 0 for both", setting=_SETTING
        )
    if not 0 < weight < float("inf"):
        raise InvalidSettingError(f"{_SETTING}: the weight of {entry!r} must be above 0, and finite", setting=_SETTING)
    return TypicalRequest(vcpus, amount, count, weight)
