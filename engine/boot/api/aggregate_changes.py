"""The changes of an aggregate: each checks, within the transaction, and says which columns become what."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa

from engine.boot.api.aggregate_bodies import ChangedAggregate
from engine.boot.api.aggregate_rules import ZoneRefusal, check_addition, check_removal, check_zone_change
from engine.boot.api.fleet import Fleet
from engine.boot.store.aggregates import ZONE_KEY, AggregateRow, aggregate_named
from engine.rest.errors import BadRequest, Conflict, NotFound

Change = Callable[[sa.Connection, AggregateRow], Mapping[str, Any]]
"""Returns the columns to change of an aggregate; raises what refuses the change."""


def name_used(name: str) -> Conflict:
    """Return the refusal of a name that another aggregate has."""
    return Conflict(f"Aggregate {name} already exists.")


def updated(given: ChangedAggregate, fleet: Fleet, now: float) -> Change:
    """Return the change of an aggregate's name and zone."""

    def change(connection: sa.Connection, aggregate: AggregateRow) -> dict[str, Any]:
        values: dict[str, Any] = {"updated_at": now}
        if given.name is not None and given.name != aggregate.name:
            if aggregate_named(connection, given.name) is not None:
                raise name_used(given.name)
            values["name"] = given.name
        if given.availability_zone is not None:
            try:
                check_zone_change(connection, fleet, aggregate, given.availability_zone)
            except ZoneRefusal as refusal:
                raise BadRequest(f"Cannot update aggregate {aggregate.number}. Reason: {refusal}.") from refusal
            values["metadata"] = aggregate.metadata | {ZONE_KEY: given.availability_zone}
        return values

    return change


def host_added(host: str, fleet: Fleet, now: float) -> Change:
    """Return the change that puts a host into an aggregate."""

    def change(connection: sa.Connection, aggregate: AggregateRow) -> dict[str, Any]:
        if host in aggregate.hosts:
            raise Conflict(f"Aggregate {aggregate.number} already has host {host}.")
        try:
            check_addition(connection, fleet, aggregate, host)
        except ZoneRefusal as refusal:
            raise Conflict(f"Cannot add host to aggregate {aggregate.number}. Reason: {refusal}.") from refusal
        return {"hosts": [*aggregate.hosts, host], "updated_at": now}

    return change


def host_removed(host: str, fleet: Fleet, now: float) -> Change:
    """Return the change that takes a host out of an aggregate."""

    def change(connection: sa.Connection, aggregate: AggregateRow) -> dict[str, Any]:
        if host not in aggregate.hosts:
            raise NotFound(f"Aggregate {aggregate.number} has no host {host}.")
        try:
            check_removal(connection, fleet, aggregate, host)
        except ZoneRefusal as refusal:
            raise Conflict(f"Cannot remove host from aggregate {aggregate.number}. Reason: {refusal}.") from refusal
        return {"hosts": [item for item in aggregate.hosts if item != host], "updated_at": now}

    return change


def metadata_set(given: Mapping[str, str | None], fleet: Fleet, now: float) -> Change:
    """Return the change of an aggregate's metadata; None removes a key."""

    def change(connection: sa.Connection, aggregate: AggregateRow) -> dict[str, Any]:
        reason = f"Cannot update metadata of aggregate {aggregate.number}. Reason: "
        if ZONE_KEY in given:
            zone = given[ZONE_KEY]
            if zone is not None and (not zone.strip() or ":" in zone):
                raise BadRequest(f"{reason}Aggregate {aggregate.name} does not support the zone name {zone!r}.")
            try:
                check_zone_change(connection, fleet, aggregate, zone or "")
            except ZoneRefusal as refusal:
                raise BadRequest(f"{reason}{refusal}.") from refusal
        kept = {key: value for key, value in aggregate.metadata.items() if key not in given}
        return {
            "metadata": kept | {key: value for key, value in given.items() if value is not None},
            "updated_at": now,
        }

    return change
