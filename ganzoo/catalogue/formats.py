"""The format of the files that ganzoo writes and reads again."""

from __future__ import annotations

from typing import Any

from ganzoo.errors import UserError
from ganzoo.text import one_line

FORMAT = 2  # of model files, saves and config files; from 2 on they are sealed


def refuse_other_format(found: Any, whose: str) -> None:
    """Raise :class:`UserError` where ``found`` is not the :data:`FORMAT` of this ganzoo; ``whose`` is a phrase."""
    if type(found) is int and found == FORMAT:
        return
    older = type(found) is int and found < FORMAT
    advice = "it was made by an older ganzoo, so make it anew" if older else "update ganzoo"
    raise UserError(f"{whose} has format {one_line(found)}; this ganzoo reads format {FORMAT}: {advice}")
