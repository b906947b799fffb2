"""``berth groups``: list, make and remove server groups."""

from __future__ import annotations

from typing import Annotated

import typer

from engine.cli.connection import Connection
from engine.cli.names import find, uuid_for
from engine.cli.option_groups import with_option_groups
from engine.cli.output import write_json, write_line, write_table
from engine.cli.plain import plain
from engine.errors import UnknownGroupError

app = typer.Typer(help="List, make and remove server groups.", no_args_is_help=True)

_COLUMNS = ("group", "uuid", "policy", "most a host", "members")


@app.command("list")
@with_option_groups
def list_groups(connection: Connection) -> None:
    """List server groups."""
    with connection.client() as client:
        reply = client.list_server_groups()
    if connection.as_json:
        write_json(plain(reply))
        return
    rows = (
        (group.name, group.uuid, group.policy, group.max_server_per_host or 1, list(group.member_uuids))
        for group in reply.server_groups
    )
    write_table(_COLUMNS, rows)


@app.command("set")
@with_option_groups
def set_group(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The group's name.")],
    policy: Annotated[
        str,
        typer.Option(
            "--policy", metavar="POLICY", help="affinity, anti-affinity, soft-affinity or soft-anti-affinity."
        ),
    ],
    connection: Connection,
    max_server_per_host: Annotated[
        int, typer.Option("--max-server-per-host", min=1, metavar="N", help="How many members one host may hold.")
    ] = 1,
    member: Annotated[
        list[str] | None, typer.Option("--member", metavar="UUID", help="An instance of the group; may be repeated.")
    ] = None,
    uuid: Annotated[
        str,
        typer.Option(
            "--uuid", metavar="UUID", help="The group's uuid: by default that of the group of this name, or a new one."
        ),
    ] = "",
) -> None:
    """Make a server group, or replace the one of this name."""
    from engine.v1.inventory_pb2 import ServerGroup

    with connection.client() as client:
        group = ServerGroup(
            uuid=uuid or uuid_for(client.list_server_groups().server_groups, name, "server group"),
            name=name,
            policy=policy,
            max_server_per_host=max_server_per_host,
            member_uuids=member or (),
        )
        reply = client.update_server_groups([group])
    if connection.as_json:
        write_json({"server_group": plain(group), "inventory_generation": reply.inventory_generation})
    else:
        write_line(f"server group {name} is {group.uuid} (generation {reply.inventory_generation})")


@app.command("delete")
@with_option_groups
def delete_groups(
    names: Annotated[list[str], typer.Argument(metavar="GROUP...", help="The groups' uuids or names.")],
    connection: Connection,
) -> None:
    """Remove server groups, all of them or none; their instances stay where they are."""
    with connection.client() as client:
        known = client.list_server_groups().server_groups
        uuids = [find(known, name, UnknownGroupError, "server group").uuid for name in names]
        reply = client.update_server_groups(delete_uuids=uuids)
    if connection.as_json:
        write_json({"deleted": uuids, "inventory_generation": reply.inventory_generation})
    else:
        write_line(f"{len(uuids)} server groups removed (generation {reply.inventory_generation})")
