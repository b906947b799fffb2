"""A refusal as rows: what each filter removed and left."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

REJECTION_COLUMNS = ("filter", "removed", "left")


def rejection_rows(rejections: Mapping[str, int], hosts_total: int) -> Iterator[tuple[str, int, int]]:
    """Yields a row a filter, in the order they ran: its name, the hosts it removed, and those it left."""
    left = hosts_total
    for name, removed in rejections.items():
        left -= removed
        yield name, removed, left
