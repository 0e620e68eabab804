"""Where networks flatten maps: found by running them, and changed from (H, W, C) to (C, H, W)."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from ganzoo.studio.conversion.layouts import from_channels_last, layouts_recorded

C, H, W = 2, 3, 4


class Network(nn.Module):
    """Vector → map → vector → map, with all that may stand between."""

    def __init__(self) -> None:
        super().__init__()
        self.dense = nn.Sequential(nn.Linear(5, C * H * W), nn.BatchNorm1d(C * H * W), nn.ReLU())
        self.conv = nn.Conv2d(C, C, 3, padding=1)
        self.aside = nn.Embedding(3, C * H * W)
        self.norm, self.dropout = nn.BatchNorm1d(C * H * W), nn.Dropout(0.0)
        self.narrow, self.wide = nn.Linear(C * H * W, 7), nn.Linear(7, C * H * W)

    def forward(self, z: Tensor) -> Tensor:
        x = self.conv(self.dense(z).view(-1, C, H, W))
        x = x + self.aside(torch.zeros(len(z), dtype=torch.long)).view_as(x)
        x = self.narrow(self.dropout(self.norm(x.flatten(1))))
        made: Tensor = self.wide(x)
        return made.view(-1, C, H, W)


class ChannelsLast(Network):
    """The same for networks that flatten maps as (H, W, C)."""

    def forward(self, z: Tensor) -> Tensor:
        x = self.conv(self.dense(z).view(-1, H, W, C).permute(0, 3, 1, 2))
        added = self.aside(torch.zeros(len(z), dtype=torch.long)).view(-1, C, H, W)
        x = self.narrow(self.dropout(self.norm((x + added).permute(0, 2, 3, 1).flatten(1))))
        made: Tensor = self.wide(x)
        return made.view(-1, H, W, C).permute(0, 3, 1, 2)


def test_flat_maps_are_found_and_changed() -> None:
    network, other = Network().eval(), ChannelsLast().eval()
    with layouts_recorded((Network,)) as layouts:
        network(torch.ones(2, 5))
    found = layouts.of(Network())
    assert {name: list(dimensions) for name, dimensions in found.items()} == {
        "dense.0.weight": [0],
        "dense.0.bias": [0],
        **{f"dense.1.{role}": [0] for role in ("weight", "bias", "running_mean", "running_var")},
        **{f"norm.{role}": [0] for role in ("weight", "bias", "running_mean", "running_var")},
        "narrow.weight": [1],
        "wide.weight": [0],
        "wide.bias": [0],
    }
    state = {name: torch.rand_like(value) + 0.5 if value.dim() else value for name, value in other.state_dict().items()}
    other.load_state_dict(state)
    network.load_state_dict({name: from_channels_last(value, found.get(name, {})) for name, value in state.items()})
    z = torch.randn(6, 5)
    assert torch.allclose(network(z), other(z), atol=1e-4)


def test_the_shape_of_a_map_with_one_channel_changes_nothing() -> None:
    value = torch.randn(12, 5)
    assert torch.equal(from_channels_last(value, {0: (1, 3, 4)}), value)
    assert not torch.equal(from_channels_last(value, {0: (2, 2, 3)}), value)


def test_networks_that_did_not_run_have_no_maps_and_the_hook_is_gone() -> None:
    with pytest.raises(ZeroDivisionError), layouts_recorded((Network,)) as layouts:
        raise ZeroDivisionError
    Network()(torch.ones(2, 5))
    assert layouts.of(Network()) == {}
