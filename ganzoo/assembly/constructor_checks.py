"""Checks of what the constructor of a part must have set."""

from __future__ import annotations

from torch import nn

from ganzoo.contract.latent import Latent
from ganzoo.contract.recipe import FieldRef, Recipe


def refuse_unfinished(built: object) -> None:
    """Raise ``TypeError``, with what to do, if the constructor of a part left out what its contract demands."""
    if isinstance(built, nn.Module) and "_modules" not in vars(built):
        raise TypeError("its __init__ does not call super().__init__()")
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
        raise TypeError("its __init__ does not call super().__init__(data)")
    fields = {FieldRef(slot, name) for slot, spec in recipe.data.items() for name in spec.fields}
    known = ", ".join(str(tuple(ref)) for ref in sorted(fields))
    output = getattr(recipe, "output", None)
    if output not in fields:
        raise TypeError(
            f"its constructor must set output to the FieldRef(slot, field) that sample() generates, not to {output!r}; "
            f"the data has {known}"
        )
    if recipe.condition is not None and recipe.condition not in fields:
        raise TypeError(
            f"its condition must be the FieldRef(slot, field) that sample() is given, or None, not {recipe.condition!r}"
            f"; the data has {known}"
        )
