"""One plug-in a file: every file of filters/ and weighers/ registers exactly one, and has a test of the same name."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.house.sources import ENGINE, ROOT

REGISTRY = "engine.scheduler.registry"
NOVAS_OTHER_NAMES = {"AggregateImagePropertiesIsolation", "AggregateMultiTenancyIsolation"}
"""The plug-ins that nova does not name after their kind."""
PLUGINS = [
    path
    for kind in ("filters", "weighers")
    for path in sorted((ENGINE / "scheduler" / kind).glob("*.py"))
    if path.name != "__init__.py"
]


def plugin_id(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


def registered(text: str) -> list[tuple[str, str]]:
    """Return (decorator, plug-in name) for every registration in a module's text."""
    tree = ast.parse(text)
    registrars = {
        alias.asname or alias.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.module == REGISTRY
        for alias in node.names
    }
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in registrars:
            name = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else ""
            found.append((node.func.id, str(name)))
    return found


def test_there_are_plugins_of_both_kinds() -> None:
    assert {path.parent.name for path in PLUGINS} == {"filters", "weighers"}


@pytest.mark.parametrize("path", PLUGINS, ids=plugin_id)
def test_a_file_registers_exactly_one_plugin_of_its_kind(path: Path) -> None:
    registrations = registered(path.read_text())
    assert len(registrations) == 1
    decorator, name = registrations[0]
    kind = path.parent.name.removesuffix("s")
    assert decorator.endswith(f"_{kind}")
    assert name.endswith(kind.capitalize()) or name in NOVAS_OTHER_NAMES


@pytest.mark.parametrize("path", PLUGINS, ids=plugin_id)
def test_a_plugin_has_a_test_of_the_same_name(path: Path) -> None:
    test = ROOT / "tests" / "scheduler" / path.parent.name / f"test_{path.name}"
    assert test.is_file(), f"write {test.relative_to(ROOT)}"
    functions = [node for node in ast.parse(test.read_text()).body if isinstance(node, ast.FunctionDef)]
    assert any(function.name.startswith("test_") for function in functions)


def test_plugin_names_are_unique() -> None:
    names = [name for path in PLUGINS for _, name in registered(path.read_text())]
    assert len(names) == len(set(names))


def test_two_registrations_are_counted() -> None:
    text = (
        f"from {REGISTRY} import column_filter\n@column_filter('A')\ndef a(): ...\n@column_filter('B')\ndef b(): ...\n"
    )
    assert registered(text) == [("column_filter", "A"), ("column_filter", "B")]
