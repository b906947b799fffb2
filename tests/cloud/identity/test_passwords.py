from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import pytest

from engine.cloud.identity import passwords as passwords_module
from engine.cloud.identity.passwords import Passwords
from engine.rest.errors import Unavailable


@pytest.fixture
def passwords() -> Iterator[Passwords]:
    made = Passwords()
    yield made
    made.close()


def test_a_hash_matches_its_password_alone(passwords: Passwords) -> None:
    async def check() -> list[bool]:
        kept = await passwords.hash("right")
        assert kept.startswith("$argon2id$")
        assert kept != await passwords.hash("right")
        return [await passwords.matches(kept, guess) for guess in ("right", "wrong", "", "right ", "\x00", "ü" * 4096)]

    assert asyncio.run(check()) == [True, False, False, False, False, False]


@pytest.mark.parametrize("kept", ["", "no hash", "$argon2id$v=19$m=19456,t=2,p=1$AA$AA"])
def test_what_is_no_hash_matches_nothing(passwords: Passwords, kept: str) -> None:
    assert asyncio.run(passwords.matches(kept, "x")) is False


def test_nobody_has_no_password(passwords: Passwords) -> None:
    assert asyncio.run(passwords.matches(None, "nobody has this password")) is False


def test_an_unknown_user_takes_as_long_as_a_known_one(passwords: Passwords) -> None:
    async def seconds(kept: str | None) -> float:
        best = 9.0
        for _ in range(5):
            began = time.perf_counter()
            await passwords.matches(kept, "wrong")
            best = min(best, time.perf_counter() - began)
        return best

    async def both() -> tuple[float, float]:
        kept = await passwords.hash("right")
        return await seconds(kept), await seconds(None)

    known, unknown = asyncio.run(both())
    assert 0.3 < unknown / known < 3


def test_more_logins_than_can_be_worked_off_are_refused(passwords: Passwords, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords_module, "_MOST_WAITING", 4)

    async def many() -> list[object]:
        return await asyncio.gather(*(passwords.matches(None, "x") for _ in range(6)), return_exceptions=True)

    outcomes = asyncio.run(many())
    assert [type(outcome) for outcome in outcomes].count(Unavailable) == 2
    assert asyncio.run(passwords.matches(None, "x")) is False
