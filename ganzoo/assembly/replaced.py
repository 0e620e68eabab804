"""Functions of one object are replaced for a while, so that their calls can be checked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any


@contextmanager
def replaced(target: object, functions: Mapping[str, Callable[..., Any]]) -> Iterator[None]:
    """In the block, give one object other ``functions`` in place of its own, by name."""
    attributes = vars(target)
    before = {name: attributes[name] for name in functions if name in attributes}
    attributes.update(functions)
    try:
        yield
    finally:
        for name in functions:
            del attributes[name]
        attributes.update(before)
