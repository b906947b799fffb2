"""Allocation candidates: all of a deployment's, or the first of one host's that is acceptable.

The order is: trees as the deployment has them; in a tree, for each class of the unsuffixed group (by name) and then
each suffixed group (as the query has them), providers in the order of the tree, the root first, then sharing ones as
given; the last group's provider changes fastest. placement itself states no order and answers in one that differs from
process to process. Source: placement/objects/allocation_candidate.py.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import replace

from engine.model.candidates import Candidate, CandidateQuery, Provider, ProviderTree
from engine.placement.deployment import Anchor, Deployment, anchored, anchors, root_uuids
from engine.placement.problem import candidate_of, problem_of
from engine.placement.query_rules import check_query
from engine.placement.search import Search

NESTED = (1, 29)
"""Since this microversion one candidate may use several providers of one tree."""

LATEST = (1, 39)
"""The microversion whose rules hold unless another is asked for."""


def candidates(
    deployment: Deployment, query: CandidateQuery, *, quirks: bool = False, microversion: tuple[int, int] = LATEST
) -> Iterator[Candidate]:
    """Yield every candidate once, as it is found; raise InvalidRequestError on a query that placement refuses.

    ``quirks`` gives the answers that placement gives to groups without resources (``eligibility.serves_alone``).
    """
    check_query(query)
    roots = root_uuids(deployment)
    if not all(roots.get(group.in_tree) for group in query.groups if group.in_tree):
        return
    query = replace(query, groups=tuple(replace(group, in_tree=roots.get(group.in_tree, "")) for group in query.groups))
    tree_path = deployment.has_trees_or_sharing
    seen: set[Candidate] = set()
    for anchor in anchors(deployment):
        problem = problem_of(anchor, query, tree_path=tree_path, from_root=False, quirks=quirks)
        if problem is None:
            continue
        for chosen in Search(problem).solutions():
            candidate = candidate_of(problem, chosen)
            if candidate not in seen and (microversion >= NESTED or not _nested(candidate, roots)):
                seen.add(candidate)
                yield candidate


def first_candidate(
    tree: ProviderTree,
    sharing: Sequence[Provider],
    query: CandidateQuery,
    *,
    tree_path: bool,
    from_root: bool,
    accept: Callable[[Candidate], bool] | None = None,
    kind: Callable[[Provider], Hashable] | None = None,
    quirks: bool = False,
) -> Candidate | None:
    """Return the first candidate of one tree, of those that ``accept`` takes; None when there is none.

    Of ``sharing``, taken for roots, those in an aggregate with the tree take part. ``tree_path`` is the deployment's
    ``has_trees_or_sharing``; ``from_root`` leaves out candidates that take nothing from the root, which nova never
    sees. The query must have passed ``query_rules.check_query``, and what its groups name in ``in_tree`` must exist.

    Without ``accept`` providers that the query cannot tell apart are never tried in turn. ``accept`` may know more of
    them, such as the NUMA cell that a device belongs to, so with it every candidate counts as different, unless
    ``kind`` says what ``accept`` tells providers apart by: then of candidates that differ only by an exchange of
    providers of equal kind that the query cannot tell apart either, it is asked about the first alone.
    """
    found = anchored(tree, sharing)
    problem = problem_of(
        Anchor(tree, found, tuple(item.uuid for item in found), ("",) * len(found)),
        query,
        tree_path=tree_path,
        from_root=from_root,
        quirks=quirks,
    )
    if problem is None:
        return None
    kinds: Sequence[Hashable] | None
    if accept is None:
        kinds = (None,) * len(problem.providers)
    else:
        kinds = None if kind is None else tuple(map(kind, problem.providers))
    for chosen in Search(problem, kinds, by_group=accept is not None).solutions():
        candidate = candidate_of(problem, chosen)
        if accept is None or accept(candidate):
            return candidate
    return None


def _nested(candidate: Candidate, roots: dict[str, str]) -> bool:
    """Return whether a candidate takes from several providers of one tree."""
    return len({roots[uuid] for uuid, _ in candidate.allocations}) < len(candidate.allocations)
