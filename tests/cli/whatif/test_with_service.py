"""Questions about a live service: asked here on its snapshot, and asked of the service itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

NAMES = ("decisions.parquet", "summary.json")


@pytest.fixture
def placed(at: Any, hosts: tuple[str, ...]) -> None:
    """Five instances of m1.large on the hosts alpha, beta and gamma."""
    assert at("flavors", "set", "m1.large", "--vcpus", 4, "--memory-mb", 8192, "--disk-gb", 40).code == 0
    assert at("place", "--flavor", "m1.large", "--count", 5).code == 0


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    file = tmp_path / "scenario.toml"
    file.write_text('fleet.live = "self"\n')
    return file


def test_the_service_and_a_look_from_here_give_the_same_answer(
    at: Any, placed: None, service: Any, scenario: Path, tmp_path: Path
) -> None:
    there = at("whatif", "fits", scenario, "--on", service.target, "--out", tmp_path / "there")
    assert there.code == 0, there.err
    here = at("whatif", "fits", scenario, "--live", service.target, "--out", tmp_path / "here", "--workers", 1)
    assert here.code == 0, here.err
    for name in NAMES:
        assert (tmp_path / "there" / name).read_bytes() == (tmp_path / "here" / name).read_bytes()
    assert here.out == there.out
    # 64 GiB on two hosts and 128 GiB on the third, 8 GiB each, of which five are taken.
    assert at("whatif", "fits", scenario, "--on", service.target, "--json").document["figures"]["fits"] == {
        "m1.large": 8 + 8 + 16 - 5
    }


def test_live_takes_the_place_of_the_fleet_that_the_scenario_names(
    at: Any, placed: None, service: Any, scenario: Path
) -> None:
    scenario.write_text('fleet.synthetic = "3 hosts of 1c 1g"\n')
    answer = at("whatif", "fits", scenario, "--live", service.target, "--json", "--workers", 1)
    assert answer.document["figures"]["fits"] == {"m1.large": 27}


def test_files_go_with_the_question(at: Any, service: Any, scenario: Path, tmp_path: Path) -> None:
    fleet = pa.table({"host_id": ["a", "b"], "vcpus": [16, 16], "memory_mb": [16384, 16384], "disk_gb": [100, 100]})
    pq.write_table(fleet, tmp_path / "fleet.parquet")
    scenario.write_text(
        'flavors = [{ name = "m1.large", vcpus = 4, memory_mb = 8192 }]\nfleet.file = "fleet.parquet"\n'
    )
    answer = at("whatif", "fits", scenario, "--on", service.target, "--json")
    assert answer.code == 0, answer.err
    assert answer.document["figures"]["fits"] == {"m1.large": 4}


def test_a_file_that_is_not_there_is_said_before_the_service_is_asked(at: Any, service: Any, scenario: Path) -> None:
    scenario.write_text('fleet.file = "nothing.parquet"\n')
    answer = at("whatif", "fits", scenario, "--on", service.target)
    assert answer.code == 2
    assert "nothing.parquet" in answer.err


def test_what_the_service_refuses_is_said_and_leaves_no_file(
    at: Any, service: Any, scenario: Path, tmp_path: Path
) -> None:
    scenario.write_text('fleet.live = "127.0.0.1:9"\n')
    answer = at("whatif", "fits", scenario, "--on", service.target, "--out", tmp_path / "out")
    assert answer.code == 2
    assert 'live = "self"' in answer.err
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())
