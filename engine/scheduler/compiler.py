"""The one place that knows numba: how generated kernel text becomes a compiled module, cached on disk.

numba's cache does not notice an edit in another file that a kernel inlines. So a generated module holds everything it runs, and its name is
the hash of its text, of numba's and numpy's versions: another text is another file, and a stale kernel cannot come back. One process
compiles at a time (a lock file), since several at once can write a broken cache.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import numba
import numpy as np

HEADER = '''"""A chain's kernels; generated."""
import numpy as np
from engine.scheduler.compiler import inlined, kernel

'''


def kernel(function: Any) -> Any:
    """Compile an entry point: cached on disk, without the GIL."""
    return numba.njit(cache=True, nogil=True, boundscheck=False)(function)


def inlined(function: Any) -> Any:
    """Compile a helper that only kernels call."""
    return numba.njit(nogil=True, boundscheck=False, no_cpython_wrapper=True, no_cfunc_wrapper=True)(function)


def cache_directory() -> Path:
    """Return the first writable of $BERTH_CACHE_DIR, the user's cache directory and the temporary one."""
    candidates = [os.environ.get("BERTH_CACHE_DIR"), os.environ.get("XDG_CACHE_HOME"), str(Path("~/.cache").expanduser())]
    for candidate in [*candidates, tempfile.gettempdir()]:
        if not candidate:
            continue
        directory = Path(candidate) / "berth" / "kernels"
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(directory, os.W_OK):
            return directory
    raise RuntimeError("no directory to keep compiled kernels in: set BERTH_CACHE_DIR to a writable one")


@contextmanager
def _only_compiler(directory: Path) -> Iterator[None]:
    """Hold the lock that lets one process compile."""
    with (directory / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def load_kernels(text: str) -> ModuleType:
    """Return the module of a generated kernel text, from memory or disk where it was made before."""
    source = HEADER + text
    stamp = f"{numba.__version__} {np.__version__}"
    name = "berth_kernels_" + hashlib.sha256(f"{stamp}\n{source}".encode()).hexdigest()[:24]
    loaded = sys.modules.get(name)
    if loaded is not None:
        return loaded
    directory = cache_directory()
    path = directory / f"{name}.py"
    with _only_compiler(directory):
        if not path.exists():
            draft = path.with_suffix(f".{os.getpid()}")
            draft.write_text(source)
            draft.rename(path)
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@contextmanager
def compiling() -> Iterator[None]:
    """Hold the right to compile while kernels are called for the first time."""
    with _only_compiler(cache_directory()):
        yield
