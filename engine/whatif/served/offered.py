"""What a scenario reads where it is answered for somebody else: files that came with it, and the service's state."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final

from engine.errors import InvalidRequestError
from engine.whatif.scenario.model import Scenario
from engine.whatif.scenario.reading import with_values

SELF: Final = "self"
"""What a scenario's fleet.live says for the service that is asked."""


def reads_itself(scenario: Scenario) -> bool:
    """Return whether a scenario, or a variation of it, is about the service that is asked."""
    return any(varied.fleet.live == SELF for varied in _variations(scenario))


def named_files(scenario: Scenario) -> tuple[str, ...]:
    """Return the names of all files that a scenario reads, its variants and its sweep too, each once."""
    return tuple(dict.fromkeys(name for varied in _variations(scenario) for name in _files(varied).values()))


def check_files(scenario: Scenario, offered: Collection[str]) -> None:
    """Raise InvalidRequestError where a scenario names a file that is not offered, or another service."""
    for varied in _variations(scenario):
        if varied.fleet.live not in ("", SELF):
            raise InvalidRequestError(
                f'fleet.live: a service asks no other one: write live = "{SELF}" for the one that is asked',
                field="fleet.live",
            )
        for key, name in _files(varied).items():
            if name not in offered:
                raise InvalidRequestError(
                    f"{key}: a service opens no files of its own: send {name!r} with the question", field=key
                )


def _files(scenario: Scenario) -> dict[str, str]:
    """Return by key the files that a scenario names, without those of its variations."""
    fleet, trace = scenario.fleet, scenario.workload.trace
    named = {
        "fleet.file": fleet.file,
        "fleet.allocations": fleet.allocations,
        "workload.trace.file": None if trace is None else trace.file,
    }
    return {key: str(file) for key, file in named.items() if file is not None}


def _variations(scenario: Scenario) -> Iterator[Scenario]:
    """Yield a scenario, and what its variants and each value of its sweep make of it."""
    yield from _variants(scenario)
    for key, values in scenario.sweep.items():
        for value in values:
            swept = with_values(scenario, {key: value})
            if swept.variants == scenario.variants:
                yield swept
            else:
                yield from _variants(swept)


def _variants(scenario: Scenario) -> Iterator[Scenario]:
    yield scenario
    for variant in scenario.variants:
        yield with_values(scenario, variant.set)
