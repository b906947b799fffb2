"""The one place that knows numba: how generated kernel text becomes a compiled module, cached on disk.

numba's cache does not notice an edit in another file that a kernel inlines. So a generated module holds everything it
runs, but for ``leaf_vectors`` and the decorators here, and its name is the hash of all these texts, of numba's and
numpy's versions: another text is another file, and a stale kernel cannot come back. One process compiles at a time (a
lock file), since several at once can write a broken cache.
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
from numba.core import codegen
from numba.core.caching import FunctionCache

from engine.errors import InvalidSettingError
from engine.scheduler import leaf_vectors

HEADER = '''"""A chain's kernels; generated."""
import numpy as np
from engine.scheduler.compiler import estimating, inlined, kernel
from engine.scheduler.leaf_vectors import (
    bits_at_least, bits_of, bits_of_real, bits_of_whole, fetch, float64_1d, float64_2d, float64_3d, int32_1d, int64_1d,
    int64_2d, least_real, least_whole, lowest, most_real, most_whole, ones, room_for_bytes, room_for_real,
    room_for_whole, uint8_1d, uint64_1d, uint64_2d, uint64_3d
)

'''


def _use_whole_vectors() -> None:
    """Let LLVM use vectors of 512 bits where there are any.

    It takes half of one by default, as a few early processors ran slower with whole ones; a leaf is 64 values.
    """
    config: Any = numba.config
    features = str(codegen.get_host_cpu_features())  # type: ignore[no-untyped-call]
    if config.CPU_FEATURES is None and "+avx512f" in features.split(","):
        config.CPU_FEATURES = f"{features},-prefer-256-bit"


_use_whole_vectors()


class _KernelCache(FunctionCache):
    """numba's cache on disk; what cannot be read in it, as after a crash of the machine, is compiled again."""

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return the compiled code for a signature, None where there is none that can be read."""
        try:
            return super().load_overload(sig, target_context)  # type: ignore[no-untyped-call]
        except Exception:
            # the index is read again before it is written, so a broken one has to go
            self.flush()  # type: ignore[no-untyped-call]
            return None


def kernel(function: Any) -> Any:
    """Compile an entry point: cached on disk, without the GIL, divisions not checked for zero."""
    compiled: Any = numba.njit(cache=True, nogil=True, boundscheck=False, error_model="numpy")(function)
    compiled._cache = _KernelCache(function)  # type: ignore[no-untyped-call]
    return compiled


# Nothing but kernels calls a helper, so it needs no entry for Python or C, which would be as much to compile again.
# numba takes these two flags, but its type hints do not name them; a mapping hands them on.
_HELPER_FLAGS: Mapping[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}


def inlined(function: Any) -> Any:
    """Compile a helper that only kernels call."""
    return numba.njit(nogil=True, boundscheck=False, error_model="numpy", **_HELPER_FLAGS)(function)


def estimating(function: Any) -> Any:
    """Compile a helper whose sums may be made in any order and rounded once less: a bound's allowance covers that."""
    allowed = {"contract", "reassoc", "nsz"}
    return numba.njit(nogil=True, boundscheck=False, error_model="numpy", fastmath=allowed, **_HELPER_FLAGS)(function)


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


def is_compiled(text: str) -> bool:
    """Return whether compiled code of a generated kernel text is on disk."""
    return any((cache_directory() / "__pycache__").glob(f"{_module_name(HEADER + text)}.*.nbi"))


def _module_name(source: str) -> str:
    """Return the name of a module of this source, which is another one wherever the compiled code may be."""
    helpers = Path(leaf_vectors.__file__).read_text() + Path(__file__).read_text()
    stamp = f"{numba.__version__} {np.__version__} {helpers}"
    return "berth_kernels_" + hashlib.sha256(f"{stamp}\n{source}".encode()).hexdigest()[:24]


def load_kernels(text: str) -> ModuleType:
    """Return the module of a generated kernel text, from memory or disk where it was made before."""
    source = HEADER + text
    name = _module_name(source)
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
