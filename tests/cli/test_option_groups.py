from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Annotated

import pytest
import typer

from engine.cli.option_groups import with_option_groups


@dataclass(frozen=True)
class Size:
    """Two options."""

    width: Annotated[int, typer.Option("--width")] = 3
    height: Annotated[int, typer.Option("--height")] = 4


@dataclass(frozen=True)
class Named:
    """An option without a default."""

    name: Annotated[str, typer.Option("--name")]


def test_a_group_becomes_options_and_comes_back_as_a_dataclass():
    seen = []

    @with_option_groups
    def command(size: Size, other: int = 1) -> None:
        seen.append((size, other))

    assert list(inspect.signature(command).parameters) == ["width", "height", "other"]
    app = typer.Typer()
    app.command()(command)
    app(["--width", "7", "--other", "2"], standalone_mode=False)
    assert seen == [(Size(7, 4), 2)]


def test_a_field_without_a_default_is_a_required_option():
    @with_option_groups
    def command(named: Named) -> None:
        raise AssertionError

    app = typer.Typer()
    app.command()(command)
    with pytest.raises(typer.BadParameter.__bases__[0], match="name"):
        app([], standalone_mode=False)


def test_the_help_text_is_the_commands_own():
    @with_option_groups
    def command(size: Size) -> None:
        """Do something."""

    assert command.__doc__ == "Do something."
