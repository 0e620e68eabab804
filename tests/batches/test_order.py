"""The order of examples: every one once an epoch, from seed and epoch alone."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ganzoo.batches.order import BatchOrder
from ganzoo.errors import UserError

# Batches


@given(length=st.integers(1, 60), batch=st.integers(1, 60), seed=st.integers(0, 9))
def test_every_epoch_shows_every_example_once(length: int, batch: int, seed: int) -> None:
    if batch > length:
        with pytest.raises(UserError, match=f"--batch-size {length} or less"):
            BatchOrder(length, batch, seed, "x")
        return
    order = BatchOrder(length, batch, seed, "x")
    for epoch in range(2):
        numbers = range(epoch * order.per_epoch, (epoch + 1) * order.per_epoch)
        seen = torch.cat([order.indices(number) for number in numbers]).tolist()
        assert len(set(seen)) == len(seen) == order.per_epoch * batch


def test_order_depends_on_seed_and_epoch_alone() -> None:
    first, other = BatchOrder(50, 5, 1, "x"), BatchOrder(50, 5, 2, "x")
    assert torch.equal(first.indices(13), BatchOrder(50, 5, 1, "x").indices(13)), "no history"
    assert not torch.equal(first.indices(0), first.indices(10)), "each epoch is shuffled anew"
    assert not torch.equal(first.indices(0), other.indices(0))
