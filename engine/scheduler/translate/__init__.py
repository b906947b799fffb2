"""From a request to queries for allocation candidates: the request filters first, then what flavor and image ask for.

``filtered`` and ``translated`` are all that selection calls, for filters ``requested_amounts``. A new request filter is
a file in ``request_filters``; a new feature of flavors and images that needs a trait is a function in ``guest_traits``.
"""

from __future__ import annotations

from engine.scheduler.translate.filtering import filtered
from engine.scheduler.translate.translation import Translated, requested_amounts, translated

__all__ = ["Translated", "filtered", "requested_amounts", "translated"]
