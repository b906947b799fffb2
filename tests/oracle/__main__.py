"""``python -m tests.oracle DIR``: runs every oracle case under a directory; exits 1 when a case comes out different.

With ``--no-quirks`` it runs nova's cases without its quirks, says which come out otherwise and which quirk explains it,
and exits 1 when one is not explained.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.oracle.cases import find_cases
from tests.oracle.quirks import quirks_text, unexplained
from tests.oracle.report import as_json, as_text
from tests.oracle.runner import run_cases


def main() -> int:
    """Run the cases and print the report."""
    parser = argparse.ArgumentParser(prog="python -m tests.oracle", description=__doc__)
    parser.add_argument("directory", type=Path, help="where the cases are; searched recursively")
    parser.add_argument("--json", action="store_true", help="print the outcome as JSON")
    parser.add_argument("--only", default="", help="run only the cases whose name contains this")
    parser.add_argument("--details", type=int, default=10, help="how many differing cases to show in full")
    parser.add_argument("--no-quirks", action="store_true", help="without nova's quirks: which cases change, and why")
    arguments = parser.parse_args()
    if not arguments.directory.is_dir():
        parser.error(f"{arguments.directory} is no directory")
    try:
        cases = [case for case in find_cases(arguments.directory) if arguments.only in case.name]
        if arguments.no_quirks:
            cases = [case for case in cases if case.kind != "placement"]
        outcomes = list(run_cases(cases, quirks=not arguments.no_quirks))
    except ValueError as error:
        parser.error(str(error))
    if not outcomes:
        parser.error(f"no case in {arguments.directory}")
    if arguments.no_quirks:
        print(quirks_text(outcomes))
        return 1 if unexplained(outcomes) else 0
    print(as_json(outcomes) if arguments.json else as_text(outcomes, arguments.details))
    return 1 if any(outcome.differences for outcome in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
