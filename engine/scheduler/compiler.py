"""The one place that knows numba: how generated kernel text becomes a compiled module, cached on disk.

numba's cache does not notice an edit in another file that a kernel inlines. So a generated module holds everything it
runs, and its name is the hash of its text, of numba's and numpy's versions: another text is another file, and a stale
kernel cannot come back. One process compiles at a time (a lock file), since several at once can write a broken cache.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import stat
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import numba
import numpy as np

from engine.errors import InvalidSettingError

HEADER = '''"""A chain's kernels; generated."""
import numpy as np
from engine.scheduler.compiler import inlined, kernel

'''


def kernel(function: Any) -> Any:
    """Compile an entry point: cached on disk, without the GIL."""
    return numba.njit(cache=True, nogil=True, boundscheck=False)(function)


# Nothing but kernels calls a helper, so it needs no entry for Python or C, which would be as much to compile again.
# numba takes these two flags, but its type hints do not name them; a mapping hands them on.
_HELPER_FLAGS: Mapping[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}


def inlined(function: Any) -> Any:
    """Compile a helper that only kernels call."""
    return numba.njit(nogil=True, boundscheck=False, **_HELPER_FLAGS)(function)


def cache_directory() -> Path:
    """Return the first usable of $BERTH_CACHE_DIR, the user's cache directory and the temporary one.

    Usable is what can be written, and by no other user. Raises InvalidSettingError when none is.
    """
    home = os.environ.get("HOME")
    named = (os.environ.get("BERTH_CACHE_DIR"), os.environ.get("XDG_CACHE_HOME"), f"{home}/.cache" if home else None)
    for candidate in [*filter(None, named), tempfile.gettempdir()]:
        directory = Path(candidate) / "berth" / "kernels"
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(directory, os.W_OK) and _is_trusted(directory.parent) and _is_trusted(directory):
            return directory
    raise InvalidSettingError(
        "no directory to keep compiled kernels in: set BERTH_CACHE_DIR to one that is writable, and by no other user",
        setting="BERTH_CACHE_DIR",
    )


def _is_trusted(directory: Path) -> bool:
    """Return whether only this user and the superuser decide what a directory holds: its files are run as code."""
    status = directory.stat()
    return status.st_uid in (0, os.geteuid()) and not status.st_mode & stat.S_IWOTH


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
    # a crash of the machine can leave an empty file behind the right name
    if not path.exists() or path.read_text() != source:
        draft = path.with_suffix(f".{os.getpid()}")
        draft.write_text(source)
        draft.rename(path)
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


@contextmanager
def compiling() -> Iterator[None]:
    """Hold the lock that lets one process compile, while kernels are called for the first time."""
    with (cache_directory() / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
