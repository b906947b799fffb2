"""The states of an instance, in nova's words and numbers, and the status that is derived from them."""

from __future__ import annotations

from enum import IntEnum, StrEnum


class VmState(StrEnum):
    """What an instance is, when nothing is under way."""

    BUILDING = "building"
    ACTIVE = "active"
    STOPPED = "stopped"
    PAUSED = "paused"
    SUSPENDED = "suspended"
    ERROR = "error"
    DELETED = "deleted"


class TaskState(StrEnum):
    """What is under way with an instance; none is written as an empty string inside and as null outside."""

    NONE = ""
    SCHEDULING = "scheduling"
    NETWORKING = "networking"
    BLOCK_DEVICE_MAPPING = "block_device_mapping"
    SPAWNING = "spawning"
    DELETING = "deleting"
    POWERING_OFF = "powering-off"
    POWERING_ON = "powering-on"
    REBOOTING = "rebooting"
    REBOOTING_HARD = "rebooting_hard"


class PowerState(IntEnum):
    """What the hypervisor says; nova's own numbers."""

    NOSTATE = 0
    RUNNING = 1
    PAUSED = 3
    SHUTDOWN = 4
    CRASHED = 6
    SUSPENDED = 7


BUILD_STATES = (
    TaskState.SCHEDULING,
    TaskState.NONE,
    TaskState.NETWORKING,
    TaskState.BLOCK_DEVICE_MAPPING,
    TaskState.SPAWNING,
)
"""The task states a build passes through, in order; NONE is the time between the host's pickup and networking."""

_STATUS = {
    VmState.BUILDING: "BUILD",
    VmState.ACTIVE: "ACTIVE",
    VmState.STOPPED: "SHUTOFF",
    VmState.PAUSED: "PAUSED",
    VmState.SUSPENDED: "SUSPENDED",
    VmState.ERROR: "ERROR",
    VmState.DELETED: "DELETED",
}


def status_of(vm_state: str, task_state: str) -> str:
    """Return the status that users see."""
    if vm_state in (VmState.ACTIVE, VmState.STOPPED):
        if task_state == TaskState.REBOOTING:
            return "REBOOT"
        if task_state == TaskState.REBOOTING_HARD:
            return "HARD_REBOOT"
    return _STATUS.get(VmState(vm_state), "UNKNOWN")
