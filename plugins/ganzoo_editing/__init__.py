"""Attributes: faces with exact answers, a GAN with encoders, metrics that read attributes back; imports no torch."""

from __future__ import annotations

from collections.abc import Iterable

from ganzoo.plugin import Component, Variant, hookimpl
from ganzoo_editing.declared import declare_components
from ganzoo_editing.declared_variants import declare_variants


@hookimpl
def ganzoo_components() -> Iterable[Component]:
    """Return the components of this plugin."""
    yield from declare_components()


@hookimpl
def ganzoo_variants() -> Iterable[Variant]:
    """Return the variants of this plugin."""
    yield from declare_variants()
