"""``berth serve``: the service itself."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer


def serve(
    listen: Annotated[str | None, typer.Option("--listen", metavar="HOST:PORT", help="Where to listen.")] = None,
    state_dir: Annotated[
        Path | None,
        typer.Option("--state-dir", metavar="DIR", help="Where allocations and hosts are kept; made if absent."),
    ] = None,
    config: Annotated[Path | None, typer.Option("--config", metavar="FILE", help="A TOML file of settings.")] = None,
) -> None:
    """Run the service until it is told to stop; what it has begun it finishes.

    An option beats the environment, which beats the file. SIGHUP has the file read again: what can change while the
    service runs is then in force, above all the scheduler's filters and weighers.
    """
    from engine.service.memory import postpone_collection

    postpone_collection()
    from engine.config import Settings
    from engine.service.server import run

    options = {"listen": listen, "state_dir": state_dir}
    given = {name: value for name, value in options.items() if value is not None}
    load = partial(Settings.load, config, **given)
    run(load(), None if config is None else load)
