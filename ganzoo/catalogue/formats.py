"""The version of the formats of ganzoo's own files."""

from __future__ import annotations

from typing import Any

from ganzoo.errors import UserError
from ganzoo.text import one_line

FORMAT = 2  # of model files, checkpoints and config files; since 2 they are sealed by a checksum


def refuse_other_format(found: Any, whose: str) -> None:
    """Raise :class:`UserError` where ``found`` is not the :data:`FORMAT` of this ganzoo; ``whose`` is a phrase."""
    if type(found) is int and found == FORMAT:
        return
    older = type(found) is int and found < FORMAT
    advice = "an older ganzoo wrote it, so create it again" if older else "update ganzoo"
    raise UserError(f"{whose} has format {one_line(found)}; this ganzoo reads format {FORMAT}: {advice}")
