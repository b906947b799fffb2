"""What is wrong with a scenario: pydantic's complaints in the words of the document's author, each with its key."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import islice
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from engine.whatif.scenario.lines import KeyPath
from engine.whatif.scenario.shape import TAG, all_fields, tables_at, tag_of

MOST_PROBLEMS: Final = 200
_SHOWN_CHARACTERS: Final = 60
_SHOWN_NAMES: Final = 30

_WORDS: Final[Mapping[str, str]] = {
    "missing": "is missing",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "is a number that is too large",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "string_type": "must be text",
    "path_type": "must be text",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "tuple_type": "must be a list, in []",
    "dict_type": "must be a table",
    "model_type": "must be a table",
    "model_attributes_type": "must be a table",
    "dataclass_type": "must be a table",
    "greater_than": "must be greater than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "finite_number": "must be a finite number",
    "literal_error": "must be {expected}",
    "union_tag_invalid": "must be one of {expected_tags}",
    "union_tag_not_found": "is missing",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "string_pattern_mismatch": "must be of the form {pattern}",
}
"""What each kind of pydantic's errors says here; those that are not among them say their own text."""

_UNSHOWN: Final = frozenset({"missing", "union_tag_not_found", "extra_forbidden", "too_short"})


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with what stands at ``path``; the message continues the key."""

    path: KeyPath
    message: str

    def __str__(self) -> str:
        return f"{path_text(self.path)}: {self.message}" if self.path else self.message


def path_text(path: KeyPath) -> str:
    """Return a path as the author would write it, numbers of lists in brackets: ``changes[0].of.zone``."""
    text = ""
    for key in path:
        if isinstance(key, int):
            text += f"[{key}]"
        else:
            plain = key.replace("_", "").replace("-", "").isalnum() and key.isascii()
            short = _short(key)
            text += ("." if text else "") + (short if plain else f'"{short}"')
    return text


def shown(value: object) -> str:
    """Return a value as TOML would write it, cut short."""
    if isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, Mapping):
        text = "a table"
    else:
        text = _number_text(value) if isinstance(value, int) else repr(value)
    return _short(text)


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 1] + "…"


def _plain(value: object) -> object:
    """Return a bound as its author would write it, 0 instead of 0.0."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _number_text(value: int) -> str:
    # Python refuses to write numbers of thousands of digits
    return str(value) if value.bit_length() < 1000 else "a number of hundreds of digits"


def validation_problems(error: ValidationError, document: object) -> list[Problem]:
    """Return what pydantic complains of, one problem a key, the first MOST_PROBLEMS of them: nobody reads more."""
    by_path: dict[KeyPath, list[tuple[str, Problem]]] = {}
    for detail in islice(error.errors(include_url=False), MOST_PROBLEMS):
        problem = _problem(detail, document)
        by_path.setdefault(problem.path, []).append((detail["type"], problem))
    return [_joined(_of_the_meant(problems)) for problems in by_path.values()]


def unknown_key_message(name: str, known: Iterable[str], elsewhere: Sequence[str] = ()) -> str:
    """Return what to say of a key that is not known here; it suggests what was meant, or where it belongs."""
    names = list(known)
    near = get_close_matches(name, names, n=1, cutoff=0.7)
    if near:
        return f"is unknown: did you mean {near[0]}?"
    if elsewhere:
        return f"is unknown here: it belongs to {' or '.join(elsewhere)}"
    near = get_close_matches(name, names, n=1, cutoff=0.5)
    if near:
        return f"is unknown: did you mean {near[0]}?"
    more = ", ..." if len(names) > _SHOWN_NAMES else ""
    return f"is unknown; known here: {', '.join(names[:_SHOWN_NAMES])}{more}" if names else "is unknown"


