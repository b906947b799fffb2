"""Does a query in nova's JSON grammar hold of a host (nova's JsonFilter): ``["and", [">=", "$free_ram_mb", 1024]]``.

The rules are those of nova.scheduler.filters.json_filter, its surprises included:

* comparisons hold of the first operand and *each* of the others, and of no fewer than two operands;
* a ``$`` path that leads nowhere leaves its operand out, so that a comparison with it does not hold;
* ``not`` holds where one of its operands does not. With nova's quirks that is so of a ``not`` that is the whole query
  only: it answers with the list of the negations, and elsewhere any list that is not empty counts as true;
* nova keeps the host's address as an object that equals no text; without its quirks it is one;
* operands that Python does not compare, and operators that are none, leave a query without an answer.
"""

from __future__ import annotations

import json
import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address
from typing import Any, Final, Protocol

from engine.scheduler.capabilities import HOST_STATE_FACTS, HOST_STATE_INTERNALS
from engine.scheduler.faults import FilterFault

_FACT_MARK: Final = "$"
_ADDRESS: Final = "host_ip"
_SHOWN_CHARS: Final = 200


class QueriedFacts(Protocol):
    """What one host knows of itself, under the names and in the units of nova's HostState."""

    def get_attribute(self, name: str) -> object:
        """Return the attribute named by one of HOST_STATE_FACTS; raises KeyError where there is none such."""
        ...


def holds(query: str, facts: QueriedFacts, *, nova_quirks: bool) -> bool:
    """Return whether a query holds of a host; an empty one holds of all.

    Raises FilterFault where nova's evaluation raises: TypeError, KeyError, AttributeError, or JSONDecodeError.
    """
    try:
        answer = _evaluate(_parse(query), facts, _NOVA if nova_quirks else _RIGHT)
    except (TypeError, KeyError, AttributeError, ValueError, RecursionError) as error:
        shown = query if len(query) <= _SHOWN_CHARS else query[:_SHOWN_CHARS] + "..."
        name = type(error).__name__
        raise FilterFault(
            f"the query {shown} cannot be evaluated: {name}: {error}", nova_exception=name, query=shown
        ) from None
    return any(answer) if isinstance(answer, list) else bool(answer)


def attributes_read(query: str) -> frozenset[str]:
    """Return which of HOST_STATE_FACTS a query names; none of one that cannot be read."""
    try:
        return frozenset(_paths(_parse(query))) & HOST_STATE_FACTS
    except (ValueError, RecursionError):
        return frozenset()


@lru_cache(maxsize=64)
def _parse(query: str) -> Any:
    """Return a query's JSON; nothing changes it, so that the hosts of a request share one reading."""
    return json.loads(query)


def _paths(query: object) -> Iterator[str]:
    """Yield the first name of each ``$`` path."""
    if isinstance(query, str) and query.startswith(_FACT_MARK):
        yield query[1:].split(".")[0]
    elif isinstance(query, list):
        for item in query:
            yield from _paths(item)


@dataclass(frozen=True, slots=True)
class _Rules:
    """What the two answers differ in: the operators, and whether the host's address is an object."""

    operators: Mapping[str, Callable[[Sequence[Any]], object]]
    addresses_are_objects: bool


class _Internal:
    """Stands for the methods and the like of nova's HostState: there, but equal to nothing and not to be compared."""


_INTERNAL: Final = _Internal()


def _evaluate(query: Any, facts: QueriedFacts, rules: _Rules) -> object:
    """Return what a query comes to: a truth value, or the list that nova's ``not`` makes."""
    if not query:
        return True
    answer = rules.operators[query[0]]
    operands = (_operand(item, facts, rules) for item in query[1:])
    return answer([item for item in operands if item is not None])


def _operand(item: object, facts: QueriedFacts, rules: _Rules) -> object:
    """Return an operand's value, None for one that is left out."""
    if isinstance(item, list):
        return _evaluate(item, facts, rules)
    if isinstance(item, str):
        return _fact(item[1:], facts, rules) if item.startswith(_FACT_MARK) else item or None
    return item


def _fact(path: str, facts: QueriedFacts, rules: _Rules) -> object:
    """Return what a path leads to, None where it leads nowhere; only a mapping leads on, anything else raises."""
    name, *keys = path.split(".")
    found: Any = _INTERNAL
    if name not in HOST_STATE_INTERNALS:
        if name not in HOST_STATE_FACTS:
            return None
        try:
            found = facts.get_attribute(name)
        except KeyError:
            return None
    if name == _ADDRESS and rules.addresses_are_objects and found is not None:
        with suppress(ValueError):
            found = ip_address(found)
    for key in keys:
        if found is None:
            return None
        found = found.get(key)
    return found


def _compare(holds_of: Callable[[Any, Any], bool]) -> Callable[[Sequence[Any]], bool]:
    """Return the operator that compares the first operand with each of the others.

    One that fails does not end it, as a later one may raise.
    """

    def answer(operands: Sequence[Any]) -> bool:
        results = [holds_of(operands[0], other) for other in operands[1:]]
        return bool(results) and all(results)

    return answer


def _in(operands: Sequence[Any]) -> bool:
    return operands[0] in operands[1:] if operands else False


def _not(operands: Sequence[Any]) -> bool:
    return any(not item for item in operands)


def _nova_not(operands: Sequence[Any]) -> list[bool]:
    return [not item for item in operands]


_OPERATORS: Final[Mapping[str, Callable[[Sequence[Any]], object]]] = {
    "=": _compare(operator.eq),
    "<": _compare(operator.lt),
    ">": _compare(operator.gt),
    "<=": _compare(operator.le),
    ">=": _compare(operator.ge),
    "in": _in,
    "not": _not,
    "or": any,
    "and": all,
}
_RIGHT: Final = _Rules(_OPERATORS, addresses_are_objects=False)
_NOVA: Final = _Rules({**_OPERATORS, "not": _nova_not}, addresses_are_objects=True)
