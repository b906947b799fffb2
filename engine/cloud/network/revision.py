"""Changes that hold only for the revision the caller has seen, as neutron has them (``If-Match``)."""

from __future__ import annotations

import re

from starlette.requests import Request

from engine.rest.errors import BadRequest, RestError

_CONSTRAINT = re.compile(r"revision_number=([0-9]{1,18})")


def check_revision(request: Request, current: int) -> None:
    """Raise 412 where the request is constrained to another revision than the current one; BadRequest for nonsense."""
    asked = request.headers.get("if-match")
    if asked is None:
        return
    constraint = _CONSTRAINT.fullmatch(asked.strip())
    if constraint is None:
        raise BadRequest("Only support 'revision_number' matching in If-Match headers.", kind="InvalidInput")
    if int(constraint[1]) != current:
        raise RestError(
            f"Constrained to {constraint[1]}, but current revision is {current}",
            kind="RevisionNumberConstraintFailed",
            status=412,
        )
