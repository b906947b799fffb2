"""Collections: a resource's attributes by their names on the wire, read one by one or as filtered, sorted pages."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Integer,
    Select,
    Table,
    and_,
    bindparam,
    false,
    func,
    or_,
    select,
)
from starlette.requests import Request
from starlette.responses import Response

from engine.cloud.database import Database
from engine.rest.errors import BadRequest, NotFound
from engine.rest.paging import next_link
from engine.rest.replies import json_reply

Document: TypeAlias = dict[str, Any]
Filter: TypeAlias = Callable[[Sequence[str]], ColumnElement[bool]]

_BATCH = 1000
_MOST_SORT_KEYS = 8
_NUMBER = re.compile(r"-?[0-9]{1,18}")
_TRUE = frozenset({"true", "1"})
_FALSE = frozenset({"false", "0"})
_HIGHEST = 2**63 - 1


def _as_is(connection: Connection, documents: Sequence[Document]) -> None:
    """Add nothing."""


@dataclass(frozen=True)
class Collection:
    """A kind of resource: its table and ``columns`` by wire name.

    ``restricted``: attributes that only administrators and services see. ``complete``: adds to documents what is not a
    column. ``filters``: for query parameters that are no plain column. ``kind`` and ``missing``: neutron's exception
    for an id that is not there.
    """

    plural: str
    table: Table
    columns: Mapping[str, Column[Any]]
    kind: str
    missing: str
    restricted: frozenset[str] = frozenset()
    complete: Callable[[Connection, Sequence[Document]], None] = _as_is
    filters: Mapping[str, Filter] = field(default_factory=dict)

    def not_found(self, thing_id: str) -> NotFound:
        """Return neutron's answer for an id that is not there, or not for this caller."""
        return NotFound(self.missing.format(thing_id[:255]), kind=self.kind)

    def find(self, connection: Connection, thing_id: str, visible: ColumnElement[bool] | None) -> Document:
        """Return one resource with every attribute; raise NotFound when there is none that is ``visible``."""
        query = self._by_id if visible is None else self._by_id.where(visible)
        row = connection.execute(query, {"thing": thing_id}).one_or_none()
        if row is None:
            raise self.not_found(thing_id)
        document = dict(zip(self.columns, row, strict=True))
        self._complete(connection, [document])
        return document

    def written(self, connection: Connection, values: Mapping[str, Any]) -> Document:
        """Return the document of a resource whose columns have just been written with ``values``."""
        document = {name: values[column.name] for name, column in self.columns.items()}
        self._complete(connection, [document])
        return document

    @cached_property
    def _by_id(self) -> Select[Any]:
        return select(*self.columns.values()).where(self.table.c.id == bindparam("thing"))

    def _complete(self, connection: Connection, documents: Sequence[Document]) -> None:
        for document in documents:
            document["tenant_id"] = document["project_id"]
        self.complete(connection, documents)

    def shown(self, document: Document, privileged: bool, fields: Sequence[str] = ()) -> Document:
        """Return a document as its reader may see it, cut down to ``fields`` if any are named."""
        if fields:
            document = {name: document[name] for name in fields if name in document}
        if self.restricted and not privileged:
            return {name: value for name, value in document.items() if name not in self.restricted}
        return document

    async def page(
        self, request: Request, database: Database, visible: ColumnElement[bool] | None, *, privileged: bool
    ) -> Response:
        """Return the answer to a list request: filtered, sorted, paged and projected as its query asks.

        Long lists are read in parts between which other requests are answered.
        """
        query = request.query_params
        conditions = self._conditions(request, privileged=privileged)
        if visible is not None:
            conditions.append(visible)
        order = self._order(query.getlist("sort_key"), query.getlist("sort_dir"))
        limit = _limit(query.get("limit"))
        statement = select(*self.columns.values()).where(*conditions).order_by(*(key.ordered() for key in order))
        after: ColumnElement[bool] | None = None
        if marker := query.get("marker"):
            with database.read() as connection:
                after = _beyond(order, self._marked(connection, marker))
        documents: list[Document] = []
        while True:
            size = min(_BATCH, _HIGHEST if limit is None else limit - len(documents))
            part = self._part(database, statement if after is None else statement.where(after), size)
            documents += part
            if len(part) < size or len(documents) == limit:
                break
            after = _beyond(order, part[-1])
            await asyncio.sleep(0)
        fields = query.getlist("fields")
        content: Document = {self.plural: [self.shown(document, privileged, fields) for document in documents]}
        if limit and len(documents) == limit:
            content[f"{self.plural}_links"] = [{"rel": "next", "href": next_link(request, documents[-1]["id"])}]
        return json_reply(content)

    def _part(self, database: Database, statement: Select[Any], size: int) -> list[Document]:
        with database.read() as connection:
            rows = connection.execute(statement.limit(size)).all()
            part = [dict(zip(self.columns, row, strict=True)) for row in rows]
            self._complete(connection, part)
        return part

    def _marked(self, connection: Connection, marker: str) -> Document:
        """Return the resource whose id is a page's marker."""
        row = connection.execute(self._by_id, {"thing": marker}).one_or_none()
        if row is None:
            raise BadRequest(f"The marker {marker[:100]} does not exist")
        return dict(zip(self.columns, row, strict=True))

    def _conditions(self, request: Request, *, privileged: bool) -> list[ColumnElement[bool]]:
        """Return what the query's filters ask for; names that are no attribute are left aside."""
        query = request.query_params
        conditions = []
        for name in query:
            wanted = query.getlist(name)
            if special := self.filters.get(name):
                conditions.append(special(wanted))
                continue
            column = self.columns.get("project_id" if name == "tenant_id" else name)
            if column is None or isinstance(column.type, JSON) or (name in self.restricted and not privileged):
                continue
            conditions.append(_equals(name, column, wanted))
        return conditions

    def _order(self, names: Sequence[str], directions: Sequence[str]) -> list[_Key]:
        """Return what to sort by; the id makes the order total."""
        if directions and len(directions) != len(names):
            raise BadRequest("The number of sort_keys and sort_dirs must be same")
        if len(names) > _MOST_SORT_KEYS:
            raise BadRequest(f"At most {_MOST_SORT_KEYS} sort keys are taken")
        order = []
        for given, direction in zip(names, directions or ["asc"] * len(names), strict=True):
            name = "project_id" if given == "tenant_id" else given
            column = self.columns.get(name)
            if column is None or isinstance(column.type, JSON) or name in self.restricted:
                raise BadRequest(f"'{given[:100]}' is not a valid attribute to sort by")
            if direction not in ("asc", "desc"):
                raise BadRequest("Sort direction must be asc or desc")
            order.append(_Key(name, column, down=direction == "desc"))
        return [*order, _Key("id", self.columns["id"], down=bool(order) and order[-1].down)]


