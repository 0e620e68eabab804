"""Linear and convolutional layers whose weights are normalised or scaled whenever they are used."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, Literal, final

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd

from ganzoo.layers import weight_matrix, without_autocast

Weights = Literal["plain", "spectral", "equalised"]
"""How a layer uses its weights: as they are, divided by their largest singular value, or scaled by their number."""


class Rule(nn.Module, ABC):
    """Maps the weight of a layer to the one that it computes with; the layer keeps its own weight, and its name."""

    @abstractmethod
    def forward(self, weight: Tensor) -> Tensor:
        """Return the weight to compute with, of the same shape; it changes nothing."""

    def bias(self, bias: Tensor | None) -> Tensor | None:
        """Return the bias to compute with; the bias itself by default."""
        return bias

    def after_update(self, weight: Tensor) -> None:
        """Change the state of the rule after an update of ``weight``, in place; nothing by default."""


@final
class Spectral(Rule):
    """W / σ(W), with the largest singular value σ of W as a matrix (outputs, inputs): spectral normalisation.

    Source: Miyato et al. 2018, arXiv 1802.05957. A pass starts from the vector ``u`` (outputs,) and makes one step of
    the power iteration; σ has a gradient with respect to W. ``u`` moves once for each update of the weight, whatever
    the number of passes, and never in evaluation.
    """

    u: Tensor

    def __init__(self, weight: Tensor, transposed: bool):
        super().__init__()
        self._transposed = transposed
        self.register_buffer("u", F.normalize(torch.randn(weight.shape[1 if transposed else 0]), dim=0))

    def forward(self, weight: Tensor) -> Tensor:
        """Return the normalised weight."""
        matrix = weight_matrix(weight, self._transposed)
        left, right = self._step(matrix.detach())
        with without_autocast(weight.device):
            sigma = left.dot(matrix.mv(right))
        return weight / sigma

    @torch.no_grad()
    def after_update(self, weight: Tensor) -> None:
        """Move the vector by one step of the power iteration."""
        left, _ = self._step(weight_matrix(weight, self._transposed))
        self.u.copy_(left)

    def _step(self, matrix: Tensor) -> tuple[Tensor, Tensor]:
        """Return the next vectors of the outputs and of the inputs, without gradients."""
        with without_autocast(matrix.device):
            right = F.normalize(matrix.T.mv(self.u), dim=0)
            return F.normalize(matrix.mv(right), dim=0), right


@final
class Equalised(Rule):
    """W · gain / √fan-in: the equalised learning rate (Karras et al. 2018, arXiv 1710.10196).

    The weight itself is standard normal at first, so that Adam moves every layer at one speed. With a ``rate`` the
    layer learns at so many times that speed: the weight is larger by its inverse, and weight and bias are multiplied by
    it.
    """

    def __init__(self, factor: float, rate: float = 1.0):
        super().__init__()
        self._factor, self._rate = factor * rate, rate

    def forward(self, weight: Tensor) -> Tensor:
        """Return the scaled weight."""
        return weight * self._factor

    def bias(self, bias: Tensor | None) -> Tensor | None:
        """Return the bias, scaled by the rate."""
        return bias if bias is None or self._rate == 1.0 else bias * self._rate


class _Weighted(nn.Module):
    """A layer of torch that computes with what its rule makes of its weight."""

    weight: Any  # a parameter, as torch's layers have it
    bias: Any  # the same, or None
    rule: Rule

    def _follow(self, weights: Weights, gain: float, rate: float) -> None:
        transposed = isinstance(self, _ConvTransposeNd)
        if weights == "spectral":
            self.rule = Spectral(self.weight, transposed)
            return
        self.rule = Equalised(gain / math.sqrt(fan_in(self)), rate)
        with torch.no_grad():
            self.weight.normal_(0.0, 1.0 / rate)
            if self.bias is not None:
                self.bias.zero_()

    def after_update(self) -> None:
        """Tell the rule of an update of the weight."""
        self.rule.after_update(self.weight)


@final
class WeightedLinear(_Weighted, nn.Linear):
    """A linear layer with a rule."""

    def forward(self, x: Tensor) -> Tensor:
        """Map (…, inputs) to (…, outputs)."""
        return F.linear(x, self.rule(self.weight), self.rule.bias(self.bias))


@final
class WeightedConv2d(_Weighted, nn.Conv2d):
    """A convolution with a rule."""

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to (B, C', H', W')."""
        maps: Tensor = self._conv_forward(x, self.rule(self.weight), self.rule.bias(self.bias))
        return maps


