"""The workload of a mix: flavors that arrive at random and live for random times."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from engine.errors import InvalidRequestError
from engine.whatif.scenario.workload import MixWorkload, ServerGroups
from engine.whatif.workload import Events, GroupRule, Workload
from engine.whatif.workloads.arrivals import Rate, even_arrivals, growth_per_second, poisson_arrivals
from engine.whatif.workloads.events import Spans, events_in_order
from engine.whatif.workloads.flavor_names import known_request
from engine.whatif.workloads.lifetimes import lifetimes_s
from engine.whatif.workloads.limits import MAX_INSTANCES
from engine.whatif.workloads.server_groups import rule_of
from engine.whatif.world import World

_HOUR_S = 3600.0


def mix_workload(
    mix: MixWorkload,
    world: World,
    rng: np.random.Generator,
    *,
    duration_s: float | None = None,
    growth: float = 0.0,
) -> Workload:
    """Return the workload of a mix: ``duration_s`` long where told, its rate growing by ``growth`` more a second.

    Arrivals before 0 (``warm_up``) come and go in their order, all at time 0. Deletes after the end are left out.
    Raises InvalidRequestError for a flavor that is not known, and for more instances than fit in memory.
    """
    duration = mix.duration if duration_s is None else duration_s
    # of their own, so that another lifetime or another share leaves the arrivals where they are
    of_arrivals, of_flavors, of_lifetimes = rng.spawn(3)
    growth += growth_per_second(mix.growth_percent, mix.growth_period)
    rate = Rate(mix.per_hour / _HOUR_S, growth, mix.daily_swing)
    if mix.process == "even":
        arrivals = even_arrivals(rate, -mix.warm_up, duration)
    else:
        arrivals = poisson_arrivals(rate, -mix.warm_up, duration, of_arrivals)
    if len(arrivals) * mix.batch > MAX_INSTANCES:
        raise InvalidRequestError(
            f"workload.mix: {len(arrivals)} arrivals of {mix.batch} are more than {MAX_INSTANCES} instances; lower "
            "per_hour, batch or duration",
            field="workload.mix",
        )
    codes, shares = shares_of(mix.flavors, world, key="workload.mix.flavors")
    chosen = np.repeat(codes[drawn(shares, len(arrivals), of_flavors)], mix.batch)
    created = np.repeat(arrivals, mix.batch)
    deleted = created + lifetimes_s(mix.lifetime, len(created), of_lifetimes)
    groups, rule = _groups(mix.server_groups, len(arrivals), mix.batch)
    names = pa.array(np.arange(len(created)))
    return Workload(tuple(world.requests), chosen, names, _events(created, deleted, duration), groups, rule)


def shares_of(flavors: Mapping[str, float], world: World, *, key: str) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Return the codes of the flavors that have a share, and the shares, which make 1 together.

    Raises InvalidRequestError for a flavor that is not known, naming ``key`` of the scenario.
    """
    wanted = {name: share for name, share in flavors.items() if share > 0}
    codes = [world.code(known_request(world, name, key=key)) for name in wanted]
    shares = np.array(list(wanted.values()), dtype=np.float64)
    return np.array(codes, dtype=np.int32), shares / shares.sum()


def drawn(shares: NDArray[np.float64], many: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return indices into ``shares``, so many of them drawn independently by the shares."""
    edges = np.cumsum(shares)
    edges /= edges[-1]
    return np.searchsorted(edges, rng.random(many), side="right").astype(np.int64)


def _events(created: NDArray[np.float64], deleted: NDArray[np.float64], duration_s: float) -> Events:
    events = events_in_order(Spans(np.arange(len(created)), created, deleted, deleted <= duration_s))
    return Events(events.instances, events.creates, np.maximum(events.times_s, 0.0))


def _groups(
    groups: ServerGroups | None, arrivals: int, batch: int
) -> tuple[NDArray[np.int32] | None, GroupRule | None]:
    """Return the server group of each instance: its arrival's, where an arrival has several."""
    if groups is None or batch == 1:
        return None, None
    if groups.column or groups.when:
        key = "workload.mix.server_groups.column"
        raise InvalidRequestError(f"{key}: a mix has no columns; each arrival's batch is a group", field=key)
    return np.repeat(np.arange(arrivals, dtype=np.int32), batch), rule_of(groups)
