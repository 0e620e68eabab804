"""Penalties that take the gradient of each example, in networks whose batch norm mixes the examples."""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from ganzoo.assembly.parts import SelectedParts
from ganzoo.contract.networks import Discriminator, Generator
from ganzoo.contract.penalty import GeneratorPenalty, Penalty, Regulariser
from ganzoo.contract.recipe import Recipe


def mixed_gradients(recipe: Recipe, parts: SelectedParts) -> Iterator[str]:
    """Yield a sentence for each penalty of gradients whose network has batch norm: no example has one of its own."""
    for kind, network_kind in ((Penalty, Discriminator), (GeneratorPenalty, Generator)):
        networks = [module for module in recipe.modules() if isinstance(module, network_kind)]
        normed = [parts.owner(network) for network in networks if _has_batch_norm(network)]
        for penalty in recipe.modules():
            part = parts.owner(penalty) if isinstance(penalty, kind) else None
            if part is not None and isinstance(penalty, Regulariser) and penalty.of_gradients:
                yield from (
                    f"{part.label} takes the gradient of each example, which batch norm in {network.label} mixes with "
                    "the others of the batch: choose a network without batch norm, or another penalty"
                    for network in normed
                    if network is not None
                )


def _has_batch_norm(network: nn.Module) -> bool:
    return any(isinstance(layer, _BatchNorm) for layer in network.modules())
