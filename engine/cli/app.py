"""The berth command: its groups and commands, in the order that its help shows them."""

from __future__ import annotations

from typing import Annotated

import typer

from engine import __version__
from engine.cli import (
    aggregates,
    allocations,
    audit,
    config,
    demo,
    explain,
    flavors,
    groups,
    hosts,
    place,
    providers,
    serve,
    status,
    up,
)
from engine.cli.cloud import boot, server
from engine.cli.exit_codes import HELP
from engine.cli.replay import command as replay
from engine.cli.whatif import command as whatif

app = typer.Typer(
    name="berth",
    help="Places virtual machines exactly as nova's filter scheduler would, and boots them.",
    epilog=HELP,
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"berth {__version__}")
        raise typer.Exit


@app.callback()
def berth(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_show_version, help="Show the version and exit.")
    ] = False,
) -> None:
    """Places virtual machines exactly as nova's filter scheduler would, and boots them."""


app.command("up")(up.up)
app.command("run")(up.run)
app.command("boot")(boot.boot)
app.add_typer(server.app, name="server")
app.command("serve")(serve.serve)
app.command("demo")(demo.demo)
app.command("status")(status.status)
app.add_typer(hosts.app, name="hosts")
app.add_typer(flavors.app, name="flavors")
app.add_typer(groups.app, name="groups")
app.add_typer(aggregates.app, name="aggregates")
app.add_typer(providers.app, name="providers")
app.command("place")(place.place)
app.command("explain")(explain.explain)
app.command("release")(allocations.release)
app.command("move")(allocations.move)
app.command("revert")(allocations.revert)
app.add_typer(allocations.app, name="allocations")
app.command("replay")(replay.replay)
app.add_typer(whatif.app, name="whatif")
app.command("audit")(audit.audit)
app.add_typer(config.app, name="config")
