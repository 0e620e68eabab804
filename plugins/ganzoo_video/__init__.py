"""Videos: a type of field, and a small dataset of them."""

from __future__ import annotations

from collections.abc import Iterable

from ganzoo.plugin import Component, FieldType, hookimpl
from ganzoo_video.configs import VIDEO, MovingDiscsConfig


@hookimpl
def ganzoo_field_types() -> Iterable[FieldType]:
    """Return the type of field."""
    return [VIDEO]


@hookimpl
def ganzoo_components() -> Iterable[Component]:
    """Return the dataset."""
    yield Component(
        kind="dataset",
        name="moving-discs",
        summary="short videos of a disc that moves in one of four directions; drawn, needs no download",
        target="ganzoo_video.discs:MovingDiscs",
        config=MovingDiscsConfig,
    )
