"""Fault knobs: rules in a file by which tests and drills make named points of the system fail, stall or lie.

The file is a JSON list of rules, read again whenever it changes; a missing file means no rules. Without the setting
that names the file nothing of this runs. A rule is matched by ``part`` (a service or ``compute``), ``point`` (a request
such as ``POST /v2.0/ports``, or a name such as ``spawn``; a regular expression for the whole text) and, where given,
``host``; it applies ``times`` times in each process (absent: always).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PrivateAttr, TypeAdapter, ValidationError

from engine.errors import InvalidFileError


def _expression(text: str) -> str:
    """Return a regular expression; raise ValueError when it is none."""
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"{text!r} is no regular expression: {error}") from error
    return text


class FaultRule(BaseModel):
    """One rule: wait ``delay_s``, then answer ``status`` with ``message``, or hand ``value`` to the point it names."""

    model_config = ConfigDict(strict=True, extra="forbid")

    part: str
    point: Annotated[str, AfterValidator(_expression)]
    host: str = ""
    delay_s: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    status: int = Field(default=0, ge=0, le=599)
    message: str = "a fault rule made this fail"
    value: str = ""
    times: int | None = Field(default=None, ge=0)
    _used: int = PrivateAttr(default=0)

    def takes(self, part: str, point: str, host: str) -> bool:
        """Whether the rule applies here and is not used up."""
        return (
            self.part == part
            and re.fullmatch(self.point, point) is not None
            and self.host in ("", host)
            and (self.times is None or self._used < self.times)
        )

    def use(self) -> None:
        """Count the rule as used once more."""
        self._used += 1


_RULES = TypeAdapter(list[FaultRule])


class FaultPlan:
    """The rules of one file, as they stand now."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._stamp: tuple[int, int, int] | None = None
        self._rules: list[FaultRule] = []

    def rule(self, part: str, point: str, *, host: str = "") -> FaultRule | None:
        """Return the first rule for a point and count it as used; raise InvalidFileError for a file of no rules."""
        self._refresh()
        for rule in self._rules:
            if rule.takes(part, point, host):
                rule.use()
                return rule
        return None

    def _refresh(self) -> None:
        try:
            status = self.path.stat()
            # a file put in another's place may have its time and size
            stamp = (status.st_ino, status.st_mtime_ns, status.st_size)
            if stamp == self._stamp:
                return
            self._rules = _RULES.validate_json(self.path.read_bytes())
        except FileNotFoundError:
            self._stamp, self._rules = None, []
        except ValidationError as error:
            raise InvalidFileError(f"{self.path} is no list of fault rules: {error}", path=self.path) from error
        except OSError as error:
            raise InvalidFileError(f"{self.path} cannot be read: {error.strerror}", path=self.path) from error
        else:
            self._stamp = stamp
