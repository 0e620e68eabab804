"""Optimizers and schedules of the learning rate."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import nn


class OptimizerFactory(Protocol):
    """How the weights move: a function ``target(config, parameters)`` that builds a torch optimizer."""

    def __call__(self, config: Any, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """Return the optimizer of ``parameters``."""


@dataclass(frozen=True)
class Progress:
    """How far a training is: ``step`` of ``steps``."""

    step: int
    steps: int


class Schedule(ABC):
    """How the learning rate changes, built as ``target(config)``; stateless, so a step number restores it."""

    @abstractmethod
    def factor(self, progress: Progress) -> float:
        """Return what the base learning rate is multiplied by at this step."""
