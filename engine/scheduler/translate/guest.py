"""Guest: what a flavor and an image say of one thing together (nova.virt.hardware's constraints)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from engine.errors import InvalidRequestError
from engine.fitting.truth import is_true
from engine.model.flavor import Flavor
from engine.model.image import Image
from engine.model.request_spec import RequestSpec
from engine.scheduler.image_texts import image_values

_NOTHING: Final[Mapping[str, object]] = {}


@dataclass(frozen=True, slots=True)
class Guest:
    """A flavor, its image, and the image's properties as nova's image object holds them."""

    flavor: Flavor
    image: Image
    properties: Mapping[str, object]

    @property
    def is_bare(self) -> bool:
        """Whether flavor and image say nothing at all beyond sizes, as most do."""
        return not self.flavor.extra_specs and not self.properties

    def either(self, key: str, prefix: str = "hw") -> tuple[str | None, object]:
        """Return the extra spec ``hw:key`` and the image property ``hw_key``, None for what is not set."""
        if self.is_bare:
            return None, None
        return self.flavor.extra_specs.get(f"{prefix}:{key}"), self.properties.get(f"{prefix}_{key}")

    def agreed(self, key: str, prefix: str = "hw") -> object:
        """Return the value that the extra spec or the property gives, None or empty text for none.

        Raises InvalidRequestError where both are set and differ.
        """
        mine, its = self.either(key, prefix)
        if mine and its and mine != its:
            raise self.conflict(f"{prefix}:{key}", mine, f"{prefix}_{key}", its)
        return mine or its

    def choice(self, key: str, choices: Collection[str], prefix: str = "hw") -> str | None:
        """Return the agreed value, one of ``choices``; None where there is none, InvalidRequestError for another."""
        value = self.agreed(key, prefix)
        if value is None:
            return None
        if value not in choices:
            raise InvalidRequestError(
                f"{prefix}:{key} must be one of {', '.join(choices)}, not {value!r}", field=f"{prefix}:{key}"
            )
        return str(value)

    def switch(self, key: str) -> bool:
        """Return whether the extra spec ``hw:key`` or the property ``hw_key`` switches a thing on.

        Raises InvalidRequestError where one says yes and the other no.
        """
        text, its = self.either(key)
        mine = None if text is None else is_true(text)
        if mine is not None and its is not None and mine != its:
            raise self.conflict(f"hw:{key}", text, f"hw_{key}", its)
        return bool(mine or its)

    def conflict(self, spec: str, mine: object, name: str, its: object) -> InvalidRequestError:
        """Return the error that the flavor and the image ask for different things."""
        return InvalidRequestError(
            f"flavor {self.flavor.name!r} has {spec} = {mine!r} but its image has {name} = {its!r}: they must agree",
            field=spec,
        )


def guest_of(request: RequestSpec) -> Guest:
    """Return a request's guest."""
    properties = request.image.properties
    return Guest(request.flavor, request.image, image_values(properties) if properties else _NOTHING)
