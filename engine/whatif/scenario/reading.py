"""Reading scenarios: from TOML text to a checked Scenario, errors with their lines; and some keys said otherwise.

Syntax is tomllib's business, the meaning that of the models, and what several tables say together is checked after
both (engine.whatif.scenario.together).
"""

from __future__ import annotations

import copy
import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from engine.errors import InvalidFileError, InvalidRequestError
from engine.whatif.scenario.document import document_problems, set_value
from engine.whatif.scenario.lines import KeyPath, key_lines
from engine.whatif.scenario.model import Scenario
from engine.whatif.scenario.problems import MOST_PROBLEMS, Problem, located, validation_problems
from engine.whatif.scenario.together import problems_together

MAX_BYTES: Final = 10_000_000
"""Larger files are data, which belongs into files of its own."""
_SHOWN_PROBLEMS: Final = 20
_MAX_SWEPT: Final = 2_000
_MOST_CHECKED: Final = 10_000_000
"""Characters of variations that are checked before a run: a few seconds' work."""
_PLACE_IN_TEXT = re.compile(r" \(at line ([0-9]+), column ([0-9]+)\)$")
_END = " (at end of document)"
_BYTE_ORDER_MARK: Final = "\ufeff"


def read_scenario(path: Path) -> Scenario:
    """Return the scenario of a TOML file; raise InvalidFileError, whose message has a line for each thing wrong."""
    return parse_scenario(scenario_text(path), str(path))


def scenario_text(path: Path) -> str:
    """Return the text of a scenario's file; raise InvalidFileError where it cannot be read or is none."""
    name = str(path)
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        problem = error.strerror or type(error).__name__
        raise InvalidFileError(f"{name}: cannot be read ({problem}): check the path", file=name) from error
    if len(content) > MAX_BYTES:
        raise InvalidFileError(
            f"{name}: has more than {MAX_BYTES} bytes: fleets and traces belong into files of their own", file=name
        )
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InvalidFileError(
            f"{name}:{line}: is not UTF-8 text: a scenario is a TOML file", file=name, line=line
        ) from error


def parse_scenario(text: str, name: str) -> Scenario:
    """Return the scenario of a TOML text, which errors call ``name``; raise InvalidFileError.

    The message has a line for each thing wrong, ``scenario.toml:14: workload.mix.per_hour: must be greater than 0
    (given: -3)``, up to twenty.
    """
    document = _document(text, name)
    scenario, problems = _checked(document)
    if scenario is not None and not problems:
        problems = _problems_of_variations(scenario, document, _MOST_CHECKED // len(text) + 1)
    if scenario is None or problems:
        raise _fault(problems, text, name)
    return scenario


def with_values(scenario: Scenario, values: Mapping[str, Any]) -> Scenario:
    """Return a scenario with dotted keys set, ``{"chain.cpu_weight_multiplier": -1.0}``, and all of it checked again.

    A key goes through tables by name and through lists by number from 0 or by an element's name:
    ``flavors."m1.large".vcpus``, ``changes.0.at``. A value of None takes the key away. Raises InvalidRequestError,
    whose message has a line for each thing wrong.
    """
    document = scenario.model_dump(mode="json", exclude_unset=True)
    problems = [problem for key, value in values.items() if (problem := set_value(document, key, value)) is not None]
    made, found = (None, problems) if problems else _checked(document)
    if made is None or found:
        raise InvalidRequestError("\n".join(str(problem) for problem in found[:_SHOWN_PROBLEMS]))
    return made


def _document(text: str, name: str) -> dict[str, Any]:
    """Return the text's document; raise InvalidFileError with the place where it is no TOML."""
    if text.startswith(_BYTE_ORDER_MARK):
        raise _at(name, 1, "begins with a byte order mark: save the file as UTF-8 without one")
    if not text.strip():
        raise _at(name, 1, "is empty: begin with [fleet] and a line such as synthetic = '10 hosts of 64c 256g'")
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        problem = str(error)
        found = _PLACE_IN_TEXT.search(problem)
        if found is None:
            line = text.count("\n") + 1
            raise _at(name, line, f"is no TOML: {_lower(problem.removesuffix(_END))} at the end") from error
        words = _lower(problem[: found.start()])
        raise _at(name, int(found[1]), f"is no TOML: {words} (column {found[2]})") from error
    except RecursionError as error:
        raise _at(name, 1, "has tables or lists too deep inside each other") from error
    except ValueError as error:
        # Python reads no whole numbers of thousands of digits
        raise _at(name, 1, "has a number that is too large") from error


def _checked(document: dict[str, Any]) -> tuple[Scenario | None, list[Problem]]:
    """Return the scenario of a document, None where it is none, and what is wrong with it."""
    problems = document_problems(document)
    if problems:
        return None, problems
    try:
        # of JSON, where lists may be tuples and texts paths, and still no text is a number
        scenario = Scenario.model_validate_json(json.dumps(document))
    except ValidationError as error:
        return None, validation_problems(error, document)
    return scenario, problems_together(scenario)


def _problems_of_variations(scenario: Scenario, document: dict[str, Any], most: int) -> list[Problem]:
    """Return what is wrong with each variant, and with each value that the sweep takes, by itself.

    No more than ``most`` of them are looked at; the others are when they are run.
    """
    many = sum(map(len, scenario.sweep.values()))
    if many > _MAX_SWEPT:
        return [Problem(("sweep",), f"has {many} values, at most {_MAX_SWEPT}")]
    trials: list[tuple[KeyPath, dict[str, Any]]] = [
        (("variants", number, "set"), variant.set) for number, variant in enumerate(scenario.variants)
    ]
    trials += [(("sweep", key), {key: value}) for key, values in scenario.sweep.items() for value in values]
    problems = []
    for path, values in trials[:most]:
        changed = copy.deepcopy(document)
        wrong = False
        for key, value in values.items():
            problem = set_value(changed, key, value)
            if problem is not None:
                wrong = True
                problems.append(Problem((*path, key) if path[0] == "variants" else path, problem.message))
        if not wrong:
            problems += [Problem(path, str(problem)) for problem in _checked(changed)[1]]
    return list(dict.fromkeys(problems))


def _fault(problems: list[Problem], text: str, name: str) -> InvalidFileError:
    """Return the error that tells of problems, each with its line."""
    try:
        lines = key_lines(text)
    except RecursionError:
        lines = {}

    def line_of(path: KeyPath) -> int:
        while path and path not in lines:
            path = path[:-1]
        return lines.get(path, 1)

    told = located(problems, line_of, name)
    more = "many" if len(told) >= MOST_PROBLEMS else str(len(told) - _SHOWN_PROBLEMS)
    message = "\n".join(told[:_SHOWN_PROBLEMS] + ([f"and {more} more"] if len(told) > _SHOWN_PROBLEMS else []))
    first = min(line_of(problem.path) for problem in problems)
    return InvalidFileError(message, file=name, line=first)


def _at(name: str, line: int, problem: str) -> InvalidFileError:
    return InvalidFileError(f"{name}:{line}: {problem}", file=name, line=line)


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
