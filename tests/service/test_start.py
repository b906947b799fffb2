"""Starting: what is wrong with settings, port or ledger is said in words, and nothing is left behind."""

from __future__ import annotations

import fcntl
import shutil
import signal
import time
from pathlib import Path

import pytest

from engine.config import Settings
from engine.errors import InvalidSettingError, LedgerCorruptError, LedgerError, LedgerLockedError
from engine.scheduler.compiler import cache_directory
from tests.ports import free_port
from tests.service.harness import serving
from tests.service.messages import add_hosts, spec
from tests.service.subprocesses import served

INVALID, INTERNAL = 2, 6


def refused(folder: Path, *options: str, **ways: object) -> tuple[int, str]:
    """The exit code of a service that does not start, and what it says."""
    with served(folder, *options, wait=False, **ways) as service:
        code = service.process.wait(60)
        assert "Traceback" not in service.said
        assert "SERVING" not in service.said
        return code, service.said


def test_a_second_service_on_the_same_ledger_is_refused(tmp_path):
    with serving(tmp_path / "state") as first:
        with pytest.raises(LedgerLockedError, match="state"), serving(tmp_path / "state"):
            pass
        add_hosts(first.client, {})


def test_a_taken_port_is_refused_and_the_ledger_is_let_go(tmp_path):
    with serving(tmp_path / "other") as first:
        code, said = refused(tmp_path, target=first.target)
        assert code == INVALID
        assert first.target in said
    with serving(tmp_path / "state") as later:
        add_hosts(later.client, {})


@pytest.mark.parametrize(
    "listen", ["127.0.0.1", "127.0.0.1:", ":99x", "127.0.0.1:70000", "192.0.2.1:7474", "no host:1"]
)
def test_an_address_that_cannot_be_listened_on_is_refused(tmp_path, listen):
    with pytest.raises(InvalidSettingError) as wrong, serving(tmp_path, listen=listen):
        pass
    assert wrong.value.details["setting"] == "listen"


def test_a_ledger_of_noise_is_refused_and_left_as_it_is(tmp_path):
    (tmp_path / "state").mkdir()
    with serving(tmp_path / "probe"):
        pass
    (name,) = [path.name for path in (tmp_path / "probe").iterdir() if path.suffix == ".db"]
    noise = bytes(range(256)) * 64
    (tmp_path / "state" / name).write_bytes(noise)
    code, said = refused(tmp_path)
    assert code == INTERNAL
    assert name in said
    assert (tmp_path / "state" / name).read_bytes() == noise


def test_a_ledger_cut_short_is_refused(tmp_path):
    with serving(tmp_path / "state") as local:
        add_hosts(local.client, *[{}] * 200)
        for _ in range(20):
            local.client.select_destinations(spec())
    (database,) = [path for path in (tmp_path / "state").iterdir() if path.suffix == ".db"]
    data = database.read_bytes()
    database.write_bytes(data[: len(data) // 2])
    for path in (tmp_path / "state").glob("*-wal"):
        path.unlink()
    with pytest.raises(LedgerCorruptError), serving(tmp_path / "state"):
        pass


def test_a_state_directory_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "state").write_text("")
    with pytest.raises(LedgerError, match="state"), serving(tmp_path / "state"):
        pass


CONFIGS = {
    "an unknown name": ('listne = "127.0.0.1:1"', "listne"),
    "an unknown scheduler option": ("[scheduler]\nmax_atempts = 3", "max_atempts"),
    "a wrong type": ('token_retention_s = "long"', "token_retention_s"),
    "a wrong type below": ('[scheduler]\nmax_attempts = "many"', "max_attempts"),
    "out of range": ("token_retention_s = 0", "token_retention_s"),
    "out of range below": ("[scheduler]\nmax_attempts = 0", "max_attempts"),
    "a ledger option out of range": ("[ledger]\nslice_rows = 0", "slice_rows"),
    "no number at all": ("[scheduler]\nram_weight_multiplier = nan", "ram_weight_multiplier"),
    "an unknown filter": ('[scheduler]\nenabled_filters = ["NoSuchFilter"]', "NoSuchFilter"),
    "no TOML": ("listen = ", "TOML"),
    "noise": ("\x00\x01\x02", "TOML"),
}


@pytest.mark.parametrize("name", CONFIGS)
def test_settings_that_are_wrong_are_named(tmp_path, name):
    text, named = CONFIGS[name]
    file = tmp_path / "berth.toml"
    file.write_text(text)
    with pytest.raises(InvalidSettingError, match=named), serving(tmp_path / "state", config=file):
        pass


def test_settings_that_are_no_text_are_refused(tmp_path):
    file = tmp_path / "berth.toml"
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidSettingError):
        Settings.load(file)
    with pytest.raises(InvalidSettingError):
        Settings.load(tmp_path)
    with pytest.raises(InvalidSettingError, match=r"absent\.toml"):
        Settings.load(tmp_path / "absent.toml")


