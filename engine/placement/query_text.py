"""Queries for allocation candidates as texts: read from URL parameters as placement reads them, written as nova writes.

Source: placement/lib.py, placement/util.py, placement/schemas/allocation_candidate.py for reading;
nova/scheduler/utils.py and nova/objects/request_spec.py for the normal form.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Collection, Container, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode

from engine.errors import InvalidRequestError
from engine.model.candidates import CandidateQuery, RequestGroup
from engine.placement.query_rules import GROUP_POLICIES, check_query

OLDEST = (1, 25)
"""The first microversion with groups; older queries are refused."""

_SINCE = {"in_tree": (1, 31), "root_required": (1, 35), "same_subtree": (1, 36)}
_FORBIDDEN_AGGREGATES = (1, 32)
_NAMED_SUFFIXES = (1, 33)
_WITHOUT_RESOURCES = (1, 36)
_ANY_TRAIT = (1, 39)
_KEY = re.compile(r"(resources|required|member_of|in_tree)([a-zA-Z0-9_-]{1,64})?", re.ASCII)
_NUMBERED = re.compile(r"[1-9][0-9]*", re.ASCII)
_LIMIT = re.compile(r"[1-9][0-9]{0,99}", re.ASCII)


@dataclass(slots=True)
class _Draft:
    """A group being read."""

    resources: dict[str, int] = field(default_factory=dict)
    required: list[frozenset[str]] = field(default_factory=list)
    forbidden: set[str] = field(default_factory=set)
    member_of: set[frozenset[str]] = field(default_factory=set)
    forbidden_aggregates: set[str] = field(default_factory=set)
    in_tree: str = ""

    def finished(self, suffix: str) -> RequestGroup:
        """Return the group."""
        return RequestGroup(
            suffix=suffix,
            resources=tuple(sorted(self.resources.items())),
            required=frozenset(trait for traits in self.required if len(traits) == 1 for trait in traits),
            forbidden=frozenset(self.forbidden),
            any_of=frozenset(traits for traits in self.required if len(traits) > 1),
            member_of=frozenset(self.member_of),
            forbidden_aggregates=frozenset(self.forbidden_aggregates),
            in_tree=self.in_tree,
        )


def query_of(
    params: Sequence[tuple[str, str]],
    microversion: tuple[int, int] = _ANY_TRAIT,
    *,
    traits: Container[str] | None = None,
    resource_classes: Container[str] | None = None,
) -> CandidateQuery:
    """Return the query that decoded URL parameters spell; raise InvalidRequestError where placement answers 400.

    ``traits`` and ``resource_classes`` are the names that exist; None lets every name pass. ``limit`` is checked but is
    no part of a query: read it with ``limit_of``.
    """
    if microversion < OLDEST:
        raise InvalidRequestError(f"microversion {_dotted(microversion)} has no groups: use {_dotted(OLDEST)} or later")
    drafts: dict[str, _Draft] = {}
    whole: dict[str, list[str]] = {"limit": [], "group_policy": [], "root_required": [], "same_subtree": []}
    for key, value in params:
        if key in whole:
            _check_known(key, microversion)
            whole[key].append(value)
            continue
        match = _KEY.fullmatch(key)
        suffix = (match[2] or "") if match else ""
        if match is None or (suffix and microversion < _NAMED_SUFFIXES and not _NUMBERED.fullmatch(suffix)):
            raise InvalidRequestError(f"unknown parameter {key!r}")
        _check_known(match[1], microversion)
        _READERS[match[1]](drafts.setdefault(suffix, _Draft()), value, microversion)
    _limit(whole["limit"])
    required, forbidden = _root_required(whole["root_required"])
    query = CandidateQuery(
        groups=tuple(draft.finished(suffix) for suffix, draft in drafts.items()),
        group_policy=_group_policy(whole["group_policy"]),
        same_subtree=tuple(map(_suffixes, whole["same_subtree"])),
        root_required=required,
        root_forbidden=forbidden,
    )
    check_query(query)
    if microversion < _WITHOUT_RESOURCES and not all(group.resources for group in query.groups):
        raise InvalidRequestError(
            f"before microversion {_dotted(_WITHOUT_RESOURCES)} every group must ask for resources"
        )
    _check_names(query, traits, resource_classes)
    return query


def limit_of(params: Sequence[tuple[str, str]]) -> int | None:
    """Return how many candidates parameters ask for at most, None for all; raise InvalidRequestError on a bad limit."""
    return _limit([value for key, value in params if key == "limit"])


def query_text(query: CandidateQuery, limit: int | None = None) -> str:
    """Return a query as nova sends it: an encoded query string, its parameters and what is in them sorted."""
    params = [("limit", str(limit))] if limit is not None else []
    if query.group_policy:
        params.append(("group_policy", query.group_policy))
    if query.root_required or query.root_forbidden:
        params.append(("root_required", _trait_list(query.root_required, query.root_forbidden)))
    params += [("same_subtree", ",".join(sorted(suffixes))) for suffixes in query.same_subtree]
    for group in query.groups:
        params += _group_params(group)
    return urlencode(sorted(params))


def _group_params(group: RequestGroup) -> list[tuple[str, str]]:
    suffix = group.suffix
    params = [(f"resources{suffix}", ",".join(sorted(f"{name}:{amount}" for name, amount in group.resources)))]
    if group.required or group.forbidden:
        params.append((f"required{suffix}", _trait_list(group.required, group.forbidden)))
    params += [(f"required{suffix}", "in:" + ",".join(sorted(traits))) for traits in group.any_of]
    params += [(f"member_of{suffix}", "in:" + ",".join(sorted(aggregates))) for aggregates in group.member_of]
    if group.forbidden_aggregates:
        params.append((f"member_of{suffix}", "!in:" + ",".join(sorted(group.forbidden_aggregates))))
    if group.in_tree:
        params.append((f"in_tree{suffix}", group.in_tree))
    return params


def _trait_list(required: Collection[str], forbidden: Collection[str]) -> str:
    return ",".join(sorted(required) + [f"!{trait}" for trait in sorted(forbidden)])


def _check_known(name: str, microversion: tuple[int, int]) -> None:
    since = _SINCE.get(name, OLDEST)
    if microversion < since:
        raise InvalidRequestError(f"{name} needs microversion {_dotted(since)}, not {_dotted(microversion)}")


def _read_resources(draft: _Draft, value: str, microversion: tuple[int, int]) -> None:
    draft.resources = {}
    for item in value.split(","):
        name, colon, text = item.partition(":")
        try:
            amount = int(text) if colon else 0
        except ValueError:
            amount = 0
        if amount < 1:
            raise InvalidRequestError(f"resources must be CLASS:AMOUNT,... with amounts of 1 or more, not {item!r}")
        draft.resources[name] = amount


def _read_required(draft: _Draft, value: str, microversion: tuple[int, int]) -> None:
    if microversion < _ANY_TRAIT:  # then the last of several parameters is the only one that counts
        draft.required, draft.forbidden = [], set()
    if value.startswith("in:"):
        names = frozenset(name.strip() for name in value[3:].split(","))
        if microversion < _ANY_TRAIT or not all(names) or any(name.startswith("!") for name in names):
            raise InvalidRequestError(f"required is no in: list of traits, or in: came before 1.39: {value!r}")
        draft.required.append(names)
        return
    required, forbidden = _traits(value)
    draft.required += [frozenset({name}) for name in sorted(required)]
    draft.forbidden |= forbidden


def _read_member_of(draft: _Draft, value: str, microversion: tuple[int, int]) -> None:
    forbidden = value.startswith("!")
    text = value[1:] if forbidden else value
    uuids = frozenset(text[3:].split(",") if text.startswith("in:") else [text])
    if not all(map(_uuid_like, uuids)):
        raise InvalidRequestError(f"member_of must be one aggregate's uuid, or in: and several, not {value!r}")
    if not forbidden:
        draft.member_of.add(uuids)
    elif microversion < _FORBIDDEN_AGGREGATES:
        raise InvalidRequestError(f"forbidden aggregates need microversion {_dotted(_FORBIDDEN_AGGREGATES)}")
    else:
        draft.forbidden_aggregates |= uuids


def _read_in_tree(draft: _Draft, value: str, microversion: tuple[int, int]) -> None:
    draft.in_tree = value.strip()
    if not _uuid_like(draft.in_tree):
        raise InvalidRequestError(f"in_tree must be a provider's uuid, not {value!r}")


_READERS: dict[str, Callable[[_Draft, str, tuple[int, int]], None]] = {
    "resources": _read_resources,
    "required": _read_required,
    "member_of": _read_member_of,
    "in_tree": _read_in_tree,
}


def _traits(value: str) -> tuple[set[str], set[str]]:
    """Return the required and the forbidden traits of a list; any number of exclamation marks forbids."""
    names = [name.strip() for name in value.split(",")]
    required = {name for name in names if not name.startswith("!")}
    forbidden = {name.lstrip("!") for name in names if name.startswith("!")}
    if not all(required | forbidden):
        raise InvalidRequestError(f"required has an empty trait in {value!r}")
    return required, forbidden


def _root_required(values: list[str]) -> tuple[frozenset[str], frozenset[str]]:
    if not values:
        return frozenset(), frozenset()
    if len(values) > 1 or values[0].startswith("in:"):
        raise InvalidRequestError("root_required may be given once, as a list of traits without in:")
    required, forbidden = _traits(values[0])
    return frozenset(required), frozenset(forbidden)


def _group_policy(values: list[str]) -> str:
    if not all(value in GROUP_POLICIES for value in values):
        raise InvalidRequestError(f"group_policy must be one of {', '.join(GROUP_POLICIES)}, not {values!r}")
    return values[0] if values else ""


def _limit(values: list[str]) -> int | None:
    if not all(_LIMIT.fullmatch(value) for value in values):
        raise InvalidRequestError(f"limit must be a whole number of 1 or more, not {values!r}")
    return int(values[0]) if values else None


def _suffixes(value: str) -> tuple[str, ...]:
    return tuple(sorted({suffix.strip() for suffix in value.split(",")}))


def _check_names(query: CandidateQuery, traits: Container[str] | None, resource_classes: Container[str] | None) -> None:
    named = set(query.root_required | query.root_forbidden)
    for group in query.groups:
        named = named.union(group.required, group.forbidden, *group.any_of)
        for name, _ in group.resources:
            if resource_classes is not None and name not in resource_classes:
                raise InvalidRequestError(f"there is no resource class {name!r}")
    for name in sorted(named):
        if traits is not None and name not in traits:
            raise InvalidRequestError(f"there is no trait {name!r}")


def _uuid_like(text: str) -> bool:
    """Return whether a text is a uuid in any of its spellings, dashes and case aside."""
    try:
        return uuid.UUID(text).hex == text.replace("urn:", "").replace("uuid:", "").strip("{}").replace("-", "").lower()
    except ValueError:
        return False


def _dotted(microversion: tuple[int, int]) -> str:
    return ".".join(map(str, microversion))
