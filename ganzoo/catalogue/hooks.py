"""The hooks of a plugin: each returns declarations, and none may import torch in an installed plugin."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import TypeVar, cast

import pluggy

from ganzoo.catalogue.component import Command, Component, Variant
from ganzoo.catalogue.field_types import FieldType
from ganzoo.catalogue.kinds import Kind

GROUP = "ganzoo"
OF_OBSERVERS = "ganzoo_observers"
Declaration = Component | Variant | Command | Kind | FieldType
# What the elements are that each hook returns.
RETURNS: Mapping[str, type[Declaration]] = MappingProxyType(
    {
        "ganzoo_components": Component,
        "ganzoo_variants": Variant,
        OF_OBSERVERS: Component,
        "ganzoo_commands": Command,
        "ganzoo_kinds": Kind,
        "ganzoo_field_types": FieldType,
    }
)

F = TypeVar("F", bound=Callable[..., object])

# The markers of pluggy are not generic: the casts keep the signatures of the hooks for type checkers.
hookspec = cast(Callable[[F], F], pluggy.HookspecMarker(GROUP))
hookimpl = cast(Callable[[F], F], pluggy.HookimplMarker(GROUP))


@hookspec
def ganzoo_components() -> Iterable[Component]:  # type: ignore[empty-body]
    """Return the components that this plugin offers."""


@hookspec
def ganzoo_variants() -> Iterable[Variant]:  # type: ignore[empty-body]
    """Return the variants that this plugin offers."""


@hookspec
def ganzoo_observers() -> Iterable[Component]:  # type: ignore[empty-body]
    """Return the observers of a training that this plugin offers: components of kind ``observer``."""


@hookspec
def ganzoo_commands() -> Iterable[Command]:  # type: ignore[empty-body]
    """Return the commands that this plugin adds to the command line."""


@hookspec
def ganzoo_kinds() -> Iterable[Kind]:  # type: ignore[empty-body]
    """Return the kinds of component that this plugin adds."""


@hookspec
def ganzoo_field_types() -> Iterable[FieldType]:  # type: ignore[empty-body]
    """Return the types of field that this plugin adds."""
