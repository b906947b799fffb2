"""``berth explain``: why hosts pass or fail for a request, and what they weigh."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.connection import Connection
from engine.cli.option_groups import with_option_groups
from engine.cli.output import write_json, write_line, write_table
from engine.cli.plain import plain
from engine.cli.request_options import RequestOptions

if TYPE_CHECKING:
    from engine.v1.scheduler_service_pb2 import ExplainSelectionResponse


@with_option_groups
def explain(
    request: RequestOptions,
    connection: Connection,
    host: Annotated[
        list[str] | None,
        typer.Option("--host", metavar="HOST", help="Give every verdict for this host; may be repeated."),
    ] = None,
    best: Annotated[int, typer.Option("--best", min=1, metavar="N", help="How many of the best hosts to show.")] = 10,
    nearest: Annotated[
        int, typer.Option("--nearest", min=1, metavar="N", help="How many of the nearest hosts to show.")
    ] = 5,
) -> None:
    """Show what each filter would remove, what the best hosts weigh and what the nearest would need; claims nothing."""
    spec = request.request_spec()
    with connection.client() as client:
        reply = client.explain_selection(spec, host_ids=host or (), weighed_limit=best, nearest_limit=nearest)
    if connection.as_json:
        write_json(plain(reply))
    else:
        _write(reply)


def _write(reply: ExplainSelectionResponse) -> None:
    """Writes the four parts of an explanation, each where it has anything to say."""
    rejections = ((item.filter, item.hosts_removed, item.hosts_left, item.reason) for item in reply.summary.rejections)
    write_table(("filter", "removed", "left", "reason"), rejections, title=f"{reply.summary.hosts_total} hosts")
    for verdict in reply.verdicts:
        rows = ((item.filter, "pass" if item.passed else "FAIL", item.reason) for item in verdict.verdicts)
        title = f"{verdict.host_id}: {'passes' if verdict.passed else 'fails'}"
        write_table(("filter", "verdict", "reason"), rows, title=title)
    if reply.weighed:
        weighers = [term.weigher for term in reply.weighed[0].terms]
        weighed = (
            (
                item.host_id,
                item.weight,
                *(f"{term.normalized:.4g} * {term.multiplier:g} = {term.weight:.4g}" for term in item.terms),
            )
            for item in reply.weighed
        )
        write_table(("host", "weight", *weighers), weighed, title="best hosts")
    if reply.nearest:
        changes = ((item.host_id, "; ".join(item.changes)) for item in reply.nearest)
        write_table(("host", "what would have to change"), changes, title="nearest hosts that fail")
    write_line(
        f"{reply.hosts_passed} of {reply.summary.hosts_total} hosts pass (generation {reply.inventory_generation})"
    )
