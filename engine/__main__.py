"""The ``berth`` command."""

from __future__ import annotations

import sys

from engine.cli.run import run


def main() -> None:
    """Runs the command with the process's arguments and ends the process with its exit code."""
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
