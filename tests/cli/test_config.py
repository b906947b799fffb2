from __future__ import annotations

import pytest

from engine.cli.exit_codes import ExitCode
from engine.config import Settings

CONF = """[DEFAULT]
transport_url = rabbit://nova:secret@bus
[filter_scheduler]
host_subset_size = 4
enabled_filters = ComputeFilter, MineFilter
"""


@pytest.fixture
def conf(tmp_path):
    file = tmp_path / "nova.conf"
    file.write_text(CONF)
    return file


def test_the_settings_go_to_the_output_and_what_is_left_out_to_the_errors(berth, conf, tmp_path):
    answer = berth("config", "import", conf)
    assert answer.code == ExitCode.DONE
    settings = tmp_path / "berth.toml"
    settings.write_text(answer.out)
    loaded = Settings.load(settings).scheduler
    assert (loaded.host_subset_size, loaded.enabled_filters) == (4, ("ComputeFilter",))
    lines = answer.err.splitlines()
    assert lines[0].startswith(f"{conf}:2: [DEFAULT]transport_url ignored: ")
    assert lines[1].startswith(f"{conf}:5: [filter_scheduler]enabled_filters differs: MineFilter is left out")
    assert lines[2] == "berth: 2 settings taken, 1 ignored, 1 differs"
    assert len(lines) == 3
    assert "secret" not in answer.out + answer.err


def test_a_file_is_written_once_and_not_replaced(berth, conf, tmp_path):
    settings = tmp_path / "berth.toml"
    answer = berth("config", "import", conf, "--output", settings)
    assert (answer.code, answer.out) == (ExitCode.DONE, "")
    assert Settings.load(settings).scheduler.host_subset_size == 4
    written = settings.read_text()
    again = berth("config", "import", conf, "--output", settings)
    assert again.code == ExitCode.INVALID
    assert "is not replaced" in again.err
    assert settings.read_text() == written


def test_a_later_file_beats_an_earlier_one(berth, conf, tmp_path):
    other = tmp_path / "nova-scheduler.conf"
    other.write_text("[filter_scheduler]\nhost_subset_size = 9\n")
    answer = berth("config", "import", conf, other)
    assert "host_subset_size = 9" in answer.out
    assert f"{conf}:4: [filter_scheduler]host_subset_size overridden: {other}:2 decides" in answer.err


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[scheduler]\nmax_attempts = 0\n", "nova.conf:2: [scheduler]max_attempts: max_attempts must be at least 1"),
        ("max_attempts = 3\n", "nova.conf:1: max_attempts stands before the first [group]"),
        ("\x00\n", "nova.conf:1: "),
    ],
)
def test_a_broken_file_is_refused_by_its_line_and_nothing_is_written(berth, conf, tmp_path, content, said):
    conf.write_text(content)
    settings = tmp_path / "berth.toml"
    answer = berth("config", "import", conf, "--output", settings)
    assert answer.code == ExitCode.INVALID
    assert said in answer.err
    assert "Traceback" not in answer.err
    assert not settings.exists()


def test_files_that_cannot_be_read_or_written_are_refused(berth, conf, tmp_path):
    assert berth("config", "import", tmp_path / "absent.conf").code == ExitCode.INVALID
    answer = berth("config", "import", conf, "--output", tmp_path / "absent" / "berth.toml")
    assert answer.code == ExitCode.INVALID
    assert "cannot write" in answer.err
    assert berth("config", "import").code == ExitCode.INVALID
