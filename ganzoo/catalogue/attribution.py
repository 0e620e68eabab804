"""Attribution of an exception to the component whose code raised it."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from types import FrameType

from ganzoo.catalogue.component import Component
from ganzoo.catalogue.registry import Entry, Registry


def attribute(problem: BaseException, registry: Registry) -> Entry | None:
    """Return the component whose code raised ``problem``, the innermost of several, or ``None``.

    A component is recognised by its target: a class with a method on the stack, or a function on the stack. Where
    several components share the target, the result is ``None``.
    """
    owners: dict[str, list[Entry]] = {}
    for entry in registry:
        if isinstance(entry.item, Component):
            owners.setdefault(entry.item.target_name, []).append(entry)
    frames = [frame for frame, _ in traceback.walk_tb(problem.__traceback__)]
    running = (target for frame in reversed(frames) for target in _targets(frame))
    found = next((owners[target] for target in running if target in owners), [])
    return found[0] if len(found) == 1 else None


def _targets(frame: FrameType) -> Iterator[str]:
    """Yield ``package.module:name`` of the object and of the function of a stack frame."""
    if "self" in frame.f_locals:
        kind = type(frame.f_locals["self"])
        yield f"{kind.__module__}:{kind.__qualname__}"
    yield f"{frame.f_globals.get('__name__', '')}:{frame.f_code.co_qualname}"
