"""The groups of resources that a request asks for: its flavor's sizes and extra specs, its image's traits, its ports'.

The rules are those of nova.scheduler.utils.ResourceRequest.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Final

from engine.errors import InvalidRequestError
from engine.fitting.custom_names import CUSTOM, custom_name
from engine.fitting.pci_groups import STANDARD_CLASSES
from engine.model.candidates import RequestGroup
from engine.model.request_spec import RequestSpec
from engine.model.resources import DISK_GB, MEMORY_MB, VCPU
from engine.scheduler.translate.cpus import PCPU, cpu_needs
from engine.scheduler.translate.guest import Guest
from engine.scheduler.translate.guest_traits import feature_traits, memory_encryption

UNSUFFIXED: Final = ""
MEM_ENCRYPTION_CONTEXT: Final = "MEM_ENCRYPTION_CONTEXT"
GROUP_POLICIES: Final = ("none", "isolate")
_GROUP_KEY: Final = re.compile(r"(resources|trait)([a-zA-Z0-9_-]{1,64})?:(.*)")


@dataclass(slots=True)
class Group:
    """A group in the making."""

    resources: dict[str, int] = field(default_factory=dict)
    required: set[str] = field(default_factory=set)
    forbidden: set[str] = field(default_factory=set)

    def ask(self, resource_class: str, amount: str) -> None:
        """Take an amount that an extra spec gives; one that is no whole number, or of no class, says nothing."""
        if not (resource_class in STANDARD_CLASSES or resource_class.startswith(CUSTOM)):
            return
        try:
            number = int(amount)
        except ValueError:
            return
        if number >= 0:
            self.resources[resource_class] = number

    @property
    def required_names(self) -> frozenset[str]:
        """The required traits; an empty name on its own leaves nothing of the parameter, so that it asks for none."""
        return frozenset() if self.required == {""} and not self.forbidden else frozenset(self.required)

    def want(self, trait: str, how: str) -> None:
        """Take a trait that is ``required`` or ``forbidden``; another word says nothing."""
        if how == "required":
            self.required.add(trait)
        elif how == "forbidden":
            self.forbidden.add(trait)


@dataclass(slots=True)
class Groups:
    """All groups of a request, by suffix.

    ``from_flavor`` is how many suffixed ones the flavor names, ``pins_cpus`` whether it asked for a CPU for each vCPU.
    """

    by_suffix: dict[str, Group]
    policy: str = ""
    from_flavor: int = 0
    pins_cpus: bool = False
    outside: dict[str, RequestGroup] = field(default_factory=dict)

    def group(self, suffix: str) -> Group:
        """Return the group of a suffix, made when first asked for."""
        return self.by_suffix.setdefault(suffix, Group())

    def asks_for(self, resource_class: str) -> bool:
        """Return whether any group names the class, be it only to ask for none of it."""
        return any(resource_class in group.resources for group in self.by_suffix.values()) or any(
            name == resource_class for group in self.outside.values() for name, _ in group.resources
        )

    @property
    def required_traits(self) -> frozenset[str]:
        """The traits that any group requires."""
        mine = (group.required for group in self.by_suffix.values())
        return frozenset().union(*mine, *(group.required for group in self.outside.values()))

    def finished(self) -> tuple[RequestGroup, ...]:
        """Return the groups without amounts of 0, and without those that ask for nothing."""
        made = [
            RequestGroup(
                suffix=suffix,
                resources=tuple(sorted(item for item in group.resources.items() if item[1])),
                required=group.required_names,
                forbidden=frozenset(group.forbidden),
            )
            for suffix, group in self.by_suffix.items()
            if any(group.resources.values()) or group.required or group.forbidden
        ]
        given = (
            replace(group, resources=tuple(item for item in group.resources if item[1]))
            for group in self.outside.values()
        )
        return (*made, *(group for group in given if not _is_empty(group)))


def groups_of(request: RequestSpec, guest: Guest, *, pinned: bool = True) -> Groups:
    """Return what a request asks for; without ``pinned``, CPU policies are not looked at, as in nova's fallback.

    Raises InvalidRequestError where flavor and image contradict each other, and for a group of a port or a device
    profile that has no suffix of its own or asks for nothing.
    """
    flavor = request.flavor
    groups = Groups({})
    if flavor.extra_specs:
        _read_extra_specs(groups, guest)
    groups.from_flavor = sum(suffix != UNSUFFIXED for suffix in groups.by_suffix)
    whole = groups.group(UNSUFFIXED)
    if guest.properties:
        for trait in guest.properties.get("traits_required", ()):  # type: ignore[attr-defined]
            whole.required.add(trait)
    if pinned:
        needs = cpu_needs(guest)
        groups.pins_cpus = needs.pins_all
        whole.resources.update(needs.resources)
        if needs.hyperthreading:
            whole.want("HW_CPU_HYPERTHREADING", needs.hyperthreading)
    if request.requested_resources:
        _take_outside(groups, request)
    if not groups.asks_for(VCPU) and not groups.asks_for(PCPU):
        whole.resources[VCPU] = flavor.vcpus
    if not groups.asks_for(MEMORY_MB):
        whole.resources[MEMORY_MB] = flavor.memory_mb
    if not groups.asks_for(DISK_GB):
        whole.resources[DISK_GB] = (
            flavor.ephemeral_gb + -(-flavor.swap_mb // 1024) + (0 if request.is_bfv else flavor.root_gb)
        )
    if not guest.is_bare:
        if memory_encryption(guest) is not None:
            whole.resources[MEM_ENCRYPTION_CONTEXT] = 1
        whole.resources.update(_persistent_memory(flavor.extra_specs.get("hw:pmem", "")))
        whole.required |= feature_traits(guest)
    return groups


def _read_extra_specs(groups: Groups, guest: Guest) -> None:
    """Take ``resources[S]:CLASS``, ``trait[S]:TRAIT`` and ``group_policy``; another policy says nothing."""
    for key, value in guest.flavor.extra_specs.items():
        if key == "group_policy":
            if value in GROUP_POLICIES:
                groups.policy = value
            continue
        found = _GROUP_KEY.fullmatch(key)
        if found is None:
            continue
        kind, suffix, name = found.groups()
        group = groups.group(suffix or UNSUFFIXED)
        if kind == "resources":
            group.ask(name, value)
        else:
            group.want(name, value)


def _take_outside(groups: Groups, request: RequestSpec) -> None:
    """Take the groups of ports and device profiles as they are."""
    for group in request.requested_resources:
        if not group.suffix:
            raise InvalidRequestError(
                "a group of requested_resources has no suffix: name what asks for it", field="requested_resources"
            )
        if _is_empty(group):
            raise InvalidRequestError(
                f"the group {group.suffix!r} of requested_resources asks for nothing: give resources or leave it out",
                field="requested_resources",
            )
        if group.suffix in groups.outside or group.suffix in groups.by_suffix:
            raise InvalidRequestError(
                f"two request groups have the suffix {group.suffix!r}: each needs its own",
                field="requested_resources",
            )
        groups.outside[group.suffix] = group


def _persistent_memory(labels: str) -> dict[str, int]:
    """Return how many namespaces of each class ``hw:pmem`` names, such as ``6GB,6GB,16GB``."""
    wanted: dict[str, int] = {}
    for label in filter(None, (item.strip() for item in labels.split(","))):
        name = custom_name(f"PMEM_NAMESPACE_{label}")
        wanted[name] = wanted.get(name, 0) + 1
    return wanted


def _is_empty(group: RequestGroup) -> bool:
    return not (
        group.resources
        or group.required
        or group.forbidden
        or group.any_of
        or group.member_of
        or group.forbidden_aggregates
    )
