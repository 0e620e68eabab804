"""Gradient descent as it was used in 2014."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, final

import torch
from torch import nn
from torch.optim.optimizer import Optimizer

from ganzoo_classics.configs import RisingMomentumConfig


@final
class RisingMomentum(Optimizer):
    """v ← μ v − η g, w ← w + v, where the momentum μ rises by equal steps (Goodfellow et al. 2013, arXiv 1302.4389).

    The velocity of each parameter holds the learning rates that its gradients had.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], config: RisingMomentumConfig):
        rise = (config.final - config.momentum) / config.updates
        defaults = {"lr": config.lr, "momentum": config.momentum, "final": config.final, "rise": rise}
        super().__init__(list(parameters), defaults)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Make one update."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                state: dict[str, Any] = self.state[parameter]
                if not state:
                    state["velocity"] = torch.zeros_like(parameter)
                    state["momentum"] = torch.full((), group["momentum"], device=parameter.device)
                velocity = state["velocity"].mul_(state["momentum"]).sub_(parameter.grad * group["lr"])
                parameter.add_(velocity)
                state["momentum"].add_(group["rise"]).clamp_(max=group["final"])


def rising_momentum(config: RisingMomentumConfig, parameters: Iterable[nn.Parameter]) -> Optimizer:
    """Return the optimizer of ``parameters``."""
    return RisingMomentum(parameters, config)
