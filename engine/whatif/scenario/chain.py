"""The scenario's ``[chain]``: nova's scheduler options by nova's names, over those that are there already."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from engine.errors import InvalidSettingError
from engine.scheduler.chain import Chain
from engine.scheduler.options import SchedulerOptions
from engine.whatif.scenario.problems import Problem, unknown_key_message, validation_problems

_OPTIONS: Final = TypeAdapter(SchedulerOptions)


def chain_options(base: SchedulerOptions, chain: Mapping[str, Any]) -> SchedulerOptions:
    """Return options with those that a chain says in place of the base's; raise InvalidSettingError.

    Every plug-in that they name is there.
    """
    options, problems = _read(base, chain)
    for problem in problems:
        path = ("chain", *problem.path)
        raise InvalidSettingError(str(Problem(path, problem.message)), setting=str(path[-1]))
    return options


def chain_problems(chain: Mapping[str, Any], base: SchedulerOptions | None = None) -> list[Problem]:
    """Return what is wrong with a chain; paths are of the chain's own keys."""
    return _read(base or SchedulerOptions(), chain)[1]


def _read(base: SchedulerOptions, chain: Mapping[str, Any]) -> tuple[SchedulerOptions, list[Problem]]:
    names = [field.name for field in fields(SchedulerOptions)]
    problems = [Problem((key,), unknown_key_message(key, names)) for key in chain if key not in names]
    known = {key: value for key, value in chain.items() if key in names}
    try:
        options = _OPTIONS.validate_json(json.dumps({**asdict(base), **known}), strict=True)
        Chain.from_options(options)
    except ValidationError as error:
        return base, problems + validation_problems(error, known)
    except InvalidSettingError as error:
        return base, [*problems, _of_option(error, known)]
    return options, problems


def _of_option(error: InvalidSettingError, chain: Mapping[str, Any]) -> Problem:
    """Return an option's own complaint as a problem of the key that it is about."""
    key = error.details.get("setting", "")
    if key not in chain:
        # a plug-in that there is not names itself: it stands in one of the lists
        named = [name for name, value in chain.items() if isinstance(value, list | tuple) and _names(error, value)]
        key = named[0] if named else ""
    message = error.message.removeprefix(key).removeprefix(":").strip()
    return Problem((key,) if key else (), message)


def _names(error: InvalidSettingError, values: list[Any] | tuple[Any, ...]) -> bool:
    return any(isinstance(value, str) and repr(value) in error.message for value in values)
