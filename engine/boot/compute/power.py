"""Starting, stopping and rebooting an instance at its user's word."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from engine.boot.compute.threads import in_thread
from engine.boot.compute.tools import Tools
from engine.boot.libvirt.driver import Guest, LaunchError
from engine.boot.libvirt.guest import guest_of
from engine.boot.messages import Power
from engine.boot.states import PowerState, TaskState, VmState

_LOG = logging.getLogger("berth.compute")
_SHUTDOWN_TIMEOUT_S = 60.0
"""nova's ``shutdown_timeout``: how long a guest has to shut down by itself."""


@dataclass(frozen=True)
class _Outcome:
    """What an action leaves the record at; ``task_states``: one of them shows that it is still wanted."""

    task_states: tuple[TaskState, ...]
    vm_state: VmState
    power_state: PowerState


_OUTCOMES = {
    "start": _Outcome((TaskState.POWERING_ON,), VmState.ACTIVE, PowerState.RUNNING),
    "stop": _Outcome((TaskState.POWERING_OFF,), VmState.STOPPED, PowerState.SHUTDOWN),
    "reboot": _Outcome((TaskState.REBOOTING, TaskState.REBOOTING_HARD), VmState.ACTIVE, PowerState.RUNNING),
}


async def change_power(tools: Tools, host: str, message: Power) -> None:
    """Do what the user asked for and record it; what the launcher refuses is recorded as the action's error.

    A message whose instance is not (any more) in the task state that goes with it has no effect.
    """
    instance = await tools.conductor.get_instance(message.instance_uuid)
    outcome = _OUTCOMES.get(message.action)
    if outcome is None:
        _LOG.warning("a message asks for the unknown action %r on %s", message.action, message.instance_uuid)
        return
    if instance is None or instance.host != host or instance.task_state not in outcome.task_states:
        return
    guest = guest_of(instance, None)
    error = ""
    power_state: int | None = outcome.power_state
    try:
        await tools.points.reach(message.action, host)
        await _do(tools, host, guest, message)
    except LaunchError as failure:
        _LOG.warning("%s of %s on %s failed: %s", message.action, guest.uuid, host, failure.message)
        error = failure.message
        power_state = await in_thread(tools.threads, tools.driver.power_state, host, guest.uuid)
    await tools.conductor.finish_action(
        guest.uuid,
        host,
        message.action,
        request_id=message.request_id,
        error=error,
        vm_state="" if error else outcome.vm_state,
        power_state=power_state,
    )


async def _do(tools: Tools, host: str, guest: Guest, message: Power) -> None:
    driver, threads = tools.driver, tools.threads
    if message.action == "start":
        await in_thread(threads, driver.start, host, guest)
    elif message.action == "stop":
        await in_thread(threads, driver.stop, host, guest.uuid, timeout_s=_SHUTDOWN_TIMEOUT_S)
    elif message.hard:
        await in_thread(threads, driver.reboot, host, guest, hard=True)
    else:
        try:
            await in_thread(threads, driver.reboot, host, guest, hard=False)
        except LaunchError as failure:
            # nova falls back in the same way
            _LOG.info("a soft reboot of %s did not work, so it is a hard one: %s", guest.uuid, failure.message)
            await in_thread(threads, driver.reboot, host, guest, hard=True)
