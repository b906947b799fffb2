"""The scheduler's flavors, server groups and aggregates, kept equal to the database's.

A change is stored, then told to the scheduler, then answered; where the scheduler cannot be told, it is taken back
and answered with 503. What a crash leaves between the two is repaired by ``push_all``, at the start and again every
while. The scheduler may have other clients, whose things stay: ``push_all`` removes only what the database says was
once given to the scheduler and taken back since (``store.retired``).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import sqlalchemy as sa

from engine.boot.api.deps import Deps
from engine.boot.api.fleet import all_hosts
from engine.boot.api.scheduler_calls import ask
from engine.boot.api.scheduler_messages import aggregate_message, flavor_message, group_message, is_schedulable
from engine.boot.store.aggregates import AggregateRow, list_aggregates
from engine.boot.store.flavors import FlavorRow, list_flavors
from engine.boot.store.retired import Kind, retired_names, unretire
from engine.boot.store.server_groups import list_server_groups
from engine.errors import EngineError, UnknownHostError
from engine.rest.errors import RestError, Unavailable
from engine.v1 import inventory_pb2, request_spec_pb2

_LOG = logging.getLogger("berth.api.sync")
_FORGET_AFTER_S = 3_600.0
_FIRST_RETRY_S = 1.0
_LAST_RETRY_S = 10.0

Result = TypeVar("Result")


async def store_and_tell(
    deps: Deps,
    change: Callable[[sa.Connection], Result],
    tell: Callable[[Result], Awaitable[object]],
    take_back: Callable[[sa.Connection, Result], object],
) -> Result:
    """Return what ``change`` returns, once it is stored and the scheduler was told.

    Where ``tell`` fails, ``take_back`` undoes the change in the database, and the failure is raised.
    """
    result = await deps.store.write(change)
    try:
        await tell(result)
    except (EngineError, RestError):
        await deps.store.write(lambda connection: take_back(connection, result))
        raise
    return result


async def tell_flavor(deps: Deps, flavor: FlavorRow) -> None:
    """Tell the scheduler of a flavor; one that no host can have is not told of."""
    if is_schedulable(flavor):
        await ask(deps, deps.scheduler.update_flavors, [flavor_message(flavor)])


async def tell_aggregate(deps: Deps, aggregate: AggregateRow, *, added: str = "") -> None:
    """Tell the scheduler of an aggregate; raise UnknownHostError where it does not know the host ``added``.

    Hosts that were in the aggregate before, and that the scheduler does not know (any more), are left out.
    """
    try:
        await ask(deps, deps.scheduler.update_aggregates, [aggregate_message(aggregate)])
    except UnknownHostError as error:
        if error.details.get("host_id") == added:
            raise
        await _tell_known_hosts(deps, aggregate_message(aggregate), None, added=added)


async def keep_in_step(deps: Deps, stop: asyncio.Event, *, interval_s: float = 60.0) -> None:
    """Push everything now and every ``interval_s`` until ``stop`` is set; while that fails, again within seconds."""
    retry_s = _FIRST_RETRY_S
    while not stop.is_set():
        try:
            await push_all(deps)
            wait_s, retry_s = interval_s, _FIRST_RETRY_S
        except (EngineError, Unavailable) as error:
            _LOG.warning("the scheduler could not be brought up to date, again in %g s: %s", retry_s, error)
            wait_s, retry_s = retry_s, min(retry_s * 2, _LAST_RETRY_S)
        try:
            await asyncio.wait_for(stop.wait(), wait_s)
        except TimeoutError:
            continue


@dataclass(frozen=True)
class _Wanted:
    """What the scheduler must have by the database, and what it must not have any more, by kind."""

    flavors: list[request_spec_pb2.Flavor]
    groups: list[inventory_pb2.ServerGroup]
    aggregates: list[inventory_pb2.Aggregate]
    retired: dict[Kind, dict[str, float]]


def _wanted(connection: sa.Connection) -> _Wanted:
    return _Wanted(
        flavors=[flavor_message(flavor) for flavor in list_flavors(connection) if is_schedulable(flavor)],
        groups=[group_message(group) for group in list_server_groups(connection)],
        aggregates=[aggregate_message(aggregate) for aggregate in list_aggregates(connection)],
        retired={kind: retired_names(connection, kind) for kind in Kind},
    )


async def push_all(deps: Deps) -> None:
    """Make the scheduler's flavors, groups and aggregates those of the database; others' things are left alone.

    Raises Unavailable when the scheduler cannot be asked, and ServiceUnavailableError when the database cannot.
    """
    wanted = await deps.store.read(_wanted)
    await _push_aggregates(deps, wanted)
    await _push_groups(deps, wanted)
    await _push_flavors(deps, wanted)


async def _push_flavors(deps: Deps, wanted: _Wanted) -> None:
    known = {flavor.name: flavor for flavor in (await ask(deps, deps.scheduler.list_flavors)).flavors}
    for flavor in wanted.flavors:
        if known.get(flavor.name) != flavor:
            await _push(deps, f"flavor {flavor.name}", deps.scheduler.update_flavors, [flavor])
    kept = {flavor.name for flavor in wanted.flavors}
    gone = wanted.retired[Kind.FLAVOR]
    for name in gone.keys() & known.keys() - kept:
        await _push(deps, f"flavor {name}", deps.scheduler.update_flavors, delete_names=[name])
    await _forget(deps, Kind.FLAVOR, gone, known)


async def _push_groups(deps: Deps, wanted: _Wanted) -> None:
    known = {group.uuid: group for group in (await ask(deps, deps.scheduler.list_server_groups)).server_groups}
    for group in wanted.groups:
        # a group's policy never changes, and its members are the scheduler's own knowledge
        if group.uuid not in known:
            await _push(deps, f"server group {group.uuid}", deps.scheduler.update_server_groups, [group])
    gone = wanted.retired[Kind.SERVER_GROUP]
    for uuid in gone.keys() & known.keys():
        await _push(deps, f"server group {uuid}", deps.scheduler.update_server_groups, delete_uuids=[uuid])
    await _forget(deps, Kind.SERVER_GROUP, gone, known)


async def _push_aggregates(deps: Deps, wanted: _Wanted) -> None:
    known = {item.uuid: item for item in (await ask(deps, deps.scheduler.list_aggregates)).aggregates}
    gone = wanted.retired[Kind.AGGREGATE]
    # first, because one that is gone may hold a name that another has now
    for uuid in gone.keys() & known.keys():
        await _push(deps, f"aggregate {uuid}", deps.scheduler.update_aggregates, delete_uuids=[uuid])
    for aggregate in wanted.aggregates:
        if known.get(aggregate.uuid) != aggregate:
            try:
                await _tell_known_hosts(deps, aggregate, known.get(aggregate.uuid))
            except EngineError as error:
                _LOG.warning("the scheduler refuses aggregate %s: %s", aggregate.name, error.message)
    await _forget(deps, Kind.AGGREGATE, gone, known)


async def _tell_known_hosts(
    deps: Deps, aggregate: inventory_pb2.Aggregate, known: inventory_pb2.Aggregate | None, *, added: str = ""
) -> None:
    """Tell of an aggregate with those of its hosts that the scheduler knows, unless ``known`` says just that."""
    there = await ask(deps, lambda: {host.host_id for host in all_hosts(deps.scheduler)})
    aggregate.host_ids[:] = [host for host in aggregate.host_ids if host in there or host == added]
    if aggregate != known:
        await ask(deps, deps.scheduler.update_aggregates, [aggregate])


async def _push(deps: Deps, what: str, call: Callable[..., Any], *args: Any, **named: Any) -> None:
    """Tell of one thing; what the scheduler refuses is logged, and does not keep the rest from it."""
    try:
        await ask(deps, call, *args, **named)
    except EngineError as error:
        _LOG.warning("the scheduler refuses %s: %s", what, error.message)


async def _forget(deps: Deps, kind: Kind, gone: dict[str, float], known: dict[str, Any]) -> None:
    """Forget what was taken back long ago and the scheduler does not have."""
    before = deps.clock() - _FORGET_AFTER_S
    old = [name for name, at in gone.items() if at < before and name not in known]
    if old:
        await deps.store.write(lambda connection: unretire(connection, kind, old))
