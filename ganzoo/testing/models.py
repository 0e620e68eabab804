"""Small models of any variant, trained for no step at all, as files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from ganzoo.catalogue import Registry, installed
from ganzoo.catalogue.check import check
from ganzoo.contract.field_values import values_of
from ganzoo.randomness import ExampleDraws
from ganzoo.storage.model_file import write_model
from ganzoo.studio.model import Model
from ganzoo.testing.selections import choose
from ganzoo.testing.trainers import make_trainer


def untrained(path: Path, variant: str, registry: Registry | None = None, **flags: Any) -> Model:
    """Write the model of a variant with initial weights to ``path``, and return it as it is read again."""
    registry = registry or installed()
    selection = choose(variant, registry=registry, device="cpu", precision="fp32", **flags)
    with torch.random.fork_rng(devices=[]):
        recipe = make_trainer(selection).train_step.recipe
    write_model(path, recipe, selection, check(selection), {"steps": 0})
    return Model.read(path, registry)


def some_condition(model: Model) -> Sequence[Any]:
    """Return conditions for a model that needs one and chooses none by itself, or nothing."""
    if model.condition is None:
        return ()

    values = values_of(model.condition)
    return () if values.has_every else list(values.trial(2, ExampleDraws(0, "conditions", range(2))))
