"""The parts of actions, in nova's words: what `server event show` lists."""

from __future__ import annotations

BUILD_EVENT = "compute__do_build_and_run_instance"
DELETE_EVENT = "compute_terminate_instance"
ACTION_EVENTS = {
    "delete": DELETE_EVENT,
    "start": "compute_start_instance",
    "stop": "compute_stop_instance",
    "reboot": "compute_reboot_instance",
    "attach_volume": "compute_attach_volume",
    "detach_volume": "compute_detach_volume",
}
"""By action: the part of it that a host does."""
