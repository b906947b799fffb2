"""The metrics column: for each host a JSON object of whole numbers by metric name, or an empty text for none."""

from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.compute as pc

from engine.inventory.fleet_error import FleetSource
from engine.inventory.fleet_schema import MAX_TEXT_LENGTH

_COLUMN = "metrics"
_LARGEST = 2**63
_SHOWN = 60


def read_metrics(text: str) -> dict[str, int]:
    """Return one host's metrics by name; raise ValueError whose message continues a sentence about the text."""
    if not text:
        return {}
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"is not JSON ({error})") from error
    if not isinstance(parsed, dict):
        raise ValueError(f"is JSON, but no object: {text[:_SHOWN]}")  # noqa: TRY004  (one kind of error for a bad text)
    for name, value in parsed.items():
        check_metric(name, value)
    return parsed


def check_metric(name: str, value: object) -> None:
    """Raise ValueError, as ``read_metrics`` does, for a metric of no proper name or no whole number of 64 bits."""
    if not name or not name.isprintable() or len(name) > MAX_TEXT_LENGTH:
        raise ValueError(f"names a metric {name[:_SHOWN]!r}, which is not 1 to {MAX_TEXT_LENGTH} printable characters")
    if isinstance(value, bool) or not isinstance(value, int) or not -_LARGEST <= value < _LARGEST:
        raise ValueError(f"gives {name!r} the value {str(value)[:_SHOWN]}, which is no whole number of 64 bits")


def metrics_text(metrics: dict[str, int]) -> str:
    """Return metrics as the column holds them."""
    return json.dumps(metrics, sort_keys=True, ensure_ascii=False) if metrics else ""


def check_metrics(values: pa.ChunkedArray, source: FleetSource) -> None:
    """Raise InvalidFileError for the first distinct text of a metrics column that ``read_metrics`` refuses."""
    for text in values.unique().to_pylist():
        try:
            read_metrics(text)
        except ValueError as error:
            row = pc.index(values, value=pa.scalar(text)).as_py()
            raise source.fault(
                str(error), 'write a JSON object such as {"cpu.percent": 42}', column=_COLUMN, row=row
            ) from error
