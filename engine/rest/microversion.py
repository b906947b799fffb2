"""Microversions: which version of an API a request speaks, negotiated as OpenStack's API working group has it."""

from __future__ import annotations

import re
from typing import NamedTuple

from engine.rest.errors import BadRequest, NotAcceptable

_VERSION = re.compile(r"([0-9]{1,4})\.([0-9]{1,9})")


class Microversion(NamedTuple):
    """A version such as 2.96; versions compare by number."""

    major: int
    minor: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"


class MicroversionRange(NamedTuple):
    """What one service speaks: its name in ``OpenStack-API-Version``, its range, and an older header of its own."""

    service: str
    minimum: Microversion
    maximum: Microversion
    legacy_header: str = ""

    def asked(self, header: str, legacy: str) -> Microversion:
        """Return the version that a request's headers ask for: the minimum without any, the maximum for ``latest``.

        Raises BadRequest for what is no version and NotAcceptable for one outside the range.
        """
        text = legacy.strip()
        for part in header.split(","):
            name, _, given = part.strip().partition(" ")
            if name.lower() == self.service:
                text = given.strip()
        if not text:
            return self.minimum
        if text == "latest":
            return self.maximum
        match = _VERSION.fullmatch(text)
        if match is None:
            raise BadRequest(f"API Version String {text} is of invalid format. Must be of format MajorNum.MinorNum.")
        version = Microversion(int(match[1]), int(match[2]))
        if not self.minimum <= version <= self.maximum:
            raise NotAcceptable(
                f"Version {version} is not supported by the API. "
                f"Minimum is {self.minimum} and maximum is {self.maximum}."
            )
        return version

    def headers(self, version: Microversion) -> dict[str, str]:
        """Return the headers that tell the caller which version answered."""
        names = ["OpenStack-API-Version", *([self.legacy_header] if self.legacy_header else [])]
        told = {"OpenStack-API-Version": f"{self.service} {version}", "Vary": ", ".join(names)}
        if self.legacy_header:
            told[self.legacy_header] = str(version)
        return told
