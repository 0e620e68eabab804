"""Dropout that is also the noise of a generator: it stays on when examples are generated."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import final

from torch import Tensor, nn

from ganzoo.plugin import Draws, Dropout

_draws: ContextVar[Draws | None] = ContextVar("draws of dropout", default=None)


@contextmanager
def dropout_from(draws: Draws) -> Iterator[None]:
    """In the block, :class:`NoisyDropout` in evaluation mode takes its numbers from ``draws``."""
    token = _draws.set(draws)
    try:
        yield
    finally:
        _draws.reset(token)


@final
class NoisyDropout(nn.Module):
    """Dropout that drops in evaluation mode too, inside :func:`dropout_from`; elsewhere it is the usual one.

    Source: Isola et al. 2017, arXiv 1611.07004, section 2.2.1.
    """

    def __init__(self, p: float):
        super().__init__()
        self.rate, self._usual = p, Dropout(p)

    def forward(self, x: Tensor) -> Tensor:
        """Return x (B, …) with some of its numbers set to zero."""
        draws = None if self.training else _draws.get()
        if draws is None or not self.rate:
            usual: Tensor = self._usual(x)
            return usual
        kept = (draws.uniform(x.shape) >= self.rate).to(x)
        return x * kept / (1 - self.rate)
