"""Kernels are kept on disk under a name that changes with their text, in a directory that nobody else can write."""

from __future__ import annotations

import importlib.util
import linecache
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from types import ModuleType

import numba
import numpy as np
import pytest

from engine.errors import InvalidSettingError
from engine.inventory.usage import flavor_amounts
from engine.scheduler.chain import Chain
from engine.scheduler.compiler import cache_directory, compiling, load_kernels
from engine.scheduler.options import SchedulerOptions
from engine.scheduler.registry import Filter
from tests.builders import host_table, request

PLACES = ("BERTH_CACHE_DIR", "XDG_CACHE_HOME", "HOME")


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """The directories in which kernels may be kept, all of them the test's own."""
    found = {name: tmp_path / name for name in (*PLACES, "tmp")}
    for name in PLACES:
        monkeypatch.setenv(name, str(found[name]))
    monkeypatch.setattr(tempfile, "tempdir", str(found["tmp"]))
    return found


def kernels(places: dict[str, Path]) -> list[Path]:
    return sorted((places["BERTH_CACHE_DIR"] / "berth" / "kernels").glob("*.py"))


def test_a_text_is_loaded_once_and_kept_on_disk(places: dict[str, Path]) -> None:
    module = load_kernels("answer = 42\n")
    assert module.answer == 42
    assert load_kernels("answer = 42\n") is module
    (path,) = kernels(places)
    assert path.stem == module.__name__
    written = path.stat().st_mtime_ns
    del sys.modules[module.__name__]
    again = load_kernels("answer = 42\n")
    assert again is not module
    assert again.answer == 42
    assert path.stat().st_mtime_ns == written


def test_another_text_is_another_module(places: dict[str, Path]) -> None:
    assert load_kernels("answer = 1\n").__name__ != load_kernels("answer = 2\n").__name__
    assert len(kernels(places)) == 2


def test_a_file_that_is_not_what_was_written_is_written_again(places: dict[str, Path]) -> None:
    module = load_kernels("answer = 43\n")
    (path,) = kernels(places)
    path.write_text("")
    del sys.modules[module.__name__]
    assert load_kernels("answer = 43\n").answer == 43


def test_a_text_that_fails_leaves_no_half_made_module(places: dict[str, Path]) -> None:
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            load_kernels("early = 1\nlate = 1 / 0\n")


def test_kernels_load_while_the_right_to_compile_is_held(places: dict[str, Path]) -> None:
    with compiling():
        assert load_kernels("answer = 44\n").answer == 44


def test_one_process_compiles_at_a_time(places: dict[str, Path], tmp_path: Path) -> None:
    script = "from engine.scheduler.compiler import compiling\nwith compiling():\n    print('mine', flush=True)\n"
    with compiling():
        other = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
        with pytest.raises(subprocess.TimeoutExpired):
            other.wait(3)
    assert other.communicate(timeout=60)[0] == "mine\n"


SQUARE = "@kernel\ndef square(x):\n    return x * x\n"
ASK = f"""
import numba
from engine.scheduler.compiler import compiling, load_kernels
with compiling():
    square = load_kernels({SQUARE!r}).square
    assert square(12) == 144
print(sum(square.stats.cache_hits.values()), sum(square.stats.cache_misses.values()))
"""


def hits_and_misses(process: subprocess.Popen[str]) -> tuple[int, ...]:
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    return tuple(map(int, said.split()))


def asking(**environment: str) -> subprocess.Popen[str]:
    """A process that asks for a kernel and says how often it found it compiled, and how often not."""
    return subprocess.Popen(
        [sys.executable, "-c", ASK], stdout=subprocess.PIPE, text=True, env={**os.environ, **environment}
    )


def test_of_several_processes_that_start_at_once_one_compiles(places: dict[str, Path]) -> None:
    together = [asking() for _ in range(3)]
    assert sorted(map(hits_and_misses, together)) == [(0, 1), (1, 0), (1, 0)]


def test_what_was_compiled_for_another_processor_is_not_loaded(places: dict[str, Path]) -> None:
    assert hits_and_misses(asking(NUMBA_CPU_NAME="generic", NUMBA_CPU_FEATURES="")) == (0, 1)
    assert hits_and_misses(asking()) == (0, 1)
    assert hits_and_misses(asking()) == (1, 0)
    assert hits_and_misses(asking(NUMBA_CPU_NAME="generic", NUMBA_CPU_FEATURES="")) == (1, 0)


