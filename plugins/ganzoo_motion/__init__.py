"""Clips: moving digits with captions, folders of clips, a recipe of stories, a metric of motion; imports no torch."""

from __future__ import annotations

from collections.abc import Iterable

from ganzoo.plugin import Component, Variant, hookimpl
from ganzoo_motion.declared import declare_components, declare_data
from ganzoo_motion.declared_variants import declare_variants


@hookimpl
def ganzoo_components() -> Iterable[Component]:
    """Return the components of this plugin."""
    yield from declare_data()
    yield from declare_components()


@hookimpl
def ganzoo_variants() -> Iterable[Variant]:
    """Return the variants of this plugin."""
    yield from declare_variants()
