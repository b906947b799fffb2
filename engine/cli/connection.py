"""The options every client command has: where the service is, how long to wait, how to answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from engine.client import Client

TARGET_HELP = "Where the service listens."
JSON_HELP = "Answer with one JSON document; errors too, on standard error."


@dataclass(frozen=True)
class Connection:
    """Where the service is (HOST:PORT), a call's deadline, and whether the answer is JSON."""

    target: Annotated[str, typer.Option("--target", envvar="BERTH_TARGET", metavar="HOST:PORT", help=TARGET_HELP)] = (
        "127.0.0.1:7474"
    )
    timeout_s: Annotated[
        float, typer.Option("--timeout", min=0.001, metavar="SECONDS", help="How long to wait for an answer.")
    ] = 30.0
    as_json: Annotated[bool, typer.Option("--json", help=JSON_HELP)] = False

    def client(self) -> Client:
        """Returns a client of the service; close it, or use it in a ``with``."""
        from engine.client import Client

        return Client(self.target, timeout_s=self.timeout_s)
