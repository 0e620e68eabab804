"""Whether an installed plugin is made for this version of ganzoo, by what its package requires."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ganzoo import __version__

OURS = re.compile(r"ganzoo\s*(\[[^\]]*\])?\s*($|[;<>=!~(@])")


def misfit(requirements: Iterable[str] | None, version: str = __version__) -> str:
    """Return why a package with these requirements (PEP 508) is not for ``version`` of ganzoo; "" if it is."""
    ours = [text for text in requirements or () if OURS.match(text)]
    if not ours:
        return ""
    from packaging.requirements import InvalidRequirement, Requirement  # a package that needs no ganzoo pays nothing

    for text in ours:
        try:
            wanted = Requirement(text)
        except InvalidRequirement:
            return f"its package requires {text!r}, which cannot be read"
        if wanted.marker is not None and not wanted.marker.evaluate({"extra": ""}):
            continue
        if not wanted.specifier.contains(version, prereleases=True):
            return (
                f"it is made for ganzoo{wanted.specifier}, and this is ganzoo {version}: "
                "install a version of it for this ganzoo, or another ganzoo"
            )
    return ""
