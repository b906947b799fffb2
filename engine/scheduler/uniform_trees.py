"""Whether providers of a tree can serve suffixed groups that ask for one resource class: a count instead of a search.

A host's GPUs are alike: children with an amount each of one class, of which a request wants some of one, or some each
of several. As long as nothing else binds the groups, a candidate exists where the k-th largest room among the tree's
providers holds the k-th largest amount, and what the host's own provider says is the same for all such trees. The rooms
of a tree are kept as a row of numbers for each distinct tree, so that thousands of hosts are told at once (the rules
are those of engine.placement.problem and engine.placement.capacity).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.inventory.profiles import Numbering
from engine.inventory.provider_shapes import offers_columns
from engine.model.candidates import CandidateQuery, ProviderTree, RequestGroup
from engine.model.resources import RESOURCE_CLASSES, ResourceInventory
from engine.placement.capacity import room, stock

Trees = Numbering[ProviderTree | None]
_MOST_ROOM = 2**31 - 1
_MOST_PROVIDERS = 64
"""A tree in which more providers have the class is searched instead: rows of rooms are as long as the longest."""


@dataclass(frozen=True, slots=True)
class TreeAsk:
    """What suffixed groups ask of a tree: ``amounts`` of one resource class, one a group, the largest first.

    ``isolated``: each of another provider; otherwise all amounts are the same, and one provider may give several.
    """

    resource_class: str
    amounts: tuple[int, ...]
    isolated: bool

    def served_by(self, rooms: npt.NDArray[np.int32]) -> npt.NDArray[np.bool_]:
        """Return bool[n]: whether providers with this much room (int32[n, providers], 0 for none) serve the groups."""
        many = len(self.amounts)
        if many == 1:
            return np.asarray((rooms >= self.amounts[0]).any(axis=1))
        if not self.isolated:
            return np.asarray((rooms // self.amounts[0]).sum(axis=1, dtype=np.int64) >= many)
        if self.amounts[0] == self.amounts[-1]:
            return np.asarray((rooms >= self.amounts[0]).sum(axis=1) >= many)
        if rooms.shape[1] < many:
            return np.zeros(len(rooms), dtype=np.bool_)
        largest = np.sort(rooms, axis=1)[:, ::-1][:, :many]
        return np.asarray((largest >= np.array(self.amounts)).all(axis=1))


def tree_ask(queries: Sequence[CandidateQuery]) -> TreeAsk | None:
    """Return what the queries' suffixed groups ask of a tree, None where a count of rooms cannot tell.

    There must be one query whose unsuffixed group asks for classes of columns only, wherever it asks for them, and
    whose suffixed ones ask for one other class, by amount alone.
    """
    if len(queries) != 1 or queries[0].same_subtree:
        return None
    query = queries[0]
    suffixed = [group for group in query.groups if group.suffix]
    whole = next((group for group in query.groups if not group.suffix), RequestGroup())
    own = {name for name, _ in whole.resources}
    if not suffixed or not own or not own <= set(RESOURCE_CLASSES) or whole.in_tree:
        return None
    if any(group != RequestGroup(group.suffix, group.resources) or len(group.resources) != 1 for group in suffixed):
        return None
    classes = {name for group in suffixed for name, _ in group.resources}
    amounts = sorted((amount for group in suffixed for _, amount in group.resources), reverse=True)
    isolated = len(amounts) == 1 or query.group_policy == "isolate"
    if len(classes) != 1 or classes & set(RESOURCE_CLASSES) or not 0 < amounts[-1] <= amounts[0] <= _MOST_ROOM:
        return None
    if not isolated and amounts[0] != amounts[-1]:
        return None
    return TreeAsk(classes.pop(), tuple(amounts), isolated)


class TreeRooms:
    """How much room for one resource class each provider has of each distinct tree that was asked about."""

    def __init__(self, resource_class: str) -> None:
        self.resource_class = resource_class
        self._trees: Trees | None = None
        self._rooms = np.zeros((0, 0), dtype=np.int32)
        self._plain = np.zeros(0, dtype=np.bool_)
        self._known = np.zeros(0, dtype=np.bool_)
        self._capacities = np.zeros((0, 2), dtype=np.int64)

    def of(self, trees: Trees, codes: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
        """Return int32[n, providers]: the rooms that each of ``codes`` has, in its tree's order and 0 beyond its last.

        A tree in which too many providers have the class counts as one without any.
        """
        self._learn_all(trees, codes)
        return self._rooms[codes]

    def tell_all(self, trees: Trees, codes: npt.NDArray[np.int32]) -> npt.NDArray[np.bool_]:
        """Return bool[n]: whether the rooms decide what a tree serves, and else only its own provider does.

        False where another provider gives what columns count, or one gives the class in pieces.
        """
        self._learn_all(trees, codes)
        return self._plain[codes]

    def capacities(self, trees: Trees, codes: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
        """Return int64[n, 2]: how much of the class an unused tree has in all, and how much its largest provider."""
        self._learn_all(trees, codes)
        return self._capacities[codes]

    def _learn_all(self, trees: Trees, codes: npt.NDArray[np.int32]) -> None:
        if self._trees is not trees or len(self._known) < len(trees):
            self._make_room(trees)
        known = self._known[codes]
        if not known.all():
            for code in np.unique(codes[~known]).tolist():
                self._learn(code, trees.values[code])

    def _make_room(self, trees: Trees) -> None:
        """Make the arrays long enough for all trees there are, and forget what another numbering meant."""
        kept = len(self._known) if self._trees is trees else 0
        more = 2 * len(trees) - kept
        self._trees = trees
        self._rooms = np.pad(self._rooms[:kept], ((0, more), (0, 0)))
        self._plain = np.pad(self._plain[:kept], (0, more))
        self._known = np.pad(self._known[:kept], (0, more))
        self._capacities = np.pad(self._capacities[:kept], ((0, more), (0, 0)))

    def _learn(self, code: int, tree: ProviderTree | None) -> None:
        self._known[code] = True
        providers = () if tree is None else tree.providers
        held = [found for found in (stock(item).get(self.resource_class) for item in providers) if found]
        if len(held) > _MOST_PROVIDERS:
            return
        if len(held) > self._rooms.shape[1]:
            self._rooms = np.pad(self._rooms, ((0, 0), (0, len(held) - self._rooms.shape[1])))
        self._rooms[code, : len(held)] = [min(max(room(*item), 0), _MOST_ROOM) for item in held]
        capacities = [max(room(inventory, 0), 0) for inventory, _ in held]
        self._capacities[code] = sum(capacities), max(capacities, default=0)
        self._plain[code] = tree is None or (not offers_columns(tree) and all(_is_even(item) for item, _ in held))


def _is_even(inventory: ResourceInventory) -> bool:
    """Whether any amount up to what there is room for may be taken."""
    return inventory.min_unit <= 1 and inventory.step_size == 1
