"""Samples of several models from the same noise, to be seen side by side."""

from __future__ import annotations

from pathlib import Path

from ganzoo.catalogue.registry import Registry
from ganzoo.drawing import png
from ganzoo.errors import UserError
from ganzoo.report.page import Made
from ganzoo.studio.model import Model
from ganzoo.text import one_line

SEED = 0


def same_noise(path: Path, registry: Registry) -> Made:
    """Return a picture of samples of the model in a run folder, or the reason why there is none.

    Sample k of every model has the noise of (seed 0, k), and the classes take turns, one in each column.
    """
    try:
        model = Model.read(path, registry)
        if model.takes_files:
            return Made(reason="it makes images from images, so there is no noise to share")
        image = model.picture(seed=SEED)
    except UserError as problem:
        return Made(reason=one_line(problem))
    return Made(png(image), image.convert("RGB"))
