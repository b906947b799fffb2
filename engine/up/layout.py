"""A state directory for ``berth up``: ports and passwords chosen once, written as the settings every part reads."""

from __future__ import annotations

import os
import secrets
import socket
import tomllib
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomli_w

from engine.errors import InvalidFileError, InvalidSettingError

PORTS = ("identity", "compute", "image", "network", "volume", "scheduler", "conductor")
"""What listens on the port base and the ports after it, in this order."""

# where any free ports are looked for: below those of the kernel's outgoing connections (from 32768 on by default), one
# of which could otherwise sit on the port of a part that is being restarted
_ANY = range(10_000, 32_000)
_TRIES = 100
# nova's own default leaves the last two out, and then gives guests with NUMA cells or devices to hosts without them
_FILTERS = (
    "ComputeFilter",
    "ComputeCapabilitiesFilter",
    "ImagePropertiesFilter",
    "ServerGroupAntiAffinityFilter",
    "ServerGroupAffinityFilter",
    "NUMATopologyFilter",
    "PciPassthroughFilter",
)
_PASSWORDS = ("admin_password", "member_password", "service_password")
_HOST = "127.0.0.1"


@dataclass(frozen=True)
class Wanted:
    """What ``berth up`` was asked for; ``port_base`` 0 takes any free ports, None leaves what is set."""

    state_dir: Path
    port_base: int | None = None
    hosts: int | None = None
    launcher: str | None = None
    config: Path | None = None


def settings_file(wanted: Wanted) -> Path:
    """Write ``STATE_DIR/berth.toml`` and return its path.

    What an earlier start chose stays (passwords, ports), what the operator's own file says beats it, and the command's
    options beat both. Raises InvalidSettingError when a port is taken, InvalidFileError for a file that is no TOML.
    """
    try:
        wanted.state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise InvalidSettingError(f"the state directory {wanted.state_dir} cannot be made: {error.strerror}") from error
    path = wanted.state_dir / "berth.toml"
    settings = _read(path)
    settings["state_dir"] = str(wanted.state_dir.resolve())
    cloud = settings.setdefault("cloud", {})
    for name in _PASSWORDS:
        cloud.setdefault(name, secrets.token_urlsafe(18))
    settings.setdefault("scheduler", {}).setdefault("enabled_filters", list(_FILTERS))
    if wanted.port_base is not None or "listen" not in settings:
        _set_ports(settings, _ports(wanted.port_base if wanted.port_base is not None else 18770))
    own = _read(wanted.config) if wanted.config else {}
    settings = _merged(settings, own)
    cloud, boot = settings["cloud"], settings["boot"]
    if "compute_url" not in own.get("cloud", {}):
        cloud["compute_url"] = f"http://{_HOST}:{boot['api_port']}/v2.1"
    compute = boot.setdefault("compute", {})
    identity = boot.setdefault("identity", {})
    if "identity" in cloud.get("services", ("identity",)):
        identity["auth_url"] = f"http://{_HOST}:{cloud['identity_port']}/v3"
        identity["password"] = cloud["service_password"]
    elif not identity.get("auth_url"):
        raise InvalidSettingError(
            "boot.identity.auth_url must name the identity service when the embedded one is not run",
            setting="boot.identity.auth_url",
        )
    else:
        cloud["auth_url"] = identity["auth_url"]
    if wanted.hosts is not None:
        compute["hosts"] = wanted.hosts
    if wanted.launcher is not None:
        compute["launcher"] = wanted.launcher
    _write(path, settings)
    return path


def _set_ports(settings: dict[str, Any], ports: Mapping[str, int]) -> None:
    cloud, boot = settings["cloud"], settings.setdefault("boot", {})
    settings["listen"] = boot["scheduler"] = f"{_HOST}:{ports['scheduler']}"
    boot["conductor"] = f"{_HOST}:{ports['conductor']}"
    boot["api_port"] = ports["compute"]
    for name in ("identity", "image", "network", "volume"):
        cloud[f"{name}_port"] = ports[name]


def _ports(base: int) -> dict[str, int]:
    """Return a port for each listener: the base and the next ones, or a row of free ones when the base is 0."""
    if base:
        _must_be_free(base)
        return {name: base + offset for offset, name in enumerate(PORTS)}
    for _ in range(_TRIES):
        try:
            return _ports(secrets.choice(_ANY))
        except InvalidSettingError:
            continue
    raise InvalidSettingError(f"no {len(PORTS)} free ports in a row were found; choose a --port-base")


def _must_be_free(base: int) -> None:
    with ExitStack() as held:
        for wanted, name in enumerate(PORTS, base):
            try:
                held.enter_context(socket.create_server((_HOST, wanted)))
            except (OSError, OverflowError) as error:
                raise InvalidSettingError(
                    f"port {wanted} (for {name}) cannot be used: {getattr(error, 'strerror', None) or error}; "
                    f"choose another --port-base (it takes {len(PORTS)} ports from there)",
                    port=wanted,
                ) from error


def _merged(base: dict[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``base`` with ``over`` on top, table by table."""
    merged = dict(base)
    for name, value in over.items():
        known = merged.get(name)
        merged[name] = _merged(known, value) if isinstance(known, dict) and isinstance(value, dict) else value
    return merged


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise InvalidFileError(f"the settings file {path} cannot be read: {error}", path=path) from error


def _write(path: Path, settings: Mapping[str, Any]) -> None:
    """Write the file whole or not at all, for its owner alone: it holds passwords."""
    part = path.with_suffix(".part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        tomli_w.dump(settings, file)
    part.replace(path)
