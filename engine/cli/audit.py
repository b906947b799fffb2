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
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            metavar="FILE",
            help="Audit a whole running cloud: the settings that berth up wrote (berth.toml).",
        ),
    ] = None,
) -> None:
    """Compare what is recorded with what is there; exit 0 only when they agree.

    Without options: the service's ledger, its allocations in memory and its columns. With --config: instances,
    allocations, ports, attachments, volumes, domains and files of a whole cloud; whatever has no owner is named.
    """
    if config is not None:
        _audit_cloud(config, as_json=connection.as_json)
        return
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


def _audit_cloud(config: Path, *, as_json: bool) -> None:
    """Audit the cloud that runs with the settings of a file."""
    import asyncio
    from dataclasses import asdict

    from engine.boot.audit import audit_running
    from engine.config import Settings

    report = asyncio.run(audit_running(Settings.load(config)))
    if as_json:
        write_json(asdict(report) | {"clean": report.clean})
    else:
        if report.findings:
            write_table(
                ("kind", "subject", "problem"), ((one.kind, one.subject, one.problem) for one in report.findings)
            )
        for host, reason in sorted(report.hosts_not_asked.items()):
            write_line(f"{host} was not asked: {reason}")
        looked_at = ", ".join(
            f"{getattr(report, name)} {name}"
            for name in ("instances", "allocations", "ports", "attachments", "volumes", "domains")
        )
        verdict = "clean" if report.clean else f"{len(report.findings)} findings"
        write_line(f"{verdict}: {looked_at}; {report.hosts_asked} hosts asked")
    if not report.clean:
        raise typer.Exit(ExitCode.REFUSED)


def _audit(connection: Connection, state_dir: Path | None) -> AuditAllocationsResponse:
    if state_dir is not None:
        from engine.service.audit import audit_state_dir

        return audit_state_dir(state_dir)
    with connection.client() as client:
        return client.audit_allocations()
