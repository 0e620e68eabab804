"""Learning-rate schedules: the factor of the base rate at each step."""

from __future__ import annotations

import math
from typing import final

from ganzoo.plugin import Config, Progress, Schedule
from ganzoo_training.configs import CosineConfig, ExponentialConfig, LinearConfig, StepConfig


@final
class Constant(Schedule):
    """Always the base rate."""

    def __init__(self, config: Config):
        pass

    def factor(self, progress: Progress) -> float:
        """Return 1."""
        return 1.0


@final
class Step(Schedule):
    """``factor`` to the power of the number of drops so far; ``every`` is the share of the run between two drops."""

    def __init__(self, config: StepConfig):
        self._every, self._factor = config.every, config.factor

    def factor(self, progress: Progress) -> float:
        """Return the factor at this step."""
        # A whole number of steps: shares like 0.4 are not exact in floating point, and a drop must not be a step late.
        interval = max(1, round(self._every * progress.steps))
        return self._factor ** (progress.step // interval)


@final
class Linear(Schedule):
    """1 until the share ``start`` of the run, then linear decay to ``end``."""

    def __init__(self, config: LinearConfig):
        self._start, self._end = config.start, config.end

    def factor(self, progress: Progress) -> float:
        """Return the factor at this step."""
        done = progress.step / progress.steps
        if done <= self._start:
            return 1.0
        return 1.0 - (done - self._start) / (1.0 - self._start) * (1.0 - self._end)


@final
class Cosine(Schedule):
    """From 1 to ``end`` along half a cosine, in the share ``until`` of the run."""

    def __init__(self, config: CosineConfig):
        self._end, self._until = config.end, config.until

    def factor(self, progress: Progress) -> float:
        """Return the factor at this step."""
        done = min(1.0, progress.step / progress.steps / self._until)
        return self._end + (1.0 - self._end) * (1.0 + math.cos(math.pi * done)) / 2.0


@final
class Exponential(Schedule):
    """1 / divisor^step, not below ``floor``."""

    def __init__(self, config: ExponentialConfig):
        self._rate, self._floor = math.log(config.divisor), config.floor

    def factor(self, progress: Progress) -> float:
        """Return the factor at this step."""
        return max(self._floor, math.exp(-self._rate * progress.step))
