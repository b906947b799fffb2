"""The metrics column: whole numbers by name, and nothing else."""

from __future__ import annotations

import pytest

from engine.errors import InvalidFileError, InvalidHostError
from engine.inventory.fleet_metrics import metrics_text, read_metrics
from engine.inventory.ingest import fleet_columns
from tests.builders import fleet

LARGEST = 2**63 - 1

BAD = [
    ("{cpu", "is not JSON"),
    ("[" * 100_000, "is not JSON"),
    ("[1]", "is JSON, but no object"),
    ("7", "is JSON, but no object"),
    ('{"a": 1.5}', "'a' the value 1.5"),
    ('{"a": NaN}', "'a' the value nan"),
    ('{"a": true}', "'a' the value True"),
    ('{"a": null}', "'a' the value None"),
    ('{"a": "1"}', "'a' the value 1"),
    ('{"a": 9223372036854775808}', "no whole number of 64 bits"),
    ('{"a": -9223372036854775809}', "no whole number of 64 bits"),
    ('{"": 1}', "names a metric ''"),
    ('{"a\\n": 1}', "printable"),
    ('{"\\ud800": 1}', "printable"),
    ('{"%s": 1}' % ("a" * 256), "1 to 255"),
]


def test_a_text_read_and_written_is_the_same_metrics() -> None:
    metrics = {"cpu.percent": 42, "cpu.user.time": LARGEST, "négatif": -LARGEST - 1}
    assert read_metrics(metrics_text(metrics)) == metrics


def test_no_metrics_are_an_empty_text() -> None:
    assert metrics_text({}) == ""
    assert read_metrics("") == {}
    assert read_metrics("{}") == {}


@pytest.mark.parametrize(("text", "said"), BAD, ids=range(len(BAD)))
def test_a_file_with_anything_else_is_refused_by_row(text: str, said: str) -> None:
    with pytest.raises(InvalidFileError) as caught:
        fleet([{"metrics": '{"a": 1}'}, {}, {"metrics": text}])
    assert said in caught.value.message
    assert (caught.value.details["column"], caught.value.details["row"]) == ("metrics", "3")


def test_a_batch_whose_text_was_not_checked_is_refused_by_host() -> None:
    table = fleet([{}, {}])
    place = table.schema.get_field_index("metrics")
    table = table.set_column(place, table.schema.field(place), [["", '{"a": 0.1}']])
    with pytest.raises(InvalidHostError, match="host 'h1': column metrics gives 'a'"):
        fleet_columns(table)
