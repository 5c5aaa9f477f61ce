"""Does the pace follow what the service takes?"""

from __future__ import annotations

from shoal.cleanup.pace import Pace


class Time:
    """A clock that moves when somebody waits."""

    def __init__(self) -> None:
        self.now = 0.0

    def clock(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        self.now += seconds


def test_nothing_waits_until_the_service_asks_to() -> None:
    time = Time()
    pace = Pace(time.clock, time.wait)
    for _ in range(100):
        pace.admit(1000)
    assert time.now == 0.0


def test_the_first_throttling_sets_the_rate_a_little_below_what_was_reached() -> None:
    time = Time()
    pace = Pace(time.clock, time.wait)
    time.now = 10.0
    pace.went_well(40_000)
    pace.slow_down()
    assert pace.rate == 3_600


def test_throttling_answers_of_one_moment_count_once() -> None:
    time = Time()
    pace = Pace(time.clock, time.wait)
    time.now = 1.0
    pace.went_well(10_000)
    for _ in range(8):
        pace.slow_down()
    assert pace.rate == 9_000
    time.now = 2.5
    pace.slow_down()
    assert pace.rate == 9_000 * 0.7


def test_the_rate_is_kept_over_all_workers() -> None:
    time = Time()
    pace = Pace(time.clock, time.wait)
    time.now = 1.0
    pace.went_well(1_000)
    pace.slow_down()
    begun = time.now
    for _ in range(10):
        pace.admit(900)
    assert time.now - begun >= 9.0


def test_it_finds_an_endpoints_limit_and_stays_near_it() -> None:
    time = Time()
    pace = Pace(time.clock, time.wait)
    bucket, filled, done, limit = 3_500.0, 0.0, 0, 3_500
    while time.now < 60:
        pace.admit(1_000)
        time.now += 0.02
        bucket, filled = min(limit, bucket + (time.now - filled) * limit), time.now
        if bucket >= 1_000:
            bucket -= 1_000
            done += 1_000
            pace.went_well(1_000)
        else:
            pace.slow_down()
    assert done / time.now >= 0.85 * limit


def test_the_pace_never_falls_to_a_standstill() -> None:
    time = Time()
    pace = Pace(time.clock, time.wait)
    for _ in range(100):
        time.now += 2
        pace.slow_down()
    assert pace.rate == 50
