"""Can a host run an image, going by its architecture, hypervisor and vm mode (nova's ImagePropertiesFilter).

The rules are those of nova.scheduler.filters.image_props_filter; the image's properties are renamed and made canonical
as nova.objects.image_meta does. ``requirement_of`` is for once per request, ``is_supported`` for each kind of host.
"""

from __future__ import annotations

import json
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from packaging.version import InvalidVersion, Version

from engine.errors import InvalidSettingError
from engine.scheduler.faults import FilterFault
from engine.scheduler.guest_names import ARCHITECTURES, HYPERVISOR_TYPES, VM_MODES, GuestNames

_LEGACY_NAMES: Final = {
    "hw_architecture": "architecture",
    "hw_vm_mode": "vm_mode",
    "img_hv_requested_version": "hypervisor_version_requires",
    "img_hv_type": "hypervisor_type",
}
"""The older name of a property, which counts where the current one is not set."""

PROPERTIES_READ: Final = (*_LEGACY_NAMES, *_LEGACY_NAMES.values(), "hw_maxphysaddr_bits")
"""The properties that decide: images that agree on these, absence included, ask the same of a host."""

_COMPARISONS: Final[Mapping[str, Callable[[Version, Version], bool]]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "!=": operator.ne,
    "==": operator.eq,
    "<": operator.lt,
    ">": operator.gt,
}
"""The comparisons of a version predicate, the two-character ones first so that a prefix search finds the longer."""


class ImageFacts(Protocol):
    """What one host says of the guests it can run."""

    @property
    def supported_instances(self) -> Sequence[tuple[str, str, str]]:
        """(architecture, hypervisor type, vm mode) of each kind of guest, empty where the host reports none."""
        ...

    @property
    def hypervisor_version(self) -> int:
        """Three decimal digits per part, 8.2.2 is 8002002; 0 where unknown."""
        ...

    @property
    def cpu_info(self) -> str:
        """The CPU's description as the host sent it, JSON or nothing."""
        ...


@dataclass(frozen=True, slots=True)
class ImageRequirement:
    """What an image asks of a host: names that one supported triple holds, comparisons that its version meets, bits.

    ``maxphysaddr_bits`` is the width of physical addresses, 0 for any. Without names nothing is asked: nova then looks
    at neither the version nor the width.
    """

    names: frozenset[str]
    versions: tuple[tuple[str, Version], ...]
    maxphysaddr_bits: int


def supports(
    facts: ImageFacts, properties: Mapping[str, object], default_architecture: str | None, *, nova_quirks: bool = True
) -> bool:
    """Return whether the host can run an image of these properties; errors as of requirement_of and is_supported."""
    return is_supported(facts, requirement_of(properties, default_architecture), nova_quirks=nova_quirks)


def requirement_of(properties: Mapping[str, object], default_architecture: str | None) -> ImageRequirement:
    """Return what an image's properties ask of a host; ``default_architecture`` stands in where they name none.

    Raises FilterFault for a property that nova's image object refuses (an unknown architecture, a malformed version
    predicate), and InvalidSettingError for an unknown default architecture. A request without an image has no
    properties, and the default architecture counts for it too.
    """
    default = _default_architecture(default_architecture)
    checked = (
        _canonical_property(properties, "hw_architecture", ARCHITECTURES) or default,
        _canonical_property(properties, "img_hv_type", HYPERVISOR_TYPES),
        _canonical_property(properties, "hw_vm_mode", VM_MODES),
    )
    return ImageRequirement(
        names=frozenset(name for name in checked if name),
        versions=_requested_versions(properties),
        maxphysaddr_bits=_requested_bits(properties),
    )


def is_supported(facts: ImageFacts, requirement: ImageRequirement, *, nova_quirks: bool = True) -> bool:
    """Return whether a supported triple of the host holds every name asked for, and its version and width suffice.

    Where all else suffices and the image asks for a width, nova takes ``cpu_info``, a text, for a mapping and fails the
    request: that is FilterFault (AttributeError) with ``nova_quirks``. Without them the width is compared, and a host
    that reports none passes, as nova's code means it to.
    """
    if not requirement.names:
        return True
    if not any(requirement.names <= set(triple) for triple in facts.supported_instances):
        return False
    if not _version_suffices(facts.hypervisor_version, requirement.versions):
        return False
    if not requirement.maxphysaddr_bits:
        return True
    if nova_quirks:
        raise FilterFault(
            f"image property 'hw_maxphysaddr_bits' is {requirement.maxphysaddr_bits}: nova cannot evaluate it together "
            "with an architecture, hypervisor type or vm mode, and fails the request",
            nova_exception="AttributeError",
            key="hw_maxphysaddr_bits",
            value=requirement.maxphysaddr_bits,
        )
    bits = _maxphysaddr_bits(facts.cpu_info)
    return not bits or bits >= requirement.maxphysaddr_bits


