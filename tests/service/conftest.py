from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.service.harness import Disk, Running, serving, watched_disk


@pytest.fixture
def local(tmp_path: Path) -> Iterator[Running]:
    """A service of the test's own in this process, empty at its start."""
    with serving(tmp_path / "state") as running:
        yield running


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    """The disk under the ledgers; name it before ``local`` in a test that holds it up at the end."""
    with watched_disk(monkeypatch) as watched:
        yield watched
