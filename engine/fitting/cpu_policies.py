"""CPU policies of a flavor and an image: which vCPUs are dedicated, how threads are used, where the emulator runs.

The rules are those of the get_*_constraint functions in nova.virt.hardware.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NoReturn

from engine.fitting.cpu_specs import parse_cpu_spec
from engine.fitting.errors import NumaConstraintError
from engine.fitting.image_values import CPU_POLICIES, THREAD_POLICIES, image_text, image_word
from engine.fitting.truth import is_true
from engine.model.flavor import Flavor
from engine.model.image import Image
from engine.model.numa import DEDICATED, MIXED, SHARED

PREFER = "prefer"
ISOLATE = "isolate"
REQUIRE = "require"
"""CPU thread policies; ``isolate`` is also the emulator threads policy that takes a host CPU of its own."""

SHARE = "share"

_RESOURCE_KEY = re.compile(r"resources([1-9][0-9]*)?:(VCPU|PCPU)")
_THREADS_KEY = re.compile(r"trait([1-9][0-9]*)?:HW_CPU_HYPERTHREADING")
_THREADS_TRAIT = "trait:HW_CPU_HYPERTHREADING"


@dataclass(frozen=True, slots=True)
class CpuAmounts:
    """How many vCPUs of a guest are shared and how many host CPUs it needs for itself, emulator threads included."""

    shared: int
    dedicated: int


@dataclass(frozen=True, slots=True)
class CpuPolicies:
    """All that a flavor and an image say about CPUs, checked against each other.

    ``dedicated_cpus`` are the vCPUs with a host CPU of their own: all, some or none.
    """

    policy: str | None
    thread_policy: str | None
    emulator_policy: str | None
    dedicated_cpus: frozenset[int]


def cpu_policy(flavor: Flavor, image: Image) -> str | None:
    """Return ``dedicated``, ``shared``, ``mixed`` or None as hw:cpu_policy and hw_cpu_policy together say.

    Raises NumaConstraintError for another word, and where the image asks for pinning that the flavor denies.
    """
    of_flavor = _flavor_word(flavor, "hw:cpu_policy", CPU_POLICIES, "InvalidCPUAllocationPolicy")
    of_image = image_word(image, "hw_cpu_policy")
    denied = {SHARED: (MIXED, DEDICATED), MIXED: (DEDICATED,)}.get(of_flavor or "", ())
    if of_image in denied:
        _fail(
            f"flavor {flavor.name!r} sets hw:cpu_policy={of_flavor} and the image hw_cpu_policy={of_image}: "
            "choose an image without it, or a flavor with dedicated CPUs",
            "ImageCPUPinningForbidden",
        )
    return of_flavor or of_image


def cpu_thread_policy(flavor: Flavor, image: Image) -> str | None:
    """Return ``prefer``, ``isolate``, ``require`` or None as hw:cpu_thread_policy and hw_cpu_thread_policy say.

    An image decides where the flavor has none; NumaConstraintError where they differ otherwise, or for another word.
    """
    of_flavor = _flavor_word(flavor, "hw:cpu_thread_policy", THREAD_POLICIES, "InvalidCPUThreadAllocationPolicy")
    of_image = image_word(image, "hw_cpu_thread_policy")
    raw = flavor.extra_specs.get("hw:cpu_thread_policy")
    if raw is None or raw == PREFER:
        return of_flavor or of_image
    if of_image and of_image != raw:
        _fail(
            f"flavor {flavor.name!r} sets hw:cpu_thread_policy={raw} and the image hw_cpu_thread_policy={of_image}: "
            "make them agree, or leave it to one of them",
            "ImageCPUThreadPolicyForbidden",
        )
    return of_flavor


def emulator_threads_policy(flavor: Flavor) -> str | None:
    """Return ``share``, ``isolate`` or None as hw:emulator_threads_policy says; NumaConstraintError otherwise."""
    return _flavor_word(flavor, "hw:emulator_threads_policy", (SHARE, ISOLATE), "InvalidEmulatorThreadsPolicy")


def dedicated_mask(flavor: Flavor) -> frozenset[int] | None:
    """Return the vCPUs of hw:cpu_dedicated_mask, None without it.

    A mask that begins with a caret excludes from all vCPUs. NumaConstraintError where no vCPU, or every one, is in it
    and where it names a vCPU that the flavor has not.
    """
    mask = flavor.extra_specs.get("hw:cpu_dedicated_mask")
    if not mask:
        return None
    chosen = _masked(flavor, mask, "hw:cpu_dedicated_mask")
    every = frozenset(range(flavor.vcpus))
    if not chosen or every <= chosen or not chosen <= every:
        _fail(
            f"hw:cpu_dedicated_mask={mask} of flavor {flavor.name!r} must name some of its {flavor.vcpus} vCPUs, "
            "not all of them and no others",
            "InvalidMixedInstanceDedicatedMask",
        )
    return chosen


def realtime_mask(flavor: Flavor, image: Image) -> frozenset[int] | None:
    """Return the realtime vCPUs where hw:cpu_realtime is on, None where it is off.

    The image's hw_cpu_realtime_mask goes before the flavor's; without any mask every vCPU is one. NumaConstraintError
    for none, for one the flavor has not, and for all of them without an emulator threads policy.
    """
    if not is_true(flavor.extra_specs.get("hw:cpu_realtime")):
        return None
    every = frozenset(range(flavor.vcpus))
    mask = image_text(image, "hw_cpu_realtime_mask") or flavor.extra_specs.get("hw:cpu_realtime_mask")
    chosen = _masked(flavor, mask, "the realtime CPU mask") if mask else every
    emulator = emulator_threads_policy(flavor) if chosen else None
    if not chosen or (chosen == every and not emulator) or not chosen <= every:
        _fail(
            f"flavor {flavor.name!r} has hw:cpu_realtime, so hw:cpu_realtime_mask (or hw_cpu_realtime_mask) must name "
            f"some of its {flavor.vcpus} vCPUs, and may name all of them only with hw:emulator_threads_policy",
            "RealtimeMaskNotFoundOrInvalid",
        )
    return chosen


def cpu_amounts(flavor: Flavor, image: Image) -> CpuAmounts | None:
    """Return what a pinned guest counts as VCPU and PCPU where hw:cpu_policy asks for pinning, else None.

    The rule is that of ResourceRequest in nova.scheduler.utils: one PCPU more for isolated emulator threads.
    """
    policy = cpu_policy(flavor, image)
    if policy == DEDICATED:
        dedicated = flavor.vcpus
    elif policy == MIXED:
        dedicated = len(dedicated_mask(flavor) or realtime_mask(flavor, image) or ())
    else:
        return None
    extra = 1 if emulator_threads_policy(flavor) == ISOLATE else 0
    return CpuAmounts(flavor.vcpus - dedicated, dedicated + extra)


def cpu_policies(flavor: Flavor, image: Image) -> CpuPolicies:
    """Return what holds for the guest's CPUs, however the flavor and the image say it.

    ``resources:PCPU`` and ``resources:VCPU`` stand for a policy, ``trait:HW_CPU_HYPERTHREADING`` for a thread policy.
    Raises NumaConstraintError where two ways of saying it are mixed or one contradicts another.
    """
    policy = cpu_policy(flavor, image)
    threads = cpu_thread_policy(flavor, image)
    realtime = realtime_mask(flavor, image)
    mask = dedicated_mask(flavor)
    emulator = emulator_threads_policy(flavor)
    policy = _alone(flavor, policy) if policy else _policy_by_resources(flavor, emulator)
    threads = _threads_by_trait(flavor, image, threads)
    if policy in (SHARED, None):
        _check_unpinned(flavor, threads, emulator, mask, realtime)
        return CpuPolicies(policy, threads, emulator, frozenset())
    if policy == DEDICATED:
        if mask:
            _fail_mask_needs_mixed(flavor)
        return CpuPolicies(policy, threads, emulator, frozenset(range(flavor.vcpus)))
    if bool(realtime) == bool(mask):
        _fail(
            f"flavor {flavor.name!r} has mixed CPUs: say which are dedicated with hw:cpu_dedicated_mask or with "
            "hw:cpu_realtime_mask, one of the two",
            "RequiredMixedOrRealtimeCPUMask",
        )
    return CpuPolicies(policy, threads, emulator, mask or realtime or frozenset())


def has_threads(siblings: tuple[frozenset[int], ...]) -> bool:
    """Return whether any core of these has more than one hardware thread."""
    return any(len(threads) > 1 for threads in siblings)


def _flavor_word(flavor: Flavor, key: str, words: tuple[str, ...], nova_exception: str) -> str | None:
    """Return an extra spec that takes one of a few words, None where it is absent or empty."""
    value = flavor.extra_specs.get(key)
    if not value:
        return None
    if value not in words:
        _fail(f"flavor {flavor.name!r} sets {key}={value}: it must be one of {', '.join(words)}", nova_exception)
    return value


def _masked(flavor: Flavor, mask: str, name: str) -> frozenset[int]:
    """Return the vCPUs of a mask; one that begins with a caret excludes from all."""
    if mask.strip().startswith("^"):
        mask = f"0-{flavor.vcpus - 1},{mask}"
    return parse_cpu_spec(mask, name=name)


def _resource_amounts(flavor: Flavor) -> dict[str, int]:
    """Return the VCPU and PCPU that extra specs ask for; what is no whole number is refused elsewhere."""
    amounts = {"VCPU": 0, "PCPU": 0}
    for key, value in flavor.extra_specs.items():
        match = _RESOURCE_KEY.match(key)
        if match:
            try:
                amounts[match[2]] += int(value)
            except ValueError:
                continue
    return amounts


def _alone(flavor: Flavor, policy: str) -> str:
    """Return the policy; NumaConstraintError where extra specs also ask for VCPU or PCPU amounts."""
    if any(_resource_amounts(flavor).values()):
        _fail(
            f"flavor {flavor.name!r} gives resources:VCPU or resources:PCPU beside a CPU policy: use one of the two",
            "InvalidRequest",
        )
    return policy


def _policy_by_resources(flavor: Flavor, emulator: str | None) -> str | None:
    """Return the policy that VCPU or PCPU amounts stand for, None without them."""
    amounts = _resource_amounts(flavor)
    if amounts["VCPU"] and amounts["PCPU"]:
        _fail(
            f"flavor {flavor.name!r} gives both resources:VCPU and resources:PCPU: for some of each, use "
            "hw:cpu_policy=mixed",
            "InvalidRequest",
        )
    if amounts["PCPU"]:
        needed = flavor.vcpus + (1 if emulator == ISOLATE else 0)
        if amounts["PCPU"] != needed:
            _fail(
                f"flavor {flavor.name!r} gives resources:PCPU={amounts['PCPU']}: with {flavor.vcpus} vCPUs and "
                f"hw:emulator_threads_policy={emulator} it must be {needed}",
                "InvalidRequest",
            )
        return DEDICATED
    return SHARED if amounts["VCPU"] else None


def _threads_by_trait(flavor: Flavor, image: Image, policy: str | None) -> str | None:
    """Return the thread policy, which the hyperthreading trait may stand for."""
    trait = next((value for key, value in flavor.extra_specs.items() if _THREADS_KEY.match(key)), None)
    if trait is None and str(image.properties.get(_THREADS_TRAIT)) == "required":
        trait = "required"
    if policy and trait:
        _fail(
            f"flavor {flavor.name!r} or the image names both a CPU thread policy and {_THREADS_TRAIT}: "
            "use one of the two",
            "InvalidRequest",
        )
    return {"forbidden": ISOLATE, "required": REQUIRE}.get(trait or "", policy)


def _check_unpinned(
    flavor: Flavor,
    threads: str | None,
    emulator: str | None,
    mask: frozenset[int] | None,
    realtime: frozenset[int] | None,
) -> None:
    """Raise NumaConstraintError for what only a guest with dedicated CPUs can have."""
    if threads:
        _fail(
            f"flavor {flavor.name!r} or the image sets a CPU thread policy ({threads}), which needs dedicated CPUs: "
            "set hw:cpu_policy",
            "CPUThreadPolicyConfigurationInvalid",
        )
    if emulator == ISOLATE:
        _fail(
            f"flavor {flavor.name!r} sets hw:emulator_threads_policy=isolate, which needs dedicated CPUs: "
            "set hw:cpu_policy",
            "BadRequirementEmulatorThreadsPolicy",
        )
    if mask:
        _fail_mask_needs_mixed(flavor)
    if realtime:
        _fail(
            f"flavor {flavor.name!r} sets hw:cpu_realtime, which needs dedicated CPUs: set hw:cpu_policy",
            "RealtimeConfigurationInvalid",
        )


def _fail_mask_needs_mixed(flavor: Flavor) -> NoReturn:
    """Raise the error of a dedicated mask on a flavor whose CPUs are not mixed."""
    _fail(
        f"flavor {flavor.name!r} sets hw:cpu_dedicated_mask, which goes with hw:cpu_policy=mixed only",
        "RequiredMixedInstancePolicy",
    )


def _fail(message: str, nova_exception: str) -> NoReturn:
    """Raise a NumaConstraintError."""
    raise NumaConstraintError(message, nova_exception=nova_exception)
