"""Schedules against their formulas."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganzoo.assembly.parts import resolve
from ganzoo.catalogue import installed
from ganzoo.catalogue.options import make
from ganzoo.contract.optimization import Progress, Schedule
from ganzoo.testing.strategies import examples

REGISTRY = installed()
bounded = examples(60)


def made(kind: str, name: str, **options: Any) -> Any:
    component = REGISTRY.component(kind, name)
    return resolve(component)(make(component.config, options, name))


# Schedules

SCHEDULES = REGISTRY.names("schedule")
shares = st.floats(0, 1)
runs = st.integers(1, 20_000).flatmap(lambda steps: st.tuples(st.integers(0, steps - 1), st.just(steps)))


def factor(schedule: Schedule, step: int, steps: int) -> float:
    return schedule.factor(Progress(step, steps))


@pytest.mark.parametrize("name", SCHEDULES)
class TestEverySchedule:
    @bounded
    @given(steps=st.integers(1, 10**7))
    def test_begins_with_the_base_rate(self, name: str, steps: int) -> None:
        assert factor(made("schedule", name), 0, steps) == 1.0

    @bounded
    @given(run=runs)
    def test_stays_between_nothing_and_the_base_rate(self, name: str, run: tuple[int, int]) -> None:
        assert 0.0 <= factor(made("schedule", name), *run) <= 1.0

    def test_remembers_nothing(self, name: str) -> None:
        """The value at a step depends on that step alone, so that a resumed run needs no state."""
        steps = 200
        one = made("schedule", name)
        forwards = [factor(one, step, steps) for step in range(steps)]
        backwards = [factor(one, step, steps) for step in reversed(range(steps))]
        anew = [factor(made("schedule", name), step, steps) for step in range(steps)]
        assert forwards == backwards[::-1] == anew


class TestScheduleFormulas:
    @bounded
    @given(run=runs)
    def test_constant(self, run: tuple[int, int]) -> None:
        assert factor(made("schedule", "constant"), *run) == 1.0

    @given(epoch=st.integers(1, 10_000))
    @bounded
    def test_step_drops_exactly_after_8_and_16_of_20_epochs(self, epoch: int) -> None:
        """StepLR(8, 0.1) in a run of 20 epochs, which are any number of steps."""
        schedule, steps = made("schedule", "step"), 20 * epoch
        boundaries = {0: 1.0, 8: 0.1, 16: 0.01}
        for boundary, value in boundaries.items():
            assert factor(schedule, boundary * epoch, steps) == pytest.approx(value, rel=1e-12)
        assert factor(schedule, 8 * epoch - 1, steps) == 1.0
        assert factor(schedule, 16 * epoch - 1, steps) == pytest.approx(0.1, rel=1e-12)
        assert factor(schedule, steps - 1, steps) == pytest.approx(0.01, rel=1e-12)

    @bounded
    @given(drops=st.integers(1, 50), interval=st.integers(1, 500), share=st.floats(0, 1))
    def test_step_drops_at_every_multiple_of_its_interval(self, drops: int, interval: int, share: float) -> None:
        schedule, steps = made("schedule", "step", every=1 / drops, factor=share), drops * interval
        for drop in range(drops):
            for step in (drop * interval, (drop + 1) * interval - 1):
                assert factor(schedule, step, steps) == pytest.approx(share**drop, rel=1e-12)

    @bounded
    @given(run=runs, start=shares, end=shares)
    def test_linear(self, run: tuple[int, int], start: float, end: float) -> None:
        done = run[0] / run[1]
        expected = 1.0 if done <= start else 1.0 + (end - 1.0) * (done - start) / (1.0 - start)
        found = factor(made("schedule", "linear", start=start, end=end), *run)
        assert found == pytest.approx(expected, abs=1e-9)
        assert 0.0 <= found <= 1.0

    @bounded
    @given(run=runs, end=shares)
    def test_cosine(self, run: tuple[int, int], end: float) -> None:
        # 1 + cos 2a = 2 cos² a
        expected = end + (1.0 - end) * math.cos(math.pi * run[0] / run[1] / 2) ** 2
        found = factor(made("schedule", "cosine", end=end), *run)
        assert found == pytest.approx(expected, abs=1e-12)
        assert 0.0 <= found <= 1.0

    @bounded
    @given(step=st.integers(0, 1_000_000), divisor=st.floats(1, 2), floor=shares)
    def test_exponential(self, step: int, divisor: float, floor: float) -> None:
        found = factor(made("schedule", "exponential", divisor=divisor, floor=floor), step, 1_000_001)
        expected = max(floor, divisor ** -float(step)) if step * math.log(divisor) < 700 else floor
        assert found == pytest.approx(expected, rel=1e-9, abs=1e-300)

    def test_exponential_of_the_first_conditional_gan(self) -> None:
        """Rate 0.1, divided by 1.00004 each step, down to 1e-6."""
        schedule = made("schedule", "exponential")
        assert 0.1 * factor(schedule, 1, 10**6) == pytest.approx(0.1 / 1.00004, rel=1e-12)
        assert 0.1 * factor(schedule, 10**6 - 1, 10**6) == pytest.approx(1e-6, rel=1e-12)
        assert factor(schedule, 287_000, 10**6) > 1e-5 == factor(schedule, 288_000, 10**6)
