"""``berth audit``: whether the records of what is held agree."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.connection import Connection
from engine.cli.exit_codes import ExitCode
from engine.cli.option_groups import with_option_groups
from engine.cli.output import write_json, write_line, write_table
from engine.cli.plain import plain

if TYPE_CHECKING:
    from engine.v1.scheduler_service_pb2 import AuditAllocationsResponse


@with_option_groups
def audit(
    connection: Connection,
    state_dir: Annotated[
        Path | None,
        typer.Option(
            "--state-dir", metavar="DIR", help="Audit the state of a stopped service instead of a running one."
        ),
    ] = None,
) -> None:
    """Compare the durable store, the allocations in memory and the columns; exit 0 only when they agree."""
    reply = _audit(connection, state_dir)
    if connection.as_json:
        write_json(plain(reply))
    else:
        if reply.differences:
            write_table(("subject", "problem"), ((item.subject, item.problem) for item in reply.differences))
        verdict = "clean" if reply.clean else f"{len(reply.differences)} differences"
        write_line(
            f"{verdict}: {reply.hosts} hosts, {reply.allocations} allocations (generation {reply.inventory_generation})"
        )
    if not reply.clean:
        raise typer.Exit(ExitCode.REFUSED)


def _audit(connection: Connection, state_dir: Path | None) -> AuditAllocationsResponse:
    if state_dir is not None:
        from engine.service.audit import audit_state_dir

        return audit_state_dir(state_dir)
    with connection.client() as client:
        return client.audit_allocations()
