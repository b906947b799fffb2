"""The names that a deployment gives its own traits and resource classes, and how other words become such names.

The rule is that of os_traits.normalize_name and os_resource_classes.normalize_name.
"""

from __future__ import annotations

import re
from typing import Final

CUSTOM: Final = "CUSTOM_"
"""What every custom name begins with."""

_CUSTOM_NAME: Final = re.compile(r"CUSTOM_[A-Z0-9_]+")
_OTHER_CHARACTERS: Final = re.compile(r"[^0-9A-Za-z]+")


def custom_name(text: str) -> str:
    """Return the custom name that a text stands for: ``"fast disk"`` is ``CUSTOM_FAST_DISK``."""
    return CUSTOM + _OTHER_CHARACTERS.sub("_", text).upper()


def is_custom(name: str) -> bool:
    """Return whether a name is of the form that a deployment's own traits and resource classes have."""
    return _CUSTOM_NAME.fullmatch(name) is not None
