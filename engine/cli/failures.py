"""How the command says that something went wrong: on standard error, what it was and what to do next."""

from __future__ import annotations

import json
import sys
from typing import Any

from engine.cli.advice import advice
from engine.cli.rejections import REJECTION_COLUMNS, rejection_rows
from engine.errors import EngineError, NoValidHostError


def write_failure(error: EngineError, *, as_json: bool) -> None:
    """Writes a failure to standard error, as ``{"error": {...}}`` or as lines."""
    if as_json:
        sys.stderr.write(json.dumps({"error": _document(error)}, ensure_ascii=False) + "\n")
        return
    sys.stderr.write(f"berth: {error.message}\n")
    if isinstance(error, NoValidHostError) and error.rejections:
        from engine.cli.output import write_error_table

        write_error_table(REJECTION_COLUMNS, rejection_rows(error.rejections, error.hosts_total))
    next_step = advice(error)
    if next_step:
        sys.stderr.write(f"       {next_step}\n")


def _document(error: EngineError) -> dict[str, Any]:
    document: dict[str, Any] = {"reason": error.reason, "message": error.message, "details": dict(error.details)}
    if isinstance(error, NoValidHostError):
        document["rejections"] = [
            dict(zip(REJECTION_COLUMNS, row, strict=True))
            for row in rejection_rows(error.rejections, error.hosts_total)
        ]
        document["hosts_total"] = error.hosts_total
        document["instances_placed"] = error.placed
    next_step = advice(error)
    if next_step:
        document["advice"] = next_step
    return document
