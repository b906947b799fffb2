"""LedgerStatistics: what the ledger has done since it was opened, as one consistent snapshot."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LedgerStatistics:
    """Counts since the ledger was opened; times in seconds.

    ``commits`` and ``failed_commits`` count groups; ``submissions``, ``records`` and ``bytes`` are those of committed
    groups.
    ``last_commit_s`` and ``mean_commit_s`` cover the whole transaction of successful groups, sync included.
    ``backlog_rows`` are rows that are still journal records; ``rows_written`` those turned into table rows;
    ``row_failures`` the slices that failed and are tried again.
    """

    commits: int = 0
    failed_commits: int = 0
    submissions: int = 0
    records: int = 0
    bytes: int = 0
    last_commit_s: float = 0.0
    commit_s: float = 0.0
    backlog_rows: int = 0
    rows_written: int = 0
    row_failures: int = 0

    @property
    def mean_commit_s(self) -> float:
        """The mean duration of a successful commit, 0 before the first."""
        return self.commit_s / self.commits if self.commits else 0.0
