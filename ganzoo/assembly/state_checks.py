"""Checks where losses, penalties, augmentations and heads keep a state, and when they change it."""

from __future__ import annotations

import inspect
from collections import deque
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, final

from torch import Tensor, nn

from ganzoo.contract.working_state import WorkingState

_OF_TORCH = frozenset(vars(nn.Module()))  # the attributes in which every module keeps its buffers, hooks and the like
_RULES: Mapping[str, str] = {
    "after_update": "which no checkpoint and no recorded step knows: keep it in a buffer (register_buffer in the "
    "constructor), and write into it, as copy_ and lerp_ do",
    "before_step": "which no recorded step knows: keep it in a buffer (register_buffer in the constructor), and set it "
    "with fill_",
}


@final
class State:
    """All that a part keeps at a moment: which buffers it has, how often they were written, and its other attributes.

    The layers of torch in it are left out, as batch norm changes its statistics in a forward pass.
    """

    def __init__(self, part: object):
        self._kept: list[object] = []  # a new object cannot have the identity of one that is kept
        self._buffers: dict[str, int] = {}
        self._writes: dict[str, int] = {}
        self._attributes: dict[str, object] = {}
        for prefix, holder in _holders(part):
            for name, buffer in getattr(holder, "_buffers", {}).items():
                self._buffers[prefix + name] = self._identity(buffer)
                self._writes[prefix + name] = buffer._version if buffer is not None else 0
            for name, value in vars(holder).items():
                if name not in _OF_TORCH and not _is_cached(holder, name):
                    self._attributes[prefix + name] = self._mark(value)

    def replaced(self, later: State) -> str:
        """Return the name of a buffer that is another tensor ``later``, or nothing."""
        return _first_difference(self._buffers, later._buffers)

    def written(self, later: State) -> str:
        """Return the name of a buffer that was written into until ``later``, or nothing."""
        return _first_difference(self._writes, later._writes)

    def moved(self, later: State) -> str:
        """Return the name of an attribute besides the buffers that differs ``later``, or nothing."""
        return _first_difference(self._attributes, later._attributes)

    def _identity(self, value: object) -> int:
        self._kept.append(value)
        return id(value)

    def _mark(self, value: Any, depth: int = 2) -> object:
        """Return what differs if ``value`` is another one, or has another content."""
        if isinstance(value, Tensor):
            return (self._identity(value), value._version)
        if isinstance(value, bool | int | float | str | None):
            return (type(value).__name__, repr(value))
        if depth and isinstance(value, dict):
            return tuple((self._mark(key, 0), self._mark(content, depth - 1)) for key, content in value.items())
        if depth and isinstance(value, list | tuple | deque):
            return tuple(self._mark(content, depth - 1) for content in value)
        return self._identity(value)


def wrong_change(part: object, function: str, before: State, after: State) -> str:
    """Return what is wrong with the change of state that a call of ``function`` made, or nothing."""
    replaced, written, moved = before.replaced(after), before.written(after), before.moved(after)
    if function in _RULES:
        if replaced:
            return f"{function}() replaces its buffer {replaced!r}: write into it, as copy_ and lerp_ do"
        return f"{function}() changes its attribute {moved!r}, {_RULES[function]}" if moved else ""
    if not (replaced or written or moved):
        return ""
    what = f"its attribute {moved!r}" if moved else f"its buffer {replaced or written!r}"
    if not isinstance(part, WorkingState):
        return (
            f"{function}() changes {what}, and it may keep no state: a loss, a penalty and an augmentation may, and "
            "change it in after_update"
        )
    return f"{function}() changes {what}, but runs several times for one update if the batch is divided: " + (
        "keep a state in a buffer (register_buffer in the constructor), and change it in after_update"
        if moved
        else "change it in after_update"
    )


def _holders(part: object) -> Iterator[tuple[str, object]]:
    """Yield a part and the modules in it that are none of torch's, each with the start of its attributes' names."""
    if not isinstance(part, nn.Module):
        yield "", part
        return
    for name, module in part.named_modules():
        if not type(module).__module__.startswith("torch."):
            yield f"{name}." if name else "", module


def _is_cached(holder: object, name: str) -> bool:
    """Whether an attribute is computed once, when it is first read."""
    return isinstance(inspect.getattr_static(type(holder), name, None), cached_property)


def _first_difference(before: Mapping[str, object], after: Mapping[str, object]) -> str:
    names = (name for name in {**before, **after} if before.get(name) != after.get(name))
    return next(names, "")
