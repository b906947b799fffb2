"""Asking: one way in to every question, over one scenario or over a sweep of many."""

from __future__ import annotations

from difflib import get_close_matches
from functools import partial
from importlib import import_module
from typing import Any, Final, Protocol

from engine.errors import InvalidRequestError
from engine.whatif.answer import Answer, Progress, no_progress
from engine.whatif.inputs import Inputs
from engine.whatif.scenario.model import Scenario
from engine.whatif.scenario.questions import FitsTable
from engine.whatif.sweep.executor import Executor
from engine.whatif.sweep.grid import Point, at_point, grid_points
from engine.whatif.sweep.local import LocalExecutor
from engine.whatif.sweep.side_by_side import side_by_side

QUESTIONS: Final = ("replay", "fits", "fail", "size", "compare", "forecast", "drain")
MAX_SEED: Final = 2**63 - 1


class Question(Protocol):
    """What ``engine.whatif.questions.<question>.ask`` is."""

    def __call__(
        self, scenario: Scenario, inputs: Inputs, *, seed: int, progress: Progress, executor: Executor
    ) -> Answer:
        """Return the answer."""


def ask(
    question: str,
    scenario: Scenario,
    inputs: Inputs,
    *,
    seed: int | None = None,
    progress: Progress = no_progress,
    executor: Executor | None = None,
) -> Answer:
    """Return the answer to a question about a scenario, the same to the byte for the same scenario, inputs and seed.

    ``seed`` takes the place of the scenario's own. Where the scenario has a sweep, every combination of its values is
    asked about, all with the same seed unless that is varied, and answered side by side. ``executor`` says where runs
    go that can be made at a time; none: one after the other, in this process. Raises InvalidRequestError.
    """
    asker = question_of(question)
    if seed is not None and not 0 <= seed <= MAX_SEED:
        raise InvalidRequestError(f"the seed is between 0 and {MAX_SEED}, not {seed}")
    runs = LocalExecutor(1) if executor is None else executor
    if seed is not None:
        scenario = scenario.model_copy(update={"seed": seed})
    scenario = without_others(question, scenario)
    if not scenario.sweep:
        return asker(scenario, inputs, seed=scenario.seed, progress=progress, executor=runs)
    points = grid_points(scenario)
    for point in points:
        # what is wrong with one is told before hours are spent on the others
        at_point(scenario, point)

    def told(done: int) -> None:
        progress("sweeping", done, len(points))

    told(0)
    answers = runs.map(partial(answer_at, question, scenario, inputs), points, on_done=told)
    return side_by_side(question, points, answers)


def without_others(question: str, scenario: Scenario) -> Scenario:
    """Return a scenario without what only other questions read, which may name what its fleet has not."""
    others: dict[str, Any] = {"drain": None, "fits": FitsTable()}
    others.pop(question, None)
    return scenario.model_copy(update=others)


def question_of(name: str) -> Question:
    """Return what answers a question; raise InvalidRequestError for one that there is not."""
    if name not in QUESTIONS:
        near = get_close_matches(name, QUESTIONS, n=1)
        advice = f"did you mean {near[0]!r}?" if near else f"ask one of {', '.join(QUESTIONS)}"
        raise InvalidRequestError(f"there is no question {name!r}; {advice}")
    # each one as it is needed: none of them takes the time to load the others
    module: Any = import_module(f"engine.whatif.questions.{name}")
    asker: Question = module.ask
    return asker


def answer_at(question: str, scenario: Scenario, inputs: Inputs, point: Point) -> Answer:
    """Return the answer for one combination of a sweep, all of it worked out in this process."""
    varied = at_point(scenario, point)
    return question_of(question)(varied, inputs, seed=varied.seed, progress=no_progress, executor=LocalExecutor(1))
