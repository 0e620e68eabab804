"""From classes and objects of a program to components that a selection can name."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from torch import nn
from torch.optim import Optimizer

import ganzoo
from ganzoo.assembly.parts import interface_of
from ganzoo.catalogue.component import Component, Need, Slot
from ganzoo.catalogue.kinds import KINDS
from ganzoo.catalogue.local import Adopted, maker_of, name_of, unused_name, with_components
from ganzoo.catalogue.options import Config, DataConfig
from ganzoo.catalogue.registry import Registry
from ganzoo.contract.conditioner import Conditioner
from ganzoo.contract.dataset import Dataset
from ganzoo.contract.working_state import WorkingState
from ganzoo.errors import UserError
from ganzoo.own.data import own_data
from ganzoo.own.networks import HELPERS, LABELS, NO_LABELS, WEIGHTS, PlainNetwork
from ganzoo.own.targets import OwnOptimizer, OwnTarget

CONDITION = Need(("condition",), "choose data with labels")
SUMMARY = "a part of this program"


def adopt(registry: Registry, slots: Sequence[Slot], given: Mapping[str, Any]) -> Adopted:
    """Return ``registry`` with a component for each class or object in ``given``, by slot or kind.

    A plain network also implies the components that belong to it: how it takes labels, and who sets its weights.
    Raises :class:`UserError` where something is of no use in its slot.
    """
    kinds = {slot.kind: slot.kind for slot in slots} | {slot.name: slot.kind for slot in slots}
    several = {key for slot in slots if slot.several for key in (slot.kind, slot.name)}
    listed = {
        key: value if key in several and isinstance(value, list | tuple) else [value] for key, value in given.items()
    }
    own = [(kinds[key], one) for key, values in listed.items() for one in values if not isinstance(one, str)]
    components, own_names = _components(registry, own)
    names = iter(own_names)
    named = {
        key: ",".join(one if isinstance(one, str) else next(names) for one in values) for key, values in listed.items()
    }
    implied: dict[str, str] = {}
    for slot in slots:
        network = components.get((slot.kind, named.get(slot.name, named.get(slot.kind, ""))))
        if network is not None and isinstance(network.target, PlainNetwork):
            implied |= _implied(slot, network.target, slots)
    extended = with_components(registry, tuple(components.values()), HELPERS, ganzoo.__version__)
    return Adopted(extended, named, implied)


def adopt_metrics(registry: Registry, metrics: Iterable[Any]) -> tuple[Registry, tuple[str, ...]]:
    """Return ``registry`` with the metrics that are classes or objects, and the names of all ``metrics``."""
    given = list(metrics)
    own = [metric for metric in given if not isinstance(metric, str)]
    components, names = _components(registry, [("metric", metric) for metric in own])
    own_names = iter(names)
    named = tuple(metric if isinstance(metric, str) else next(own_names) for metric in given)
    return with_components(registry, tuple(components.values()), (), ganzoo.__version__), named


def _components(
    registry: Registry, given: Sequence[tuple[str, Any]]
) -> tuple[dict[tuple[str, str], Component], list[str]]:
    """Return the components by kind and name, and the name of each of ``given``; what is given twice is one of them."""
    components: dict[tuple[str, str], Component] = {}
    names: list[str] = []
    for place, (kind, value) in enumerate(given):
        same = (names[n] for n, (other, before) in enumerate(given[:place]) if other == kind and before is value)
        name = next(same, "") or unused_name(
            _name(kind, value), kind, registry, (n for k, n in components if k == kind)
        )
        if (kind, name) not in components:
            components[kind, name] = component_of(kind, name, value)
        names.append(name)
    return components, names


def _name(kind: str, given: Any) -> str:
    """Return the name of a class; arrays, lists and files, whose classes say nothing, are called ``data``."""
    module = maker_of(given).__module__.partition(".")[0]
    nameless = kind == "dataset" and module in ("builtins", "torch", "numpy", "pathlib")
    return "data" if nameless else name_of(given)


def component_of(kind: str, name: str, given: Any) -> Component:
    """Return the component of a class or an object; raises :class:`UserError` if it cannot be one of this kind."""
    if kind in _MAKERS:
        return _MAKERS[kind](kind, name, given)
    return _of_contract(kind, name, given)


def _of_contract(kind: str, name: str, given: Any) -> Component:
    """Return the component of a subclass of the kind's interface, or of an object of one."""
    interface = _interface(kind)
    maker = maker_of(given)
    if inspect.isroutine(maker):
        raise UserError(
            f"{_shown(kind, given)} is a function: give what it returns, by a call, {kind}={maker.__name__}()"
        )
    if not (isinstance(maker, type) and issubclass(maker, interface)):
        raise UserError(
            f"{_shown(kind, given)} is no {kind}: give a name, or a subclass or an object of ganzoo.plugin."
            f"{interface.__name__}"
        )
    if isinstance(given, type) and inspect.isabstract(given):
        missing = ", ".join(sorted(getattr(given, "__abstractmethods__", ())))
        raise UserError(f"{_shown(kind, given)} has no {missing}, which every {interface.__name__} needs")
    return _declared(kind, name, given, OwnTarget(given))


