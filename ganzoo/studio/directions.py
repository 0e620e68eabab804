"""Directions of the noise that change examples most, by a closed-form factorisation of the generator's first layer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

from ganzoo.errors import UserError
from ganzoo.studio.model import Model
from ganzoo.studio.noise import Noise, generate

STEP = 2.0**-6  # of the difference quotient; exact for a layer that sees the noise itself, or the noise times a code


class Directions(NamedTuple):
    """Unit vectors (K, Z) in the space of the latent vector, and how far each moves the first layer's outputs (K,)."""

    vectors: Tensor
    strengths: Tensor


class _Seen(Exception):
    """Ends a pass when the first layer has answered."""

    def __init__(self, outputs: Tensor):
        super().__init__()
        self.outputs = outputs


def find_directions(
    model: Model, noise: Noise, conditions: Tensor | None, controls: Mapping[str, Tensor]
) -> Directions:
    """Return the directions at the first example of ``noise``, the strongest one first.

    With the matrix A of the first layer that the noise reaches, they are the eigenvectors of AᵀA: unit steps along them
    move the outputs of the layer furthest. Source: Shen & Zhou 2021, arXiv 2007.06600, equation 4. A contains what a
    conditioner does to the noise before the layer, so the directions may depend on the condition. Raises
    :class:`UserError` if no linear or convolutional layer sees the noise.
    """
    latent = noise.latent[:1]
    size = latent.shape[1]
    # One row is the example itself, and each of the others a step along one coordinate.
    steps = torch.cat([torch.zeros(1, size), torch.eye(size) * STEP])
    repeated = torch.zeros(size + 1, dtype=torch.long)
    moved = noise.rows(repeated)
    # Not with_latent(), which keeps uniform numbers between 0 and 1 and would shorten a step at the border.
    place = noise.main
    drawn = moved.draws[place]
    values = (latent + steps).view_as(drawn.values)
    stepped = Noise((*moved.draws[:place], replace(drawn, values=values), *moved.draws[place + 1 :]))
    conditions = conditions[repeated] if conditions is not None else None
    controls = {name: chosen[repeated] for name, chosen in controls.items()}
    outputs = _first_outputs(model, stepped, conditions, controls).double().cpu()
    matrix = (outputs[1:] - outputs[:1]) / STEP  # (Z, F)
    squared, vectors = torch.linalg.eigh(matrix @ matrix.T)
    found = vectors.T.flip(0)
    # An eigenvector has no sign; its largest number is positive here, so that the same walk is made again.
    signs = found.gather(1, found.abs().argmax(1, keepdim=True)).sign()
    return Directions((found * signs).float(), squared.flip(0).clamp_min(0).sqrt().float())


def _first_outputs(model: Model, noise: Noise, conditions: Tensor | None, controls: Mapping[str, Tensor]) -> Tensor:
    count = len(noise.latent)

    def stop(layer: nn.Module, inputs: Any, outputs: Tensor) -> None:
        if len(outputs) == count and bool((outputs != outputs[:1]).any()):
            raise _Seen(outputs.flatten(1))

    layers = [layer for layer in model.recipe.modules() if isinstance(layer, nn.Linear | _ConvNd)]
    hooks = [layer.register_forward_hook(stop) for layer in layers]
    try:
        with torch.no_grad():
            # In one piece: the rows are compared with each other.
            generate(model.recipe, noise, count, conditions, controls, model.output_name, chunk=count)
    except _Seen as seen:
        return seen.outputs
    finally:
        for hook in hooks:
            hook.remove()
    raise UserError("no layer of this model sees the noise, so no directions can be found: walk along a --dimension")
