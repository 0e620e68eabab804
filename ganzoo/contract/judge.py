"""Judges: networks that turn examples into features and class scores, with which metrics compare them.

Shape suffixes: N examples, K classes, F features; X is the shape of one example, (C, H, W) for an image."""

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
    """Examples as networks receive them: ``values`` (N, \\*X), and their classes ``labels`` (N,) int64, if any.

    The labels of generated examples are the classes that the generator was conditioned on. ``conditions`` (N, …) are
    conditions of any type, if there are any. ``truth`` (N, \\*X) are the real examples with the conditions of generated
    ones, such as the photograph that belongs to an outline; not for classes, which many examples have.

    >>> examples = Examples(torch.zeros(5, 1, 8, 8), torch.arange(5))
    >>> len(examples), examples.at(slice(3, 5)).labels
    (5, tensor([3, 4]))
    """

    values: Tensor
    labels: Tensor | None = None
    conditions: Tensor | None = None
    truth: Tensor | None = None

    def __len__(self) -> int:
        return len(self.values)

    def at(self, indices: Tensor | slice) -> Examples:
        """Return the examples at ``indices``."""
        every = (self.values, self.labels, self.conditions, self.truth)
        values, *others = (None if tensor is None else tensor[indices] for tensor in every)
        assert values is not None
        return Examples(values, *others)


class JudgeOutput(NamedTuple):
    """The output of a judge for N examples.

    ``features`` (N, F) float32; ``logits`` (N, K) of the classes, with K = 0 for a judge without classes; ``sure`` (N,)
    bool: whether the example clearly belongs to its most likely class.
    """

    # These names are also the names of the tensors in cached files, and must not change.
    features: Tensor
    logits: Tensor
    sure: Tensor

    @property
    def classes(self) -> Tensor:
        """The most likely class (N,) of every example."""
        return self.logits.argmax(dim=1)


class Track(Protocol):
    """Shows the progress of long work to the user."""

    def __call__(self, items: Iterable[T], what: str, count: int) -> Iterable[T]:
        """Return ``items``, of which there are ``count``, and show how many are done; ``what`` names the work."""


def untracked(items: Iterable[T], what: str, count: int) -> Iterable[T]:
    """Return ``items``, and show nothing."""
    return items


class Judge(nn.Module, ABC):
    """A network that examines examples for metrics, built as ``target(config, field, condition)``.

    ``field`` is the :class:`Field` of the examples, and ``condition`` that of their classes or ``None``. A judge is
    trained once and then read from a file, so everything that it learns must be in its ``state_dict``. A declaration
    with ``provides=("judge:classes",)`` promises logits with K > 0.
    """

    @abstractmethod
    def learn(self, real: Examples, generator: torch.Generator, track: Track) -> None:
        """Train on real examples, which are on the judge's device; ``generator`` is on the CPU."""

    @abstractmethod
    def forward(self, values: Tensor) -> JudgeOutput:
        """Return features and logits of ``values`` (N, \\*X); called in evaluation mode, chunk by chunk."""
