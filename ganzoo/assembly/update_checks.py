"""A check that a recipe computes its penalties, and tells its parts of the updates that concern them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

from torch import nn

from ganzoo.assembly.parts import SelectedParts
from ganzoo.assembly.replaced import replaced
from ganzoo.catalogue.selection import Selection
from ganzoo.contract.augmentation import Augmentation
from ganzoo.contract.loss import Loss
from ganzoo.contract.penalty import Regulariser
from ganzoo.contract.recipe import Recipe

_CALLED: Mapping[type, Sequence[str]] = {
    Loss: ("after_update",),
    Augmentation: ("after_update",),
    Regulariser: ("forward", "after_update", "constrain"),
}


class Missed(NamedTuple):
    """A function of a part that its recipe has not called."""

    part: nn.Module
    function: str


@contextmanager
def calls_watched(recipe: Recipe) -> Iterator[list[Missed]]:
    """In the block, remove from the list of functions that a recipe must call those that it calls."""
    missed: list[Missed] = []

    def watched(one: Missed, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            if one in missed:
                missed.remove(one)
            return function(*arguments, **named)

        return call

    with ExitStack() as stack:
        for part in recipe.modules():
            for interface, names in _CALLED.items():
                for name in names:
                    if isinstance(part, interface) and getattr(type(part), name) is not getattr(interface, name):
                        missed.append(Missed(part, name))
                        stack.enter_context(replaced(part, {name: watched(missed[-1], getattr(part, name))}))
        yield missed


def never_called(selection: Selection, parts: SelectedParts, missed: Sequence[Missed]) -> Iterator[str]:
    """Yield a sentence for each function of a part that was ``missed``."""
    for module, function in missed:
        part = parts.owner(module)
        if part is None:
            continue
        recipe = selection.parts["recipe"].label
        if function == "forward":
            yield (
                f"{recipe} never computes {part.label}: leave it out, or compute it in the phase of its network, or in "
                "a phase of its own if it is due in some steps only"
            )
        else:
            yield (
                f"{recipe} never calls {function} of {part.label}, whose state would stay as it is: pass the call on "
                "in the recipe's own after_update"
            )
