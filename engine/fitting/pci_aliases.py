"""PCI aliases ([pci]alias), and the device requests that flavors and images make through them (nova.pci.request)."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from engine.errors import InvalidSettingError
from engine.fitting.pci_alias_text import AliasText, alias_text
from engine.fitting.pci_errors import PciRequestError
from engine.model.flavor import Flavor
from engine.model.image import Image
from engine.model.pci import NUMA_POLICIES, PciRequest, PciSpec

FLAVOR_ALIAS = "pci_passthrough:alias"
FLAVOR_NUMA_POLICY = "hw:pci_numa_affinity_policy"
IMAGE_NUMA_POLICY = "hw_pci_numa_affinity_policy"

_REQUEST_IDS = uuid.UUID("5d3f9a52-8a0b-4c61-9d0e-6e0b7c1f2a44")
"""The namespace of the ids of requests: the same flavor gives the same ids, so that equal requests are equal."""


@dataclass(frozen=True, slots=True)
class Alias:
    """What one name stands for: a device that meets any of ``specs``, as near as ``numa_policy`` says."""

    numa_policy: str
    specs: tuple[PciSpec, ...]


@dataclass(frozen=True, slots=True)
class Aliases:
    """The aliases by name."""

    by_name: Mapping[str, Alias] = field(default_factory=dict)


def parse_aliases(texts: Sequence[str], *, pci_in_placement: bool = False) -> Aliases:
    """Return the aliases of the JSON texts of [pci]alias; texts of one name add specs to it.

    With ``pci_in_placement`` an alias has one spec, and needs either ids or a resource class. Raises
    InvalidSettingError, where nova raises PciInvalidAlias.
    """
    found: dict[str, list[AliasText]] = {}
    for text in texts:
        parsed = alias_text(text)
        earlier = found.setdefault(parsed.name, [])
        if earlier:
            _check_alike(earlier[0], parsed)
        earlier.append(parsed)
    for name, parts in found.items():
        if pci_in_placement and len(parts) > 1:
            raise _invalid(
                name,
                "is defined more than once, which pci_in_placement does not allow: give its devices one "
                "resource_class and define it once by that",
            )
        for part in parts:
            _check_ids(part, pci_in_placement=pci_in_placement)
    return Aliases(
        {name: Alias(parts[0].numa_policy, tuple(part.spec for part in parts)) for name, parts in found.items()}
    )


def pci_requests(flavor: Flavor, image: Image, aliases: Aliases) -> tuple[PciRequest, ...]:
    """Return the requests that ``pci_passthrough:alias`` makes, one for each ``name:count``, in its order.

    Raises PciRequestError for an unknown alias, a text that is no ``name:count``, and NUMA policies that are unknown
    or contradict each other.
    """
    policy = pci_numa_policy(flavor, image)
    text = flavor.extra_specs.get(FLAVOR_ALIAS)
    if text is None:
        return ()
    return tuple(_request(index, part, policy, aliases) for index, part in enumerate(text.split(",")))


def pci_numa_policy(flavor: Flavor, image: Image) -> str:
    """Return the NUMA policy for devices that the flavor or the image asks for, empty for none; raise PciRequestError.

    It goes before an alias's own policy.
    """
    of_flavor = flavor.extra_specs.get(FLAVOR_NUMA_POLICY)
    of_image = image.properties.get(IMAGE_NUMA_POLICY)
    if IMAGE_NUMA_POLICY in image.properties and of_image not in NUMA_POLICIES:
        raise PciRequestError(
            f"image property {IMAGE_NUMA_POLICY} is {of_image!r}: give one of {', '.join(NUMA_POLICIES)}",
            nova_exception="ValueError",
        )
    if of_flavor and of_image and of_flavor != of_image:
        raise PciRequestError(
            f"the flavor's {FLAVOR_NUMA_POLICY} is {of_flavor!r} and the image's {IMAGE_NUMA_POLICY} {of_image!r}: "
            "make them equal or leave one out",
            nova_exception="ImagePCINUMAPolicyForbidden",
        )
    policy = of_flavor or of_image
    if policy and policy not in NUMA_POLICIES:
        raise PciRequestError(
            f"extra spec {FLAVOR_NUMA_POLICY} is {policy!r}: give one of {', '.join(NUMA_POLICIES)}",
            nova_exception="InvalidPCINUMAAffinity",
        )
    return str(policy) if policy else ""


def _request(index: int, part: str, policy: str, aliases: Aliases) -> PciRequest:
    pieces = part.split(":")
    if len(pieces) != 2:
        raise _wrong_text(part)
    name = pieces[0].strip()
    alias = aliases.by_name.get(name)
    if alias is None:
        raise PciRequestError(
            f"extra spec {FLAVOR_ALIAS} names {name!r}, which is no alias of [pci]alias",
            nova_exception="PciRequestAliasNotDefined",
            alias=name,
        )
    try:
        count = int(pieces[1])
    except ValueError as error:
        raise _wrong_text(part) from error
    migratable = {dict(spec).get("live_migratable") for spec in alias.specs}
    return PciRequest(
        count=count,
        specs=alias.specs,
        numa_policy=policy or alias.numa_policy,
        request_id=str(uuid.uuid5(_REQUEST_IDS, f"{index} {name}")),
        alias_name=name,
        live_migratable=next((each == "true" for each in migratable if len(migratable) == 1 and each), None),
    )


def _wrong_text(part: str) -> PciRequestError:
    return PciRequestError(
        f"extra spec {FLAVOR_ALIAS} has {part!r}, which is no NAME:COUNT: separate several with commas",
        nova_exception="ValueError",
    )


def _check_alike(first: AliasText, other: AliasText) -> None:
    if first.numa_policy != other.numa_policy:
        raise _invalid(other.name, "is defined with different values of numa_policy: make them equal")
    kinds = [dict(each.spec).get("dev_type") for each in (first, other)]
    if kinds[0] is None or kinds[0] != kinds[1]:
        raise _invalid(other.name, "is defined more than once: give each definition the same device_type")


def _check_ids(part: AliasText, *, pci_in_placement: bool) -> None:
    names = {name for name, _ in part.spec}
    if {"vendor_id", "product_id"} <= names or (pci_in_placement and "resource_class" in names):
        return
    wanted = "vendor_id and product_id" + (", or resource_class" if pci_in_placement else "")
    raise _invalid(part.name, f"needs {wanted}")


def _invalid(name: str, what: str) -> InvalidSettingError:
    return InvalidSettingError(f"pci_alias: alias {name!r} {what}", setting="pci_alias", alias=name)
