"""LedgerOptions: how the ledger divides its one writing thread between committing, writing rows and checkpointing."""

from __future__ import annotations

from dataclasses import dataclass

from engine.errors import InvalidSettingError


@dataclass(frozen=True, slots=True)
class LedgerOptions:
    """The ledger's settings, with defaults for one local disk; raises InvalidSettingError for one out of range.

    ``backlog_rows``: journal rows not yet folded into the tables that are allowed to wait for an idle moment, or half
    as many as there are allocations where that is more; beyond it every commit is followed by a step of a fold, and
    beyond twice as many by as many steps as it takes. Loading replays the backlog, about 0.5 us per row.
    ``slice_rows``: what one step does at rest: so many rows of tokens or documents, or eight times as many
    allocations looked through; a commit that arrives meanwhile is held up by some milliseconds.
    ``pressed_slice_rows``: the same for the steps taken while the backlog is over its bound.
    ``idle_share``: at rest the journal is folded once it has more than one row for so many allocations, those of one
    block apart, so that a trickle of changes does not copy all there is again and again.
    ``group_bytes``: a group takes no further submissions once it holds this much; one larger submission is a group by
    itself.
    ``idle_s``: how long the queue stays empty before rows are written, so that a caller in a closed loop is not held
    up.
    ``checkpoint_idle_s``: how long it stays empty after the rows before the write-ahead log is copied into the
    database.
    ``checkpoint_pages``: write-ahead log pages (4 KiB) after which a commit copies it whether idle or not.
    ``retry_s``: the pause after a failure to write rows (the records stay safe in the journal).
    ``busy_timeout_s``: how long to wait for another process that has locked the database file.
    ``cache_mb``: SQLite's page cache of the writing connection.
    """

    backlog_rows: int = 131_072
    slice_rows: int = 1_024
    pressed_slice_rows: int = 8_192
    idle_share: int = 4
    group_bytes: int = 64 * 1024 * 1024
    idle_s: float = 0.02
    checkpoint_idle_s: float = 0.25
    checkpoint_pages: int = 8_192
    retry_s: float = 1.0
    busy_timeout_s: float = 5.0
    cache_mb: int = 64

    def __post_init__(self) -> None:
        at_least = {
            "backlog_rows": 0,
            "slice_rows": 1,
            "pressed_slice_rows": 1,
            "idle_share": 1,
            "group_bytes": 1,
            "checkpoint_pages": 1,
        }
        at_least |= {"idle_s": 0, "checkpoint_idle_s": 0, "retry_s": 0, "busy_timeout_s": 0, "cache_mb": 1}
        for name, least in at_least.items():
            if not getattr(self, name) >= least:
                raise InvalidSettingError(
                    f"ledger {name} must be at least {least}, not {getattr(self, name)}", field=name
                )
