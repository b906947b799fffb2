"""Runs the command: arguments in, exit code out, every failure said in words."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import typer

from engine.cli.app import app
from engine.cli.exit_codes import ExitCode, exit_code
from engine.cli.failures import write_failure
from engine.errors import EngineError, InvalidRequestError

UsageError: type[Exception] = typer.BadParameter.__bases__[0]
"""The class of every mistake in the arguments; typer shows only this one of its subclasses."""


def run(arguments: Sequence[str]) -> int:
    """Runs ``berth`` with these arguments and returns its exit code."""
    # Asked of the arguments themselves: a mistake in them must be answered in the wanted form too.
    as_json = "--json" in arguments
    try:
        result = app(args=list(arguments), prog_name="berth", standalone_mode=False)
    except EngineError as error:
        return _failed(error, as_json=as_json)
    except UsageError as problem:
        return _misused(problem, as_json=as_json)
    except typer.Abort:
        return _failed(InvalidRequestError("stopped before it was done"), as_json=as_json)
    except Exception as fault:
        if os.environ.get("BERTH_DEBUG"):
            raise
        return _failed(EngineError(f"internal error: {type(fault).__name__}: {fault}"), as_json=as_json)
    return int(result or ExitCode.DONE)


def _failed(error: EngineError, *, as_json: bool) -> int:
    write_failure(error, as_json=as_json)
    return int(exit_code(error))


def _misused(problem: Exception, *, as_json: bool) -> int:
    """Says what is wrong with the arguments, and how the command is used."""
    message = getattr(problem, "format_message", problem.__str__)()
    if not message:
        # A group without a command: typer has shown the group's help.
        return int(ExitCode.INVALID)
    context = getattr(problem, "ctx", None)
    if as_json:
        return _failed(InvalidRequestError(message), as_json=True)
    if context is not None:
        usage = " ".join(context.get_usage().split())
        sys.stderr.write(f"{usage}\nberth: {message}\n       `{context.command_path} --help` lists what it takes\n")
        return int(ExitCode.INVALID)
    return _failed(InvalidRequestError(message), as_json=False)
