"""In whose code an exception arose."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from types import FrameType

from ganzoo.catalogue.component import Component
from ganzoo.catalogue.registry import Entry, Registry


def attribute(problem: BaseException, registry: Registry) -> Entry | None:
    """Return the component in whose code ``problem`` arose, the innermost of several, or ``None`` where in no one's.

    A component is known by its target: a class whose object was at work, or a function. Where several components
    share a target, it cannot be told which it was.
    """
    owners: dict[str, list[Entry]] = {}
    for entry in registry:
        if isinstance(entry.item, Component):
            owners.setdefault(entry.item.target, []).append(entry)
    frames = [frame for frame, _ in traceback.walk_tb(problem.__traceback__)]
    at_work = (target for frame in reversed(frames) for target in _targets(frame))
    found = next((owners[target] for target in at_work if target in owners), [])
    return found[0] if len(found) == 1 else None


def _targets(frame: FrameType) -> Iterator[str]:
    """Yield what ``package.module:name`` would be of the object and of the function that a frame belongs to."""
    if "self" in frame.f_locals:
        kind = type(frame.f_locals["self"])
        yield f"{kind.__module__}:{kind.__qualname__}"
    yield f"{frame.f_globals.get('__name__', '')}:{frame.f_code.co_qualname}"
