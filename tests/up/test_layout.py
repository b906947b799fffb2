"""The settings that berth up writes: chosen once, kept, and beaten by the operator's."""

from __future__ import annotations

import socket
import stat
import tomllib
from pathlib import Path

import pytest

from engine.config import Settings
from engine.errors import InvalidFileError, InvalidSettingError
from engine.scheduler.options import DEFAULT_FILTERS
from engine.up.layout import PORTS, Wanted, settings_file


def test_the_file_holds_settings_that_every_part_accepts_and_only_its_owner_reads(tmp_path: Path) -> None:
    path = settings_file(Wanted(tmp_path / "state", port_base=0, hosts=7))
    settings = Settings.load(path)
    assert settings.boot.compute.hosts == 7
    assert settings.boot.identity.auth_url == settings.cloud.identity_url
    assert settings.boot.identity.password == settings.cloud.service_password
    assert settings.listen == settings.boot.scheduler
    assert settings.cloud.compute_url.endswith(f":{settings.boot.api_port}/v2.1")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    ports = {settings.cloud.identity_port, settings.cloud.image_port, settings.cloud.network_port}
    ports |= {settings.cloud.volume_port, settings.boot.api_port, int(settings.listen.rpartition(":")[2])}
    ports.add(int(settings.boot.conductor.rpartition(":")[2]))
    assert len(ports) == len(PORTS)


def test_a_second_start_keeps_passwords_and_ports(tmp_path: Path) -> None:
    first = settings_file(Wanted(tmp_path, port_base=0, hosts=3)).read_text()
    assert settings_file(Wanted(tmp_path)).read_text() == first


def test_options_beat_the_file_and_the_operators_file_beats_the_defaults(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text('[boot]\nstalled_s = 7.5\n[boot.compute]\nhosts = 5\nvcpus = 8\n[cloud]\nregion_name = "North"\n')
    settings = Settings.load(settings_file(Wanted(tmp_path / "state", port_base=0, hosts=9, config=own)))
    assert (settings.boot.stalled_s, settings.boot.compute.vcpus, settings.boot.compute.hosts) == (7.5, 8, 9)
    assert settings.cloud.region_name == "North"


def test_a_port_of_the_operators_is_used_and_the_catalog_follows_it(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text("[boot]\napi_port = 4321\n")
    settings = Settings.load(settings_file(Wanted(tmp_path / "state", port_base=0, config=own)))
    assert settings.boot.api_port == 4321
    assert settings.cloud.compute_url == "http://127.0.0.1:4321/v2.1"


def test_a_taken_port_is_named_with_what_to_do(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InvalidSettingError, match=rf"port {port} \(for identity\).*--port-base"):
            settings_file(Wanted(tmp_path, port_base=port))


def test_a_base_too_high_for_all_ports_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidSettingError, match="port-base"):
        settings_file(Wanted(tmp_path, port_base=65_533))


def test_an_operators_file_that_is_no_toml_is_named(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text("[boot\n")
    with pytest.raises(InvalidFileError, match=r"own\.toml"):
        settings_file(Wanted(tmp_path / "state", port_base=0, config=own))


def test_without_the_embedded_identity_its_address_must_be_given(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text('[cloud]\nservices = ["image"]\n')
    with pytest.raises(InvalidSettingError, match="auth_url"):
        settings_file(Wanted(tmp_path / "a", port_base=0, config=own))
    own.write_text(
        '[cloud]\nservices = ["image"]\n[boot.identity]\nauth_url = "http://127.0.0.1:1/v3"\npassword = "p"\n'
    )
    settings = Settings.load(settings_file(Wanted(tmp_path / "b", port_base=0, config=own)))
    assert settings.cloud.identity_url == "http://127.0.0.1:1/v3"
    assert settings.boot.identity.password.get_secret_value() == "p"


def test_the_files_text_is_toml_with_no_stray_tables(tmp_path: Path) -> None:
    document = tomllib.loads(settings_file(Wanted(tmp_path, port_base=0)).read_text())
    assert set(document) == {"state_dir", "listen", "scheduler", "cloud", "boot"}


def test_guests_with_cells_or_devices_go_to_hosts_that_have_them_unless_the_operator_says_otherwise(
    tmp_path: Path,
) -> None:
    filters = Settings.load(settings_file(Wanted(tmp_path / "a", port_base=0))).scheduler.enabled_filters
    assert filters == (*DEFAULT_FILTERS, "NUMATopologyFilter", "PciPassthroughFilter")
    own = tmp_path / "own.toml"
    own.write_text('[scheduler]\nenabled_filters = ["ComputeFilter"]\n')
    settings = Settings.load(settings_file(Wanted(tmp_path / "b", port_base=0, config=own)))
    assert settings.scheduler.enabled_filters == ("ComputeFilter",)
