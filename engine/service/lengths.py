"""Lengths: how much one request may name, far above what any does, so that no single one keeps the others waiting."""

from __future__ import annotations

from collections.abc import Mapping

from engine.errors import InvalidRequestError
from engine.v1 import request_spec_pb2

MAX_GROUPS = 256
"""Groups of resources of one request, sets of them that belong under one provider, PCI requests, and specs of each."""
MAX_TRIED = 1024
MAX_NAMES = 16_384
"""Traits or aggregates of one kind, also where they come in sets: all sets' members together."""
MAX_ENTRIES = 4096
"""Extra specs of a flavor, properties of an image, scheduler hints, or facts of a PCI device."""
MAX_SPEC = 255
"""Characters of an extra spec's name and of its value, as in nova."""
MAX_PROPERTY = 65_535
"""Characters of an image property's name and of its value, as in glance."""
_LONGEST = {
    **dict.fromkeys(
        ("required_traits", "forbidden_traits", "root_required_traits", "root_forbidden_traits"), MAX_NAMES
    ),
    **dict.fromkeys(("forbidden_aggregates", "any_of_traits", "member_of", "network_aggregates"), MAX_NAMES),
    **dict.fromkeys(("requested_resources", "same_subtree", "pci_requests"), MAX_GROUPS),
    "tried": MAX_TRIED,
    "scheduler_hints": MAX_ENTRIES,
    "resources": MAX_ENTRIES,
}
_MEMBERS = {
    "any_of_traits": "traits",
    "member_of": "aggregate_uuids",
    "network_aggregates": "aggregate_uuids",
    "same_subtree": "suffixes",
}
"""What the sets of a field are sets of."""


def check_request(message: request_spec_pb2.RequestSpec) -> None:
    """Raise InvalidRequestError, naming the field, for a request that names too much; most name next to nothing."""
    _check_fields(message)
    for group in message.requested_resources:
        _check_fields(group)
    for request in message.pci_requests:
        check_count("pci_requests", len(request.specs), MAX_GROUPS)
        for spec in request.specs:
            check_count("pci_requests", len(spec.facts), MAX_ENTRIES)
    check_texts("image properties", message.image.properties, MAX_PROPERTY, "image")


def _check_fields(message: request_spec_pb2.RequestSpec | request_spec_pb2.RequestGroup) -> None:
    for field, value in message.ListFields():
        longest = _LONGEST.get(field.name)
        if longest is None:
            continue
        check_count(field.name, len(value), longest)
        if field.name in _MEMBERS:
            members = sum(len(getattr(item, _MEMBERS[field.name])) for item in value)
            check_count(f"the sets of {field.name} together", members, MAX_NAMES, field.name)


def check_texts(what: str, texts: Mapping[str, str], longest: int, field: str) -> None:
    """Raise InvalidRequestError for too many texts, or one of more than so many characters, or a name of as many."""
    check_count(what, len(texts), MAX_ENTRIES, field)
    for name, text in texts.items():
        if len(name) > longest or len(text) > longest:
            raise InvalidRequestError(
                f"{what}: {name[:80]!r} and its value may have {longest} characters each, "
                f"not {max(len(name), len(text))}",
                field=field,
            )


def check_count(what: str, many: int, most: int, field: str = "") -> None:
    """Raise InvalidRequestError where there are more than ``most`` of something."""
    if many > most:
        raise InvalidRequestError(f"{what}: there are {many}, at most {most} are allowed", field=field or what)
