"""``berth config``: settings from what other software is configured with."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.errors import InvalidRequestError

if TYPE_CHECKING:
    from engine.novaconf.importing import Imported

app = typer.Typer(help="Take over settings from nova.", no_args_is_help=True)


@app.command("import")
def import_conf(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="NOVA_CONF...", help="nova.conf, and files that nova-scheduler is given after it."),
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Where to write the settings: by default, to the output."),
    ] = None,
) -> None:
    """Turn what nova.conf says of scheduling into a file for `berth serve --config`.

    All it leaves out, and all that Berth does otherwise, is named on standard error.
    """
    from engine.novaconf.importing import imported
    from engine.novaconf.reader import read_file

    found = imported([read_file(file) for file in files])
    text = _toml(found, files)
    if output is None:
        sys.stdout.write(text)
    else:
        _write(output, text)
    for note in found.notes:
        sys.stderr.write(f"{note.line()}\n")
    sys.stderr.write(f"berth: {_summary(found)}\n")


def _toml(found: Imported, files: list[Path]) -> str:
    import tomli_w

    names = ", ".join(str(file).replace("\n", " ") for file in files)
    return f"# berth config import: {names}\n\n{tomli_w.dumps(found.settings)}"


def _write(output: Path, text: str) -> None:
    try:
        with output.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise InvalidRequestError(
            f"{output} exists and is not replaced: choose another name, or remove it", path=output
        ) from error
    except OSError as error:
        raise InvalidRequestError(f"cannot write {output}: {error.strerror or error}", path=output) from error


def _summary(found: Imported) -> str:
    taken = _leaves(found.settings)
    kinds = Counter(note.kind for note in found.notes)
    said = [f"{kinds[kind]} {kind}" for kind in ("ignored", "overridden", "renamed", "differs") if kinds[kind]]
    return ", ".join([f"{taken} settings taken", *said])


def _leaves(value: object) -> int:
    return sum(map(_leaves, value.values())) if isinstance(value, dict) else 1
