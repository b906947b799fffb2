"""The state directory's lock (flock, so it ends with its holder): one service at a time may write a ledger."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from engine.errors import LedgerError, LedgerLockedError

LOCK_NAME = "ledger.lock"


class StateLock:
    """An exclusive lock on a state directory, held from construction to ``release``.

    Raises LedgerLockedError when another service holds it and LedgerError when the lock file cannot be opened.
    """

    def __init__(self, state_dir: Path) -> None:
        path = state_dir / LOCK_NAME
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise LedgerError(f"the ledger's lock file {path} cannot be opened: {error.strerror}") from error
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)
        except BlockingIOError as error:
            holder = os.pread(self._descriptor, 32, 0).decode("ascii", "replace").strip()
            os.close(self._descriptor)
            who = f"process {holder}" if holder.isdigit() else "another process"
            message = f"the ledger in {state_dir} is in use by {who}: stop that service, or use another state directory"
            raise LedgerLockedError(message, state_dir=state_dir, pid=holder) from error
        except OSError as error:
            os.close(self._descriptor)
            raise LedgerError(f"the ledger's lock file {path} cannot be locked: {error.strerror}") from error

    def release(self) -> None:
        """Give the lock up; the file stays, since removing it would let two services hold locks on different files."""
        os.close(self._descriptor)
