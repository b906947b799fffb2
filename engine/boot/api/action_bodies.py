"""How what the body has under an action's key is read."""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel, ValidationError

from engine.rest.errors import BadRequest
from engine.rest.request import in_words

Model = TypeVar("Model", bound=BaseModel)


def read_action(given: object, model: type[Model]) -> Model:
    """Return an action's arguments; raise BadRequest for others."""
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise BadRequest(in_words(error)) from error
