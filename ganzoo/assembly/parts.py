"""Loads and builds the selected parts from their declarations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import nn

from ganzoo.assembly.constructor_checks import base_called, refuse_unfinished
from ganzoo.catalogue.check import needs_condition
from ganzoo.catalogue.component import Component
from ganzoo.catalogue.data import DataSpec, Field
from ganzoo.catalogue.kinds import KINDS, Kind
from ganzoo.catalogue.options import Config
from ganzoo.catalogue.registry import Part
from ganzoo.catalogue.selection import Selection
from ganzoo.catalogue.target import load_target
from ganzoo.contract.conditioner import Sites, Unconditioned
from ganzoo.contract.recipe import Recipe
from ganzoo.randomness import key, seeded


def interface_of(kind: Kind) -> type | None:
    """Return the class that targets of a kind implement, or ``None`` if a target is any function."""
    interface = load_target(kind.interface) if kind.interface else None
    if interface is not None and not isinstance(interface, type):
        raise TypeError(f"interface {kind.interface} of kind {kind.name!r} is no class")
    return interface


def resolve(component: Component, kind: Kind | None = None) -> Any:
    """Return the class or function that ``component.target`` names.

    Raises ``ImportError`` if it cannot be loaded, and ``TypeError`` if it does not implement the interface of its
    ``kind``, which is looked up among ganzoo's own if it is not given.
    """
    target = load_target(component.target)
    if callable(component.target) and not isinstance(target, type):
        return target  # an object that builds the part; what it builds is looked at then
    interface = interface_of(kind or KINDS[component.kind])
    if interface is not None and not (isinstance(target, type) and issubclass(target, interface)):
        raise TypeError(
            f"{component.target_name} is not a subclass of {interface.__name__} (from {interface.__module__})"
        )
    return target


def _target(part: Part) -> Any:
    with part.attributed():
        return resolve(part.component, part.kind)


class SelectedParts:
    """Builds the selected parts for a recipe (:class:`ganzoo.contract.recipe.Parts`)."""

    def __init__(self, parts: Mapping[str, Part]):
        self._parts = parts
        self._built: dict[int, tuple[object, Part]] = {}  # by identity, as not everything has a hash
        self._shapes: dict[int, Mapping[str, Any]] = {}

    def build(self, slot: str, **context: Any) -> Any:
        """Return the part in ``slot``, built from its options and ``context``."""
        part = self._parts[slot]
        target, dtype = _target(part), torch.get_default_dtype()
        with part.attributed():
            interface = interface_of(part.kind) or torch.optim.Optimizer
            with base_called(interface):
                built = target(part.config, **context)
            if not isinstance(built, interface):
                wanted = interface.__name__ if part.kind.interface else "torch Optimizer"
                raise TypeError(f"{part.component.target_name} returns {type(built).__name__}, not a {wanted}")
            refuse_unfinished(built)
            self._built[id(built)] = built, part
            if torch.get_default_dtype() != dtype:
                torch.set_default_dtype(dtype)
                raise TypeError("it changes torch's default dtype, on which all other parts rely")
            return built

    def build_all(self, slot: str, **context: Any) -> list[Any]:
        """Return the parts in a slot that may hold several."""
        return [self.build(name, **context) for name, part in self._parts.items() if part.slot.flag == slot]

    def network(self, slot: str, condition: Field | None = None, **shapes: Any) -> nn.Module:
        """Return the network in ``slot`` with its conditioners and with initialised weights."""
        sites = self._sites(slot, condition)
        network: nn.Module = self.build(slot, sites=sites, **shapes)
        self._shapes[id(network)] = shapes
        self._refuse_idle(slot, sites, network)
        for part in self._attached(slot, "initialiser"):
            initialise = self.build(part.slot.name)
            with part.attributed():
                initialise(network)
        return network

    @property
    def built(self) -> list[object]:
        """What was built so far."""
        return [built for built, _ in self._built.values()]

    def owner(self, module: object) -> Part | None:
        """Return the part that was built as ``module``, or whose class it has; ``None`` for any other object."""
        if id(module) in self._built:
            return self._built[id(module)][1]
        classes = (part for part in self._parts.values() if part.slot.kind != "dataset")
        return next((part for part in classes if type(module) is _target(part)), None)

    def networks(self, slot: str) -> list[nn.Module]:
        """Return the modules that were built for ``slot``, in order."""
        built = (one for one, part in self._built.values() if part.slot.name == slot)
        return [module for module in built if isinstance(module, nn.Module)]

    def modules(self) -> Iterator[tuple[nn.Module, Part]]:
        """Yield every module of what was built, once, with the innermost part that it belongs to."""
        seen: set[nn.Module] = set()
        for built, part in self._built.values():  # the recipe, which contains the others, is the last
            for module in built.modules() if isinstance(built, nn.Module) else ():
                if module not in seen:
                    yield module, part
                seen.add(module)

    def shapes_of(self, module: Any) -> Mapping[str, Any]:
        """Return the shape arguments with which a network was built; nothing for any other part."""
        return self._shapes.get(id(module), {})

    def conditioned(self, slot: str) -> bool:
        """Return whether the network in ``slot`` has a conditioner other than the null one.

        A conditioner of the noise counts only if it declares that it needs a condition too.
        """
        return any(
            _target(part).sites and (needs_condition(part.component) or not _target(part).uses_noise)
            for part in self._attached(slot, "conditioner")
        )

    def _sites(self, slot: str, condition: Field | None) -> Sites:
        for part in self._attached(slot, "conditioner"):
            return Sites(_target(part), part.config, condition, part.attributed)
        return Sites(Unconditioned, Config(), None)

    def _refuse_idle(self, slot: str, sites: Sites, network: nn.Module) -> None:
        """Refuse a conditioner that needs a norm in a network that was set to have none."""
        if sites.target.needs_norm and not any(isinstance(module, sites.target) for module in network.modules()):
            with sites.attributed():
                raise TypeError(
                    f"it acts after a norm, and {self._parts[slot].label} has none with these options and "
                    "examples of this size: use its norm, or choose a conditioner that needs none"
                )

    def _attached(self, slot: str, kind: str) -> list[Part]:
        return [part for part in self._parts.values() if part.slot.of == slot and part.slot.kind == kind]


def build_recipe(
    selection: Selection,
    data: Mapping[str, DataSpec],
    device: torch.device | str = "cpu",
    parts: SelectedParts | None = None,
) -> Recipe:
    """Return the selected recipe with new weights that depend on the run's seed alone."""
    parts = parts or SelectedParts(selection.parts)
    with seeded(key(selection.run.seed, "weights")), torch.device(device):
        recipe: Recipe = parts.build("recipe", parts=parts, data=data)
    recipe.frozen, recipe.batch_size = selection.run.freeze or (), selection.run.batch_size
    return recipe
