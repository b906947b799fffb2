"""The traits that a host without further providers must and must not have for a request."""

from __future__ import annotations

from typing import Final

from engine.model.request_spec import RequestSpec
from engine.scheduler.translate.cpus import CPU_SPECS
from engine.scheduler.translate.groups import UNSUFFIXED, groups_of
from engine.scheduler.translate.guest import guest_of
from engine.scheduler.translate.guest_traits import FEATURE_SPECS

TraitsKey = tuple[object, ...]
_SPECS: Final = CPU_SPECS | FEATURE_SPECS
_TRAIT: Final = "trait:"
_PROPERTIES: Final = ("hw_", "os_secure_boot", _TRAIT)
"""How the image properties begin on which ``host_traits`` depends: those of devices and CPUs, and traits."""


def host_traits(request: RequestSpec) -> tuple[frozenset[str], frozenset[str]]:
    """Return the traits such a host must have and those it must not: of the unsuffixed group, and of the root.

    Raises InvalidRequestError where flavor and image contradict each other.
    """
    required = request.required_traits | request.root_required
    forbidden = request.forbidden_traits | request.root_forbidden
    if not request.flavor.extra_specs and not request.image.properties:
        return required, forbidden
    whole = groups_of(request, guest_of(request)).group(UNSUFFIXED)
    return required | whole.required_names, forbidden | whole.forbidden


def host_traits_key(request: RequestSpec) -> TraitsKey:
    """Return what ``host_traits`` and the sets of which one trait is needed depend on: equal keys, equal answers."""
    own = (
        request.required_traits,
        request.forbidden_traits,
        request.root_required,
        request.root_forbidden,
        request.any_of_traits,
    )
    specs, properties = request.flavor.extra_specs, request.image.properties
    if not specs and not properties:
        return own
    telling = tuple(item for item in specs.items() if item[0] in _SPECS or item[0].startswith(_TRAIT))
    told = tuple((name, repr(value)) for name, value in properties.items() if name.startswith(_PROPERTIES))
    return (*own, request.flavor.vcpus, telling, told) if telling or told else own
