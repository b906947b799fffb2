"""AskedAbout: the fleet that a question is asked about: the scenario's, after its workload and its changes."""

from __future__ import annotations

from dataclasses import dataclass

from engine.whatif.answer import Progress
from engine.whatif.inputs import Inputs, open_world
from engine.whatif.questions.runs import counts_of, play, workload_of
from engine.whatif.scenario.model import Scenario
from engine.whatif.world import World


@dataclass(frozen=True, slots=True)
class AskedAbout:
    """A world at the end of its scenario's run, ``time_s`` seconds after its start.

    ``refused`` is how many requests of the run found no host, ``lost`` how many instances of failed hosts found no
    other.
    """

    world: World
    time_s: float
    refused: int
    lost: int


def asked_about(scenario: Scenario, inputs: Inputs, *, seed: int, progress: Progress) -> AskedAbout:
    """Open a scenario's world and run its workload and changes, the last of which says what time it then is."""
    world = open_world(scenario, inputs, seed=seed)
    workload = workload_of(scenario, inputs, world, seed=seed)
    decisions = play(scenario, world, workload, seed=seed, progress=progress)
    counts = counts_of(decisions)
    end = max([change.at for change in scenario.changes], default=0.0)
    if len(workload.events):
        end = max(end, float(workload.events.times_s[-1]))
    until_s = scenario.replay.until
    return AskedAbout(world, end if until_s is None else min(end, until_s), counts.refused, counts.lost)
