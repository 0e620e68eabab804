"""Checks of what the constructor of a part must have set."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn

from ganzoo.contract.latent import Latent
from ganzoo.contract.recipe import FieldRef, Recipe


@contextmanager
def base_called(interface: type) -> Iterator[None]:
    """In the block, say what to do if the constructor of a part calls that of its base class too late or wrongly."""
    try:
        yield
    except (AttributeError, TypeError) as problem:
        if "Module.__init__() call" in str(problem) or "Recipe.__init__() missing" in str(problem):
            raise TypeError(f"its __init__ must begin with {_call_of_base(interface)}") from problem
        raise


def _call_of_base(kind: type) -> str:
    return f"super().__init__({'data' if issubclass(kind, Recipe) else ''})"


def refuse_unfinished(built: object) -> None:
    """Raise ``TypeError``, with what to do, if the constructor of a part left out what its contract demands."""
    if isinstance(built, nn.Module) and "_modules" not in vars(built):
        raise TypeError(f"its __init__ does not call {_call_of_base(type(built))}")
    if isinstance(built, Latent):
        _refuse_unfinished_latent(built)
    if isinstance(built, Recipe):
        _refuse_unfinished_recipe(built)


def _refuse_unfinished_latent(latent: Latent) -> None:
    shape = getattr(latent, "shape", None)
    if not isinstance(shape, tuple) or not all(isinstance(size, int) for size in shape):
        raise TypeError(f"its constructor must set shape to a tuple of sizes such as (100,), not to {shape!r}")
    if latent.controls and type(latent).place is Latent.place:
        raise TypeError("it has controls, and no place() that writes their values into the noise")


def _refuse_unfinished_recipe(recipe: Recipe) -> None:
    if "data" not in vars(recipe):
        raise TypeError(f"its __init__ does not call {_call_of_base(Recipe)}")
    fields = {FieldRef(slot, name) for slot, spec in recipe.data.items() for name in spec.fields}
    known = ", ".join(str(tuple(ref)) for ref in sorted(fields))
    output = getattr(recipe, "output", None)
    if output not in fields:
        raise TypeError(
            f"its constructor must set output to the FieldRef(slot, field) that sample() generates, not to {output!r}; "
            f"the data has {known}"
        )
    fields |= {FieldRef(slot, spec.condition) for slot, spec in recipe.data.items() if spec.condition}  # joined ones
    if recipe.condition is not None and recipe.condition not in fields:
        raise TypeError(
            f"its condition must be the FieldRef(slot, field) that sample() is given, or None, not {recipe.condition!r}"
            f"; the data has {known}"
        )
