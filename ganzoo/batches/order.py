"""Which examples are in which batch."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor

from ganzoo.errors import UserError
from ganzoo.randomness import WHOLE, Share, key


@final
class BatchOrder:
    """The indices of the examples in each batch: shuffled in every epoch, without the incomplete last batch.

    ``seed`` and ``stream`` determine the order. With a ``share``, only that part of every batch.

    >>> order = BatchOrder(length=10, batch_size=4, seed=0, stream="digits")
    >>> order.per_epoch, order.indices(0).shape
    (2, torch.Size([4]))
    >>> epoch = torch.cat([order.indices(0), order.indices(1)])
    >>> len(set(epoch.tolist()))
    8
    >>> first_half = BatchOrder(10, 4, 0, "digits", share=Share(0, 2))
    >>> torch.equal(first_half.indices(3), order.indices(3)[:2])
    True
    """

    def __init__(
        self,
        length: int,
        batch_size: int,
        seed: int,
        stream: str,
        device: torch.device | str = "cpu",
        share: Share = WHOLE,
    ):
        if batch_size > length:
            raise UserError(
                f"a batch of {batch_size} is larger than the data, which has {length} examples: "
                f"give --batch-size {length} or less"
            )
        self.length, self.batch_size = length, batch_size
        self.per_epoch = length // batch_size
        rows = batch_size // share.count
        self._first, self._rows = share.index * rows, rows
        self._seed, self._stream, self._device = seed, stream, torch.device(device)
        self._epoch, self._permutation = -1, torch.empty(0, dtype=torch.int64)

    def first(self, count: int) -> Tensor:
        """Return the indices (N,) int64 of the first examples of the first epoch, of all shares, at most ``count``."""
        return self._shuffled(0)[:count]

    def indices(self, number: int) -> Tensor:
        """Return the indices (B,) int64 of the share of batch ``number``, which is counted from 0 over all epochs."""
        epoch, place = divmod(number, self.per_epoch)
        if epoch != self._epoch:
            self._permutation, self._epoch = self._shuffled(epoch), epoch
        start = place * self.batch_size + self._first
        return self._permutation[start : start + self._rows]

    def _shuffled(self, epoch: int) -> Tensor:
        generator = torch.Generator().manual_seed(key(self._seed, f"order/{self._stream}", epoch))
        return torch.randperm(self.length, generator=generator).to(self._device)
