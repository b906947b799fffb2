"""The import: Berth's settings out of the entries of nova.conf, and what is to be said of the rest."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any

from engine.errors import InvalidFileError, InvalidSettingError
from engine.fitting.pci_aliases import parse_aliases
from engine.novaconf.entries import Given, given, read
from engine.novaconf.not_taken import reason
from engine.novaconf.notes import Note
from engine.novaconf.options import OPTIONS, SCHEDULER, Option
from engine.novaconf.plugins import known_filters, known_weighers, unavailable_filters
from engine.novaconf.reader import DEFAULT_GROUP, Entry
from engine.novaconf.values import to_int, to_list, to_text
from engine.scheduler.options import SchedulerOptions

Settings = dict[str, Any]
"""Nested tables, as TOML has them."""

_AVAILABLE_FILTERS = Option(
    "filter_scheduler",
    "available_filters",
    to_text,
    SCHEDULER,
    "",
    multi=True,
    earlier=((DEFAULT_GROUP, "scheduler_available_filters"),),
)
_REPORT_INTERVAL = Option(DEFAULT_GROUP, "report_interval", to_int, SCHEDULER, "")
_REPORT_INTERVAL_S = 10
"""nova's default."""

_DIFFERENCES = {
    "max_placement_results": "Berth looks at every candidate, nova at this many of them, whichever they are",
}
"""By setting, what Berth does otherwise with it."""

_DEFAULTS = {field.name: field.default for field in fields(SchedulerOptions)}


@dataclass(frozen=True, slots=True)
class Imported:
    """The settings that the files give, nested as in TOML, and notes in the order of the files' lines."""

    settings: Settings
    notes: tuple[Note, ...]


def imported(files: Sequence[Sequence[Entry]]) -> Imported:
    """Return the settings that files give together, a later one beating an earlier one.

    Raises InvalidFileError, with the line, for a value that nova or Berth would refuse.
    """
    found = {option: what for option in OPTIONS if (what := given(files, option, _default)) is not None}
    values: dict[Option, Any] = {}
    notes: list[Note] = []
    for option, what in found.items():
        values[option], said = _value(option, what)
        notes += said
        notes += _origin_notes(option, what)
    notes += _availability_notes(files, found, values)
    _set_service_down_time(files, found, values, notes)
    _check_aliases(found, values)
    notes += _ignored_notes(files, found)
    order = {id(entry): index for index, entry in enumerate(entry for file in files for entry in file)}
    notes.sort(key=lambda note: order[id(note.entry)])
    return Imported(_nested(values), tuple(notes))


def _default(option: Option) -> object:
    value = _DEFAULTS.get(option.setting) if option.table == SCHEDULER else None
    return list(value) if isinstance(value, tuple) else value


def _value(option: Option, what: Given) -> tuple[Any, list[Note]]:
    """Return the value of an option in Berth's settings, and notes on it."""
    texts = [read(option, entry, text) for entry, text in zip(what.entries, what.values, strict=True)]
    value: Any = texts if option.multi else texts[-1]
    notes: list[Note] = []
    entry = what.entries[-1]
    if option.setting == "enabled_filters":
        kept, notes = known_filters(value, entry)
        value = list(kept)
    elif option.setting == "weight_classes":
        kept, notes = known_weighers(value, entry)
        value = list(kept)
    if option.setting in _DIFFERENCES:
        notes.append(Note("differs", entry, _DIFFERENCES[option.setting]))
    # Aliases are right or wrong together with each other and with pci_in_placement.
    if option.table == SCHEDULER and option.setting != "pci_alias":
        _check(option, value, entry)
    return value, notes


def _check(option: Option, value: object, entry: Entry) -> None:
    """Raise InvalidFileError where Berth's own options refuse a value."""
    given_value: Any = tuple(value) if isinstance(value, list) else value
    try:
        SchedulerOptions(**{option.setting: given_value})
    except InvalidSettingError as error:
        raise _refused(entry, error.message) from error


def _check_aliases(found: dict[Option, Given], values: dict[Option, Any]) -> None:
    """Raise InvalidFileError, with the line of the alias, where aliases are wrong by themselves or together."""
    for option, what in found.items():
        if option.setting != "pci_alias":
            continue
        in_placement = any(value for other, value in values.items() if other.setting == "pci_in_placement")
        # Each alias is tried with those before it, so that the first that is wrong is named.
        for index, entry in enumerate(what.entries):
            try:
                parse_aliases(values[option][: index + 1], pci_in_placement=bool(in_placement))
            except InvalidSettingError as error:
                raise _refused(entry, error.message) from error


def _origin_notes(option: Option, what: Given) -> Iterable[Note]:
    for entry in what.entries:
        if (entry.group, entry.name) != (option.group, option.name):
            text = f"taken as [{option.group}]{option.name}, the only name that nova still reads"
            # pci_alias and the names of quotas are the ones that nova 34 itself goes on reading.
            if option.group in ("pci", "quota"):
                text = f"taken as [{option.group}]{option.name}"
            yield Note("renamed", entry, text)


def _availability_notes(
    files: Sequence[Sequence[Entry]], found: dict[Option, Given], values: dict[Option, Any]
) -> list[Note]:
    available = given(files, _AVAILABLE_FILTERS, _default)
    for option, what in found.items():
        if option.setting == "enabled_filters" and available is not None:
            names = tuple(item for value in available.values for item in to_list(value))
            return unavailable_filters(values[option], names, what.entries[-1])
    return []


def _set_service_down_time(
    files: Sequence[Sequence[Entry]], found: dict[Option, Given], values: dict[Option, Any], notes: list[Note]
) -> None:
    """Raise service_down_time as nova.servicegroup does where hosts report less often than that."""
    interval = given(files, _REPORT_INTERVAL, _default)
    report_s = int(str(read(_REPORT_INTERVAL, interval.entries[-1], interval.values[-1]))) if interval else None
    option = next(option for option in OPTIONS if option.setting == "service_down_time")
    down_s = values.get(option, _DEFAULTS["service_down_time"])
    wanted_s = _REPORT_INTERVAL_S if report_s is None else report_s
    if down_s > wanted_s:
        return
    cause = interval.entries[-1] if interval else found[option].entries[-1]
    values[option] = int(wanted_s * 2.5)
    _check(option, values[option], cause)
    notes.append(
        Note(
            "differs",
            cause,
            f"service_down_time is written as {values[option]}: nova raises it so where it is not more than "
            f"report_interval, here {wanted_s}",
        )
    )


def _ignored_notes(files: Sequence[Sequence[Entry]], found: dict[Option, Given]) -> Iterable[Note]:
    """Return notes on every entry that gives no setting: of another option, or beaten by another entry."""
    owners = {name: option for option in found for name in ((option.group, option.name), *option.earlier)}
    taken = {id(entry) for what in found.values() for entry in what.entries}
    for file in files:
        for entry in file:
            option = owners.get((entry.group, entry.name))
            if option is None:
                yield Note("ignored", entry, reason(entry.group, entry.name))
            elif id(entry) not in taken:
                yield Note("overridden", entry, f"{found[option].entries[-1].place} decides")


def _nested(values: dict[Option, Any]) -> Settings:
    settings: Settings = {"scheduler": {}}
    # In the order of the options, not in that in which the values were found.
    for option in OPTIONS:
        if option in values:
            table = settings
            for name in option.table:
                table = table.setdefault(name, {})
            table[option.setting] = values[option]
    return settings


def _refused(entry: Entry, what: str) -> InvalidFileError:
    return InvalidFileError(
        f"{entry.place}: {entry.option}: {what}", path=entry.source, line=entry.line, option=entry.option
    )
