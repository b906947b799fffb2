"""Where the instances are that a request's hints name."""

from __future__ import annotations

from engine.model.request_spec import RequestSpec
from engine.scheduler.hints import DIFFERENT_HOST, SAME_HOST, hint
from engine.service.book import AllocationBook
from engine.service.convert import consumer_bytes


def hinted_instance_rows(request: RequestSpec, book: AllocationBook) -> dict[str, int]:
    """Return the row of each instance that same_host or different_host names and that holds an allocation, by its text.

    Raises InvalidRequestError for a text that is no uuid, as nova-api does.
    """
    found = {}
    for name in (SAME_HOST, DIFFERENT_HOST):
        for text in hint(request, name):
            entry = book.find(consumer_bytes(text, f"scheduler_hints.{name}"))
            if entry is not None and entry.held:
                found[text] = entry.row
    return found
