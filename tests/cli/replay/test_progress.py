from __future__ import annotations

import pytest

from engine.cli.replay.progress import progress_bar


@pytest.mark.parametrize(
    ("wanted", "terminal", "drawn"), [(True, True, True), (True, False, False), (False, True, False)]
)
def test_a_bar_is_drawn_only_for_a_person(capsys, monkeypatch, wanted, terminal, drawn):
    monkeypatch.setattr("sys.stderr.isatty", lambda: terminal)
    with progress_bar(wanted=wanted) as show:
        show(1, 2)
        show(2, 2)
    captured = capsys.readouterr()
    assert bool(captured.err) == drawn
    assert captured.out == ""
