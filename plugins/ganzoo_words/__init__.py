"""Images from captions: captioned data with exact truth, text encoders, recipes and variants; imports no torch."""

from __future__ import annotations

from collections.abc import Iterable

from ganzoo.plugin import Component, Kind, Variant, hookimpl
from ganzoo_words.declared_data import declare_data
from ganzoo_words.declared_encoders import TEXT_ENCODER, declare_conditioners, declare_encoders, declare_networks
from ganzoo_words.declared_metrics import declare_metrics
from ganzoo_words.declared_recipes import declare_recipes
from ganzoo_words.declared_variants import declare_variants


@hookimpl
def ganzoo_kinds() -> Iterable[Kind]:
    """Return the kind of text encoders."""
    yield TEXT_ENCODER


@hookimpl
def ganzoo_components() -> Iterable[Component]:
    """Return the components of this plugin."""
    yield from declare_data()
    yield from declare_encoders()
    yield from declare_conditioners()
    yield from declare_networks()
    yield from declare_recipes()
    yield from declare_metrics()


@hookimpl
def ganzoo_variants() -> Iterable[Variant]:
    """Return the variants of this plugin."""
    yield from declare_variants()
