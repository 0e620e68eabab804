"""The classic variants: GANs that differ from the first one by a loss, a penalty, a discriminator or a phase."""

from __future__ import annotations

from collections.abc import Iterable

from ganzoo.plugin import Component, Variant, hookimpl
from ganzoo_classics import parts, recipes, variants


@hookimpl
def ganzoo_components() -> Iterable[Component]:
    """Return the components of this plugin."""
    yield from recipes.declared()
    yield from parts.declared()


@hookimpl
def ganzoo_variants() -> Iterable[Variant]:
    """Return the variants of this plugin."""
    yield from variants.of_losses()
    yield from variants.of_critics()
    yield from variants.against_collapse()
    yield from variants.with_maxout()
