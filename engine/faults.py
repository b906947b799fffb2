"""Fault knobs: rules in a file by which tests and drills make named points of the system fail, stall or lie.

The file is a JSON list of rules, read again whenever it changes; a missing file means no rules. Without the setting
that names the file nothing of this runs. A rule is matched by ``part`` (a service or ``compute``), ``point`` (a request
such as ``POST /v2.0/ports``, or a name such as ``spawn``; a regular expression for the whole text) and, where given,
``host``; it applies ``times`` times in each process (absent: always).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

from engine.errors import InvalidFileError


@dataclass
class FaultRule:
    """One rule: wait ``delay_s``, then answer ``status`` with ``message``, or hand ``value`` to the point it names."""

    part: str
    point: str
    host: str = ""
    delay_s: float = 0.0
    status: int = 0
    message: str = "a fault rule made this fail"
    value: str = ""
    times: int | None = None
    used: int = field(default=0, init=False)

    def takes(self, part: str, point: str, host: str) -> bool:
        """Whether the rule applies here and is not used up."""
        return (
            self.part == part
            and re.fullmatch(self.point, point) is not None
            and self.host in ("", host)
            and (self.times is None or self.used < self.times)
        )


class FaultPlan:
    """The rules of one file, as they stand now."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._stamp: tuple[int, int] | None = None
        self._rules: list[FaultRule] = []

    def rule(self, part: str, point: str, *, host: str = "") -> FaultRule | None:
        """Return the first rule for a point and count it as used; raise InvalidFileError for a file of no rules."""
        self._refresh()
        for rule in self._rules:
            if rule.takes(part, point, host):
                rule.used += 1
                return rule
        return None

    def _refresh(self) -> None:
        try:
            status = self.path.stat()
        except FileNotFoundError:
            self._stamp, self._rules = None, []
            return
        stamp = (status.st_mtime_ns, status.st_size)
        if stamp == self._stamp:
            return
        try:
            self._rules = [FaultRule(**rule) for rule in json.loads(self.path.read_text())]
        except (ValueError, TypeError) as error:
            raise InvalidFileError(f"{self.path} is no list of fault rules: {error}", path=self.path) from error
        self._stamp = stamp
