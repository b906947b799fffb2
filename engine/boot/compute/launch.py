"""Step 28: the guest is made, paused while its network is plugged, and let run."""

from __future__ import annotations

from pathlib import Path

from engine.boot.compute.threads import in_thread
from engine.boot.compute.tools import Tools
from engine.boot.compute.vif_wait import VifWait
from engine.boot.libvirt.driver import LaunchError
from engine.boot.libvirt.guest import guest_of
from engine.boot.states import PowerState
from engine.v1 import instance_pb2


async def launch(
    tools: Tools, host: str, instance: instance_pb2.Instance, image_path: Path | None, vifs: VifWait
) -> str:
    """Run the guest of an instance; return what was done, in words. Raises LaunchError, BuildAbort."""
    await tools.points.reach("spawn", host)
    guest = guest_of(instance, image_path)
    driver = tools.driver
    spawned = await in_thread(tools.threads, driver.spawn, host, guest, paused=vifs.is_open)
    plugged = await vifs.finish()
    if spawned.power_state == PowerState.PAUSED:
        await in_thread(tools.threads, driver.resume, host, guest.uuid)
    elif spawned.power_state != PowerState.RUNNING:
        # a build that was cut short left it so
        await in_thread(tools.threads, driver.start, host, guest)
    state = await in_thread(tools.threads, driver.power_state, host, guest.uuid)
    if state != PowerState.RUNNING:
        raise LaunchError(f"domain {spawned.name} does not run after its start", host=host)
    return f"{driver.name}: domain {spawned.name}{' found again' if spawned.adopted else ''}; {plugged}"
