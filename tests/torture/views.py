"""Compares class views with a full scan of every host after each of very many random operations.

Run it by hand for as long as wanted: ``python -m tests.torture.views --operations 1000000 --hosts 600 --seed 1``.
Operations come in worlds of some thousands each; a difference is replayed with operations left out until few are left,
and the command that repeats it is printed.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.torture.view_matter import OPTIONS
from tests.torture.view_world import DifferenceError, Recipe, World

WORLD_OPERATIONS = 2_000
SHRINK_S = 120.0
SAID_EVERY = 50_000
EDGE_SIZES = (0, 1, 2, 5, 63, 64, 65, 129, 255, 256, 257, 300)


@dataclass(frozen=True, slots=True)
class Failure:
    """A world in which views and full scan differ: at which operation, and what was said."""

    recipe: Recipe
    operations: tuple[int, ...]
    words: str


@dataclass(frozen=True, slots=True)
class Tally:
    """What a chain's worlds came to."""

    operations: int = 0
    compared: int = 0
    placed: int = 0


def recipes(seed: int, chains: Sequence[str], hosts: int) -> Iterator[Recipe]:
    """Yield worlds without end, the chains in turn; sizes are ``hosts`` and, as often, those where edges are."""
    chance = random.Random(seed)
    edges = [size for size in EDGE_SIZES if size < hosts]
    while True:
        for name in chains:
            size = chance.choice(edges) if edges and chance.random() < 0.5 else hosts - chance.choice((0, 0, 1, 7))
            yield Recipe(chance.randrange(2**40), name, max(size, 0))


def torture(recipe: Recipe, operations: Sequence[int]) -> tuple[World, Failure | None]:
    """Perform operations in a fresh world, up to the first difference."""
    world = World(recipe)
    for index, number in enumerate(operations):
        try:
            world.run(number)
        except Exception as failure:
            words = f"{type(failure).__name__}: {failure}"
            return world, Failure(recipe, tuple(operations[: index + 1]), words)
    return world, None


def shrunk(failure: Failure, budget_s: float = SHRINK_S) -> Failure:
    """Return a failure of fewer operations: ever smaller parts are left out as long as what is left still fails."""
    deadline = time.monotonic() + budget_s
    part = len(failure.operations) // 2
    while part and time.monotonic() < deadline:
        start = 0
        while start < len(failure.operations) - 1 and time.monotonic() < deadline:
            fewer = failure.operations[:start] + failure.operations[start + part :]
            again = torture(failure.recipe, fewer)[1] if fewer else None
            if again is None:
                start += part
            else:
                failure = again
        part //= 2
    return failure


def replay_command(failure: Failure) -> str:
    """Return the command that repeats a failure."""
    recipe = failure.recipe
    world = f"--world {recipe.seed} --chain {recipe.chain} --hosts {recipe.hosts}"
    return f"python -m tests.torture.views {world} --keep {','.join(map(str, failure.operations))}"


def run(operations: int, hosts: int, seed: int, chains: Sequence[str]) -> dict[str, Tally]:
    """Torture worlds until so many operations are done; return what came of each chain, or raise DifferenceError."""
    tallies = dict.fromkeys(chains, Tally())
    done = 0
    for recipe in recipes(seed, chains, hosts):
        many = min(WORLD_OPERATIONS, operations - done)
        if many <= 0:
            break
        world, failure = torture(recipe, range(many))
        if failure is not None:
            print(f"world {recipe} differs at operation {failure.operations[-1]}: {failure.words}", file=sys.stderr)
            short = shrunk(failure)
            raise DifferenceError(f"{short.words}\nrepeat it by: {replay_command(short)}")
        if (done + many) // SAID_EVERY > done // SAID_EVERY:
            print(f"{done + many} operations without a difference", file=sys.stderr, flush=True)
        done += many
        earlier = tallies[recipe.chain]
        tallies[recipe.chain] = Tally(
            earlier.operations + many, earlier.compared + world.compared, earlier.placed + world.placed
        )
    return tallies


def main() -> None:
    """Run as the command's options say; a difference ends it with status 1."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--operations", type=int, default=1_000_000)
    parser.add_argument("--hosts", type=int, default=600)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--chain", action="append", choices=list(OPTIONS), help="one or more; all by default")
    parser.add_argument("--world", type=int, help="the seed of one world to repeat")
    parser.add_argument("--keep", help="the operations of that world to perform, by number, with commas between")
    given = parser.parse_args()
    chains = given.chain or list(OPTIONS)
    if given.world is not None:
        kept = [int(text) for text in given.keep.split(",")] if given.keep else range(given.operations)
        failure = torture(Recipe(given.world, chains[0], given.hosts), kept)[1]
        sys.exit(f"operation {failure.operations[-1]}: {failure.words}" if failure else 0)
    began = time.monotonic()
    try:
        tallies = run(given.operations, given.hosts, given.seed, chains)
    except DifferenceError as difference:
        sys.exit(f"seed {given.seed}: {difference}")
    for name, tally in tallies.items():
        print(f"{name:12} {tally.operations:9} operations {tally.placed:9} placed {tally.compared:9} compared")
    total = sum(tally.operations for tally in tallies.values())
    print(f"seed {given.seed}: {total} operations, no difference, {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
