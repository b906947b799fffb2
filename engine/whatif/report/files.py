"""What ``berth whatif --out DIR`` leaves: report.html, decisions.parquet and summary.json, all of them or none."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa

from engine.errors import InvalidRequestError
from engine.whatif.answer import Answer
from engine.whatif.report.decisions_file import parquet_bytes
from engine.whatif.report.page import page_html
from engine.whatif.report.summary import About, summary_document, summary_text

REPORT: Final = "report.html"
DECISIONS: Final = "decisions.parquet"
SUMMARY: Final = "summary.json"


@dataclass(frozen=True, slots=True)
class Report:
    """The three files' bytes."""

    report: bytes
    decisions: pa.Buffer | bytes
    summary: bytes


def render(answer: Answer, about: About) -> Report:
    """Return an answer's three files: the same bytes for the same answer."""
    return Report(
        page_html(answer, about).encode(),
        parquet_bytes(answer.decisions),
        summary_text(summary_document(answer, about)).encode(),
    )


def write_report(answer: Answer, out: Path, about: About) -> Report:
    """Write an answer's three files into a folder, which is made if it is not there, and return them.

    Raises InvalidRequestError where that cannot be done; then none of them is there that was not there before.
    """
    report = render(answer, about)
    write_files(report, out)
    return report


def write_files(report: Report, out: Path) -> None:
    """Write three files into a folder under names of their own first, so that none is ever there in half.

    What else is in the folder is left alone. summary.json comes last: where it is new, all are. Raises
    InvalidRequestError where they cannot be written.
    """
    contents = {REPORT: report.report, DECISIONS: report.decisions, SUMMARY: report.summary}
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".whatif-", dir=out, ignore_cleanup_errors=True) as folder:
            for name, content in contents.items():
                Path(folder, name).write_bytes(content)
            for name in contents:
                Path(folder, name).replace(out / name)
    except OSError as error:
        raise InvalidRequestError(f"cannot write the report into {out}: {error.strerror or error}", path=out) from error


def check_out(out: Path) -> None:
    """Raise InvalidRequestError now where a report could not be written into a folder after a long run."""
    nearest = out
    while not nearest.exists() and nearest != nearest.parent:
        nearest = nearest.parent
    if not nearest.is_dir():
        raise InvalidRequestError(f"cannot write the report into {out}: {nearest} is no folder", path=out)
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise InvalidRequestError(f"cannot write the report into {out}: {nearest} may not be written to", path=out)
    taken = [name for name in (REPORT, DECISIONS, SUMMARY) if (out / name).is_dir()]
    if taken:
        raise InvalidRequestError(f"cannot write the report into {out}: {taken[0]} is a folder there", path=out)
