"""``berth whatif QUESTION SCENARIO.toml``: one command for each question, and one that lists a scenario's keys."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from engine.cli.option_groups import with_option_groups
from engine.cli.whatif.keys import keys
from engine.cli.whatif.options import AskOptions
from engine.cli.whatif.questions import QUESTIONS, Question

INTERRUPTED = 130
"""The exit code of a run that Ctrl-C ended, as shells have it."""

app = typer.Typer(
    help="Answer capacity questions about a fleet, by the chain that places and on a copy of what is there.",
    no_args_is_help=True,
)


def _help(question: Question) -> str:
    """Return a question's help: what it answers, and a scenario, whose brackets are no markup and lines stay lines."""
    example = question.example.replace("[", "\\[").rstrip().replace("\n", "\n  ")
    return f"{question.answers}\n\nA scenario to begin with:\n\n\b\n  {example}"


def _command(name: str) -> Callable[..., None]:
    """Return the command of a question."""

    @with_option_groups
    def command(
        scenario: Annotated[
            Path,
            typer.Argument(
                metavar="SCENARIO.toml", help="What is asked about; `berth whatif keys` lists all it can say."
            ),
        ],
        options: AskOptions,
    ) -> None:
        from engine.cli.whatif.asking import ask_and_show

        try:
            ask_and_show(name, scenario, options)
        except KeyboardInterrupt:
            typer.echo("berth: stopped before it was done; nothing was written", err=True)
            raise typer.Exit(INTERRUPTED) from None

    return command


for _name, _question in QUESTIONS.items():
    app.command(_name, help=_help(_question), short_help=_question.brief)(_command(_name))


app.command("keys")(keys)