@dataclass(frozen=True)
class _Key:
    """An attribute to sort by; none counts as less than all else."""

    name: str
    column: Column[Any]
    down: bool

    @property
    def lowest(self) -> object:
        return -1 if isinstance(self.column.type, Integer) else ""

    @property
    def comparable(self) -> ColumnElement[Any]:
        return func.coalesce(self.column, self.lowest) if self.column.nullable else self.column

    def ordered(self) -> ColumnElement[Any]:
        return self.comparable.desc() if self.down else self.comparable.asc()

    def value_of(self, document: Document) -> object:
        value: object = document[self.name]
        return self.lowest if value is None else value


def _beyond(order: Sequence[_Key], document: Document) -> ColumnElement[bool]:
    """Return the condition for what comes after a document in an order."""
    choices: list[ColumnElement[bool]] = []
    for index, key in enumerate(order):
        same = [before.comparable == before.value_of(document) for before in order[:index]]
        value = key.value_of(document)
        choices.append(and_(*same, key.comparable < value if key.down else key.comparable > value))
    return or_(*choices)


def _limit(text: str | None) -> int | None:
    """Return how many a page may hold, None for all, as neutron takes 0 too."""
    if text is None:
        return None
    if not text.isdecimal():
        raise BadRequest(f"Invalid input for operation: limit {text[:100]!r} is no number from 0.", kind="InvalidInput")
    return min(int(text[:18]), _HIGHEST) or None


def _equals(name: str, column: Column[Any], wanted: Sequence[str]) -> ColumnElement[bool]:
    """Return the condition that a column has one of the values that came as text."""
    if isinstance(column.type, Boolean):
        return column.in_([_as_flag(name, text) for text in wanted])
    if isinstance(column.type, Integer):
        numbers = [int(text) for text in wanted if _NUMBER.fullmatch(text)]
        return column.in_(numbers) if numbers else false()
    matches = column.in_(list(wanted)) if len(wanted) > 1 else column == wanted[0]
    # a value that is not there is asked for as null or as nothing
    return or_(matches, column.is_(None)) if column.nullable and {"null", "None", ""} & set(wanted) else matches


def _as_flag(name: str, text: str) -> bool:
    if text.lower() in _TRUE:
        return True
    if text.lower() in _FALSE:
        return False
    raise BadRequest(f"Invalid input for operation: '{text[:100]}' is not a boolean ({name}).", kind="InvalidInput")
