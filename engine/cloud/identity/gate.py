"""The check of tokens inside identity itself, which knows them."""

from __future__ import annotations

from collections.abc import Callable

from engine.cloud.database import Database
from engine.cloud.identity.tokens import describe, end_of
from engine.rest.access import Access, access_of_token
from engine.rest.errors import Unauthorized

_REFUSED = "The request you have made requires authentication."


class TokenGate:
    """Looks every token up, so that a revoked one counts for nothing from that moment."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock

    async def check(self, token: str, service_token: str) -> tuple[Access, str]:
        """Return the caller; raise Unauthorized when its token is not valid. A service's token adds nothing here."""
        with self._database.read() as connection:
            document = describe(connection, token, self._clock(), with_catalog=False) if token else None
        if document is None:
            raise Unauthorized(_REFUSED)
        return access_of_token(token, document, end_of(document)), "validated"
