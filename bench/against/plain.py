"""The plug-ins' own bodies run by Python, host by host and filter by filter, as nova runs its filters and weighers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bench.floors import Best
from engine.inventory.table import HostTable
from engine.inventory.usage import Amounts
from engine.model.request_spec import RequestSpec
from engine.scheduler.chain import Chain
from engine.scheduler.kernel_plan import is_column
from engine.scheduler.registry import Filter, Weigher
from engine.scheduler.request_facts import RequestFacts

Column = Callable[[str], list[float]]


def bodies_best(table: HostTable, chain: Chain, request: RequestSpec, amounts: Amounts) -> Best:
    """Return a chain's answer to a request that no sparse or state filter and no aggregate's multiplier concerns."""
    kept: dict[str, list[float]] = {}

    def column(name: str) -> list[float]:
        if name not in kept:
            kept[name] = chain.column(table, name).tolist()
        return kept[name]

    left: Sequence[int] = table.present_rows().tolist()
    for item in chain.applies(request):
        if item.kind == "text":
            left = [row for row in left if item.body(RequestFacts(table, row), request, chain.options)]
        elif item.kind == "column":
            given = arguments(item, column, amounts, chain)
            left = [row for row in left if item.body(*[take(row) for take in given])]
    if not left:
        return Best(-1, 0.0, 0)
    weights = [0.0] * len(left)
    for index, weigher in enumerate(chain.weighers):
        if weigher.kind == "column" and len(left) > 1:
            given = arguments(weigher, column, amounts, chain)
            values = [float(weigher.body(*[take(row) for take in given])) for row in left]
            add_normalised(weights, values, weigher, float(chain.multipliers[index]))
    place = max(range(len(left)), key=weights.__getitem__)
    return Best(left[place], weights[place], len(left))


def arguments(plugin: Filter | Weigher, column: Column, amounts: Amounts, chain: Chain) -> list[Callable[[int], float]]:
    """Return what to call with a row for each of the parameters of a plug-in's body."""
    found: list[Callable[[int], float]] = []
    for name in plugin.parameters:
        if is_column(name):
            found.append(column(name).__getitem__)
        else:
            found.append(_always(getattr(amounts if name in Amounts._fields else chain.options, name)))
    return found


def _always(value: float) -> Callable[[int], float]:
    """Return what answers every row with one value."""
    return lambda row: value


def add_normalised(weights: list[float], values: list[float], weigher: Weigher, multiplier: float) -> None:
    """Add a weigher's values to the weights, normalised as nova does (nova.weights, normalize)."""
    if weigher.minval is not None:
        values = [max(value, weigher.minval) for value in values]
    low = min(values) if weigher.minval is None else weigher.minval
    width = max(values) - low
    if width:
        for place, value in enumerate(values):
            weights[place] += multiplier * ((value - low) / width)
