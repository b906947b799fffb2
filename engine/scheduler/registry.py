"""The registry: how a filter or a weigher is written, and where the chain finds it by nova's name.

A plug-in is one function in one file of ``filters/`` or ``weighers/`` under a decorator of this module. What the
function gets is said by the names of its parameters:

* a **column** filter or weigher takes scalars: a column of the host table (``num_io_ops``), an amount of the request
  (``requested_vcpu``; see Amounts), an option (``max_io_ops_per_host``), or what the host's aggregates make of one
  (``aggregate_max_io_ops_per_host``; see aggregate_columns). It returns a truth value or a number
  (``-> int`` promises one of at most 32 bits, which is faster), holds one expression's worth of arithmetic, and is
  compiled into the chain's kernel: no text, no exceptions, no other names;
* a **text** filter takes ``(facts, request, options)`` and is called once for each distinct combination of the facts
  it reads;
* a **state** filter takes ``(facts, request, options, mappings)`` and answers for each of a host's allocation
  candidates, of which ``mappings`` say what provider serves what; it is called once for each distinct combination of
  the ``columns`` it names, and its verdicts are kept for the next request that it sees the same in;
* a **sparse** filter or weigher takes ``(request, context)`` and names the few rows that differ from the rest;
* an **array** weigher takes ``(request, context, options, rows, multipliers)``, two arrays of all hosts that passed,
  and returns a value for each.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Collection, Hashable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from engine.errors import InvalidSettingError
from engine.model.request_spec import RequestSpec
from engine.scheduler.options import PLACEMENT_FILTERS

if TYPE_CHECKING:
    from engine.scheduler.options import SchedulerOptions
    from engine.scheduler.request_facts import RequestFacts

ALL_FILTERS = "nova.scheduler.filters.all_filters"

Body = TypeVar("Body", bound=Callable[..., Any])
Plugin = TypeVar("Plugin", "Filter", "Weigher")
FactGroup = Literal["profile", "membership", "units", "metrics"]
Change = Callable[["RequestFacts", RequestSpec, "SchedulerOptions"], str]
"""Says, for a host that a filter rejects, what would have to change: (facts, request, options) to a phrase."""
Prepare = Callable[[RequestSpec, "SchedulerOptions"], Callable[["RequestFacts"], bool]]
"""Reads a request once, and returns what then tells of each host what the filter's body does, faults included."""
RequestKey = Callable[[RequestSpec, "SchedulerOptions"], Hashable]
"""Returns what a text filter looks at of a request, amounts excepted, for ``applies`` too: equal keys share views."""


@dataclass(frozen=True, slots=True)
class Filter:
    """A registered filter: its nova name, body, and when it runs.

    ``once_per_request``: only before the first instance. ``run_on_rebuild``: also for a rebuild in place. ``applies``
    tells whether a request needs it at all: a sparse filter without it looks at the server group alone. ``reads`` are
    the fact groups a text filter looks at; ``attributes`` names further columns or identities for a given request,
    ``hosts`` the hosts that it tells apart by name, and ``sees`` is all that it looks at of the groups it reads, where
    that tells fewer hosts apart; ``prepare`` is for one to which reading the request is most of the work.
    ``request_key`` is None for one that looks at amounts, and those alone.
    ``change`` says what would have to change for one host to pass. ``removed_in`` is the release of nova that dropped
    it, 0 for one that nova still has. A state filter's ``concerns`` is an ``applies`` that looks at options too, and
    ``columns`` are those its verdict depends on, and ``needs`` is what a host's NUMA cells must at least have (see
    engine.fitting.numa_needs).
    """

    name: str
    kind: Literal["column", "text", "state", "sparse"]
    body: Callable[..., Any]
    reason: str
    once_per_request: bool = False
    run_on_rebuild: bool = False
    reads: tuple[FactGroup, ...] = ()
    attributes: Callable[[RequestSpec], frozenset[str]] | None = None
    applies: Callable[[RequestSpec], bool] | None = None
    change: Change | None = None
    request_key: RequestKey | None = None
    hosts: Callable[[SchedulerOptions], Collection[str]] | None = None
    removed_in: int = 0
    concerns: Callable[[RequestSpec, SchedulerOptions], bool] | None = None
    columns: Callable[[RequestSpec, SchedulerOptions], tuple[str, ...]] | None = None
    needs: Callable[[RequestSpec, SchedulerOptions], tuple[int, ...] | None] | None = None
    sees: Callable[[RequestFacts], Hashable] | None = None
    prepare: Prepare | None = None

    def is_wanted(self, request: RequestSpec, options: SchedulerOptions) -> bool:
        """Whether a request needs the filter at all."""
        return (self.applies is None or self.applies(request)) and (
            self.concerns is None or self.concerns(request, options)
        )

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of the body's parameters."""
        return tuple(inspect.signature(self.body).parameters)


