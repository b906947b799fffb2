"""The two sides of a comparison: commits in worktrees of their own, and how their benchmarks are listed and run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.verdicts import FigureName

HERE = "."
"""Names the checkout as it stands, changes that are not committed included."""
_MEASURED = ("engine", "bench", "tests", "proto", "pyproject.toml")
_NOTHING_COLLECTED = 5


class CompareError(Exception):
    """Two sides cannot be compared; the message says what to do."""


@dataclass(frozen=True)
class Side:
    """One side: what it was called, its commit, where its files are, and the kernels compiled for it alone."""

    name: str
    commit: str
    tree: Path
    kernels: Path

    @property
    def environment(self) -> dict[str, str]:
        """The environment that its own engine package and kernels are used in."""
        return {**os.environ, "PYTHONPATH": str(self.tree), "BERTH_CACHE_DIR": str(self.kernels)}


def commit_of(root: Path, name: str) -> str:
    """Return the commit that a name stands for; raise CompareError where it stands for none."""
    done = _git(root, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
    if done.returncode:
        raise CompareError(f"{name!r} is no commit of {root}: name a branch, a tag or a hash, or {HERE!r}")
    return done.stdout.strip()


def changes(root: Path) -> list[str]:
    """Return the files that matter to a benchmark and are not as they were committed."""
    present = [name for name in _MEASURED if (root / name).exists()]
    done = _git(root, "status", "--porcelain", "--", *present)
    if done.returncode:
        raise CompareError(f"{root} is no git checkout: {done.stderr.strip()}")
    return [line[3:] for line in done.stdout.splitlines()]


@contextmanager
def two_sides(root: Path, base: str, head: str, *, ignore_changes: bool = False) -> Iterator[tuple[Side, Side]]:
    """Make both sides ready, and leave nothing of them behind but the kernels of commits.

    Raises CompareError for a name that is no commit, and for changes that would silently not be measured.
    """
    commits = [commit_of(root, "HEAD" if name == HERE else name) for name in (base, head)]
    changed = changes(root)
    if changed and HERE not in (base, head) and not ignore_changes:
        raise CompareError(
            f"{len(changed)} files differ from what is committed and would not be measured ({', '.join(changed[:5])}): "
            f"commit them, name {HERE!r} for the checkout as it stands, or say --ignore-changes"
        )
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="berth-compare-")))
        sides = [
            stack.enter_context(_side(root, folder, place, name, commit))
            for place, name, commit in zip(("base", "head"), (base, head), commits, strict=True)
        ]
        for side in sides:
            _check_engine(side)
        yield sides[0], sides[1]


@contextmanager
def _side(root: Path, folder: Path, place: str, name: str, commit: str) -> Iterator[Side]:
    """Make one side ready.

    Kernels are shared with nobody: their names tell their texts apart, but not the flags that a commit compiles them
    with. Those of a commit are kept for the next comparison with it.
    """
    if name == HERE:
        kernels = folder / f"kernels-{place}"
        kernels.mkdir()
        yield Side(name, f"{commit[:12]} and changes", root, kernels)
        return
    kernels = root / ".benchmarks" / "kernels" / commit[:12]
    kernels.mkdir(parents=True, exist_ok=True)
    tree = folder / place
    done = _git(root, "worktree", "add", "--detach", "--quiet", str(tree), commit)
    if done.returncode:
        raise CompareError(f"no worktree of {name}: {done.stderr.strip()}")
    try:
        yield Side(name, commit[:12], tree, kernels)
    finally:
        _git(root, "worktree", "remove", "--force", str(tree))


def benchmarks_of(side: Side, files: Sequence[str], expression: str) -> list[str]:
    """Return the node ids of a side's benchmarks; raise CompareError where there are none or they do not load."""
    present = [name for name in files if (side.tree / name.partition("::")[0]).exists()]
    if not present:
        raise CompareError(f"{side.name} has none of {', '.join(files)}")
    done = _pytest(side, "--collect-only", "-q", *_selecting(expression), *present)
    if done.returncode == _NOTHING_COLLECTED:
        raise CompareError(f"no benchmark of {side.name} matches {expression!r} in {', '.join(present)}")
    if done.returncode:
        raise CompareError(f"the benchmarks of {side.name} do not load:\n{done.stdout}{done.stderr}")
    return [line for line in done.stdout.splitlines() if "::" in line]


def run(side: Side, benchmarks: Sequence[str]) -> dict[FigureName, float]:
    """Return the figures of one run; raise CompareError where a benchmark fails.

    A benchmark without figures counts with its median round.
    """
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder, "results.json")
        done = _pytest(side, "--benchmark-only", f"--benchmark-json={results}", "-q", *benchmarks)
        if done.returncode or not results.exists():
            raise CompareError(f"a benchmark of {side.name} failed:\n{done.stdout}{done.stderr}")
        found: dict[FigureName, float] = {}
        for item in json.loads(results.read_text())["benchmarks"]:
            figures = item["extra_info"].get("figures", ())
            for figure in figures:
                found[FigureName(figure["bench"], figure["workload"], figure["unit"])] = figure["value"]
            if not figures:
                found[FigureName(item["fullname"], "", "s")] = item["stats"]["median"]
        return found


def _check_engine(side: Side) -> None:
    """Raise CompareError where Python takes the engine package from elsewhere: it would be measured against itself."""
    done = subprocess.run(
        [sys.executable, "-c", "import engine; print(engine.__file__ or list(engine.__path__)[0])"],
        cwd=side.tree,
        env=side.environment,
        check=False,
        capture_output=True,
        text=True,
    )
    found = done.stdout.strip()
    if done.returncode or not Path(found).resolve().is_relative_to(side.tree.resolve()):
        raise CompareError(
            f"{side.name} would run {found or done.stderr.strip()}, not the engine package of {side.tree}"
        )


def _selecting(expression: str) -> tuple[str, ...]:
    return ("-k", expression) if expression else ()


def _pytest(side: Side, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run pytest on a side's files with the one plug-in that benchmarks need: others only make each run longer."""
    command = [sys.executable, "-m", "pytest", "-p", "pytest_benchmark.plugin", "-p", "no:cacheprovider"]
    # a comparison that a parallel test run starts is not part of it: benchmarks are left out there
    environment = {name: value for name, value in side.environment.items() if "XDIST" not in name}
    return subprocess.run(
        [*command, "--rootdir", str(side.tree), *arguments],
        cwd=side.tree,
        env=environment | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        check=False,
        capture_output=True,
        text=True,
    )


def _git(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["git", "-C", str(root), *arguments], check=False, capture_output=True, text=True)
