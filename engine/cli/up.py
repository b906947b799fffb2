"""``berth up`` and ``berth run``: the whole system on one machine, and its parts one by one."""

from __future__ import annotations

import asyncio
import fcntl
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.output import write_line
from engine.errors import ConflictError
from engine.up.part import Part

if TYPE_CHECKING:
    from keystoneauth1.session import Session

    from engine.config import Settings

READY = "berth: UP"
"""How the line begins that says all is ready."""


def up(
    state_dir: Annotated[
        Path, typer.Option("--state-dir", metavar="DIR", help="Where everything is kept; made if absent.")
    ] = Path("state"),
    hosts: Annotated[
        int | None, typer.Option("--hosts", min=1, max=100_000, help="How many simulated hosts to run (10).")
    ] = None,
    port_base: Annotated[
        int | None,
        typer.Option("--port-base", min=0, max=65_000, help="The first of seven ports (18770); 0: any free ones."),
    ] = None,
    launcher: Annotated[
        str | None,
        typer.Option("--launcher", metavar="NAME", help="libvirt-test (the default) or memory, which is no libvirt."),
    ] = None,
    each: Annotated[bool, typer.Option("--each", help="Every embedded service in a process of its own.")] = False,
    config: Annotated[
        Path | None, typer.Option("--config", metavar="FILE", help="A TOML file of settings that beat the defaults.")
    ] = None,
) -> None:
    """Run a whole cloud in the foreground: identity, image, network, volume, scheduler, nova-api, conductor, compute.

    Ready when it says so. DIR/clouds.yaml then has the clouds berth (a project's member) and berth-admin, for any
    OpenStack client; DIR/berth.toml the settings that every part reads.
    """
    from engine.config import Settings
    from engine.up.layout import Wanted, settings_file

    with _alone(state_dir):
        path = settings_file(Wanted(state_dir, port_base, hosts, launcher, config))
        asyncio.run(_up(path, Settings.load(path), each=each))


def run(
    parts: Annotated[list[Part], typer.Argument(help="Which parts to run in this process.")],
    config: Annotated[Path, typer.Option("--config", metavar="FILE", help="The settings, as berth up writes them.")],
) -> None:
    """Run some parts of a cloud in this process until it is told to stop; `berth serve` runs the scheduler."""
    from engine.config import Settings
    from engine.up.parts import run_parts

    run_parts(parts, Settings.load(config))


async def _up(config: Path, settings: Settings, *, each: bool) -> None:
    """Start all, say where it is, and wait to be stopped."""
    from engine.cloud.bootstrap import clouds_yaml
    from engine.up.first_content import make_first_content
    from engine.up.supervisor import Supervisor, processes

    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    state_dir = settings.state_dir
    cloud = settings.cloud
    supervisor = Supervisor(processes(config, cloud=cloud.services, each=each), state_dir / "log", _say)
    try:
        starting = asyncio.ensure_future(supervisor.start())
        stopping = asyncio.ensure_future(told.wait())
        await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not starting.done():
            starting.cancel()
            return
        starting.result()
        if "identity" in cloud.services:
            clouds_yaml(cloud, state_dir / "clouds.yaml")
            admin = _admin_session(settings)
            for made in await asyncio.to_thread(make_first_content, admin, region_name=cloud.region_name):
                _say(f"made {made}")
        _tell_where(settings)
        await stopping
        _say("stopping")
    finally:
        await supervisor.stop()


def _admin_session(settings: Settings) -> Session:
    from engine.rest.keystone import Credentials, session_of

    password = settings.cloud.admin_password.get_secret_value()
    return session_of(Credentials(settings.cloud.identity_url, "admin", password, project_name="admin"))


def _tell_where(settings: Settings) -> None:
    cloud, boot = settings.cloud, settings.boot
    addresses = [
        ("identity", cloud.identity_url),
        ("compute", f"http://{boot.api_host}:{boot.api_port}/v2.1"),
        ("image", boot.endpoints.get("image") or f"http://{cloud.host}:{cloud.image_port}"),
        ("network", boot.endpoints.get("network") or f"http://{cloud.host}:{cloud.network_port}"),
        ("block-storage", boot.endpoints.get("block-storage") or f"http://{cloud.host}:{cloud.volume_port}/v3"),
        ("scheduler", f"grpc {boot.scheduler}"),
        ("conductor", f"grpc {boot.conductor}"),
    ]
    for name, address in addresses:
        write_line(f"  {name:14} {address}")
    write_line(f"{READY} {boot.compute.hosts} hosts on launcher {boot.compute.launcher}; state in {settings.state_dir}")
    if "identity" in cloud.services:
        clouds = settings.state_dir / "clouds.yaml"
        write_line(f"  OS_CLIENT_CONFIG_FILE={clouds} openstack --os-cloud berth server list")
    sys.stdout.flush()


def _say(text: str) -> None:
    sys.stderr.write(f"berth: {text}\n")
    sys.stderr.flush()


@contextmanager
def _alone(state_dir: Path) -> Iterator[None]:
    """Hold the state directory; raise ConflictError when another ``berth up`` does."""
    state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (state_dir / "up.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ConflictError(f"another berth up runs in {state_dir}: stop it, or use another --state-dir") from error
        yield
