"""What a guest's CPU policies ask of placement: dedicated CPUs as PCPU, and hosts with or without hyperthreading."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from engine.fitting.cpu_policies import (
    ISOLATE,
    REQUIRE,
    cpu_amounts,
    cpu_policy,
    cpu_thread_policy,
    emulator_threads_policy,
)
from engine.model.numa import DEDICATED, MIXED
from engine.model.resources import VCPU
from engine.scheduler.translate.guest import Guest

PCPU: Final = "PCPU"
CPU_SPECS: Final = frozenset(
    {
        "hw:cpu_dedicated_mask",
        "hw:cpu_policy",
        "hw:cpu_realtime",
        "hw:cpu_realtime_mask",
        "hw:cpu_thread_policy",
        "hw:emulator_threads_policy",
    }
)
"""The extra specs on which ``cpu_needs`` depends; no other changes its answer."""

_HYPERTHREADING: Final = {ISOLATE: "forbidden", REQUIRE: "required"}


@dataclass(frozen=True, slots=True)
class CpuNeeds:
    """Amounts of VCPU and PCPU, none where no vCPU is dedicated.

    ``pins_all`` is whether every vCPU is dedicated; ``hyperthreading`` is ``required``, ``forbidden`` or empty.
    """

    resources: Mapping[str, int]
    pins_all: bool = False
    hyperthreading: str = ""


_NO_NEEDS: Final = CpuNeeds({})


def cpu_needs(guest: Guest) -> CpuNeeds:
    """Return what the guest's CPU policies ask for (nova.scheduler.utils, ResourceRequest).

    Raises NumaConstraintError for unknown words, and where flavor and image contradict each other.
    """
    if guest.is_bare:
        return _NO_NEEDS
    flavor, image = guest.flavor, guest.image
    policy = cpu_policy(flavor, image)
    emulator_threads_policy(flavor)  # nova reads it, and refuses an unknown word, whether or not the CPUs are pinned
    hyperthreading = _HYPERTHREADING.get(cpu_thread_policy(flavor, image) or "", "")
    amounts = cpu_amounts(flavor, image)
    if amounts is None:
        return CpuNeeds({}, hyperthreading=hyperthreading)
    shared = {VCPU: amounts.shared} if policy == MIXED else {}
    return CpuNeeds({**shared, PCPU: amounts.dedicated}, policy == DEDICATED, hyperthreading)
