"""``berth place``: select and claim hosts."""

from __future__ import annotations

from typing import Annotated

import typer

from engine.cli.connection import Connection
from engine.cli.device_view import assignment_text
from engine.cli.option_groups import with_option_groups
from engine.cli.output import write_json, write_line, write_table
from engine.cli.plain import plain
from engine.cli.request_options import RequestOptions

_COLUMNS = ("instance", "host", "weight", "alternates", "given")


@with_option_groups
def place(
    request: RequestOptions,
    connection: Connection,
    token: Annotated[
        str,
        typer.Option(
            "--token", metavar="TEXT", help="The same token returns the same answer, so that a call can be repeated."
        ),
    ] = "",
    migration: Annotated[
        str,
        typer.Option("--migration", metavar="UUID", help="Move the one --instance; confirm by releasing this UUID."),
    ] = "",
) -> None:
    """Select hosts for instances and claim them: all of the instances or none.

    With --migration the instance moves: what it holds passes to the migration, and it is given a new place.
    """
    spec = request.request_spec()
    spec.migration_uuid = migration
    with connection.client() as client:
        reply = client.select_destinations(spec, client_token=token)
    if connection.as_json:
        write_json(plain(reply))
        return
    rows = [
        (
            item.instance_uuid,
            item.host.host_id,
            item.host.weight,
            [other.host_id for other in item.alternates],
            assignment_text(item.assignment),
        )
        for item in reply.selections
    ]
    # most instances are given plain amounts: their table says no more than it has to
    width = len(_COLUMNS) if any(row[-1] for row in rows) else len(_COLUMNS) - 1
    write_table(_COLUMNS[:width], (row[:width] for row in rows))
    write_line(f"{len(reply.selections)} placed (generation {reply.inventory_generation})")