@final
class WeightedConvTranspose2d(_Weighted, nn.ConvTranspose2d):
    """A transposed convolution with a rule."""

    def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]
        """Map (B, C, H, W) to (B, C', H', W')."""
        return F.conv_transpose2d(
            x,
            self.rule(self.weight),
            self.rule.bias(self.bias),
            self.stride,
            self.padding,  # type: ignore[arg-type]
            self.output_padding,
            self.groups,
            self.dilation,
        )


@final
class _SpectralModule(_Weighted):
    """A module with one ``weight``, such as an embedding, that computes with the normalised weight."""

    def __init__(self, module: nn.Module):
        super().__init__()
        self.module = module
        self.rule = Spectral(self.weight, transposed=False)

    @property
    def weight(self) -> Any:
        """The weight of the module itself."""
        return self.module.weight

    def forward(self, *arguments: Any) -> Tensor:
        """Return what the module computes with its normalised weight."""
        result: Tensor = functional_call(self.module, {"weight": self.rule(self.weight)}, arguments)
        return result


def with_spectral_weights(module: nn.Module) -> nn.Module:
    """Return ``module`` with spectral normalisation of the weight of each of its layers.

    >>> table = nn.Embedding(10, 4)
    >>> with_spectral_weights(table)(torch.tensor([3])).shape
    torch.Size([1, 4])
    """
    if isinstance(getattr(module, "weight", None), nn.Parameter):
        return _SpectralModule(module)
    for name, child in list(module.named_children()):
        module.add_module(name, with_spectral_weights(child))
    return module


def fan_in(layer: nn.Module) -> float:
    """Return how many inputs one output of a linear or convolutional layer has.

    A transposed convolution of stride s has on average one in s² of the places of its kernel.

    >>> fan_in(nn.Linear(5, 3)), fan_in(nn.Conv2d(3, 8, 3)), fan_in(nn.ConvTranspose2d(8, 3, 4, stride=2))
    (5, 27, 32.0)
    """
    assert isinstance(layer, nn.Linear | _ConvNd)
    if isinstance(layer, nn.Linear):
        return layer.in_features
    taps = layer.in_channels // layer.groups * math.prod(layer.kernel_size)
    return taps / math.prod(layer.stride) if isinstance(layer, _ConvTransposeNd) else taps


@final
class Layers:
    """Makes the layers of a network by one rule for their ``weights``; with ``plain`` ones they are those of torch.

    ``gain`` of a layer makes up for the function behind it: √2 for a ReLU, 1 for none. Equalised layers apply it, the
    others leave scales to the initialiser.

    >>> make = Layers("spectral")
    >>> sorted(make.linear(2, 3).state_dict()), sorted(Layers("plain").linear(2, 3).state_dict())
    (['bias', 'rule.u', 'weight'], ['bias', 'weight'])
    """

    def __init__(self, weights: Weights):
        self._weights = weights

    def linear(self, *arguments: Any, gain: float = math.sqrt(2.0), rate: float = 1.0, **named: Any) -> nn.Linear:
        """Return a linear layer; the arguments are those of torch. An equalised one learns ``rate`` times as fast."""
        layer: nn.Linear = self._made(nn.Linear, WeightedLinear, gain, *arguments, rate=rate, **named)
        return layer

    def conv(self, *arguments: Any, gain: float = math.sqrt(2.0), **named: Any) -> nn.Conv2d:
        """Return a convolution; the arguments are those of torch."""
        layer: nn.Conv2d = self._made(nn.Conv2d, WeightedConv2d, gain, *arguments, **named)
        return layer

    def transposed_conv(self, *arguments: Any, gain: float = math.sqrt(2.0), **named: Any) -> nn.ConvTranspose2d:
        """Return a transposed convolution; the arguments are those of torch."""
        layer: nn.ConvTranspose2d = self._made(nn.ConvTranspose2d, WeightedConvTranspose2d, gain, *arguments, **named)
        return layer

    def _made(
        self, plain: type[Any], weighted: type[Any], gain: float, *arguments: Any, rate: float = 1.0, **named: Any
    ) -> Any:
        if self._weights == "plain":
            return plain(*arguments, **named)
        layer = weighted(*arguments, **named)
        layer._follow(self._weights, gain, rate)
        return layer


def weighted_layers(network: nn.Module) -> Iterator[_Weighted]:
    """Yield the layers of ``network`` whose weights follow a rule."""
    yield from (layer for layer in network.modules() if isinstance(layer, _Weighted))


def is_equalised(layer: nn.Module) -> bool:
    """Return whether a layer sets the scale of its weights by itself, so that no initialiser may change them."""
    return isinstance(layer, _Weighted) and isinstance(layer.rule, Equalised)
