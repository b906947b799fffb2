"""``berth replay``: the command."""

from __future__ import annotations

from pathlib import Path
from secrets import token_hex
from typing import Annotated

import typer

from engine.cli.connection import Connection
from engine.cli.option_groups import with_option_groups

MAX_BATCH = 8192
"""The most requests that the service takes in one message."""


@with_option_groups
def replay(
    trace: Annotated[
        Path,
        typer.Argument(
            metavar="TRACE.parquet",
            help="Columns vm_id, t_create, t_delete or t_delete_est (null: never), vcpus, memory_mb, perhaps disk_gb.",
        ),
    ],
    connection: Connection,
    run: Annotated[
        str,
        typer.Option(
            "--run",
            metavar="NAME",
            help="A run of the same name repeats its placements; by default a new name.",
        ),
    ] = "",
    split: Annotated[
        str, typer.Option("--split", metavar="NAME", help="Only the rows whose column split says so.")
    ] = "",
    limit: Annotated[
        int, typer.Option("--limit", min=0, metavar="N", help="Only the first N VMs to be created; 0 takes all.")
    ] = 0,
    batch: Annotated[
        int,
        typer.Option("--batch", min=1, max=MAX_BATCH, metavar="N", help="The events in a message."),
    ] = 1024,
    project: Annotated[str, typer.Option("--project", metavar="ID", help="The project that asks.")] = "",
) -> None:
    """Send the VMs of a trace as they came and went, and show what was placed and what was refused.

    Events go in time order; at equal times deletes before creates, then by vm_id, and a VM that lives for no time is
    deleted directly after its creation. They are sent in batches that keep this order, so the effect is exactly that of
    one event at a time. Flavors named after their sizes are made first. What
    was refused in an earlier run of the same name is tried again. The exit code is 0 whatever was refused.
    """
    from engine.cli.replay.progress import progress_bar
    from engine.cli.replay.refusals import RefusalWatch
    from engine.cli.replay.report import write_report
    from engine.cli.replay.send import send
    from engine.whatif.workloads.trace import read_trace

    vms = read_trace(trace, split=split, limit=limit)
    name = run or token_hex(8)
    with connection.client() as client:
        with progress_bar(wanted=not connection.as_json) as on_progress:
            watch = RefusalWatch(client, vms, project=project)
            outcome = send(
                client, vms, run=name, batch=batch, project=project, on_progress=on_progress, on_refused=watch.see
            )
        refusals = watch.refusals(outcome)
    write_report(outcome, refusals, as_json=connection.as_json)