def test_options_beat_the_environment_which_beats_the_file(tmp_path, monkeypatch):
    file = tmp_path / "berth.toml"
    file.write_text(
        'listen = "127.0.0.1:1"\nseed = 1\ndrain_s = 1.5\n[scheduler]\nmax_attempts = 7\nhost_subset_size = 4\n'
    )
    monkeypatch.setenv("BERTH_SEED", "2")
    monkeypatch.setenv("BERTH_LISTEN", "127.0.0.1:2")
    monkeypatch.setenv("BERTH_SCHEDULER__MAX_ATTEMPTS", "5")
    loaded = Settings.load(file, listen="127.0.0.1:3")
    assert (loaded.listen, loaded.seed, loaded.drain_s) == ("127.0.0.1:3", 2, 1.5)
    assert loaded.scheduler.max_attempts == 5
    assert loaded.scheduler.host_subset_size == 4
    monkeypatch.setenv("BERTH_SCHEDULER__MAX_ATTEMPTS", "none")
    with pytest.raises(InvalidSettingError, match="max_attempts"):
        Settings.load(file)


def test_what_is_told_to_stop_before_it_serves_ends_at_once(tmp_path):
    # an empty cache: its kernels would take far longer to compile than it is given to stop
    with served(tmp_path, environment={"BERTH_CACHE_DIR": str(tmp_path / "cache")}, wait=False) as service:
        deadline = time.monotonic() + 60
        while not list((tmp_path / "cache").rglob("*.py")):
            assert time.monotonic() < deadline
            assert service.process.poll() is None, service.said
            time.sleep(0.01)
        time.sleep(0.3)
        started = time.monotonic()
        assert service.stop() == 0
        assert time.monotonic() - started < 5
        assert "Traceback" not in service.said
    with serving(tmp_path / "state") as later:
        add_hosts(later.client, {})


def test_what_waits_for_another_that_compiles_can_be_told_to_stop(tmp_path):
    cache = tmp_path / "cache"
    shutil.copytree(cache_directory(), cache / "berth" / "kernels")
    with (cache / "berth" / "kernels" / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with served(tmp_path, environment={"BERTH_CACHE_DIR": str(cache)}, wait=False) as service:
            deadline = time.monotonic() + 60
            while not any((tmp_path / "state").glob("*.db")):
                assert time.monotonic() < deadline
                assert service.process.poll() is None, service.said
                time.sleep(0.01)
            time.sleep(0.3)
            started = time.monotonic()
            service.process.send_signal(signal.SIGINT)
            assert service.process.wait(30) == 0
            assert time.monotonic() - started < 5


def test_a_service_listens_where_it_says(tmp_path):
    port = free_port()
    with serving(tmp_path, listen=f"127.0.0.1:{port}") as local:
        assert local.target == f"127.0.0.1:{port}"
        assert local.client.health() == "SERVING"
