"""What the scheduler gave an instance beyond plain amounts, as its record keeps it among ``scheduling``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from google.protobuf.json_format import MessageToDict, ParseDict

from engine.v1.assignment_pb2 import Assignment

_KEY = "assignment"


def with_assignment(scheduling: Mapping[str, Any], assignment: Assignment | None) -> dict[str, Any]:
    """Return the same with an assignment in place of the one that is there, if any; None: plain amounts."""
    rest = {key: value for key, value in scheduling.items() if key != _KEY}
    if assignment is None:
        return rest
    return {**rest, _KEY: MessageToDict(assignment, preserving_proto_field_name=True)}


def assignment_of(scheduling: Mapping[str, Any]) -> Assignment | None:
    """Return the assignment that is kept, or None."""
    kept = scheduling.get(_KEY)
    return None if kept is None else ParseDict(kept, Assignment(), ignore_unknown_fields=True)
