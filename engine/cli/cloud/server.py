"""``berth server``: list, show and delete instances, and show the steps of their boots."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from engine.cli.cloud.connection import Cloud, CloudConnection
from engine.cli.cloud.timeline import HEADER, begun_us, line
from engine.cli.option_groups import with_option_groups
from engine.cli.output import write_facts, write_json, write_line, write_table
from engine.errors import ServiceUnavailableError

app = typer.Typer(help="List, show and delete instances; show the 28 steps of a boot.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="An instance's name or id.")]
_POLL_S = 0.1
_PAGE = 1000


@app.command("list")
@with_option_groups
def list_servers(
    connection: CloudConnection,
    all_projects: Annotated[bool, typer.Option("--all-projects", help="As an administrator: every project's.")] = False,
) -> None:
    """List instances."""
    with connection.open() as cloud:
        servers = list(_pages(cloud, all_projects))
    if connection.as_json:
        write_json(servers)
        return
    write_table(
        ("id", "name", "status", "task", "host", "addresses"),
        (
            (
                one["id"],
                one["name"],
                one["status"],
                one["OS-EXT-STS:task_state"] or "",
                one.get("OS-EXT-SRV-ATTR:host") or "",
                [address["addr"] for network in one["addresses"].values() for address in network],
            )
            for one in servers
        ),
    )


@app.command("show")
@with_option_groups
def show(connection: CloudConnection, name: Name) -> None:
    """Show all that is known of an instance."""
    with connection.open() as cloud:
        server = cloud.compute("GET", f"/servers/{cloud.find('server', name)}")["server"]
    if connection.as_json:
        write_json(server)
        return
    write_facts((key, value) for key, value in sorted(server.items()) if key != "links")


@app.command("delete")
@with_option_groups
def delete(
    connection: CloudConnection,
    names: Annotated[list[str], typer.Argument(help="Names or ids.")],
    wait: Annotated[bool, typer.Option("--wait", help="Until they are gone.")] = False,
) -> None:
    """Delete instances, with all that was made for them."""
    with connection.open() as cloud:
        uuids = [cloud.find("server", name) for name in names]
        for uuid in uuids:
            cloud.compute("DELETE", f"/servers/{uuid}")
        if wait:
            _until_gone(cloud, uuids, connection.timeout_s)
    if connection.as_json:
        write_json({"deleted": uuids})
    else:
        write_line(f"{len(uuids)} {'deleted' if wait else 'being deleted'}")


@app.command("timeline")
@with_option_groups
def timeline(connection: CloudConnection, name: Name) -> None:
    """Show the steps of an instance's boot: who did what, when, and for how long."""
    with connection.open() as cloud:
        steps = cloud.compute("GET", f"/servers/{cloud.find('server', name)}/berth-timeline")["timeline"]
    if connection.as_json:
        write_json(steps)
        return
    write_line(HEADER)
    for step in steps:
        write_line(line(step, begun_us(steps)))


def _pages(cloud: Cloud, all_projects: bool) -> Any:
    """Yield every instance, page by page."""
    marker = ""
    while True:
        query = {"limit": str(_PAGE)} | ({"marker": marker} if marker else {})
        if all_projects:
            query["all_tenants"] = "True"
        page = cloud.compute("GET", "/servers/detail", params=query)["servers"]
        yield from page
        if len(page) < _PAGE:
            return
        marker = page[-1]["id"]


def _until_gone(cloud: Cloud, uuids: list[str], timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    left = set(uuids)
    while left:
        left = {uuid for uuid in left if cloud.sdk.compute.find_server(uuid, ignore_missing=True) is not None}
        if left and time.monotonic() > deadline:
            raise ServiceUnavailableError(
                f"{len(left)} were still there after {timeout_s:.0f} s: {', '.join(sorted(left))}"
            )
        time.sleep(_POLL_S if left else 0)
