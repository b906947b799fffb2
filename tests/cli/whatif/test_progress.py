from __future__ import annotations

import pytest

from engine.cli.whatif.progress import progress_on_stderr


@pytest.mark.parametrize(
    ("wanted", "terminal", "drawn"), [(True, True, True), (True, False, False), (False, True, False)]
)
def test_a_bar_is_drawn_only_for_a_person(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, wanted: bool, terminal: bool, drawn: bool
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: terminal)
    with progress_on_stderr(wanted=wanted) as progress:
        progress("replaying", 1, 2)
        progress("measuring", 0, 0)
        progress("measuring", 2, 2)
    captured = capsys.readouterr()
    assert bool(captured.err) == drawn
    assert captured.out == ""


def test_what_is_done_is_no_markup(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("FORCE_COLOR", "1")
    with progress_on_stderr(wanted=True) as progress:
        progress("size of [bold]7", 1, 2)
        progress("size of [bold]7", 2, 2)
    assert "[bold]7" in capsys.readouterr().err
