"""Durations as people type them."""

from __future__ import annotations

import re
from typing import Any

from ganzoo.errors import UserError
from ganzoo.text import one_line

_DURATION = re.compile(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s?)?")
_LONGEST = 1e9  # seconds, some thirty years


def read_duration(text: Any) -> float:
    """Return the seconds of a duration; raises :class:`~ganzoo.errors.UserError` where it is none.

    >>> read_duration("90s"), read_duration("10m"), read_duration("1h30m"), read_duration(45)
    (90.0, 600.0, 5400.0, 45.0)
    """
    found = _DURATION.fullmatch(str(text).strip().lower())
    hours, minutes, seconds = (float(part or 0) for part in found.groups()) if found else (0.0, 0.0, 0.0)
    total = 3600 * hours + 60 * minutes + seconds
    if not 0 < total <= _LONGEST:
        raise UserError(f"{one_line(str(text))!r} is no duration: write it as 90s, 10m or 1h30m")
    return total
