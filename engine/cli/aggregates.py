"""``berth aggregates``: list, make and remove host aggregates."""

from __future__ import annotations

from typing import Annotated

import typer

from engine.cli.connection import Connection
from engine.cli.names import find, uuid_for
from engine.cli.option_groups import with_option_groups
from engine.cli.output import write_json, write_line, write_table
from engine.cli.pairs import pairs
from engine.cli.plain import plain
from engine.errors import InvalidRequestError, UnknownAggregateError

app = typer.Typer(help="List, make and remove host aggregates.", no_args_is_help=True)

ZONE_KEY = "availability_zone"
_COLUMNS = ("aggregate", "uuid", "hosts", "metadata")


@app.command("list")
@with_option_groups
def list_aggregates(connection: Connection) -> None:
    """List aggregates."""
    with connection.client() as client:
        reply = client.list_aggregates()
    if connection.as_json:
        write_json(plain(reply))
        return
    rows = (
        (item.name, item.uuid, len(item.host_ids), [f"{key}={value}" for key, value in sorted(item.metadata.items())])
        for item in reply.aggregates
    )
    write_table(_COLUMNS, rows)


@app.command("set")
@with_option_groups
def set_aggregate(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The aggregate's name.")],
    connection: Connection,
    host: Annotated[
        list[str] | None, typer.Option("--host", metavar="HOST", help="A host of it; may be repeated.")
    ] = None,
    metadata: Annotated[
        list[str] | None, typer.Option("--metadata", metavar="KEY=VALUE", help="May be repeated.")
    ] = None,
    zone: Annotated[
        str, typer.Option("--zone", metavar="ZONE", help="Make it an availability zone of this name.")
    ] = "",
    uuid: Annotated[
        str,
        typer.Option(
            "--uuid",
            metavar="UUID",
            help="The aggregate's uuid: by default that of the aggregate of this name, or a new one.",
        ),
    ] = "",
) -> None:
    """Make an aggregate, or replace the one of this name: its hosts and metadata become those given here."""
    from engine.v1.inventory_pb2 import Aggregate

    facts = pairs("--metadata", metadata or ())
    if zone and facts.setdefault(ZONE_KEY, zone) != zone:
        raise InvalidRequestError(
            f"--zone {zone} and --metadata {ZONE_KEY}={facts[ZONE_KEY]} disagree: give one of them"
        )
    with connection.client() as client:
        aggregate = Aggregate(
            uuid=uuid or uuid_for(client.list_aggregates().aggregates, name, "aggregate"),
            name=name,
            host_ids=host or (),
            metadata=facts,
        )
        reply = client.update_aggregates([aggregate])
    if connection.as_json:
        write_json({"aggregate": plain(aggregate), "inventory_generation": reply.inventory_generation})
    else:
        write_line(f"aggregate {name} is {aggregate.uuid} (generation {reply.inventory_generation})")


@app.command("delete")
@with_option_groups
def delete_aggregates(
    names: Annotated[list[str], typer.Argument(metavar="AGGREGATE...", help="The aggregates' uuids or names.")],
    connection: Connection,
) -> None:
    """Remove aggregates, all of them or none; their hosts stay."""
    with connection.client() as client:
        known = client.list_aggregates().aggregates
        uuids = [find(known, name, UnknownAggregateError, "aggregate").uuid for name in names]
        reply = client.update_aggregates(delete_uuids=uuids)
    if connection.as_json:
        write_json({"deleted": uuids, "inventory_generation": reply.inventory_generation})
    else:
        write_line(f"{len(uuids)} aggregates removed (generation {reply.inventory_generation})")
