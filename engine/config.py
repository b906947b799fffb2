"""Settings: all that an operator can set, read once from a TOML file, the environment and the command.

The command's options beat the environment (``BERTH_LISTEN``, ``BERTH_SCHEDULER__MAX_ATTEMPTS``), which beats the file.
The file's ``[scheduler]`` table takes nova's option names, ``[ledger]`` those of the ledger, ``[boot]`` those of the
API, the conductor and the compute agents, ``[cloud]`` those of the embedded services. Lists in the environment are
JSON.
"""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from engine.boot.options import BootOptions
from engine.cloud.options import CloudOptions
from engine.errors import InvalidSettingError
from engine.ledger.options import LedgerOptions
from engine.scheduler.options import SchedulerOptions


class Settings(BaseSettings):
    """The service's settings.

    ``listen``: HOST:PORT. ``seed``: of the random choices that nova's options ask for; None takes one from the system.
    ``token_retention_s``: how long a client token keeps its answer. ``drain_s``: how long a stop waits for calls under
    way. ``view_budget_mb``: memory for class views. ``whatif_at_once``: how many what-if questions are worked on at a
    time, each by a process of its own; ``whatif_waiting``: how many more may wait.
    """

    model_config = SettingsConfigDict(env_prefix="BERTH_", env_nested_delimiter="__", extra="forbid", frozen=True)

    listen: str = "127.0.0.1:7474"
    state_dir: Path = Path("state")
    seed: int | None = None
    token_retention_s: int = Field(default=3600, ge=1)
    drain_s: float = Field(default=30.0, ge=0)
    max_message_mb: int = Field(default=64, ge=1, le=1024)
    view_budget_mb: int = Field(default=256, ge=1)
    whatif_at_once: int = Field(default=1, ge=1, le=64)
    whatif_waiting: int = Field(default=8, ge=0, le=1000)
    scheduler: SchedulerOptions = SchedulerOptions()
    ledger: LedgerOptions = LedgerOptions()
    boot: BootOptions = BootOptions()
    cloud: CloudOptions = CloudOptions()

    @field_validator("scheduler", "ledger", "boot", "cloud", mode="before")
    @classmethod
    def _read_lists(cls, group: object) -> object:
        """Read the lists of a group that comes from the environment, where every value is text."""
        if not isinstance(group, dict):
            return group
        lists = {name: value for name, value in group.items() if isinstance(value, str) and value.startswith("[")}
        return group | {name: json.loads(value) for name, value in lists.items()}

    @classmethod
    def load(cls, config: Path | None = None, **overrides: object) -> Settings:
        """Return the settings of a file, the environment and ``overrides``; raise InvalidSettingError."""
        if config is not None and not config.is_file():
            raise InvalidSettingError(f"there is no settings file {config}: check --config", path=config)

        class _FromFile(cls):  # type: ignore[misc, valid-type]
            @classmethod
            def settings_customise_sources(
                cls,
                settings_cls: type[BaseSettings],
                init_settings: PydanticBaseSettingsSource,
                env_settings: PydanticBaseSettingsSource,
                dotenv_settings: PydanticBaseSettingsSource,
                file_secret_settings: PydanticBaseSettingsSource,
            ) -> tuple[PydanticBaseSettingsSource, ...]:
                file = TomlConfigSettingsSource(settings_cls, toml_file=config)
                return init_settings, env_settings, file

        try:
            loaded = _FromFile(**overrides)
        except ValidationError as error:
            first = error.errors()[0]
            name = ".".join(str(part) for part in first["loc"])
            raise InvalidSettingError(
                f"setting {name}: {first['msg']} (given: {first['input']!r})", setting=name
            ) from error
        except OSError as error:
            raise InvalidSettingError(f"the settings file {config} cannot be read: {error}", path=config) from error
        except ValueError as error:
            raise InvalidSettingError(f"the settings file {config} is not valid TOML: {error}", path=config) from error
        return cls.model_construct(**{name: getattr(loaded, name) for name in cls.model_fields})
