"""Whether there is so much to do that what can wait does."""

from __future__ import annotations

from turnkeep.load import FEW, RATE, WINDOW, Load


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_many_at_once_are_a_load() -> None:
    load = Load(Clock())
    for _ in range(FEW):
        load.begin()
    assert not load.is_high()
    load.begin()
    assert load.is_high()
    load.end()
    assert not load.is_high()


def test_one_right_after_the_other_is_a_load_until_it_is_quiet() -> None:
    clock = Clock()
    load = Load(clock)
    for _ in range(int(WINDOW * RATE * 3)):
        load.begin()
        load.end()
    assert not load.is_high()  # nobody has seen for how long yet
    clock.now += WINDOW
    assert load.is_high()
    clock.now += WINDOW / 2
    assert load.is_high()
    clock.now += WINDOW
    assert not load.is_high()


def test_a_talk_is_none() -> None:
    clock = Clock()
    load = Load(clock)
    for _ in range(100):
        load.begin()
        load.end()
        clock.now += 0.02
        assert not load.is_high()
