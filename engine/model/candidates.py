"""Allocation candidates: what is asked of resource providers, the providers, and an answer (placement's vocabulary).

Source: placement's API reference for GET /allocation_candidates and its resource provider trees.
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.model.resources import ResourceInventory

SHARES = "MISC_SHARES_VIA_AGGREGATE"
"""The trait of a provider that gives its resources to all trees with which it is in an aggregate."""

STATUS_DISABLED = "COMPUTE_STATUS_DISABLED"
"""The trait of the own provider of a host whose compute service is disabled, which every request forbids."""

Amount = tuple[str, int]
"""A resource class and how much of it."""


@dataclass(frozen=True, slots=True)
class RequestGroup:
    """Resources wanted together; ``suffix`` is empty for the one group that may be spread over providers.

    ``required`` and ``forbidden`` are traits, each set in ``any_of`` needs one of its traits; each set in ``member_of``
    needs one of its aggregates, none may be in ``forbidden_aggregates``. ``in_tree`` is the uuid of any provider of the
    one tree that may answer, or empty. ``resources`` are sorted.
    """

    suffix: str = ""
    resources: tuple[Amount, ...] = ()
    required: frozenset[str] = frozenset()
    forbidden: frozenset[str] = frozenset()
    any_of: frozenset[frozenset[str]] = frozenset()
    member_of: frozenset[frozenset[str]] = frozenset()
    forbidden_aggregates: frozenset[str] = frozenset()
    in_tree: str = ""


@dataclass(frozen=True, slots=True)
class CandidateQuery:
    """A whole request: its groups, ``group_policy`` (``isolate``, ``none`` or empty), and what binds the groups.

    Each tuple of suffixes in ``same_subtree`` names groups whose providers must be under one of them; ``root_required``
    and ``root_forbidden`` are traits of a tree's root.
    """

    groups: tuple[RequestGroup, ...]
    group_policy: str = ""
    same_subtree: tuple[tuple[str, ...], ...] = ()
    root_required: frozenset[str] = frozenset()
    root_forbidden: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Provider:
    """One resource provider: ``parent`` is empty for a root; ``aggregates`` are uuids.

    ``used`` and ``inventories`` are by resource class, sorted.
    """

    uuid: str
    name: str = ""
    parent: str = ""
    inventories: tuple[tuple[str, ResourceInventory], ...] = ()
    traits: frozenset[str] = frozenset()
    aggregates: frozenset[str] = frozenset()
    used: tuple[Amount, ...] = ()


@dataclass(frozen=True, slots=True)
class ProviderTree:
    """Providers of one tree: the root first, every parent before its children."""

    providers: tuple[Provider, ...]

    @property
    def root(self) -> Provider:
        """The root."""
        return self.providers[0]


@dataclass(frozen=True, slots=True)
class Candidate:
    """One way to give what was asked: amounts by provider uuid, and which providers serve which group's suffix.

    Both are sorted by their key.
    """

    allocations: tuple[tuple[str, tuple[Amount, ...]], ...]
    mappings: tuple[tuple[str, tuple[str, ...]], ...] = ()
