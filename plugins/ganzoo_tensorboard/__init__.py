"""TensorBoard: an observer that writes its events."""

from __future__ import annotations

from collections.abc import Iterable

from ganzoo.plugin import Component, hookimpl


@hookimpl
def ganzoo_observers() -> Iterable[Component]:
    """Return the observers of this plugin."""
    yield Component(
        kind="observer",
        name="tensorboard",
        summary="losses, scores and pictures as TensorBoard events (needs ganzoo[tensorboard])",
        target="ganzoo_tensorboard.events:TensorBoardEvents",
    )
