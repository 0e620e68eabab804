"""Loads and builds the selected parts from their declarations."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from ganzoo.catalogue.component import Component
from ganzoo.catalogue.data import DataSpec, Field
from ganzoo.catalogue.options import Config
from ganzoo.catalogue.registry import Part
from ganzoo.catalogue.selection import Selection
from ganzoo.contract.conditioner import Conditioner, Sites, Unconditioned
from ganzoo.contract.dataset import Dataset
from ganzoo.contract.judge import Judge
from ganzoo.contract.latent import Latent
from ganzoo.contract.loss import Loss
from ganzoo.contract.metric import Metric
from ganzoo.contract.networks import Discriminator, Generator, Initialiser
from ganzoo.contract.optimization import Schedule
from ganzoo.contract.penalty import Penalty
from ganzoo.contract.recipe import Recipe
from ganzoo.randomness import key, seeded
from ganzoo.text import message_of

# The class that a target must derive from, by kind of component; the target of an optimizer is a function.
INTERFACES: Mapping[str, type] = {
    "recipe": Recipe,
    "generator": Generator,
    "discriminator": Discriminator,
    "conditioner": Conditioner,
    "loss": Loss,
    "penalty": Penalty,
    "latent": Latent,
    "initialiser": Initialiser,
    "schedule": Schedule,
    "dataset": Dataset,
    "metric": Metric,
    "judge": Judge,
}


def resolve(component: Component) -> Any:
    """Return the class or function that ``component.target`` names.

    Raises ``ImportError`` if it cannot be loaded, and ``TypeError`` if it does not implement the kind's interface.
    """
    target = component.target if callable(component.target) else _imported(component.target)
    if callable(component.target) and not isinstance(target, type):
        return target  # an object that builds the part; what it builds is looked at then
    interface = INTERFACES.get(component.kind)
    if interface is not None and not (isinstance(target, type) and issubclass(target, interface)):
        raise TypeError(
            f"{component.target_name} is not a subclass of {interface.__name__} (from {interface.__module__})"
        )
    return target


def _imported(path: str) -> Any:
    module, name = path.split(":")
    try:
        return getattr(importlib.import_module(module), name)
    except KeyboardInterrupt:
        raise
    except BaseException as problem:  # code of a plugin may raise anything during import, SystemExit included
        raise ImportError(f"{path} cannot be loaded ({message_of(problem)})") from problem


def _target(part: Part) -> Any:
    with part.attributed():
        return resolve(part.component)


class SelectedParts:
    """Builds the selected parts for a recipe (:class:`ganzoo.contract.recipe.Parts`)."""

    def __init__(self, parts: Mapping[str, Part]):
        self._parts = parts

    def build(self, slot: str, **context: Any) -> Any:
        """Return the part in ``slot``, built from its options and ``context``."""
        part = self._parts[slot]
        target, dtype = _target(part), torch.get_default_dtype()
        with part.attributed():
            built = target(part.config, **context)
            interface = INTERFACES.get(part.slot.kind, torch.optim.Optimizer)
            if not isinstance(built, interface):
                kind = interface.__name__ if part.slot.kind in INTERFACES else "torch Optimizer"
                raise TypeError(f"{part.component.target_name} returns {type(built).__name__}, not a {kind}")
            if torch.get_default_dtype() != dtype:
                torch.set_default_dtype(dtype)
                raise TypeError("it changes torch's default dtype, on which all other parts rely")
            return built

    def network(self, slot: str, condition: Field | None = None, **shapes: Any) -> nn.Module:
        """Return the network in ``slot`` with its conditioners and with initialised weights."""
        network: nn.Module = self.build(slot, sites=self._sites(slot, condition), **shapes)
        for part in self._attached(slot, "initialiser"):
            initialise = self.build(part.slot.name)
            with part.attributed():
                initialise(network)
        return network

    def conditioned(self, slot: str) -> bool:
        """Return whether the network in ``slot`` has a conditioner other than the null one."""
        return any(_target(part).sites for part in self._attached(slot, "conditioner"))

    def _sites(self, slot: str, condition: Field | None) -> Sites:
        for part in self._attached(slot, "conditioner"):
            return Sites(_target(part), part.config, condition, part.attributed)
        return Sites(Unconditioned, Config(), None)

    def _attached(self, slot: str, kind: str) -> list[Part]:
        return [part for part in self._parts.values() if part.slot.of == slot and part.slot.kind == kind]


def build_recipe(selection: Selection, data: Mapping[str, DataSpec], device: torch.device | str = "cpu") -> Recipe:
    """Return the selected recipe with new weights that depend on the run's seed alone."""
    parts = SelectedParts(selection.parts)
    with seeded(key(selection.run.seed, "weights")), torch.device(device):
        recipe: Recipe = parts.build("recipe", parts=parts, data=data)
    return recipe
