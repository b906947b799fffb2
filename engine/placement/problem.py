"""A query over one tree and those that share with it, as a choice of one provider for each of a few variables."""

from __future__ import annotations

from dataclasses import dataclass, replace

from engine.model.candidates import Amount, Candidate, CandidateQuery, Provider, RequestGroup
from engine.placement.capacity import room, stock, takes
from engine.placement.deployment import Anchor
from engine.placement.eligibility import Stock, may_contribute, root_allows, serves_alone


@dataclass(frozen=True, slots=True)
class Variable:
    """What one provider must be chosen for: a whole group, or one resource class of the group that may be spread.

    ``options`` are indices of the providers that could take it alone, ascending; ``granular`` says that the group is a
    suffixed one, which an isolating group policy keeps apart from the others.
    """

    suffix: str
    amounts: tuple[Amount, ...]
    options: tuple[int, ...]
    granular: bool


@dataclass(frozen=True, slots=True)
class Problem:
    """The variables and the providers: those of the tree in its order (the root first), then the sharing ones.

    ``parents`` are indices, -1 for none; ``rooms`` say, for each provider and each requested class that it has, how
    much all variables together may take; ``wanted`` are the sets of traits of which the spread group's contributors
    must together have one each, ``covers`` the bits of those that each provider meets; ``subtrees`` are tuples of
    variables that must lie under one of their own providers; ``isolate`` keeps granular variables on distinct
    providers; ``from_root`` demands that the root gives something.
    """

    providers: tuple[Provider, ...]
    parents: tuple[int, ...]
    variables: tuple[Variable, ...]
    rooms: tuple[dict[str, int], ...]
    wanted: int
    covers: tuple[int, ...]
    subtrees: tuple[tuple[int, ...], ...]
    isolate: bool
    from_root: bool


def problem_of(
    anchor: Anchor, query: CandidateQuery, *, tree_path: bool, from_root: bool, quirks: bool
) -> Problem | None:
    """Return the problem of a query over one anchor, or None where some variable has nobody to serve it."""
    root = anchor.tree.root
    if not root_allows(root, query):
        return None
    own = anchor.tree.providers
    providers = own + anchor.sharing
    homes = (root.uuid,) * len(own) + anchor.sharing_roots
    stocks = tuple(map(stock, providers))
    variables: list[Variable] = []
    offers: dict[RequestGroup, tuple[int, ...]] = {}
    wanted: tuple[frozenset[str], ...] = ()
    for group in sorted(query.groups, key=lambda item: bool(item.suffix)):
        group = _bound(group, providers, homes)
        if group.suffix or not tree_path:
            like = replace(group, suffix="")  # groups that differ by their suffix only have the same options
            if like not in offers:
                offers[like] = _whole(like, providers, stocks, homes, quirks=quirks)
            found = [Variable(group.suffix, group.resources, offers[like], bool(group.suffix))]
        else:
            found = _spread(group, providers, stocks, len(own))
            wanted = (*(frozenset({trait}) for trait in sorted(group.required)), *sorted(group.any_of, key=sorted))
        if not all(variable.options for variable in found):
            return None
        variables += found
    classes = {name for variable in variables for name, _ in variable.amounts}
    numbers = {variable.suffix: number for number, variable in enumerate(variables) if variable.granular}
    index = {provider.uuid: number for number, provider in enumerate(providers)}
    above = [provider.parent for provider in own] + list(anchor.sharing_parents)
    return Problem(
        providers=providers,
        parents=tuple(index[uuid] if uuid else -1 for uuid in above),
        variables=tuple(variables),
        rooms=tuple({name: room(*held[name]) for name in held if name in classes} for held in stocks),
        wanted=(1 << len(wanted)) - 1,
        covers=tuple(_covers(provider, wanted) for provider in providers),
        subtrees=tuple(tuple(numbers[suffix] for suffix in suffixes) for suffixes in query.same_subtree),
        isolate=query.group_policy == "isolate",
        from_root=from_root,
    )


def candidate_of(problem: Problem, chosen: tuple[int, ...]) -> Candidate:
    """Return the candidate in which each variable is served by the chosen provider."""
    allocations: dict[str, dict[str, int]] = {}
    mappings: dict[str, set[str]] = {}
    for variable, number in zip(problem.variables, chosen, strict=True):
        uuid = problem.providers[number].uuid
        mappings.setdefault(variable.suffix, set()).add(uuid)
        for name, amount in variable.amounts:
            taken = allocations.setdefault(uuid, {})
            taken[name] = taken.get(name, 0) + amount
    return Candidate(
        tuple((uuid, tuple(sorted(taken.items()))) for uuid, taken in sorted(allocations.items())),
        tuple((suffix, tuple(sorted(uuids))) for suffix, uuids in sorted(mappings.items())),
    )


def _bound(group: RequestGroup, providers: tuple[Provider, ...], homes: tuple[str, ...]) -> RequestGroup:
    """Return a group whose in_tree names a root, where it named any provider of a tree."""
    for provider, home in zip(providers, homes, strict=True):
        if provider.uuid == group.in_tree != home:
            return replace(group, in_tree=home)
    return group


def _whole(
    group: RequestGroup,
    providers: tuple[Provider, ...],
    stocks: tuple[Stock, ...],
    homes: tuple[str, ...],
    *,
    quirks: bool,
) -> tuple[int, ...]:
    """Return the providers that can serve a whole group."""
    return tuple(
        number
        for number, provider in enumerate(providers)
        if serves_alone(provider, stocks[number], homes[number], group, quirks=quirks)
    )


def _spread(
    group: RequestGroup, providers: tuple[Provider, ...], stocks: tuple[Stock, ...], own: int
) -> list[Variable]:
    """Return one variable for each class; ``own`` is how many of the providers are the tree's."""
    root = providers[0]
    able = [
        number for number, provider in enumerate(providers) if may_contribute(provider, root, group, own=number < own)
    ]
    variables = []
    for name, amount in sorted(group.resources):
        options = tuple(n for n in able if name in stocks[n] and takes(*stocks[n][name], amount))
        variables.append(Variable("", ((name, amount),), options, granular=False))
    return variables


def _covers(provider: Provider, wanted: tuple[frozenset[str], ...]) -> int:
    return sum(1 << bit for bit, traits in enumerate(wanted) if traits & provider.traits)