@dataclass(frozen=True, slots=True)
class Weigher:
    """A registered weigher: its nova name, body, the option and aggregate key of its multiplier, and its values' floor.

    The weight is ``sign * multiplier * normalised``; ``minval`` clamps values from below and fixes the lower end of
    their range. ``configured`` tells whether the options leave it anything to say, ``applies`` whether a request does:
    where not, its value is 0 for every host. ``guard`` names the filter, if any, that must have left out the hosts that
    the weigher cannot weigh under the options. One that is not ``of_nova`` runs only where it is named.
    """

    name: str
    kind: Literal["column", "sparse", "array"]
    body: Callable[..., Any]
    multiplier: str
    minval: float | None = None
    sign: float = 1.0
    applies: Callable[[RequestSpec], bool] | None = None
    configured: Callable[[SchedulerOptions], bool] | None = None
    guard: Callable[[SchedulerOptions], str | None] | None = None
    of_nova: bool = True

    def concerns(self, request: RequestSpec) -> bool:
        """Whether the weigher may say anything but 0 for the request."""
        return self.applies is None or self.applies(request)

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of the body's parameters."""
        return tuple(inspect.signature(self.body).parameters)


_filters: dict[str, Filter] = {}
_weighers: dict[str, Weigher] = {}


def column_filter(
    name: str,
    *,
    reason: str,
    once_per_request: bool = False,
    run_on_rebuild: bool = False,
    change: Change | None = None,
    removed_in: int = 0,
) -> Callable[[Body], Body]:
    """Register a filter over columns; ``reason`` says, to a user, why a host failed it."""

    def register(body: Body) -> Body:
        plugin = Filter(
            name, "column", body, reason, once_per_request, run_on_rebuild, change=change, removed_in=removed_in
        )
        _add(_filters, plugin)
        return body

    return register


def text_filter(
    name: str,
    *,
    reason: str,
    reads: tuple[FactGroup, ...],
    request_key: RequestKey | None,
    attributes: Callable[[RequestSpec], frozenset[str]] | None = None,
    hosts: Callable[[SchedulerOptions], Collection[str]] | None = None,
    once_per_request: bool = False,
    run_on_rebuild: bool = False,
    applies: Callable[[RequestSpec], bool] | None = None,
    change: Change | None = None,
    removed_in: int = 0,
    sees: Callable[[RequestFacts], Hashable] | None = None,
    prepare: Prepare | None = None,
) -> Callable[[Body], Body]:
    """Register a filter over text facts, called once for each distinct combination of what it ``reads`` or ``sees``."""

    def register(body: Body) -> Body:
        plugin = Filter(
            name,
            "text",
            body,
            reason,
            once_per_request,
            run_on_rebuild,
            reads,
            attributes,
            applies,
            change,
            request_key,
            hosts,
            removed_in,
            sees=sees,
            prepare=prepare,
        )
        _add(_filters, plugin)
        return body

    return register


def state_filter(
    name: str,
    *,
    reason: str,
    request_key: RequestKey | None,
    columns: Callable[[RequestSpec, SchedulerOptions], tuple[str, ...]],
    once_per_request: bool = False,
    concerns: Callable[[RequestSpec, SchedulerOptions], bool] | None = None,
    needs: Callable[[RequestSpec, SchedulerOptions], tuple[int, ...] | None] | None = None,
    change: Change | None = None,
) -> Callable[[Body], Body]:
    """Register a filter over host states, called once for each distinct combination of the ``columns`` it reads."""

    def register(body: Body) -> Body:
        plugin = Filter(
            name,
            "state",
            body,
            reason,
            once_per_request,
            change=change,
            request_key=request_key,
            concerns=concerns,
            columns=columns,
            needs=needs,
        )
        _add(_filters, plugin)
        return body

    return register


