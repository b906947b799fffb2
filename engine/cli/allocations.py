"""``berth allocations``, ``berth release``, ``berth move`` and ``berth revert``: what instances hold."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.connection import Connection
from engine.cli.device_view import assignment_text
from engine.cli.option_groups import with_option_groups
from engine.cli.output import write_facts, write_json, write_line, write_table
from engine.cli.paging import Limit, shown, up_to
from engine.cli.plain import plain

if TYPE_CHECKING:
    from engine.v1.selection_pb2 import Allocation

app = typer.Typer(help="List and show what instances hold.", no_args_is_help=True)

_COLUMNS = ("instance", "host", "flavor", "vcpus", "memory MB", "disk GB", "project")

Instance = Annotated[str, typer.Argument(metavar="UUID", help="The instance's uuid.")]


@app.command("list")
@with_option_groups
def list_allocations(
    connection: Connection,
    host: Annotated[str, typer.Option("--host", metavar="HOST", help="Only on this host.")] = "",
    project: Annotated[str, typer.Option("--project", metavar="ID", help="Only of this project.")] = "",
    limit: Limit = 1000,
) -> None:
    """List allocations."""
    totals = [0, 0]
    with connection.client() as client:

        def fetch(size: int, token: str) -> tuple[list[Allocation], str]:
            page = client.list_allocations(host_id=host, project_id=project, page_size=size, page_token=token)
            totals[:] = page.total, page.inventory_generation
            return list(page.allocations), page.next_page_token

        found = up_to(limit, fetch)
    if connection.as_json:
        document = {
            "allocations": [plain(item) for item in found],
            "total": totals[0],
            "inventory_generation": totals[1],
        }
        write_json(document)
    else:
        write_table(_COLUMNS, (_row(item) for item in found))
        write_line(shown(len(found), totals[0], "allocations"))


@app.command("show")
@with_option_groups
def show_allocation(uuid: Instance, connection: Connection) -> None:
    """Show what one instance holds."""
    with connection.client() as client:
        reply = client.get_allocation(uuid)
    if connection.as_json:
        write_json(plain(reply))
        return
    held = reply.allocation
    facts = [
        *zip(_COLUMNS, (str(value) for value in _row(held)), strict=True),
        ("user", held.user_id),
        ("server group", held.instance_group),
        ("resources", ", ".join(f"{name} {amount}" for name, amount in sorted(held.resources.items()))),
        ("given", assignment_text(held.assignment)),
        ("created", datetime.fromtimestamp(held.created_us / 1e6, UTC).isoformat(timespec="seconds")),
    ]
    write_facts(facts)


@with_option_groups
def release(
    uuids: Annotated[list[str], typer.Argument(metavar="UUID...", help="The instances' uuids.")],
    connection: Connection,
) -> None:
    """Give back what instances hold; an instance that holds nothing is named and is no error."""
    with connection.client() as client:
        reply = client.release_allocations(uuids)
    if connection.as_json:
        write_json(plain(reply))
        return
    write_line(f"{reply.released} released (generation {reply.inventory_generation})")
    for uuid in reply.not_held:
        write_line(f"held nothing: {uuid}")


@with_option_groups
def move(
    uuid: Instance,
    host: Annotated[str, typer.Argument(metavar="HOST", help="The host to move it to.")],
    connection: Connection,
) -> None:
    """Move what an instance holds to a host; nothing changes when it does not fit there."""
    with connection.client() as client:
        reply = client.move_allocation(uuid, host)
    if connection.as_json:
        write_json(plain(reply))
    else:
        write_line(f"{uuid} is on {reply.allocation.host_id} (generation {reply.inventory_generation})")


@with_option_groups
def revert(
    uuid: Instance,
    migration: Annotated[
        str, typer.Argument(metavar="MIGRATION", help="The migration by which it moved (berth place --migration).")
    ],
    connection: Connection,
) -> None:
    """Give an instance back what it held before a migration, and release what it was given for it."""
    with connection.client() as client:
        reply = client.revert_move(uuid, migration)
    if connection.as_json:
        write_json(plain(reply))
    else:
        write_line(f"{uuid} is back on {reply.allocation.host_id} (generation {reply.inventory_generation})")


def _row(item: Allocation) -> tuple[object, ...]:
    return (
        item.consumer_uuid,
        item.host_id,
        item.flavor_name,
        item.vcpus,
        item.memory_mb,
        item.disk_gb,
        item.project_id,
    )
