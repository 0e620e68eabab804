"""Optimizers, and schedules of the learning rate."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import nn


class OptimizerFactory(Protocol):
    """A function ``target(config, parameters)`` that returns a torch optimizer."""

    def __call__(self, config: Any, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """Return the optimizer of ``parameters``."""


@dataclass(frozen=True)
class Progress:
    """The progress of a training: ``step`` (from 0) of ``steps``, each with ``batch_size`` examples in all."""

    step: int
    steps: int
    batch_size: int = 1


class Schedule(ABC):
    """A schedule of the learning rate, built as ``target(config)``.

    It keeps no state: the step number determines the rate, so a resumed run needs nothing else.
    """

    @abstractmethod
    def factor(self, progress: Progress) -> float:
        """Return the finite factor by which the base learning rate is multiplied at this step."""
