"""Answers: what client tokens were answered, so that a call that is repeated is not done twice."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from engine.errors import InvalidRequestError, TokenReusedError
from engine.ledger.records import Record, TokenAnswered
from engine.service.commits import Commits

MAX_TOKEN_LENGTH = 128


@dataclass(frozen=True, slots=True)
class _Answer:
    """A token's answer: the request's fingerprint, the answer's bytes, and its future while it is on its way."""

    fingerprint: bytes
    answer: bytes
    created_us: int
    done: asyncio.Future[None] | None = None


class Answers:
    """The answers by token, in memory and in the ledger that ``commits`` writes."""

    def __init__(self, commits: Commits) -> None:
        self._commits = commits
        self._by_token: dict[str, _Answer] = {}

    def __len__(self) -> int:
        """How many tokens have an answer."""
        return len(self._by_token)

    def restore(self, tokens: Sequence[TokenAnswered]) -> None:
        """Take the tokens that the ledger has answers for."""
        for item in tokens:
            self._by_token[item.token] = _Answer(item.fingerprint, item.answer, item.created_us)

    async def known(self, token: str, fingerprint: bytes) -> bytes | None:
        """Return the answer that a token was given before, once durable, or None.

        Raises TokenReusedError for a different request, LedgerError when the first answer does not become durable.
        """
        if len(token) > MAX_TOKEN_LENGTH:
            raise InvalidRequestError(
                f"client_token is longer than {MAX_TOKEN_LENGTH} characters", field="client_token"
            )
        found = self._by_token.get(token) if token else None
        if found is None:
            return None
        if found.fingerprint != fingerprint:
            raise TokenReusedError(
                f"client token {token!r} was used for a different request: take a new token", client_token=token
            )
        if found.done is not None:
            await asyncio.shield(found.done)
        return found.answer

    def is_free(self, token: str) -> bool:
        """True for a token of a proper length that has no answer yet, not even one on its way."""
        return len(token) <= MAX_TOKEN_LENGTH and token not in self._by_token

    def keep(
        self, token: str, fingerprint: bytes, answer: bytes, now: int, done: asyncio.Future[None] | None = None
    ) -> None:
        """Keep a token's answer; ``done`` is the future of its submission while it is on its way."""
        self._by_token[token] = _Answer(fingerprint, answer, now, done)

    def forget(self, token: str) -> None:
        """Forget a token's answer, if it has one, because it did not become durable."""
        self._by_token.pop(token, None)

    async def give(
        self,
        records: Sequence[Record],
        undo: Callable[[], None],
        token: str,
        fingerprint: bytes,
        answer: bytes,
        now: int,
        *,
        abandon: Callable[[], None],
    ) -> bytes:
        """Return an answer once what it says is durable, and keep it by its token.

        ``undo`` forgets all of it but the token where it does not become durable, ``abandon`` is called where the
        caller goes away meanwhile and has no token to ask again with. Raises LedgerError.
        """

        def forget() -> None:
            undo()
            self._by_token.pop(token, None)

        kept = [*records, TokenAnswered(token, fingerprint, answer, now)] if token else records
        done = self._commits.submit(kept, forget)
        if token:
            self._by_token[token] = _Answer(fingerprint, answer, now, done)
        try:
            await asyncio.shield(done)
        except asyncio.CancelledError:
            if not token:
                abandon()
            raise
        if token:
            self._by_token[token] = _Answer(fingerprint, answer, now)
        return answer

    def drop_before(self, instant_us: int) -> bool:
        """Forget the answers given before an instant; return whether there were any."""
        old = [token for token, item in self._by_token.items() if item.created_us < instant_us]
        for token in old:
            del self._by_token[token]
        return bool(old)
