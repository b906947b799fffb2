"""One direction of dependency: every package imports only what architecture says it knows."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.house.sources import ENGINE, ROOT, Import, imports_in, imports_of, is_within, module_name, modules_under

ERRORS = "engine.errors"
MODEL = "engine.model"
INVENTORY = "engine.inventory"
FITTING = "engine.fitting"
PLACEMENT = "engine.placement"
SCHEDULER = "engine.scheduler"
LEDGER = "engine.ledger"
WHATIF = "engine.whatif"
WIRE = "engine.v1"
CONFIG = "engine.config"
VERSION = "engine.__version__"
PIECES = "engine.arrow_chunks"

CLIENT_MODULES = (
    "engine.client",
    "engine.client_errors",
    "engine.capacity_client",
    "engine.placement_stream",
    "engine.arrow_chunks",
)
"""The client and the modules that only it is made of."""

MAY_IMPORT: dict[str, tuple[str, ...]] = {
    ERRORS: (),
    MODEL: (ERRORS,),
    FITTING: (ERRORS, MODEL),
    PLACEMENT: (ERRORS, MODEL),
    INVENTORY: (ERRORS, MODEL, FITTING),
    SCHEDULER: (ERRORS, MODEL, FITTING, PLACEMENT, INVENTORY),
    LEDGER: (ERRORS,),
    "engine.novaconf": (ERRORS, MODEL, SCHEDULER, FITTING),
    WHATIF: (ERRORS, MODEL, FITTING, INVENTORY, SCHEDULER, VERSION),
    "engine.service": (ERRORS, MODEL, FITTING, INVENTORY, SCHEDULER, LEDGER, WHATIF, WIRE, CONFIG, VERSION, PIECES),
    CONFIG: (ERRORS, MODEL, SCHEDULER, LEDGER, "engine.boot.options", "engine.cloud.options"),
    "engine.faults": (ERRORS,),
    "engine.rest": (ERRORS, VERSION, "engine.faults"),
    **dict.fromkeys(CLIENT_MODULES, (ERRORS, WIRE, VERSION, *CLIENT_MODULES)),
    "engine.boot": (ERRORS, MODEL, FITTING, CONFIG, WIRE, VERSION, "engine.client", "engine.rest", "engine.faults"),
    "engine.dashboard": (ERRORS, MODEL, CONFIG, "engine.client"),
    "engine.cloud": (ERRORS, VERSION, "engine.rest", "engine.faults"),
    "engine.up": (ERRORS, CONFIG, "engine.rest"),
    "engine.cli": ("engine",),
    "engine.__main__": ("engine.cli",),
}
"""What each part may import of engine, beside itself. A part that is not here may not exist until it is."""

ONLY_IN: dict[str, tuple[str, ...]] = {
    "grpc": ("engine.service", "engine.client", "engine.boot.conductor"),
    "grpc_health": ("engine.service", "engine.client"),
    "grpc_reflection": ("engine.service", "engine.client"),
    "grpc_status": ("engine.service", "engine.client"),
    "sqlite3": (LEDGER,),
    "sqlalchemy": ("engine.boot.store", "engine.boot.api", "engine.boot.conductor", "engine.cloud"),
    "libvirt": ("engine.boot.libvirt",),
}
"""What may be imported in these parts alone."""


def part_of(module: str) -> str:
    """The part of engine that a module belongs to: its package, or itself at the top."""
    return ".".join(module.split(".")[:2])


def broken_directions(module: str, imports: list[Import]) -> list[str]:
    """Say which imports of a module go against the direction."""
    part = part_of(module)
    if part not in MAY_IMPORT and module != "engine":
        return [f"{module}: add {part} to MAY_IMPORT, with what it may know"]
    allowed = (part, *MAY_IMPORT.get(part, ()))
    return [
        f"{module}:{found.line} imports {found.module}"
        for found in imports
        if is_within(found.module, "engine") and not any(is_within(found.module, name) for name in allowed)
    ]


def forbidden_libraries(module: str, imports: list[Import]) -> list[str]:
    """Say which imports of a module belong to another part."""
    return [
        f"{module}:{found.line} imports {library}"
        for found in imports
        for library, parts in ONLY_IN.items()
        if is_within(found.module, library) and not any(is_within(module, part) for part in parts)
    ]


MODULES = modules_under(ENGINE)


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_imports_follow_the_direction(path: Path) -> None:
    assert not broken_directions(module_name(path), list(imports_of(path)))


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_libraries_stay_in_their_place(path: Path) -> None:
    assert not forbidden_libraries(module_name(path), list(imports_of(path)))


def test_numba_stays_in_the_compiler_and_in_what_it_gives_kernels() -> None:
    users = {
        module_name(path) for path in MODULES if any(is_within(found.module, "numba") for found in imports_of(path))
    }
    assert users == {"engine.scheduler.compiler", "engine.scheduler.leaf_vectors"}


def test_the_engine_imports_neither_tests_nor_benchmarks() -> None:
    outside = [
        f"{module_name(path)}:{found.line}"
        for path in MODULES
        for found in imports_of(path)
        if is_within(found.module, "tests") or is_within(found.module, "bench")
    ]
    assert not outside


@pytest.mark.parametrize(
    ("module", "text"),
    [
        ("engine.model.host", "from engine.inventory import table"),
        ("engine.inventory.table", "import engine.scheduler.chain"),
        ("engine.inventory.table", "def f():\n    from engine.scheduler import chain"),
        ("engine.inventory.table", "from ..scheduler import chain"),
        ("engine.ledger.store", "from engine.inventory.fleet import Fleet"),
        ("engine.boot.conductor", "from engine.scheduler import chain"),
        ("engine.client", "from engine.inventory.fleet_file import read_fleet"),
        ("engine.novelty.thing", "import json"),
    ],
)
def test_the_rule_catches_a_wrong_direction(module: str, text: str) -> None:
    assert broken_directions(module, imports_in(text, module))


@pytest.mark.parametrize(
    ("module", "text"),
    [
        ("engine.model.host", "import grpc"),
        ("engine.scheduler.chain", "import sqlite3"),
        ("engine.cli.hosts", "from grpc import aio"),
        ("engine.service.placer", "from sqlite3 import connect"),
    ],
)
def test_the_rule_catches_a_library_out_of_place(module: str, text: str) -> None:
    assert forbidden_libraries(module, imports_in(text, module))


def test_the_rule_looks_at_every_module() -> None:
    assert {ROOT / "engine" / "errors.py", ROOT / "engine" / "model" / "host.py"} <= set(MODULES)