@pytest.mark.parametrize("library", [numba, np], ids=["numba", "numpy"])
def test_what_another_version_compiled_has_another_name(
    places: dict[str, Path], monkeypatch: pytest.MonkeyPatch, library: ModuleType
) -> None:
    before = load_kernels("answer = 46\n").__name__
    monkeypatch.setattr(library, "__version__", "0.0.1")
    assert load_kernels("answer = 46\n").__name__ != before


def test_a_cut_short_cache_is_compiled_again(places: dict[str, Path]) -> None:
    assert hits_and_misses(asking()) == (0, 1)
    for path in (places["BERTH_CACHE_DIR"] / "berth" / "kernels").rglob("*.nb?"):
        path.write_bytes(path.read_bytes()[:20])
    assert hits_and_misses(asking()) == (0, 1)
    assert hits_and_misses(asking()) == (1, 0)


PLUGIN = """
def crowded(num_instances: int) -> bool:
    return num_instances < {limit}
"""


def test_an_edited_plugin_gives_other_kernels(places: dict[str, Path], tmp_path: Path) -> None:
    """numba's own cache goes by the file of the kernel alone: the plug-in's text has to be in it."""
    path = tmp_path / "crowded.py"
    table = host_table([{"num_instances": count} for count in range(6)])
    answers, modules = [], []
    for limit in (2, 5, 2):
        path.write_text(PLUGIN.format(limit=limit))
        linecache.checkcache(str(path))
        spec = importlib.util.spec_from_file_location("crowded", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        # as another process would: without the byte code of a file that changed within the same second
        exec(compile(path.read_text(), str(path), "exec"), module.__dict__)
        plugin = Filter("CrowdedFilter", "column", module.crowded, "crowded")
        chain = Chain(SchedulerOptions(), (plugin,), ())
        bits = chain.verdicts(table, flavor_amounts(request().flavor))
        answers.append([row for row in range(6) if not bits[row]])
        modules.append(chain.kernels.__name__)
    assert answers == [[0, 1], [0, 1, 2, 3, 4], [0, 1]]
    assert modules[0] == modules[2] != modules[1]


# -- where they are kept -----------------------------------------------------------------------------------------------


def test_the_operators_directory_comes_first(places: dict[str, Path]) -> None:
    assert cache_directory() == places["BERTH_CACHE_DIR"] / "berth" / "kernels"
    assert cache_directory().is_dir()


def test_a_directory_that_cannot_be_made_is_passed_over(places: dict[str, Path]) -> None:
    places["BERTH_CACHE_DIR"].write_text("a file")
    assert cache_directory() == places["XDG_CACHE_HOME"] / "berth" / "kernels"
    places["XDG_CACHE_HOME"].rename(places["XDG_CACHE_HOME"].with_name("moved"))
    places["XDG_CACHE_HOME"].write_text("a file")
    assert cache_directory() == places["HOME"] / ".cache" / "berth" / "kernels"


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser can write anywhere")
def test_a_directory_that_cannot_be_written_is_passed_over(places: dict[str, Path]) -> None:
    folder = places["BERTH_CACHE_DIR"] / "berth" / "kernels"
    folder.mkdir(parents=True)
    folder.chmod(0o500)
    assert cache_directory() == places["XDG_CACHE_HOME"] / "berth" / "kernels"


@pytest.mark.parametrize("level", ["berth", "berth/kernels"])
def test_a_directory_that_others_can_write_is_passed_over(places: dict[str, Path], level: str) -> None:
    (places["BERTH_CACHE_DIR"] / "berth" / "kernels").mkdir(parents=True)
    (places["BERTH_CACHE_DIR"] / level).chmod(0o777)
    assert cache_directory() == places["XDG_CACHE_HOME"] / "berth" / "kernels"


@pytest.mark.skipif(os.geteuid() != 0, reason="only the superuser can give a directory away")
def test_a_directory_of_another_user_is_passed_over(places: dict[str, Path]) -> None:
    folder = places["BERTH_CACHE_DIR"] / "berth" / "kernels"
    folder.mkdir(parents=True)
    os.chown(folder, 65534, 65534)
    assert cache_directory() == places["XDG_CACHE_HOME"] / "berth" / "kernels"


def test_unset_places_are_no_places(places: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PLACES:
        monkeypatch.delenv(name)
    assert cache_directory() == places["tmp"] / "berth" / "kernels"


def test_without_any_directory_the_operator_is_told_what_to_set(places: dict[str, Path]) -> None:
    for folder in places.values():
        folder.write_text("a file")
    with pytest.raises(InvalidSettingError, match="set BERTH_CACHE_DIR"):
        cache_directory()
    with pytest.raises(InvalidSettingError, match="set BERTH_CACHE_DIR"):
        load_kernels("answer = 45\n")
