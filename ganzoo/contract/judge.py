"""Judges: networks that look at examples on behalf of metrics.

Shape suffixes: N examples, K classes, F features; X is whatever one example is, (C, H, W) for an image."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeVar

import torch
from torch import Tensor, nn

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Examples:
    """Examples as networks receive them: ``values`` (N, \\*X), and their classes (N,) int64 where they have any.

    Classes of made examples are those that were asked for.
    """

    values: Tensor
    labels: Tensor | None = None

    def __len__(self) -> int:
        return len(self.values)

    def at(self, indices: Tensor | slice) -> Examples:
        """Return the examples at ``indices``."""
        return Examples(self.values[indices], None if self.labels is None else self.labels[indices])


class JudgeOutput(NamedTuple):
    """What a judge says of examples.

    ``features`` (N, F) float32; ``logits`` (N, K) of the classes, K = 0 for a judge that knows none; ``sure`` (N,)
    bool: whether the example is clearly of its most likely class.
    """

    features: Tensor
    logits: Tensor
    sure: Tensor

    @property
    def classes(self) -> Tensor:
        """The most likely class (N,) of every example."""
        return self.logits.argmax(dim=1)


class Track(Protocol):
    """How long work tells how far it is."""

    def __call__(self, items: Iterable[T], what: str, count: int) -> Iterable[T]:
        """Return ``items``, of which there are ``count``, and show people ``what`` is being done to them."""


def untracked(items: Iterable[T], what: str, count: int) -> Iterable[T]:
    """Return ``items``, and show nothing."""
    return items


class Judge(nn.Module, ABC):
    """Who looks at examples for metrics, built as ``target(config, field, condition)``.

    ``field`` is the :class:`Field` of the examples, and ``condition`` that of their classes or ``None``. Everything
    that it learns must be in its ``state_dict``, which is stored: a judge is trained once. A declaration that
    ``provides`` ``judge:classes`` promises logits.
    """

    @abstractmethod
    def learn(self, real: Examples, generator: torch.Generator, track: Track) -> None:
        """Learn from real examples, which are on the judge's device; ``generator`` is on the CPU."""

    @abstractmethod
    def forward(self, values: Tensor) -> JudgeOutput:
        """Return what it says of ``values`` (N, \\*X); called in evaluation mode, in chunks."""
