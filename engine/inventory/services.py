"""Which compute services count as up, and until when that verdict holds (nova.servicegroup.drivers.db)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from engine.inventory.schema import NO_HEARTBEAT

_FOREVER = np.iinfo(np.int64).max


class ServiceStates(NamedTuple):
    """``up`` (uint8 a row) and the span of time, both ends included, in which it stays true if no heartbeat comes."""

    up: npt.NDArray[np.uint8]
    valid_from_us: int
    valid_until_us: int


def service_states(columns: Mapping[str, npt.NDArray[np.generic]], now_us: int, down_time_us: int) -> ServiceStates:
    """Return the services' states at ``now_us``.

    A service is up when it is neither disabled nor forced down and its heartbeat lies within down_time of now, before
    or after, both ends included: nova compares the absolute difference, so a heartbeat from the future counts as
    missing too.
    """
    seen = columns["last_seen_up_us"].astype(np.int64, copy=False)
    silent = seen == NO_HEARTBEAT
    allowed = (columns["present"] == 1) & (columns["service_disabled"] == 0) & (columns["service_forced_down"] == 0)
    beating = allowed & ~silent
    distance = np.abs(now_us - np.where(silent, now_us, seen))
    near = distance <= down_time_us
    up = allowed & (silent | near)
    times = seen[beating]
    starts, ends = times - down_time_us, times + down_time_us
    valid_from = max(int(starts[starts <= now_us].max(initial=0)), int(ends[ends < now_us].max(initial=-1)) + 1)
    valid_until = min(
        int(ends[ends >= now_us].min(initial=_FOREVER)), int(starts[starts > now_us].min(initial=_FOREVER)) - 1
    )
    return ServiceStates(up.astype(np.uint8), valid_from, valid_until)
