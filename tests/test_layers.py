"""Layers that networks share: dropout."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ganzoo.layers import Dropout


@pytest.mark.parametrize("p", [0.1, 0.25, 0.4, 0.9])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_dropout_drops_the_share_it_should_and_keeps_the_mean(p: float, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    dropped = Dropout(p)(torch.ones(400, 1001, dtype=dtype))
    assert dropped.dtype == dtype
    assert (dropped == 0).double().mean().item() == pytest.approx(p, abs=0.004)
    assert dropped[dropped != 0].unique().tolist() == pytest.approx([1 / (1 - p)], rel=1e-2)
    columns = (dropped == 0).double().mean(0)
    assert (columns - p).abs().max() < 0.15, "every number is as likely as the others"
    neighbours = ((dropped[:, 1:] == 0) & (dropped[:, :-1] == 0)).double().mean().item()
    assert neighbours == pytest.approx(p * p, abs=0.004), "numbers of one draw are independent"


@given(shape=st.lists(st.integers(1, 7), min_size=1, max_size=4))
def test_dropout_keeps_any_shape_and_its_gradient(shape: list[int]) -> None:
    x = torch.ones(shape, requires_grad=True)
    dropped = Dropout(0.5)(x)
    dropped.sum().backward()
    assert dropped.shape == x.shape
    assert x.grad is not None
    assert torch.equal(x.grad, dropped.detach())


def test_dropout_does_nothing_where_it_should_not() -> None:
    x = torch.randn(3, 4)
    assert Dropout(0.0)(x) is x
    assert Dropout(0.5).eval()(x) is x
