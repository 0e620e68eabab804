"""The version of the formats of ganzoo's own files."""

from __future__ import annotations

from typing import Any

from ganzoo.errors import UserError
from ganzoo.text import one_line

OLDEST_CONFIG = 1  # format of a config file that is read; its layout has not changed since
MODEL_KEY = "ganzoo"  # under which the metadata of a model file keeps its description
FORMAT = 2  # of model files, checkpoints and config files; since 2 they are sealed by a checksum


def refuse_other_format(found: Any, whose: str, oldest: int = FORMAT) -> None:
    """Raise :class:`UserError` where the format ``found`` is not from ``oldest`` to :data:`FORMAT`.

    ``whose`` is a phrase.
    """
    if type(found) is int and oldest <= found <= FORMAT:
        return
    older = type(found) is int and found < oldest
    # A model is never to be trained again: an older one is migrated.
    migrate = "an older ganzoo wrote it; `ganzoo convert MODEL --out NEW.safetensors` brings its model to this format"
    advice = migrate if older else "update ganzoo"
    raise UserError(f"{whose} has format {one_line(found)}; this ganzoo reads format {FORMAT}: {advice}")
