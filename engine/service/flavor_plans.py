"""FlavorPlans: what placing an instance of a flavor takes, worked out once while facts and flavor stay as they are."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.inventory.usage import Amounts
from engine.model.request_spec import RequestSpec
from engine.scheduler.select import Selector
from engine.service.book import AllocationBook, shape_amounts

_MOST = 4096


@dataclass(frozen=True, slots=True)
class FlavorPlan:
    """A request for one instance: its amounts, its shape's codes in the book and in the views, its class.

    ``has_view`` tells whether a class view answers it.
    """

    request: RequestSpec
    amounts: Amounts
    shape: int
    view_shape: int
    class_key: Hashable
    has_view: bool


class FlavorPlans:
    """The plans of requests, by the request object, for one selector and one book."""

    def __init__(self, selector: Selector, book: AllocationBook) -> None:
        self.selector = selector
        self.book = book
        self._plans: dict[int, FlavorPlan] = {}
        self._facts = -1
        self._view_shapes = np.empty(0, dtype=np.int64)

    def of(self, requests: Sequence[RequestSpec]) -> list[FlavorPlan]:
        """Return each request's plan; raise InvalidRequestError, or FilterFault where a filter breaks on a flavor."""
        facts = self.selector.table.facts_revision
        if facts != self._facts or len(self._plans) >= _MOST:
            self._plans.clear()
            self._facts = facts
        kept = self._plans
        # a plan keeps its request, so that no other one takes its identity
        return [kept.get(id(request)) or self._make(request) for request in requests]

    def view_shapes(self, codes: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return the views' codes of shapes of the book."""
        known = len(self._view_shapes)
        if known < len(self.book.shapes):
            views = self.selector.views
            new = [views.shape(shape_amounts(shape)) for shape in self.book.shapes[known:]]
            self._view_shapes = np.concatenate([self._view_shapes, np.array(new, dtype=np.int64)])
        return self._view_shapes[codes]

    def _make(self, request: RequestSpec) -> FlavorPlan:
        selector = self.selector
        amounts = selector.demand(request).amounts
        plan = self._plans[id(request)] = FlavorPlan(
            request,
            amounts,
            self.book.shape_code(request.flavor.name, amounts),
            selector.views.shape(amounts),
            selector.chain.class_key(request, amounts),
            selector.uses_view(request, None),
        )
        return plan