def _problem(detail: ErrorDetails, document: object) -> Problem:
    path, value = _place(detail["loc"], document, is_missing=detail["type"] in ("missing", "union_tag_not_found"))
    context: dict[str, Any] = {name: _plain(value) for name, value in detail.get("ctx", {}).items()}
    kind, given = detail["type"], detail["input"]
    if kind.startswith("union_tag"):
        path = (*path, TAG)
        given = value.get(TAG) if isinstance(value, Mapping) else value
    if kind == "extra_forbidden":
        return Problem(path, _unknown(path, document))
    if kind == "value_error":
        message = str(context.get("error", detail["msg"]))
    elif kind == "too_short":
        message = "must not be empty"
    elif kind in _WORDS:
        message = _WORDS[kind].format(**context)
    else:
        message = detail["msg"][:1].lower() + detail["msg"][1:]
    if kind in ("literal_error", "union_tag_invalid") and isinstance(given, str):
        choices = [text.strip("' ") for text in str(context.get("expected", context.get("expected_tags"))).split(",")]
        choices = [choice.strip("'") for text in choices for choice in text.split("' or '")]
        near = get_close_matches(given, choices, n=1)
        message += f"; did you mean {near[0]!r}?" if near else ""
    if kind == "union_tag_not_found":
        tags = ", ".join(tag for tag in _tags(path, document) if tag)
        message += f": it must be one of {tags}"
    shows = kind not in _UNSHOWN and not (kind == "value_error" and isinstance(given, Mapping))
    return Problem(path, f"{message} (given: {shown(given)})" if shows else message)


def _tags(path: KeyPath, document: object) -> list[str]:
    return [tag_of(table) for table in tables_at(path[:-1], document)]


def _unknown(path: KeyPath, document: object) -> str:
    name = str(path[-1])
    known = dict.fromkeys(key for table in tables_at(path[:-1], document) for key in table.model_fields)
    elsewhere = [".".join(found[:-1]) or "the top of the document" for found, _, _ in all_fields() if found[-1] == name]
    return unknown_key_message(name, known, list(dict.fromkeys(elsewhere))[:3])


def _place(loc: tuple[str | int, ...], document: object, *, is_missing: bool) -> tuple[KeyPath, Any]:
    """Return the path and the value in the document that pydantic means: it puts names of alternatives in between."""
    path: KeyPath = ()
    value: Any = document
    for index, key in enumerate(loc):
        is_tag = isinstance(value, Mapping) and value.get(TAG) == key and bool(path) and isinstance(path[-1], int)
        of_table = isinstance(value, Mapping) and key in value and not is_tag
        of_list = isinstance(value, list) and isinstance(key, int) and key < len(value)
        if of_table or of_list:
            value = value[key]
        elif is_missing and index == len(loc) - 1:
            return (*path, key), None
        else:
            continue
        path = (*path, key)
    return path, value


def _of_the_meant(problems: list[tuple[str, Problem]]) -> list[Problem]:
    """Return the complaints of the alternatives whose type the value has, of all where it has none's."""
    meant = [problem for kind, problem in problems if not kind.endswith("_type") and kind != "literal_error"]
    return meant or [problem for _, problem in problems]


def _joined(problems: list[Problem]) -> Problem:
    """Return several complaints of one value, as of alternatives that it is none of, as one."""
    said = list(dict.fromkeys(problem.message for problem in problems))
    if len(said) == 1:
        return problems[0]
    texts = [text.partition(" (given: ")[0] for text in said]
    given = said[-1].partition(" (given: ")[1:]
    begin = "must be "
    if all(text.startswith(begin) for text in texts):
        texts[1:] = [text.removeprefix(begin) for text in texts[1:]]
    return Problem(problems[0].path, " or ".join(dict.fromkeys(texts)) + "".join(given))


def located(problems: Iterable[Problem], line_of: Callable[[KeyPath], int], name: str) -> list[str]:
    """Return each problem after its line, ``scenario.toml:14: workload.mix.per_hour: must be ...``, in their order."""
    lines = [(line_of(problem.path), str(problem)) for problem in problems]
    return [f"{name}:{line}: {text}" for line, text in sorted(lines)]
