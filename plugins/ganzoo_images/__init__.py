"""Images from images: pairs with exact truth, the networks, the recipes and the variants; imports no torch."""

from __future__ import annotations

from collections.abc import Iterable

from ganzoo.plugin import Component, Variant, hookimpl
from ganzoo_images.declared_conditioners import declare_conditioners
from ganzoo_images.declared_data import declare_data
from ganzoo_images.declared_metrics import declare_metrics
from ganzoo_images.declared_networks import declare_networks
from ganzoo_images.declared_recipes import declare_recipes
from ganzoo_images.declared_variants import declare_variants


@hookimpl
def ganzoo_components() -> Iterable[Component]:
    """Return the components of this plugin."""
    yield from declare_data()
    yield from declare_networks()
    yield from declare_conditioners()
    yield from declare_recipes()
    yield from declare_metrics()


@hookimpl
def ganzoo_variants() -> Iterable[Variant]:
    """Return the variants of this plugin."""
    yield from declare_variants()
