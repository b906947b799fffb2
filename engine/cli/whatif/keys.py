"""``berth whatif keys``: what a scenario can say, made from what is checked when one is read."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Annotated

import typer

from engine.errors import NotFoundError

if TYPE_CHECKING:
    from rich.console import Console

    from engine.whatif.scenario.keys import Key


def keys(
    table: Annotated[
        str, typer.Argument(metavar="[TABLE]", help="Only the keys of a table, such as workload.mix or chain.")
    ] = "",
    as_markdown: Annotated[bool, typer.Option("--markdown", help="As Markdown tables, all of them.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON: a list of keys.")] = False,
) -> None:
    """List every key of a scenario: what it takes, its default and what it means.

    A scenario is a TOML document; `changes[do=fail].of` is the key `of` in a table [[changes]] that says do = "fail".
    """
    from dataclasses import asdict

    from engine.cli.output import open_console, write_json
    from engine.whatif.scenario.keys import chain_keys, keys_markdown
    from engine.whatif.scenario.keys import keys as scenario_keys

    if as_markdown:
        typer.echo(keys_markdown(), nl=False)
        return
    found = _within([*scenario_keys(), *chain_keys()], table)
    if as_json:
        write_json([asdict(key) for key in found])
        return
    console = open_console()
    for key in found:
        _show(console, key)


def _within(every: list[Key], table: str) -> list[Key]:
    """Return a table's key and those in it; raise NotFoundError, which names the nearest, where there are none."""
    found = [key for key in every if not table or key.name == table or key.name.startswith((f"{table}.", f"{table}["))]
    if not found:
        near = get_close_matches(table, [key.name for key in every], n=1)
        advice = f"did you mean {near[0]}?" if near else "`berth whatif keys` lists all"
        raise NotFoundError(f"a scenario has no key {table}: {advice}")
    return found


def _show(console: Console, key: Key) -> None:
    """Write a key, what it takes and by default is, and its meaning under it."""
    from rich.padding import Padding
    from rich.text import Text

    takes = f"  {key.type}" + (f", {key.default}" if key.default == "required" else "")
    default = f", by default {key.default}" if key.default and key.default != "required" else ""
    console.print(Text.assemble((key.name, "bold"), (takes + default, "dim")))
    if key.meaning:
        console.print(Padding(Text(key.meaning), (0, 0, 0, 4), expand=False))