def _interface(kind: str) -> type:
    """Return the class that parts of a kind implement; raises :class:`UserError` for a kind of a plugin."""
    interface = interface_of(KINDS[kind]) if kind in KINDS else None
    if interface is None:
        raise UserError(f"a {kind} is chosen by name only: give the name of an installed one")
    return interface


def _declared(kind: str, name: str, given: Any, target: Callable[..., Any]) -> Component:
    """Return the component of a class that may say in attributes what a declaration says; an object has no options."""
    maker = maker_of(given)
    config = getattr(maker, "Config", Config) if isinstance(given, type | functools.partial) else Config
    provides = getattr(maker, "provides", ())
    return Component(
        kind=kind,
        name=name,
        summary=SUMMARY,
        target=target,
        config=config,
        requires=tuple(getattr(maker, "requires", ())),
        provides=(provides,) if isinstance(provides, str) else tuple(provides),
    )


def _conditioner(kind: str, name: str, given: Any) -> Component:
    if not (isinstance(given, type) and issubclass(given, Conditioner)):
        raise UserError(
            f"{_shown(kind, given)} is no conditioner: give a name, or a subclass of ganzoo.plugin.Conditioner "
            "(a network builds one at each of its sites)"
        )
    declared = _declared(kind, name, given, given)
    if declared.requires:
        return declared
    return Component(
        kind=kind, name=name, summary=SUMMARY, target=given, config=declared.config, requires=(CONDITION,)
    )  # fmt: skip


def _optimizer(kind: str, name: str, given: Any) -> Component:
    if isinstance(given, Optimizer):
        raise UserError(
            f"{_shown(kind, given)} has parameters already: give its class, or functools.partial("
            f"torch.optim.{type(given).__name__}, lr=…), so that it gets those of this training"
        )
    if not callable(given):
        raise UserError(f"{_shown(kind, given)} is no optimizer: give a name, a class of torch.optim, or a function")
    config = getattr(maker_of(given), "Config", Config)
    return Component(kind=kind, name=name, summary=SUMMARY, target=OwnOptimizer(given), config=config)


def _network(kind: str, name: str, given: Any) -> Component:
    maker = maker_of(given)
    if inspect.isroutine(maker):
        return _of_contract(kind, name, given)  # which says what to do
    if not (isinstance(maker, type) and issubclass(maker, nn.Module)) or issubclass(maker, WorkingState):
        raise UserError(f"{_shown(kind, given)} is no {kind}: give a name, or a torch module or its class")
    if issubclass(maker, _interface(kind)) and isinstance(given, type | functools.partial):
        return _of_contract(kind, name, given)
    return Component(kind=kind, name=name, summary=SUMMARY, target=PlainNetwork(given, f"{kind} {name!r}"))


def _dataset(kind: str, name: str, given: Any) -> Component:
    if not (isinstance(given, type) and issubclass(given, Dataset)):
        return own_data(name, given)
    if not issubclass(getattr(given, "Config", Config), DataConfig):
        raise UserError(f"{_shown(kind, given)} needs an attribute Config: a subclass of ganzoo.plugin.DataConfig")
    return _of_contract(kind, name, given)


_MAKERS: Mapping[str, Callable[[str, str, Any], Component]] = {
    "conditioner": _conditioner,
    "optimizer": _optimizer,
    "generator": _network,
    "discriminator": _network,
    "dataset": _dataset,
}


def _implied(slot: Slot, network: PlainNetwork, slots: Sequence[Slot]) -> dict[str, str]:
    """Return the components in the slots that belong to a plain network."""
    chosen = {"conditioner": LABELS if network.labelled else NO_LABELS}
    if network.is_object:
        chosen["initialiser"] = WEIGHTS
    attached = (other for other in slots if other.of == slot.name)
    return {other.name: chosen[other.kind].name for other in attached if other.kind in chosen}


def _shown(kind: str, given: Any) -> str:
    return f"{kind}={maker_of(given).__name__}"
