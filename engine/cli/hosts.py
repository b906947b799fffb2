"""``berth hosts``: make, load, list, show and remove hosts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.connection import JSON_HELP, Connection
from engine.cli.host_view import HOST_COLUMNS, host_row, write_host
from engine.cli.option_groups import with_option_groups
from engine.cli.output import write_json, write_line, write_table
from engine.cli.paging import Limit, shown, up_to
from engine.cli.plain import plain

if TYPE_CHECKING:
    from engine.v1.inventory_pb2 import Host

app = typer.Typer(help="Make, load, list, show and remove hosts.", no_args_is_help=True)


@app.command("generate")
def generate(
    count: Annotated[int, typer.Option("--count", min=0, metavar="N", help="How many hosts.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where to write them: .parquet, .arrow or .csv.")],
    seed: Annotated[int, typer.Option("--seed", min=0, metavar="S", help="The same seed makes the same hosts.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help=JSON_HELP)] = False,
) -> None:
    """Write a made-up but lifelike fleet to a file, for trying things out."""
    from engine.inventory.fleet_file import write_fleet
    from engine.inventory.generate import generate_fleet

    fleet = generate_fleet(count, seed)
    write_fleet(fleet, out)
    if as_json:
        write_json({"file": str(out), "hosts": fleet.num_rows, "seed": seed})
    else:
        write_line(f"{fleet.num_rows} hosts written to {out}")


@app.command("import")
@with_option_groups
def import_hosts(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A fleet: .parquet, .arrow, .feather or .csv, one row a host.")
    ],
    connection: Connection,
) -> None:
    """Add or change the hosts of a file, all of them or none."""
    from engine.inventory.fleet_file import read_fleet

    fleet = read_fleet(file)
    with connection.client() as client:
        reply = client.import_hosts(fleet)
    if connection.as_json:
        write_json(plain(reply))
    else:
        write_line(f"{reply.added} hosts added, {reply.changed} changed (generation {reply.inventory_generation})")


@app.command("list")
@with_option_groups
def list_hosts(
    connection: Connection,
    zone: Annotated[str, typer.Option("--zone", metavar="ZONE", help="Only hosts of this availability zone.")] = "",
    aggregate: Annotated[str, typer.Option("--aggregate", metavar="UUID", help="Only hosts of this aggregate.")] = "",
    limit: Limit = 1000,
) -> None:
    """List hosts with what they have and what is in use."""
    totals = [0, 0]
    with connection.client() as client:

        def fetch(size: int, token: str) -> tuple[list[Host], str]:
            page = client.list_hosts(availability_zone=zone, aggregate_uuid=aggregate, page_size=size, page_token=token)
            totals[:] = page.total, page.inventory_generation
            return list(page.hosts), page.next_page_token

        hosts = up_to(limit, fetch)
    if connection.as_json:
        document = {"hosts": [plain(host) for host in hosts], "total": totals[0], "inventory_generation": totals[1]}
        write_json(document)
    else:
        write_table(HOST_COLUMNS, (host_row(host) for host in hosts))
        write_line(shown(len(hosts), totals[0], "hosts"))


@app.command("show")
@with_option_groups
def show_host(
    host: Annotated[str, typer.Argument(metavar="HOST", help="A host's identifier.")],
    connection: Connection,
) -> None:
    """Show everything known of one host."""
    with connection.client() as client:
        reply = client.get_host(host)
    if connection.as_json:
        write_json(plain(reply))
    else:
        write_host(reply.host)


@app.command("delete")
@with_option_groups
def delete_hosts(
    hosts: Annotated[list[str], typer.Argument(metavar="HOST...", help="The hosts' identifiers.")],
    connection: Connection,
) -> None:
    """Remove hosts, all of them or none; a host that holds allocations is refused."""
    with connection.client() as client:
        reply = client.delete_hosts(hosts)
    if connection.as_json:
        write_json(plain(reply))
    else:
        write_line(f"{reply.deleted} hosts removed (generation {reply.inventory_generation})")