def shortfall(facts: ImageFacts, requirement: ImageRequirement) -> str:
    """Return what a host that ``is_supported`` rejects would have to have."""
    kinds = facts.supported_instances
    if not any(requirement.names <= set(triple) for triple in kinds):
        offered = ", ".join("/".join(triple) for triple in kinds) or "none"
        return f"a supported instance type with {', '.join(sorted(requirement.names))} instead of {offered}"
    if not _version_suffices(facts.hypervisor_version, requirement.versions):
        wanted = ",".join(f"{symbol}{version}" for symbol, version in requirement.versions)
        return f"a hypervisor version {wanted} instead of {_version(facts.hypervisor_version)}"
    return f"physical addresses of {requirement.maxphysaddr_bits} bits instead of {_maxphysaddr_bits(facts.cpu_info)}"


def _canonical_property(properties: Mapping[str, object], name: str, names: GuestNames) -> str | None:
    """Return the canonical value of a property, None where neither it nor its legacy name is set.

    Both are checked where both are set: nova's image object takes the legacy value first and the current one over it.
    """
    found = None
    for spelled in (_LEGACY_NAMES[name], name):
        if spelled not in properties:
            continue
        value = properties[spelled]
        if value is None:
            raise _refused(spelled, value, "must have a value")
        if not isinstance(value, str):
            raise _refused(spelled, value, "must be text", nova_exception="AttributeError")
        found = names.canonical(value)
        if found is None:
            raise _refused(spelled, value, f"is not one of {', '.join(sorted(names.known))}")
    return found


def _default_architecture(name: str | None) -> str | None:
    """Return the canonical default architecture, None where none is set."""
    if name is None:
        return None
    found = ARCHITECTURES.canonical(name)
    if found is None:
        known = ", ".join(sorted(ARCHITECTURES.known))
        raise InvalidSettingError(f"image_properties_default_architecture {name!r} is not one of {known}", value=name)
    return found


def _requested_versions(properties: Mapping[str, object]) -> tuple[tuple[str, Version], ...]:
    """Return the comparisons of the requested hypervisor version, ``>=6.0,<9``, in the order of PEP 440."""
    found: tuple[tuple[str, Version], ...] = ()
    for spelled in (_LEGACY_NAMES["img_hv_requested_version"], "img_hv_requested_version"):
        if spelled not in properties:
            continue
        value = properties[spelled]
        if not isinstance(value, str):
            raise _refused(spelled, value, "must be text")
        try:
            found = tuple(_comparison(part.strip()) for part in value.split(","))
        except ValueError:  # InvalidVersion, or a number with more digits than Python reads
            raise _refused(spelled, value, "is not a comma-separated list of comparisons such as '>=6.0,<9'") from None
    return found


def _comparison(text: str) -> tuple[str, Version]:
    """Return the operator and the version of one comparison; raises InvalidVersion for anything else."""
    for symbol in _COMPARISONS:
        if text.startswith(symbol):
            return symbol, Version(text.removeprefix(symbol))
    raise InvalidVersion(text)


def _requested_bits(properties: Mapping[str, object]) -> int:
    """Return the bits of address width that the image asks for, 0 where it asks for none."""
    name = "hw_maxphysaddr_bits"
    if name not in properties:
        return 0
    value = properties[name]
    if isinstance(value, str | int | float):
        try:
            return int(value)
        except (ValueError, OverflowError):
            pass
    raise _refused(name, value, "must be a whole number")


def _refused(name: str, value: object, problem: str, nova_exception: str = "ValueError") -> FilterFault:
    """Return the fault of an image property that nova's image object refuses."""
    return FilterFault(
        f"image property {name!r} is {value!r}: it {problem}", nova_exception=nova_exception, key=name, value=value
    )


def _version_suffices(version: int, comparisons: tuple[tuple[str, Version], ...]) -> bool:
    """Return whether a hypervisor version meets every comparison; an unknown version (0) meets all."""
    if version <= 0 or not comparisons:
        return True
    actual = _version(version)
    return all(_COMPARISONS[symbol](actual, wanted) for symbol, wanted in comparisons)


def _version(number: int) -> Version:
    """Return a hypervisor version from nova's number, three decimal digits a part."""
    parts: list[str] = []
    while number > 0:
        number, part = divmod(number, 1000)
        parts.insert(0, str(part))
    return Version(".".join(parts))


def _maxphysaddr_bits(cpu_info: str) -> float:
    """Return the address width that a host's CPU description reports, in bits, 0 where it reports none."""
    try:
        found = json.loads(cpu_info)
    except (ValueError, RecursionError):
        return 0
    for name in ("maxphysaddr", "bits"):
        if not isinstance(found, Mapping):
            return 0
        found = found.get(name)
    return found if isinstance(found, int | float) else 0
