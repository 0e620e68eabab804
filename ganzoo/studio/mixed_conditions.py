"""Between two conditions: what conditioners answer for one and for the other is mixed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from ganzoo.catalogue.data import Field
from ganzoo.contract.conditioner import Conditioner
from ganzoo.contract.recipe import Recipe
from ganzoo.errors import UserError


def is_continuous(condition: Field, values: Tensor) -> bool:
    """Return whether conditions consist of real numbers, such as attributes and images, and of no index."""
    return values.is_floating_point() and not condition.members


@contextmanager
def mixed_conditions(recipe: Recipe, other: Tensor, share: float) -> Iterator[None]:
    """In the block, every conditioner answers as at ``share`` of the way from its condition to ``other`` (one, …).

    So there is something between two classes: an embedding at ``share`` of the way, for conditioners that add,
    multiply or concatenate one; a scale and a shift, for those of hidden layers. Raises :class:`UserError` if no
    conditioner is asked in the block.
    """
    asked = False

    def mix(conditioner: nn.Module, given: tuple[Any, ...], answer: Tensor) -> Tensor | None:
        nonlocal asked
        x, condition, *seen = given
        if condition is None:
            return None
        asked = True
        mixed: Tensor = torch.lerp(answer, conditioner.forward(x, other.expand_as(condition), *seen), share)
        return mixed

    hooks = [module.register_forward_hook(mix) for module in recipe.modules() if isinstance(module, Conditioner)]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
    if not asked:
        raise UserError("no conditioner of this model sees the condition, so there is nothing between two of them")
