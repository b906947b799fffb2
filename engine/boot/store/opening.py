"""Where the boot's database is: the same for every process that opens it."""

from __future__ import annotations

from pathlib import Path

from engine.boot.options import BootOptions
from engine.boot.store.store import Store


def database_url(options: BootOptions, state_dir: Path) -> str:
    """Return the database's URL: the one that is set, or that of a SQLite file in the state directory."""
    return options.database_url or f"sqlite:///{(state_dir / 'boot' / 'boot.db').absolute()}"


def open_store(options: BootOptions, state_dir: Path, *, durable: bool) -> Store:
    """Open the database, made where it is missing; raises ServiceUnavailableError and InvalidSettingError."""
    if not options.database_url:
        (state_dir / "boot").mkdir(parents=True, exist_ok=True)
    return Store(database_url(options, state_dir), durable=durable)
