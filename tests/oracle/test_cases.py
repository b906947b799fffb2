"""Reading cases and reporting on them, on cases of the tests' own."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.oracle import reference
from tests.oracle.cases import find_cases, read_case
from tests.oracle.compare import Comparison
from tests.oracle.quirks import explanations, quirks_text, unexplained
from tests.oracle.report import as_json, as_text
from tests.oracle.runner import Outcome, run_case
from tests.oracle.support import unsupported

WEIGHERS = sorted(reference.WEIGHERS)


def host(number: int, free_ram_mb: int) -> dict[str, Any]:
    return {
        "host": f"h{number}",
        "uuid": f"00000000-0000-4000-8000-00000000000{number}",
        "vcpus": 8,
        "vcpus_used": 0,
        "memory_mb": 8192,
        "memory_mb_used": 8192 - free_ram_mb,
        "local_gb": 100,
        "local_gb_used": 0,
        "cpu_allocation_ratio": 1.0,
        "ram_allocation_ratio": 1.0,
        "disk_allocation_ratio": 1.0,
        "hypervisor_version": 0,
        "stats": {},
        "service": {},
    }


def case(**changes: Any) -> dict[str, Any]:
    """Return a case of two hosts whose answer is worked out by hand: 1 and 1/2 for memory, the rest equal at 1."""
    flavor = {"name": "f", "vcpus": 1, "memory_mb": 512, "root_gb": 1, "ephemeral_gb": 0, "swap": 0}
    weighed = [[1, 3.0], [0, 2.5]]
    content: dict[str, Any] = {
        "schema": "nova-oracle-case/1",
        "name": "hand-01",
        "tags": [],
        "now": "2026-01-15T12:00:00",
        "config": {"filter_scheduler": {"enabled_filters": ["ComputeFilter"]}},
        "aggregates": [],
        "hosts": [host(0, 4096), host(1, 8192)],
        "request_spec": {"flavor": flavor, "image": None, "num_instances": 1, "scheduler_hints": {}},
        "claim": "always",
        "return_alternates": True,
        "expected": {
            "weigher_order": list(WEIGHERS),
            "per_filter": {"ComputeFilter": [0, 1]},
            "filtered": [0, 1],
            "chain": [["ComputeFilter", 2]],
            "weighed": weighed,
            "weighers": [
                {
                    "name": "RAMWeigher",
                    "minval": 0,
                    "maxval": None,
                    "raw": [4096, 8192],
                    "norm": [0.5, 1.0],
                    "multiplier": {"const": 1.0},
                }
            ],
            "selected": [1],
            "steps": [weighed],
            "alternates": [[0]],
            "after": [
                {
                    "host": 1,
                    "free_ram_mb": 7680,
                    "free_disk_mb": 101376,
                    "vcpus_used": 1,
                    "num_instances": 1,
                    "num_io_ops": 1,
                }
            ],
        },
    }
    content["expected"] |= changes
    return content


def write(folder: Path, content: dict[str, Any], *, zipped: bool = True) -> Path:
    data = json.dumps(content).encode()
    path = folder / (f"{content['name']}.json" + (".gz" if zipped else ""))
    path.write_bytes(gzip.compress(data) if zipped else data)
    return path


@pytest.mark.parametrize("zipped", [True, False])
def test_a_case_is_read_with_its_family(tmp_path: Path, zipped: bool) -> None:
    found = read_case(write(tmp_path, case(), zipped=zipped))
    assert found is not None
    assert (found.name, found.kind, found.family) == ("hand-01", "select", "hand")


def test_cases_are_found_below_and_other_files_passed_over(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    write(tmp_path / "below", case())
    (tmp_path / "other.json").write_text("[1, 2]")
    (tmp_path / "README.md").write_text("no case")
    assert [item.name for item in find_cases(tmp_path)] == ["hand-01"]


@pytest.mark.parametrize("data", [b"{", b"\x1f\x8b\x08broken"])
def test_a_damaged_file_is_named(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / ("x.json.gz" if data.startswith(b"\x1f") else "x.json")
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"x\.json"):
        read_case(path)


def test_a_case_answered_by_hand_comes_out_equal(tmp_path: Path) -> None:
    found = read_case(write(tmp_path, case()))
    assert found is not None
    outcome = run_case(found)
    assert outcome.supported
    assert outcome.differences == ()
    assert outcome.worst_error == 0.0
    assert outcome.checks > 10


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"selected": [0]}, "selected"),
        ({"steps": [[[0, 3.0], [1, 2.5]]]}, "steps[0]: hosts"),
        ({"steps": [[[1, 3.0], [0, 2.5000001]]]}, "steps[0]: weights[1]"),
        ({"alternates": [[]]}, "alternates"),
        ({"per_filter": {"ComputeFilter": [0]}}, "per_filter ComputeFilter"),
        ({"per_filter": {"ComputeFilter": {"error": "ValueError"}}}, "per_filter ComputeFilter"),
        ({"chain": [["ComputeFilter", 1]]}, "explained chain"),
        ({"selected_error": "NoValidHost", "selected": None, "steps": []}, "selected_error"),
        ({"after": [{**case()["expected"]["after"][0], "vcpus_used": 2}]}, "after: host 1"),
    ],
)
def test_a_wrong_answer_is_a_difference(tmp_path: Path, changes: dict[str, Any], what: str) -> None:
    found = read_case(write(tmp_path, case(**changes)))
    assert found is not None
    assert what in {difference.what for difference in run_case(found).differences}


def test_a_missing_filter_and_a_missing_weigher_are_named() -> None:
    content = case()
    content["config"]["filter_scheduler"]["enabled_filters"].append("NoSuchFilter")
    content["expected"]["weigher_order"].append("NoSuchWeigher")
    assert unsupported(content) == ["filter: NoSuchFilter", "weigher: NoSuchWeigher"]
    assert unsupported(case()) == []


def test_the_report_counts_cases_and_shows_differences(tmp_path: Path) -> None:
    good, bad = read_case(write(tmp_path, case())), read_case(write(tmp_path, case(selected=[0])))
    assert good is not None
    assert bad is not None
    outcomes = [run_case(good), run_case(bad)]
    text = as_text(outcomes, 5)
    assert "select/hand" in text
    assert "Berth [1]" in text
    assert "nova  [0]" in text
    row = json.loads(as_json(outcomes))["summary"]["all"]
    assert (row["cases"], row["equal"], row["different"]) == (2, 1, 1)


def test_a_case_that_changes_without_quirks_is_explained_or_named(tmp_path: Path) -> None:
    def outcome(**changes: Any) -> Outcome:
        found = read_case(write(tmp_path, case(**changes)))
        assert found is not None
        return run_case(found, quirks=False)

    failing = {"per_filter": {"ComputeFilter": {"error": "ValueError"}}, "selected_error": "ValueError"}
    fault, wrong, same = outcome(**failing), outcome(selected=[0]), outcome()
    assert explanations(fault) == ["nova's ComputeFilter fails the request with ValueError"]
    assert explanations(wrong) == []
    assert unexplained([fault, wrong, same]) == ["hand-01"]
    text = quirks_text([fault, wrong, same])
    assert "2 of 3 cases" in text
    assert "NOT EXPLAINED: " in text


def test_weights_are_compared_relatively() -> None:
    comparison = Comparison()
    comparison.close("weights", [1e6, -2.0], [1e6 * (1 + 1e-12), -2.0])
    assert comparison.differences == []
    assert 0 < comparison.worst_error < 1e-9
    comparison.close("weights", [1.0], [1.0, 2.0])
    assert comparison.differences[0].what == "weights: length"


@pytest.mark.parametrize(("changes", "code"), [({}, 0), ({"selected": [0]}, 1)])
def test_the_command_exits_with_1_on_a_difference(tmp_path: Path, changes: dict[str, Any], code: int) -> None:
    write(tmp_path, case(**changes))
    command = [sys.executable, "-m", "tests.oracle", str(tmp_path)]
    root = Path(__file__).parents[2]
    run = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert run.returncode == code, run.stderr
    assert "select/hand" in run.stdout
