"""State that belongs to a training, and not to the model that it trains."""

from __future__ import annotations

from collections import Counter
from typing import Any, Self

import torch
from torch import Tensor, nn

from ganzoo.contract.optimization import Progress


class WorkingState(nn.Module):
    """A module whose buffers only the training needs: checkpoints keep them, and model files leave them out.

    Write into such a buffer in place, as ``copy_`` and ``lerp_`` do: recorded steps and checkpoints know its memory.
    A constructor may set plain attributes without a call of ``super().__init__()``.
    """

    def __new__(cls, *arguments: Any, **named: Any) -> Self:
        """Return a module that is ready for attributes, before its constructor runs."""
        made = super().__new__(cls)
        nn.Module.__init__(made)
        return made

    def before_step(self, progress: Progress) -> None:
        """Set numbers that follow a schedule, as buffers with ``fill_``, before each step; nothing by default.

        It runs on the host, also before a step that is replayed.
        """


def model_state(recipe: nn.Module) -> dict[str, Tensor]:
    """Return the weights and buffers of a recipe that a model file holds, by name.

    >>> class Counter(WorkingState):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.register_buffer("count", Tensor([0.0]))
    >>> list(model_state(nn.ModuleDict({"generator": nn.Linear(1, 1), "counter": Counter()})))
    ['generator.weight', 'generator.bias']
    """
    working = tuple(f"{name}." for name, module in recipe.named_modules() if isinstance(module, WorkingState))
    return {name: value for name, value in recipe.state_dict().items() if not name.startswith(working)}


def scalar_states(recipe: nn.Module) -> dict[str, float]:
    """Return the scalar buffers of working states, by the name of the buffer, or by its path if others have this name.

    It reads all of them from the device at once.
    """
    holders = {name: module for name, module in recipe.named_modules() if isinstance(module, WorkingState)}
    found = [
        (path, name, buffer)
        for path, module in holders.items()
        for name, buffer in module.named_buffers(recurse=False)
        if buffer.dim() == 0
    ]
    if not found:
        return {}
    counts = Counter(name for _, name, _ in found)
    names = [name if counts[name] == 1 else f"{path}.{name}" for path, name, _ in found]
    numbers = torch.stack([buffer.detach().float() for _, _, buffer in found]).tolist()
    return dict(zip(names, numbers, strict=True))


def scheduled(recipe: nn.Module) -> list[WorkingState]:
    """Return the parts of a recipe that do something before each step."""
    found = (module for module in recipe.modules() if isinstance(module, WorkingState))
    return [module for module in found if type(module).before_step is not WorkingState.before_step]
