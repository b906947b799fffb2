"""Comparisons of two commits of a small repository, run by git and pytest as they are."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bench.compare import ROOT, main
from bench.sides import CompareError, changes, commit_of, two_sides

BENCH = """
from engine.cost import COST

def test_{name}(benchmark):
    benchmark.pedantic(lambda: None, rounds=1)
    benchmark.extra_info["figures"] = [
        {{"bench": "{name}", "workload": "w", "value": {value}, "unit": "{unit}"}}
    ]
"""


def git(root: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=n", "-c", "user.email=e@example.org")
    subprocess.run(["git", "-C", str(root), *identity, *arguments], check=True, capture_output=True)


def commit(root: Path, cost: int) -> None:
    (root / "engine" / "cost.py").write_text(f"COST = {cost}\n")
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", f"cost {cost}")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "repository"
    for folder in ("engine", "bench"):
        (root / folder).mkdir(parents=True)
    (root / ".gitignore").write_text(".benchmarks/\n__pycache__/\n")
    (root / "engine" / "__init__.py").write_text("")
    (root / "bench" / "test_cost.py").write_text(
        BENCH.format(name="time", value="COST * 1.0", unit="us")
        + BENCH.format(name="rate", value="1e6 / COST", unit="/s")
    )
    git(tmp_path, "init", "--quiet", "--initial-branch=main", str(root))
    commit(root, 10)
    git(root, "tag", "before")
    commit(root, 20)
    return root


def worktrees(root: Path) -> int:
    done = subprocess.run(["git", "-C", str(root), "worktree", "list"], check=True, capture_output=True, text=True)
    return len(done.stdout.splitlines())


def test_each_side_runs_its_own_engine_and_leaves_no_worktree(
    repository: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "kept.json"
    assert main(["before", "main", "--rounds", "4", "-k", "time or rate", "--json", str(kept)], repository) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[-1] for line in lines[1:]] == ["slower", "slower"]
    found = json.loads(kept.read_text())
    assert [item["base"] for item in found["figures"]] == [[10.0] * 4, [1e5] * 4]
    assert [item["head"] for item in found["figures"]] == [[20.0] * 4, [5e4] * 4]
    assert [item["gain"] for item in found["figures"]] == pytest.approx([0.5, 0.5])
    assert worktrees(repository) == 1
    assert not changes(repository)


def test_a_dot_is_the_checkout_as_it_stands(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (repository / "engine" / "cost.py").write_text("COST = 5\n")
    assert main(["main", ".", "--rounds", "1", "-k", "time"], repository) == 0
    line = capsys.readouterr().out.splitlines()[1].split()
    assert (line[3], line[5]) == ("20", "5")
    assert line[-3:] == ["too", "few", "rounds"]
    assert worktrees(repository) == 1


def test_changes_that_would_not_be_measured_are_refused(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (repository / "engine" / "cost.py").write_text("COST = 5\n")
    assert main(["before", "main"], repository) == 2
    assert "engine/cost.py" in capsys.readouterr().err
    with two_sides(repository, "before", "main", ignore_changes=True) as sides:
        assert [(side.tree / "engine" / "cost.py").read_text() for side in sides] == ["COST = 10\n", "COST = 20\n"]
    assert worktrees(repository) == 1


@pytest.mark.parametrize("name", ["nosuch", "", "-x", "before~9", "HEAD:engine"])
def test_what_is_no_commit_is_refused(repository: Path, name: str) -> None:
    with pytest.raises(CompareError, match="is no commit"):
        commit_of(repository, name)


def test_what_is_no_checkout_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CompareError):
        changes(tmp_path)


def test_a_benchmark_that_one_side_lacks_is_named(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (repository / "bench" / "test_new.py").write_text(BENCH.format(name="new", value="COST", unit="us"))
    commit(repository, 30)
    assert main(["before", "main", "--rounds", "1"], repository) == 2
    assert "before lacks 1: bench/test_new.py::test_new" in capsys.readouterr().err
    assert main(["before", "main", "--rounds", "1", "--common", "-k", "time"], repository) == 0
    assert worktrees(repository) == 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["-k", "nothing_like_it"], "no benchmark of before matches"),
        (["bench/test_other.py"], "before has none of bench/test_other.py"),
    ],
)
def test_no_benchmark_at_all_is_an_error(
    repository: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    assert main(["before", "main", *arguments], repository) == 2
    assert told in capsys.readouterr().err
    assert worktrees(repository) == 1


def test_a_benchmark_that_fails_is_shown_and_nothing_is_left(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (repository / "engine" / "cost.py").write_text("raise OSError('out of luck')\n")
    git(repository, "commit", "--all", "--quiet", "--message", "broken")
    assert main(["before", "main", "-k", "time"], repository) == 2
    assert "out of luck" in capsys.readouterr().err
    assert worktrees(repository) == 1


def test_a_comparison_that_is_told_to_stop_removes_its_worktrees(repository: Path) -> None:
    (repository / "bench" / "test_cost.py").write_text("import time\n\ndef test_long(benchmark):\n    time.sleep(60)\n")
    commit(repository, 40)
    script = "import sys, pathlib, bench.compare as c; sys.exit(c.main(['HEAD', 'HEAD'], pathlib.Path(sys.argv[1])))"
    with subprocess.Popen(
        [sys.executable, "-c", script, str(repository)], cwd=ROOT, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        assert "kernels made ready" in process.stderr.readline()
        assert worktrees(repository) == 3
        process.terminate()
        assert process.wait(30) == 128 + signal.SIGTERM
    assert worktrees(repository) == 1


@pytest.mark.parametrize(
    "arguments", [["a"], ["a", "b", "--rounds", "0"], ["a", "b", "--margin", "1"], ["a", "b", "--margin", "-1"]]
)
def test_a_command_line_that_makes_no_sense_is_refused(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        main(arguments)
    assert refused.value.code == 2
