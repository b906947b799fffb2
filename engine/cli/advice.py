"""What to do next about a failure, by its reason."""

from __future__ import annotations

from engine.errors import EngineError

_ADVICE = {
    "NO_VALID_HOST": "`berth explain` with the same options says which hosts are nearest and what would have to change",
    "UNKNOWN_HOST": "`berth hosts list` shows the hosts that exist",
    "UNKNOWN_FLAVOR": "`berth flavors list` shows the flavors that exist, `berth flavors set` makes one",
    "UNKNOWN_GROUP": "`berth groups list` shows the server groups that exist, `berth groups set` makes one",
    "UNKNOWN_AGGREGATE": "`berth aggregates list` shows the aggregates that exist, `berth aggregates set` makes one",
    "UNKNOWN_ALLOCATION": "`berth allocations list` shows what is held",
    "HOST_IN_USE": "`berth allocations list --host HOST` shows what it holds; move or release that first",
    "TOKEN_REUSED": "choose another token, or repeat the request exactly as it was first sent",
    "LEDGER_LOCKED": "stop the other service, or give this one a state directory of its own",
    "LEDGER_CORRUPT": "restore the state directory from a copy; `berth audit --state-dir DIR` says what disagrees",
    "LEDGER_UNAVAILABLE": "nothing was recorded: look at the service's disk, then try again",
    "SHUTTING_DOWN": "try again when the service is back",
    "BUSY": "try again later, or ask on a machine of your own: a snapshot can be had at any time",
    "SERVICE_UNAVAILABLE": "start one with `berth serve`, or say where it listens: --target or BERTH_TARGET; "
    "in a what-if --live, --on or fleet.live",
    "GENERATION_CONFLICT": "read the record again and repeat the change",
    "INTERNAL": "the service's log has the cause; with BERTH_DEBUG=1 a fault of this command shows its trace",
}

_START_DASK = "start it with `dask scheduler`, and `dask worker ADDRESS` wherever runs shall go"


def advice(error: EngineError) -> str:
    """Returns what to do next, empty where the message itself says it."""
    if error.reason == "SERVICE_UNAVAILABLE" and "dask" in error.details:
        return _START_DASK
    return _ADVICE.get(error.reason, "")
