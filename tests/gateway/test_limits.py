from __future__ import annotations

from gateway.limits import RateCounter
from gateway.values import Limit


def test_what_is_over_the_limit_must_wait() -> None:
    counter = RateCounter(Limit(3, 60))
    assert [counter.hit("a", 0) for _ in range(4)] == [0, 0, 0, 60]
    assert counter.hit("b", 0) == 0
    assert counter.hit("a", 30) == 30


def test_a_burst_at_the_border_of_two_windows_is_no_way_round() -> None:
    counter = RateCounter(Limit(10, 60))
    assert [counter.hit("a", 59) for _ in range(10)] == [0] * 10
    assert counter.hit("a", 61) > 0
    assert counter.hit("a", 90) == 0
    assert [counter.hit("a", 180) for _ in range(10)] == [0] * 10


def test_an_event_can_be_taken_back() -> None:
    counter = RateCounter(Limit(1, 60))
    assert counter.hit("a", 0) == 0
    counter.forgive("a", 0)
    assert counter.hit("a", 0) == 0


def test_without_a_limit_everything_passes() -> None:
    counter = RateCounter(None)
    assert [counter.hit("a", 0) for _ in range(100)] == [0] * 100


def test_a_factor_makes_it_wider() -> None:
    counter = RateCounter(Limit(1, 60), factor=10)
    assert [counter.hit("a", 0) for _ in range(11)] == [0] * 10 + [60]
