"""Writing allocations: what placement lets a consumer take, and what providers and consumers are afterwards.

One write may change several consumers at once (POST /allocations: a move gives the migration what the instance held);
all of it happens or nothing. Source: placement/objects/allocation.py, placement/handlers/{allocation,util}.py.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from engine.errors import ConflictError, GenerationConflictError, InvalidRequestError
from engine.model.candidates import Amount, Provider
from engine.placement.capacity import capacity, stock

CONCURRENT_UPDATE = "placement.concurrent_update"
"""placement's error code where the caller's generation of a consumer is not the present one."""

UNDEFINED_CODE = "placement.undefined_code"
"""placement's error code where inventory is missing, too small, or not to be had in such pieces."""

Allocations = tuple[tuple[str, tuple[Amount, ...]], ...]
"""Amounts by provider uuid; both sorted."""


@dataclass(frozen=True, slots=True)
class Consumer:
    """What a consumer holds, and its generation, which each write increases."""

    allocations: Allocations = ()
    generation: int = 0


@dataclass(frozen=True, slots=True)
class Change:
    """All that a consumer is to hold from now on; ``generation`` is the one last seen, None for a new consumer."""

    consumer: str
    allocations: Allocations
    generation: int | None = None


@dataclass(frozen=True, slots=True)
class Books:
    """The providers with their usage, and the consumers, both by uuid.

    A provider's usage may exceed what these consumers hold: others hold the rest.
    """

    providers: Mapping[str, Provider]
    consumers: Mapping[str, Consumer]


def write(books: Books, changes: Sequence[Change]) -> Books:
    """Return the books after the changes.

    Raises GenerationConflictError (placement's 409 with CONCURRENT_UPDATE), ConflictError (409 with UNDEFINED_CODE),
    both with the code in their details, and InvalidRequestError (400) for an unknown provider or a bad amount.
    """
    for change in changes:
        _check_generation(books, change)
    for change in changes:
        _check_amounts(books, change)
    before = {uuid: Counter(dict(provider.used)) for uuid, provider in books.providers.items()}
    used = {uuid: Counter(usage) for uuid, usage in before.items()}
    for change in changes:
        _count(used, books.consumers.get(change.consumer, Consumer()).allocations, -1)
    added: dict[str, Counter[str]] = {}
    for change in changes:
        for uuid, amounts in change.allocations:
            mine = added.setdefault(uuid, Counter())
            for name, amount in amounts:
                mine[name] += amount
                _check_fits(books.providers[uuid], name, amount, used[uuid][name], mine[name], before[uuid][name])
    for uuid, amounts_added in added.items():
        used[uuid].update(amounts_added)
    return Books(_with_usage(books.providers, before, used), _with_changes(books.consumers, changes))


def _check_generation(books: Books, change: Change) -> None:
    held = books.consumers.get(change.consumer)
    present = None if held is None else held.generation
    if change.generation != present:
        raise GenerationConflictError(
            f"consumer {change.consumer} is at generation {present}, not {change.generation}: read it again",
            code=CONCURRENT_UPDATE,
            consumer=change.consumer,
        )


def _check_amounts(books: Books, change: Change) -> None:
    for uuid, amounts in change.allocations:
        if uuid not in books.providers:
            raise InvalidRequestError(f"there is no resource provider {uuid}", provider=uuid)
        if not amounts:
            raise InvalidRequestError(f"no resources are asked of provider {uuid}: leave it out", provider=uuid)
        for name, amount in amounts:
            if type(amount) is not int or amount < 1:
                raise InvalidRequestError(f"{name} of provider {uuid} must be 1 or more, not {amount!r}", provider=uuid)


def _check_fits(provider: Provider, name: str, amount: int, used: int, added: int, before: int) -> None:
    """Refuse an amount that the inventory does not give.

    ``used`` is what consumers without changes hold, ``added`` what the changes take so far, ``before`` what was used
    when they began. Beyond capacity they may still take no more than was used: that makes nothing worse.
    """
    held = stock(provider).get(name)
    if held is None:
        raise _conflict(provider, name, "it has no inventory of it")
    inventory, _ = held
    if not inventory.min_unit <= amount <= inventory.largest_unit or amount % inventory.step_size:
        raise _conflict(provider, name, f"{amount} breaks its min_unit, max_unit or step_size")
    if used + added > capacity(inventory) and not used + added <= before:
        raise _conflict(provider, name, f"{used + added} of {capacity(inventory):g} would be used")


def _conflict(provider: Provider, name: str, why: str) -> ConflictError:
    message = f"provider {provider.uuid} cannot give {name}: {why}"
    return ConflictError(message, code=UNDEFINED_CODE, provider=provider.uuid, resource_class=name)


def _count(used: Mapping[str, Counter[str]], allocations: Allocations, sign: int) -> None:
    for uuid, amounts in allocations:
        for name, amount in amounts:
            used[uuid][name] += sign * amount


def _with_usage(
    providers: Mapping[str, Provider], before: Mapping[str, Counter[str]], used: Mapping[str, Counter[str]]
) -> dict[str, Provider]:
    """Return the providers with their new usage; those whose usage is unchanged stay the same objects."""
    return {
        uuid: provider
        if used[uuid] == before[uuid]
        else replace(provider, used=tuple(sorted((name, amount) for name, amount in used[uuid].items() if amount)))
        for uuid, provider in providers.items()
    }


def _with_changes(consumers: Mapping[str, Consumer], changes: Sequence[Change]) -> dict[str, Consumer]:
    """Return the consumers after the changes.

    Those emptied are gone; of one that was given nothing from the start placement keeps the record.
    """
    after = dict(consumers)
    for change in changes:
        held = after.get(change.consumer, Consumer())
        if change.allocations:
            after[change.consumer] = Consumer(change.allocations, held.generation + 1)
        elif held.allocations:
            del after[change.consumer]
        else:
            after[change.consumer] = held
    return after