def sparse_filter(
    name: str,
    *,
    reason: str,
    once_per_request: bool = False,
    run_on_rebuild: bool = False,
    applies: Callable[[RequestSpec], bool] | None = None,
    change: Change | None = None,
    removed_in: int = 0,
) -> Callable[[Body], Body]:
    """Register a filter that names the few rows that pass, or the few that fail (see ``sparse.Verdict``)."""

    def register(body: Body) -> Body:
        plugin = Filter(
            name,
            "sparse",
            body,
            reason,
            once_per_request,
            run_on_rebuild,
            applies=applies,
            change=change,
            removed_in=removed_in,
        )
        _add(_filters, plugin)
        return body

    return register


def column_weigher(
    name: str, *, multiplier: str, minval: float | None = None, sign: float = 1.0
) -> Callable[[Body], Body]:
    """Register a weigher over columns; ``multiplier`` names nova's option and the metadata key that overrides it."""

    def register(body: Body) -> Body:
        _add(_weighers, Weigher(name, "column", body, multiplier, minval, sign))
        return body

    return register


def sparse_weigher(name: str, *, multiplier: str, applies: Callable[[RequestSpec], bool]) -> Callable[[Body], Body]:
    """Register a weigher that names the few rows whose value is not zero."""

    def register(body: Body) -> Body:
        _add(_weighers, Weigher(name, "sparse", body, multiplier, applies=applies))
        return body

    return register


def array_weigher(
    name: str,
    *,
    multiplier: str,
    applies: Callable[[RequestSpec], bool] | None = None,
    configured: Callable[[SchedulerOptions], bool] | None = None,
    guard: Callable[[SchedulerOptions], str | None] | None = None,
    of_nova: bool = True,
) -> Callable[[Body], Body]:
    """Register a weigher over whole arrays of hosts; the requests it concerns are not answered from class views."""

    def register(body: Body) -> Body:
        plugin = Weigher(
            name, "array", body, multiplier, applies=applies, configured=configured, guard=guard, of_nova=of_nova
        )
        _add(_weighers, plugin)
        return body

    return register


def _add(table: dict[str, Plugin], plugin: Plugin) -> None:
    earlier = table.get(plugin.name)
    if earlier is not None and earlier.body.__module__ != plugin.body.__module__:
        raise InvalidSettingError(
            f"{plugin.name} is registered twice: in {earlier.body.__module__} and {plugin.body.__module__}"
        )
    table[plugin.name] = plugin


@cache
def _load() -> None:
    """Import every plug-in file once, in alphabetical order."""
    for package in ("engine.scheduler.filters", "engine.scheduler.weighers"):
        for module in sorted(info.name for info in pkgutil.iter_modules(importlib.import_module(package).__path__)):
            importlib.import_module(f"{package}.{module}")


def all_filters() -> Mapping[str, Filter]:
    """Return every filter by name."""
    _load()
    return _filters


def nova_filters() -> list[Filter]:
    """Return the filters that nova 34 has, by name: what its ``nova.scheduler.filters.all_filters`` stands for."""
    return [
        item for name, item in sorted(all_filters().items()) if not item.removed_in and name not in PLACEMENT_FILTERS
    ]


def all_weighers() -> Mapping[str, Weigher]:
    """Return every weigher by name, in alphabetical order of their files."""
    _load()
    return _weighers


def nova_weighers() -> list[Weigher]:
    """Return the weighers that nova has, in all_weighers' order: what its ``all_weighers`` stands for."""
    return [item for item in all_weighers().values() if item.of_nova]


def find_filter(name: str) -> Filter:
    """Return a filter by nova's name, with or without its module path; raise InvalidSettingError that lists them."""
    return _find(all_filters(), name, "filter", "nova.scheduler.filters.")


def find_weigher(name: str) -> Weigher:
    """Return a weigher by nova's name, with or without its module path; raise InvalidSettingError that lists them.

    Berth's own are in none of nova's modules.
    """
    known = {item.name: item for item in nova_weighers()} if "." in name else all_weighers()
    return _find(known, name, "weigher", "nova.scheduler.weights.")


def _find(table: Mapping[str, Plugin], name: str, what: str, package: str) -> Plugin:
    """Return a plug-in; a class of the same name in a module that is not nova's is another's, which Berth has not."""
    path, dot, bare = name.rpartition(".")
    found = table.get(bare) if not dot or f"{path}.".startswith(package) else None
    if found is None:
        raise InvalidSettingError(
            f"there is no {what} called {name!r}; there are: {', '.join(sorted(table))}", name=name
        )
    return found
