from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.service.company import Company


def test_who_is_alone_does_not_wait():
    company = Company()
    for number in range(100):
        company.arrived(number * 0.001)
        assert company.complete(1)
        company.left()


def test_a_batch_is_all_that_were_open():
    company = Company()
    for _ in range(64):
        company.arrived(10.0)
    for _ in range(64):
        company.left()
    company.arrived(10.001)
    waits = [waiting for waiting in range(1, 65) if not company.complete(waiting)]
    assert waits == list(range(1, 64))


def test_a_crowd_is_forgotten_after_a_while():
    company = Company()
    for _ in range(64):
        company.arrived(10.0)
    for _ in range(64):
        company.left()
    company.arrived(10.15)
    assert not company.complete(1)
    company.left()
    company.arrived(10.27)
    assert company.complete(1)


def test_a_crowd_is_forgotten_at_once_after_a_pause():
    company = Company()
    for _ in range(64):
        company.arrived(10.0)
    for _ in range(64):
        company.left()
    company.arrived(11.0)
    assert company.complete(1)


def test_one_that_waited_in_vain_is_the_last_to():
    company = Company()
    for _ in range(64):
        company.arrived(10.0)
    for _ in range(64):
        company.left()
    company.arrived(10.01)
    assert not company.complete(1)
    company.stayed_away(1)
    assert company.complete(1)


def test_a_slow_crowd_is_still_one():
    company = Company()
    for _ in range(64):
        company.arrived(10.0)
    company.stayed_away(10)
    assert not company.complete(10)


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 0.3)), max_size=200))
def test_all_that_are_open_are_always_a_batch(steps):
    company = Company()
    now, most = 0.0, 0
    for comes, passed in steps:
        now += passed
        if comes or not company.open:
            company.arrived(now)
        else:
            company.left()
        most = max(most, company.open)
        assert company.open >= 0
        assert company.complete(most)


def test_patience_ends_a_moment_after_the_last_call():
    company = Company()
    company.arrived(10.0)
    whole = company.patience_s(10.0)
    assert 0.0 < whole < 0.01
    company.arrived(10.0 + whole / 2)
    assert whole / 3 < company.patience_s(10.0 + whole) < whole
    assert company.patience_s(10.1) == 0.0
