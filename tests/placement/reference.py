"""Allocation candidates once more, by trying every combination: slow, plain, and with nothing of the search in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import product

from engine.model.candidates import SHARES, Candidate, CandidateQuery, Provider, ProviderTree, RequestGroup


def all_candidates(trees: list[ProviderTree], query: CandidateQuery) -> set[Candidate]:
    """Return what the rules allow for each tree."""
    return {candidate for tree in trees for candidate in tree_candidates(tree, trees, query)}


def tree_candidates(tree: ProviderTree, trees: list[ProviderTree], query: CandidateQuery) -> set[Candidate]:
    """Return the candidates that one tree anchors."""
    root = tree.root
    if not query.root_required <= root.traits or query.root_forbidden & root.traits:
        return set()
    sharing = [p for other in trees if other is not tree for p in other.providers if SHARES in p.traits]
    sharing = [p for p in sharing if any(p.aggregates & q.aggregates for q in tree.providers)]
    spread = any(len(each.providers) > 1 or SHARES in p.traits for each in trees for p in each.providers)
    homes = {p.uuid: each.root.uuid for each in trees for p in each.providers}
    ways = []
    for group in query.groups:
        if group.in_tree and group.in_tree not in homes:
            return set()
        if group.suffix or not spread:
            alone = [p for p in (*tree.providers, *sharing) if _alone(p, group, homes)]
            ways.append([(group, ((p, group.resources),)) for p in alone])
        else:
            ways.append([(group, way) for way in _spread(tree, sharing, group, homes)])
    parents = {p.uuid: p.parent for p in tree.providers}
    chosen = (list(combination) for combination in product(*ways))
    return {_candidate(each) for each in chosen if _allowed(each, query, parents)}


Way = tuple[tuple[Provider, tuple[tuple[str, int], ...]], ...]


def _alone(p: Provider, group: RequestGroup, homes: dict[str, str]) -> bool:
    return (
        all(_takes(p, name, amount) for name, amount in group.resources)
        and group.required <= p.traits
        and not group.forbidden & p.traits
        and all(traits & p.traits for traits in group.any_of)
        and all(aggregates & p.aggregates for aggregates in group.member_of)
        and not group.forbidden_aggregates & p.aggregates
        and (not group.in_tree or homes[p.uuid] == homes[group.in_tree])
    )


def _spread(tree: ProviderTree, sharing: list[Provider], group: RequestGroup, homes: dict[str, str]) -> Iterator[Way]:
    root = tree.root

    def inside(p: Provider) -> bool:
        return all(aggregates & p.aggregates for aggregates in group.member_of)

    def good(p: Provider) -> bool:
        own = p in tree.providers
        if group.in_tree and not (own and homes[group.in_tree] == root.uuid):
            return False
        return (
            (inside(p) or (own and inside(root)))
            and not group.forbidden_aggregates & (p.aggregates | root.aggregates)
            and not group.forbidden & p.traits
        )

    able = [p for p in (*tree.providers, *sharing) if good(p)]
    for givers in product(*([p for p in able if _takes(p, *wanted)] for wanted in group.resources)):
        traits = frozenset().union(*(p.traits for p in givers))
        if group.required <= traits and all(some & traits for some in group.any_of):
            yield tuple((p, (wanted,)) for p, wanted in zip(givers, group.resources, strict=True))


def _takes(p: Provider, name: str, amount: int) -> bool:
    inventory, used = dict(p.inventories).get(name), dict(p.used).get(name, 0)
    return (
        inventory is not None
        and used + amount <= (inventory.total - inventory.reserved) * inventory.allocation_ratio
        and inventory.min_unit <= amount <= inventory.largest_unit
        and amount % inventory.step_size == 0
    )


def _allowed(chosen: list[tuple[RequestGroup, Way]], query: CandidateQuery, parents: dict[str, str]) -> bool:
    granular = [way[0][0].uuid for group, way in chosen if group.suffix]
    if query.group_policy == "isolate" and len(set(granular)) < len(granular):
        return False
    taken: Counter[tuple[Provider, str]] = Counter()
    for _, way in chosen:
        for p, amounts in way:
            for name, amount in amounts:
                taken[p, name] += amount
    for (p, name), amount in taken.items():
        inventory, used = dict(p.inventories)[name], dict(p.used).get(name, 0)
        if used + amount > int((inventory.total - inventory.reserved) * inventory.allocation_ratio):
            return False
        if amount > inventory.largest_unit:
            return False
    for suffixes in query.same_subtree:
        members = {p.uuid for group, way in chosen if group.suffix in suffixes for p, _ in way}
        if not any(all(head in _above(member, parents) for member in members) for head in members):
            return False
    return True


def _above(uuid: str, parents: dict[str, str]) -> set[str]:
    found = {uuid}
    while uuid := parents.get(uuid, ""):
        found.add(uuid)
    return found


def _candidate(chosen: list[tuple[RequestGroup, Way]]) -> Candidate:
    taken: dict[str, Counter[str]] = {}
    mappings: dict[str, set[str]] = {}
    for group, way in chosen:
        for p, amounts in way:
            mappings.setdefault(group.suffix, set()).add(p.uuid)
            for name, amount in amounts:
                taken.setdefault(p.uuid, Counter())[name] += amount
    return Candidate(
        tuple(sorted((uuid, tuple(sorted(amounts.items()))) for uuid, amounts in taken.items())),
        tuple(sorted((suffix, tuple(sorted(uuids))) for suffix, uuids in mappings.items())),
    )
