"""What the tables of a scenario say together: names that must be there, chains and flavors that must make sense."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from itertools import chain, islice

from engine.errors import EngineError, InvalidSettingError
from engine.scheduler.options import SchedulerOptions
from engine.whatif.scenario.chain import chain_options, chain_problems
from engine.whatif.scenario.changes import SetChain, SetFlavor
from engine.whatif.scenario.lines import KeyPath
from engine.whatif.scenario.model import Scenario
from engine.whatif.scenario.problems import MOST_PROBLEMS, Problem
from engine.whatif.scenario.requests import request_of

_SHOWN = 10
_COMPARED = 1_000
"""Names that are looked at for a near one."""


def problems_together(scenario: Scenario) -> list[Problem]:
    """Return what is wrong with a scenario whose tables are each right by themselves.

    Flavors and options that a live service may have are left to the time when it is asked.
    """
    found = chain(_chains(scenario), _flavors(scenario), _flavor_names(scenario), _variants(scenario))
    return list(islice(found, MOST_PROBLEMS))


def _chains(scenario: Scenario) -> Iterator[Problem]:
    base: SchedulerOptions | None = None
    for path, said in _stages(scenario):
        problems = chain_problems(said, base)
        yield from (Problem((*path, *problem.path), problem.message) for problem in problems)
        if problems:
            return
        base = chain_options(base or SchedulerOptions(), said)


def _stages(scenario: Scenario) -> Iterator[tuple[KeyPath, Mapping[str, object]]]:
    """Yield the chains that the scenario has one after the other."""
    yield ("chain",), scenario.chain
    changes = sorted(enumerate(scenario.changes), key=lambda item: item[1].at)
    for number, change in changes:
        if isinstance(change, SetChain):
            yield ("changes", number, "chain"), change.chain


def _flavors(scenario: Scenario) -> Iterator[Problem]:
    """Check each flavor's extra specs and image; what aliases a live service has is not known here."""
    seen: dict[str, int] = {}
    try:
        options = chain_options(SchedulerOptions(), scenario.chain)
    except InvalidSettingError:
        return
    for number, flavor in enumerate(scenario.flavors):
        earlier = seen.setdefault(flavor.name, number)
        if earlier != number:
            yield Problem(("flavors", number, "name"), f"flavor {flavor.name!r} is there twice: rename one of them")
        if scenario.fleet.live:
            continue
        try:
            request_of(flavor, options)
        except EngineError as error:
            yield Problem(("flavors", number), error.message)


def _flavor_names(scenario: Scenario) -> Iterator[Problem]:
    """Check that every flavor named is there, where no live service can have it."""
    if scenario.fleet.live:
        return
    known = dict.fromkeys(flavor.name for flavor in scenario.flavors)
    names = list(known)
    for path, name in _named_flavors(scenario):
        if name in known:
            continue
        near = get_close_matches(name, names[:_COMPARED], n=1)
        if near:
            advice = f"did you mean {near[0]!r}?"
        elif known:
            advice = f"[[flavors]] has {', '.join(names[:_SHOWN])}{', ...' if len(known) > _SHOWN else ''}"
        else:
            advice = "add it as one of [[flavors]]"
        yield Problem(path, f"there is no flavor {name!r}; {advice}")


def _named_flavors(scenario: Scenario) -> Iterator[tuple[KeyPath, str]]:
    for kind in ("mix", "fill"):
        table = getattr(scenario.workload, kind)
        for name in table.flavors if table is not None else ():
            yield ("workload", kind, "flavors", name), name
    # those of a trace are made of its sizes, and have names that only its file knows
    if scenario.workload.trace is None:
        for number, name in enumerate(scenario.fits.flavors):
            yield ("fits", "flavors", number), name
        for key in ("start", "least"):
            if name := getattr(scenario.fits, key):
                yield ("fits", key), name
        for number, change in enumerate(scenario.changes):
            if isinstance(change, SetFlavor):
                yield ("changes", number, "name"), change.name


def _variants(scenario: Scenario) -> Iterator[Problem]:
    seen = set[str]()
    for number, variant in enumerate(scenario.variants):
        if variant.name in seen:
            yield Problem(("variants", number, "name"), f"variant {variant.name!r} is there twice: rename one of them")
        seen.add(variant.name)
