"""``berth serve``: the service itself."""

from __future__ import annotations

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

    An option beats the environment, which beats the file.
    """
    from engine.config import Settings
    from engine.service.server import run

    given = {"listen": listen, "state_dir": state_dir}
    run(Settings.load(config, **{name: value for name, value in given.items() if value is not None}))
