"""``berth flavors``: list, make and remove flavors."""

from __future__ import annotations

from typing import Annotated

import typer

from engine.cli.connection import Connection
from engine.cli.option_groups import with_option_groups
from engine.cli.output import write_json, write_line, write_table
from engine.cli.pairs import pairs
from engine.cli.plain import plain

app = typer.Typer(help="List, make and remove flavors.", no_args_is_help=True)

_COLUMNS = ("flavor", "vcpus", "memory MB", "root GB", "ephemeral GB", "swap MB", "extra specs")


@app.command("list")
@with_option_groups
def list_flavors(connection: Connection) -> None:
    """List flavors."""
    with connection.client() as client:
        reply = client.list_flavors()
    if connection.as_json:
        write_json(plain(reply))
        return
    rows = (
        (
            flavor.name,
            flavor.vcpus,
            flavor.memory_mb,
            flavor.root_gb,
            flavor.ephemeral_gb,
            flavor.swap_mb,
            [f"{key}={value}" for key, value in sorted(flavor.extra_specs.items())],
        )
        for flavor in reply.flavors
    )
    write_table(_COLUMNS, rows)


@app.command("set")
@with_option_groups
def set_flavor(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The flavor's name.")],
    vcpus: Annotated[int, typer.Option("--vcpus", min=0, metavar="N")],
    memory_mb: Annotated[int, typer.Option("--memory-mb", min=0, metavar="MB")],
    connection: Connection,
    disk_gb: Annotated[int, typer.Option("--disk-gb", min=0, metavar="GB", help="The root disk.")] = 0,
    ephemeral_gb: Annotated[int, typer.Option("--ephemeral-gb", min=0, metavar="GB")] = 0,
    swap_mb: Annotated[int, typer.Option("--swap-mb", min=0, metavar="MB")] = 0,
    extra_spec: Annotated[
        list[str] | None, typer.Option("--extra-spec", metavar="KEY=VALUE", help="May be repeated.")
    ] = None,
) -> None:
    """Make a flavor, or replace the one of this name; what is already placed stays as it is."""
    from engine.v1.request_spec_pb2 import Flavor

    flavor = Flavor(
        name=name,
        vcpus=vcpus,
        memory_mb=memory_mb,
        root_gb=disk_gb,
        ephemeral_gb=ephemeral_gb,
        swap_mb=swap_mb,
        extra_specs=pairs("--extra-spec", extra_spec or ()),
    )
    with connection.client() as client:
        reply = client.update_flavors([flavor])
    if connection.as_json:
        write_json({"flavor": plain(flavor), "inventory_generation": reply.inventory_generation})
    else:
        write_line(f"flavor {name} set (generation {reply.inventory_generation})")


@app.command("delete")
@with_option_groups
def delete_flavors(
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="The flavors' names.")],
    connection: Connection,
) -> None:
    """Remove flavors, all of them or none; what is already placed stays as it is."""
    with connection.client() as client:
        reply = client.update_flavors(delete_names=names)
    if connection.as_json:
        write_json({"deleted": names, "inventory_generation": reply.inventory_generation})
    else:
        write_line(f"{len(names)} flavors removed (generation {reply.inventory_generation})")
