"""A page of servers out of the database, in the query's order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields

import sqlalchemy as sa

from engine.boot.api.server_filters import ServerQuery
from engine.boot.store.history import FaultRow
from engine.boot.store.instances import InstanceRow
from engine.boot.store.schema import faults, instances
from engine.rest.errors import BadRequest

_COLUMNS = [instances.c[field.name] for field in fields(InstanceRow)]
_FAULT_COLUMNS = [faults.c[field.name] for field in fields(FaultRow)]


def page_of_servers(connection: sa.Connection, query: ServerQuery, *, marker: str, limit: int) -> list[InstanceRow]:
    """Return up to ``limit`` servers after the one with the uuid ``marker``; raise BadRequest for an unknown one."""
    # records of the same rank keep one order: that of their numbers, in the direction of the last key
    order = (*query.order, (instances.c.number, query.order[-1][1]))
    select = sa.select(*_COLUMNS).where(*query.scope, *query.conditions)
    if marker:
        select = select.where(_after(connection, marker, order, query))
    select = select.order_by(*(column.desc() if down else column.asc() for column, down in order))
    if not query.predicates:
        return [InstanceRow(*row) for row in connection.execute(select.limit(limit))]
    found: list[InstanceRow] = []
    for row in connection.execute(select.execution_options(yield_per=500)):
        instance = InstanceRow(*row)
        if all(predicate(instance) for predicate in query.predicates):
            found.append(instance)
            if len(found) >= limit:
                break
    return found


def _after(
    connection: sa.Connection,
    marker: str,
    order: Sequence[tuple[sa.ColumnElement[object], bool]],
    query: ServerQuery,
) -> sa.ColumnElement[bool]:
    """Return the condition that a record comes after the marker's, key by key."""
    columns = [column for column, _ in order]
    values = connection.execute(sa.select(*columns).where(instances.c.uuid == marker, *query.scope)).first()
    if values is None:
        raise BadRequest(f"marker [{marker[:100]}] not found")
    alternatives = []
    for position, (column, down) in enumerate(order):
        ties = [earlier == value for earlier, value in zip(columns[:position], values[:position], strict=True)]
        beyond = column < values[position] if down else column > values[position]
        alternatives.append(sa.and_(*ties, beyond))
    return sa.or_(*alternatives)


def faults_of(connection: sa.Connection, uuids: Sequence[str]) -> dict[str, FaultRow]:
    """Return the newest fault of each of these servers that has any."""
    query = sa.select(*_FAULT_COLUMNS).where(faults.c.instance_uuid.in_(list(uuids))).order_by(faults.c.number)
    return {row[0]: FaultRow(*row) for row in connection.execute(query)}
