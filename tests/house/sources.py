"""The checkout as the house tests see it: its files, and what each Python module imports."""

from __future__ import annotations

import ast
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
ENGINE = ROOT / "engine"
STUBS = ENGINE / "v1"
PROTO = ROOT / "proto" / "engine" / "v1"
IN_CI = os.environ.get("CI", "").lower() in ("true", "1")

_NOT_OURS = {".git", ".venv", "__pycache__", "dist", "build", "state"}
_CACHES = (".mypy_cache", ".ruff_cache", ".pytest_cache", ".benchmarks", ".hypothesis")


@dataclass(frozen=True)
class Import:
    """One imported module, by full name, and the line that imports it."""

    module: str
    line: int


def project_files() -> list[Path]:
    """Every file that belongs to the project, by walking the checkout: there may be no git where the tests run."""
    found = []
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [
            name for name in folders if name not in _NOT_OURS and name not in _CACHES and not name.endswith(".egg-info")
        ]
        found += [Path(folder, name) for name in names if not name.endswith(".pyc")]
    return sorted(found)


def modules_under(folder: Path) -> list[Path]:
    """The Python modules in a folder and below, the generated stubs left out."""
    return sorted(
        path for path in folder.rglob("*.py") if STUBS not in path.parents and "__pycache__" not in path.parts
    )


def module_name(path: Path) -> str:
    """The dotted name of a module of the checkout."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def imports_of(path: Path) -> tuple[Import, ...]:
    """Every import in a module, those inside functions and under TYPE_CHECKING too, relative ones made absolute."""
    return tuple(imports_in(path.read_text(), module_name(path), is_package=path.name == "__init__.py"))


def imports_in(text: str, module: str, *, is_package: bool = False) -> list[Import]:
    """The imports in a module's text; ``from x import y`` counts as x.y, which may be a module."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found += [Import(alias.name, node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = module.split(".")
                kept = len(parts) - node.level + (1 if is_package else 0)
                base = ".".join([*parts[:kept], *([node.module] if node.module else [])])
            found += [Import(f"{base}.{alias.name}", node.lineno) for alias in node.names]
    return found


def is_within(module: str, package: str) -> bool:
    """Whether a dotted name is a package or something in it."""
    return module == package or module.startswith(f"{package}.")
