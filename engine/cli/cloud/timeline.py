"""The 28 steps of a boot, as lines: which component did what, when, and for how long."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

HEADER = f"{'step':>4}  {'component':15}{'what':54}{'at ms':>9}{'took ms':>9}  detail"


def line(step: dict[str, Any], begun_us: int) -> str:
    """Return one step as a line; times count from ``begun_us``."""
    at_ms = (step["started_at_us"] - begun_us) / 1e3
    took_ms = (step["finished_at_us"] - step["started_at_us"]) / 1e3
    note = f"FAILED: {step['error']}" if step["error"] else step["detail"]
    attempt = f"[attempt {step['attempt']}] " if step["attempt"] > 1 else ""
    done = f"{step['step']:>4}  {step['component']:15}{step['what']:54}"
    return f"{done}{at_ms:9.1f}{took_ms:9.1f}  {attempt}{note}".rstrip()


def begun_us(steps: Sequence[dict[str, Any]]) -> int:
    """Return when the boot began: when its request was made, since a token may be much older."""
    return min((step["started_at_us"] for step in steps if step["step"] >= 3), default=0)


def state_line(server: dict[str, Any]) -> str:
    """Return what a user sees of an instance's state: status, task and power."""
    power = {0: "no state", 1: "Running", 3: "Paused", 4: "Shutdown", 6: "Crashed", 7: "Suspended"}
    task = server.get("OS-EXT-STS:task_state") or "none"
    return f"{server['status']} / {task} / {power.get(server.get('OS-EXT-STS:power_state', 0), 'unknown')}"
