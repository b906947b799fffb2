"""Whether libvirt is here: a test that needs it skips visibly without it, and fails in CI, which must have it."""

from __future__ import annotations

import importlib.util
import os

import pytest

HAS_LIBVIRT = importlib.util.find_spec("libvirt") is not None


def need_libvirt() -> None:
    """Skip, or fail in CI, when libvirt's Python binding is not installed."""
    if HAS_LIBVIRT:
        return
    reason = "libvirt's Python binding is not installed: make libvirt"
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail(reason)
    pytest.skip(reason)
