"""Optimizers; fused kernels where torch has them for the device."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn

from ganzoo_training.configs import AdamConfig, AdamWConfig, RMSpropConfig, SGDConfig


def adam(config: AdamConfig, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
    """Return Adam over ``parameters``."""
    given = list(parameters)
    return torch.optim.Adam(given, config.lr, config.betas, config.eps, config.weight_decay, fused=_fusable(given))


def adamw(config: AdamWConfig, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
    """Return AdamW over ``parameters``."""
    given = list(parameters)
    return torch.optim.AdamW(given, config.lr, config.betas, config.eps, config.weight_decay, fused=_fusable(given))


def sgd(config: SGDConfig, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
    """Return stochastic gradient descent over ``parameters``."""
    given = list(parameters)
    return torch.optim.SGD(given, config.lr, config.momentum, weight_decay=config.weight_decay, fused=_fusable(given))


def rmsprop(config: RMSpropConfig, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
    """Return RMSprop over ``parameters``."""
    return torch.optim.RMSprop(list(parameters), config.lr, config.alpha, config.eps, momentum=config.momentum)


def _fusable(parameters: list[nn.Parameter]) -> bool:
    return all(parameter.device.type in ("cpu", "cuda") and parameter.is_floating_point() for parameter in parameters)
