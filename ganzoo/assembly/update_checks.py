"""A check that a recipe passes ``after_update`` on to the parts that have a state."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from torch import nn

from ganzoo.assembly.parts import SelectedParts
from ganzoo.assembly.replaced import replaced
from ganzoo.catalogue.selection import Selection
from ganzoo.contract.augmentation import Augmentation
from ganzoo.contract.loss import Loss
from ganzoo.contract.penalty import Penalty
from ganzoo.contract.recipe import Recipe


@contextmanager
def after_update_watched(recipe: Recipe) -> Iterator[list[nn.Module]]:
    """In the block, remove from the list of stateful parts those whose ``after_update`` the recipe calls."""
    missed: list[nn.Module] = []

    def watched(part: nn.Module, after_update: Callable[..., None]) -> Callable[..., None]:
        def call(*arguments: Any, **named: Any) -> None:
            if part in missed:
                missed.remove(part)
            after_update(*arguments, **named)

        return call

    with ExitStack() as stack:
        for part in recipe.modules():
            for interface in (Loss, Penalty, Augmentation):
                if isinstance(part, interface) and type(part).after_update is not interface.after_update:
                    missed.append(part)
                    stack.enter_context(replaced(part, {"after_update": watched(part, part.after_update)}))
        yield missed


def never_updated(selection: Selection, parts: SelectedParts, missed: Sequence[nn.Module]) -> Iterator[str]:
    """Yield a sentence for each part whose ``after_update`` was ``missed``."""
    for module in missed:
        part = parts.owner(module)
        if part is not None:
            yield (
                f"{selection.parts['recipe'].label} never calls after_update of {part.label}, whose state would stay "
                "as it is: pass the call on in the recipe's own after_update"
            )
