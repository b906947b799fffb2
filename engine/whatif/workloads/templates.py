"""Extra specs that name columns in braces, such as ``hw:numa_nodes = "{numa_nodes}"``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from string import Formatter

from engine.errors import InvalidRequestError

_FIELD = "workload.trace.extra_specs"


def columns_named(templates: Mapping[str, str]) -> tuple[str, ...]:
    """Return the columns that extra specs name, each once, in the order they are met.

    Raises InvalidRequestError for braces that do not name one column plainly.
    """
    found = dict.fromkeys(name for pair in templates.items() for text in pair for name in _columns_of(text))
    return tuple(found)


def filled_in(templates: Mapping[str, str], texts: Mapping[str, str | None]) -> dict[str, str]:
    """Return the extra specs of an instance of which ``texts`` says what its columns hold.

    One that names a column of None or of an empty text is left out.
    """
    made: dict[str, str] = {}
    for key, value in templates.items():
        if all(texts[name] for text in (key, value) for name in _columns_of(text)):
            made[_filled(key, texts)] = _filled(value, texts)
    return made


def text_of(value: object) -> str | None:
    """Return what a column's value is as text: whole numbers without a fraction, booleans as true and false."""
    if value is None or value != value:
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _filled(text: str, texts: Mapping[str, str | None]) -> str:
    return "".join(literal + (texts[name] or "" if name else "") for literal, name in _parts(text))


def _columns_of(text: str) -> list[str]:
    return [name for _, name in _parts(text) if name]


def _parts(text: str) -> Sequence[tuple[str, str]]:
    """Return the literal texts and the column named after each, empty after the last."""
    try:
        parsed = list(Formatter().parse(text))
    except ValueError as failure:
        raise InvalidRequestError(
            f"{_FIELD}: {text!r} is no template ({failure}); a brace that is meant as one is doubled", field=_FIELD
        ) from failure
    for _, name, form, conversion in parsed:
        if name == "" or form or conversion:
            raise InvalidRequestError(
                f"{_FIELD}: {text!r} does not name a column plainly; write its name in braces", field=_FIELD
            )
    return [(literal, name or "") for literal, name, _, _ in parsed]
