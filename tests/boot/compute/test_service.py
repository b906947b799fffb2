"""The agent as a process: what it starts on, what it says, and what is there after it comes again."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from engine.boot.compute.service import serve
from engine.boot.libvirt.driver import LaunchError
from engine.boot.options import BootOptions, ComputeOptions
from engine.config import Settings
from engine.errors import EngineError
from tests.boot.compute.harness import Stack
from tests.boot.libvirt.needs import need_libvirt
from tests.ports import free_port


def settings_of(tmp_path: Path, **compute: object) -> Settings:
    nowhere = f"127.0.0.1:{free_port()}"
    options = ComputeOptions(**{"launcher": "memory", "hosts": 3, **compute})
    boot = BootOptions(conductor=nowhere, scheduler=nowhere, compute=options)
    return Settings.load(None, state_dir=tmp_path / "state", boot=boot)


def run(settings: Settings, *, stop_at_once: bool) -> list[str]:
    said: list[str] = []

    async def work() -> None:
        stop = asyncio.Event()
        if stop_at_once:
            asyncio.get_running_loop().call_later(0.2, stop.set)
        await asyncio.wait_for(serve(settings, stop, said.append), 10)

    asyncio.run(work())
    return said


def test_an_agent_that_nobody_answers_starts_waits_and_stops(tmp_path: Path) -> None:
    assert run(settings_of(tmp_path), stop_at_once=True) == ["3 hosts from host-1, on memory (not libvirt)"]


def test_a_launcher_that_is_not_there_is_said(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    compute = settings.boot.compute.model_copy(update={"launcher": "magic"})
    boot = settings.boot.model_copy(update={"compute": compute})
    with pytest.raises(LaunchError, match="magic"):
        run(settings.model_copy(update={"boot": boot}), stop_at_once=False)


def test_a_bus_that_is_not_known_is_said(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    boot = settings.boot.model_copy(update={"bus_url": "amqp://somewhere"})
    with pytest.raises(EngineError, match="bus_url"):
        run(settings.model_copy(update={"boot": boot}), stop_at_once=False)


def test_libvirts_guests_survive_their_agent(running: Stack) -> None:
    need_libvirt()
    running.end_agents()
    running.start_agent(own_launcher=True, launcher="libvirt-test")
    names = running.boot(count=4)
    running.wait_active(*names)
    volume = running.make_volume()
    running.attach(names[0], volume)
    running.wait(lambda: [device.device_name for device in running.devices(names[0])] == ["vdb"])
    running.power(names[1], "stop")
    running.wait(lambda: running.row(names[1]).vm_state == "stopped")
    running.end_agents()
    running.start_agent(own_launcher=True, launcher="libvirt-test", sync_power_states_interval_s=0.2)
    states = {
        domain["uuid"]: domain["state"]
        for host in {running.row(name).host for name in names}
        for domain in running.call_host(host, "domains", {})
    }
    assert states == {names[0]: 1, names[1]: 4, names[2]: 1, names[3]: 1}
    running.power(names[0], "reboot", hard=True)
    running.wait(lambda: not running.row(names[0]).task_state)
    for name in names:
        running.delete(name)
    running.wait(lambda: all(running.row(name).deleted for name in names))
    for name in names:
        running.wait(lambda name=name: running.ports(name) == [])
    kept = running.settings.state_dir / "compute"
    running.wait(lambda: not [path for path in kept.rglob("*") if any(name in path.name for name in names)])
    running.end_agents()
