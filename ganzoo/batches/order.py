"""Which examples are in which batch."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor

from ganzoo.errors import UserError
from ganzoo.randomness import WHOLE, Share, key


@final
class BatchOrder:
    """Which examples a share of batch number k holds: shuffled anew each epoch, the incomplete last batch left out."""

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

    def indices(self, number: int) -> Tensor:
        """Return the indices (B,) of the share of batch ``number``, counted from 0 over all epochs."""
        epoch, place = divmod(number, self.per_epoch)
        if epoch != self._epoch:
            generator = torch.Generator().manual_seed(key(self._seed, f"order/{self._stream}", epoch))
            self._permutation = torch.randperm(self.length, generator=generator).to(self._device)
            self._epoch = epoch
        start = place * self.batch_size + self._first
        return self._permutation[start : start + self._rows]
