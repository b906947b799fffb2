"""``berth place``: select and claim hosts."""

from __future__ import annotations

from typing import Annotated

import typer

from engine.cli.connection import Connection
from engine.cli.option_groups import with_option_groups
from engine.cli.output import write_json, write_line, write_table
from engine.cli.plain import plain
from engine.cli.request_options import RequestOptions

_COLUMNS = ("instance", "host", "weight", "alternates")


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
) -> None:
    """Select hosts for instances and claim them: all of the instances or none."""
    spec = request.request_spec()
    with connection.client() as client:
        reply = client.select_destinations(spec, client_token=token)
    if connection.as_json:
        write_json(plain(reply))
        return
    rows = (
        (item.instance_uuid, item.host.host_id, item.host.weight, [other.host_id for other in item.alternates])
        for item in reply.selections
    )
    write_table(_COLUMNS, rows)
    write_line(f"{len(reply.selections)} placed (generation {reply.inventory_generation})")
