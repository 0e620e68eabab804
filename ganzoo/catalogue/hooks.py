"""The two hooks of a plugin: both return declarations, and neither may import torch."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar, cast

import pluggy

from ganzoo.catalogue.component import Component, Variant

GROUP = "ganzoo"

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
