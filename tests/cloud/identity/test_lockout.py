from __future__ import annotations

from engine.cloud.identity.lockout import Lockout


class Turned:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_an_account_is_locked_after_so_many_failures_and_for_so_long() -> None:
    clock = Turned()
    lockout = Lockout(2, 60, clock)
    lockout.failed("a")
    assert not lockout.is_locked("a")
    lockout.failed("a")
    assert lockout.is_locked("a")
    assert not lockout.is_locked("b")
    clock.now += 60
    assert not lockout.is_locked("a")
    lockout.failed("a")
    assert not lockout.is_locked("a")


def test_guesses_while_locked_make_the_lock_no_longer() -> None:
    clock = Turned()
    lockout = Lockout(1, 60, clock)
    lockout.failed("a")
    clock.now += 59
    lockout.failed("a")
    clock.now += 1
    assert not lockout.is_locked("a")


def test_success_forgets_failures() -> None:
    lockout = Lockout(2, 60, Turned())
    lockout.failed("a")
    lockout.succeeded("a")
    lockout.failed("a")
    assert not lockout.is_locked("a")


def test_old_failures_do_not_add_up() -> None:
    clock = Turned()
    lockout = Lockout(2, 60, clock)
    lockout.failed("a")
    clock.now += 60
    lockout.failed("a")
    assert not lockout.is_locked("a")


def test_zero_attempts_mean_no_lockout() -> None:
    lockout = Lockout(0, 60, Turned())
    for _ in range(100):
        lockout.failed("a")
    assert not lockout.is_locked("a")


def test_guesses_at_countless_names_take_bounded_memory() -> None:
    lockout = Lockout(1, 60, Turned())
    for number in range(10_001):
        lockout.failed(f"name:{number}")
    assert not lockout.is_locked("name:0")
    assert lockout.is_locked("name:10000")
