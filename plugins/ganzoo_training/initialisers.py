"""Initial weights of a network. Its conditioners initialise themselves, and are left out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import final

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd

from ganzoo.plugin import Conditioner, Config, Initialiser, is_equalised
from ganzoo_training.configs import (
    NormalWeightsConfig,
    OrthogonalWeightsConfig,
    UniformWeightsConfig,
    XavierConfig,
)


def own_layers(network: nn.Module) -> Iterator[nn.Module]:
    """Yield the modules of ``network`` without its conditioners, and without layers that scale their weights."""
    if not is_equalised(network):
        yield network
    for child in network.children():
        if not isinstance(child, Conditioner):
            yield from own_layers(child)


@final
class Default(Initialiser):
    """Keeps PyTorch's default initialisation (He et al. 2015, arXiv 1502.01852)."""

    def __init__(self, config: Config):
        pass

    def __call__(self, network: nn.Module) -> None:
        """Change nothing."""


@final
class Normal(Initialiser):
    """N(0, deviation) weights, N(1, norm_deviation) batch-norm weights, zero biases (DCGAN, arXiv 1511.06434)."""

    def __init__(self, config: NormalWeightsConfig):
        self._deviation = config.deviation
        self._norm_deviation = config.deviation if config.norm_deviation is None else config.norm_deviation

    def __call__(self, network: nn.Module) -> None:
        """Set the weights of every linear, convolutional and batch-norm layer."""
        for layer in own_layers(network):
            if isinstance(layer, nn.Linear | _ConvNd):
                nn.init.normal_(layer.weight, 0.0, self._deviation)
            elif isinstance(layer, _BatchNorm) and layer.affine:
                nn.init.normal_(layer.weight, 1.0, self._norm_deviation)
            else:
                continue
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


@final
class Xavier(Initialiser):
    """Xavier-normal weights and constant biases (Glorot & Bengio 2010)."""

    def __init__(self, config: XavierConfig):
        self._bias = config.bias

    def __call__(self, network: nn.Module) -> None:
        """Set the weights of every linear and convolutional layer."""
        for layer in own_layers(network):
            if isinstance(layer, nn.Linear | _ConvNd):
                nn.init.xavier_normal_(layer.weight)
                if layer.bias is not None:
                    nn.init.constant_(layer.bias, self._bias)


def linear_layers(network: nn.Module) -> Iterator[nn.Linear | _ConvNd]:
    """Yield the linear and convolutional layers of :func:`own_layers`, with biases set to 0."""
    for layer in own_layers(network):
        if isinstance(layer, nn.Linear | _ConvNd):
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
            yield layer


@final
class UniformWeights(Initialiser):
    """U(−limit, limit) weights and zero biases, as in the code of the first GAN (Goodfellow et al. 2014)."""

    def __init__(self, config: UniformWeightsConfig):
        self._limit = config.limit

    def __call__(self, network: nn.Module) -> None:
        """Set the weights of every linear and convolutional layer."""
        for layer in linear_layers(network):
            nn.init.uniform_(layer.weight, -self._limit, self._limit)


@final
class OrthogonalWeights(Initialiser):
    """Orthogonal weights times a gain, and zero biases (Saxe et al. 2014, arXiv 1312.6120)."""

    def __init__(self, config: OrthogonalWeightsConfig):
        self._gain = config.gain

    def __call__(self, network: nn.Module) -> None:
        """Set the weights of every linear and convolutional layer, each as a matrix with a row for each output."""
        for layer in linear_layers(network):
            nn.init.orthogonal_(layer.weight, self._gain)
