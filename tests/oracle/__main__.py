"""``python -m tests.oracle DIR``: runs every oracle case under a directory; exits 1 when a case comes out different."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.oracle.cases import find_cases
from tests.oracle.report import as_json, as_text
from tests.oracle.runner import run_cases


def main() -> int:
    """Run the cases and print the report."""
    parser = argparse.ArgumentParser(prog="python -m tests.oracle", description=__doc__)
    parser.add_argument("directory", type=Path, help="where the cases are; searched recursively")
    parser.add_argument("--json", action="store_true", help="print the outcome as JSON")
    parser.add_argument("--only", default="", help="run only the cases whose name contains this")
    parser.add_argument("--details", type=int, default=10, help="how many differing cases to show in full")
    arguments = parser.parse_args()
    if not arguments.directory.is_dir():
        parser.error(f"{arguments.directory} is no directory")
    try:
        outcomes = list(run_cases(case for case in find_cases(arguments.directory) if arguments.only in case.name))
    except ValueError as error:
        parser.error(str(error))
    if not outcomes:
        parser.error(f"no case in {arguments.directory}")
    print(as_json(outcomes) if arguments.json else as_text(outcomes, arguments.details))
    return 1 if any(outcome.differences for outcome in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
