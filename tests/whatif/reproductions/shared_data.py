"""Where the traces are that are no part of the project: beside the checkout, and perhaps not there at all."""

from __future__ import annotations

from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[3]
DATA = REPOSITORY.parent / "shared" / "data"
SCENARIOS = REPOSITORY / "tests" / "whatif" / "scenarios"


def needs(folder: str) -> pytest.MarkDecorator:
    """Return the mark of tests that skip where a folder of DATA is absent."""
    return pytest.mark.skipif(not (DATA / folder).is_dir(), reason=f"the trace {folder} is not beside the checkout")
