"""What a checkpoint contains: its state dicts, wherever they are, also those of whole pickled modules."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, final

from ganzoo.studio.conversion.pickles import Opaque, Unreadable
from ganzoo.studio.conversion.tensors import View

# Bounds that no real checkpoint reaches. What is nested deeper, or has a longer name, is no network.
DEPTH, LETTERS = 16, 200
CONTAINERS, TENSORS = 50_000, 20_000
SEPARATOR = "."
WEIGHT = "weight"  # a network has tensors of this name; the state of an optimizer has none


def state_dicts(value: Any) -> Iterator[tuple[str, dict[str, View]]]:
    """Yield every dict of tensors that may be of a network, with its path, each once, breadth first.

    A placeholder counts as a dict of its items and of its attributes; the placeholder of a module as its state dict.
    Raises :class:`Unreadable` where the checkpoint exceeds the bounds.
    """
    ways = _ways_to_weights(value)
    modules = _Modules()
    seen: set[int] = set()
    tensors = 0
    waiting: list[tuple[str, int, Any]] = [("", 0, value)]
    for path, depth, node in waiting:
        if id(node) in seen or id(node) not in ways or depth > DEPTH:
            continue
        seen.add(id(node))
        if len(seen) > CONTAINERS:
            raise Unreadable("has more nested content than any checkpoint needs")
        module = _attributes(node)
        found = modules.state(node) if module is not None else _named_tensors(node)
        tensors += len(found)
        if tensors > TENSORS:
            raise Unreadable(f"has more than {TENSORS:,} tensors, which no checkpoint needs")
        if found:
            yield path, found
        for name, below in children(node) if module is None else module.items():
            if id(below) in ways and not (module is not None and name in PARTS):
                waiting += [(joined(path, word), depth + 1, below) for word in _words(name)]


def children(node: Any) -> Iterable[tuple[Any, Any]]:
    """Return the names and the values in a container, or nothing; the name ``None`` adds nothing to a path."""
    if isinstance(node, dict):
        return node.items()
    if isinstance(node, list | tuple):
        return enumerate(node)
    return node.content if isinstance(node, Opaque) else ()


def joined(path: str, name: str) -> str:
    """Return the path of ``name`` in ``path``."""
    return f"{path}{SEPARATOR}{name}" if path and name else path or name


def _words(name: Any) -> list[str]:
    """Return the name in a path, or nothing where it is too long for one."""
    if name is None:
        return [""]
    word = name.path if isinstance(name, Opaque) else str(name) if isinstance(name, str | int | float | bytes) else "…"
    return [word] if len(word) <= LETTERS else []


def _named_tensors(node: Any) -> dict[str, View]:
    if not isinstance(node, dict | Opaque):
        return {}
    return {
        name: view
        for name, view in children(node)
        if isinstance(view, View) and isinstance(name, str) and len(name) <= LETTERS
    }


def _ways_to_weights(value: Any) -> set[int]:
    """Return the ids of the containers that lead to a weight: optimizers, logs and data do not."""
    above: dict[int, list[int]] = {id(value): []}
    waiting = [value]
    found: list[int] = []
    for node in waiting:
        for name, below in children(node):
            if isinstance(below, View):
                if isinstance(name, str) and name.rpartition(SEPARATOR)[2].startswith(WEIGHT):
                    found.append(id(node))
            elif isinstance(below, dict | list | tuple | Opaque) and _is_filled(below):
                if id(below) not in above:
                    waiting.append(below)
                above.setdefault(id(below), []).append(id(node))
    ways: set[int] = set()
    while found:
        node_id = found.pop()
        if node_id not in ways:
            ways.add(node_id)
            found += above[node_id]
    return ways


def _is_filled(node: Any) -> bool:
    return bool(node.content if isinstance(node, Opaque) else node)


# Whole modules. Their state dict follows from three dicts that every nn.Module has.

PARTS = PARAMETERS, BUFFERS, MODULES = "_parameters", "_buffers", "_modules"
NOT_SAVED = "_non_persistent_buffers_set"


def _attributes(node: Any) -> dict[Any, Any] | None:
    """Return the attributes of a placeholder if they are those of a module."""
    for name, attributes in node.content if isinstance(node, Opaque) else ():
        if name is None and isinstance(attributes, dict) and _is_module(attributes):
            return attributes
    return None


def _is_module(attributes: dict[Any, Any]) -> bool:
    return all(isinstance(attributes.get(part), dict) for part in PARTS)


@final
class _Modules:
    """Makes the state dicts of modules, together of a limited size: modules may be shared and contain each other."""

    def __init__(self) -> None:
        self._visits = 0

    def state(self, module: Any) -> dict[str, View]:
        """Return the state dict, in torch's order: parameters, buffers, then those of the modules inside."""
        found: dict[str, View] = {}
        waiting = [("", 0, module)]
        while waiting:
            path, depth, node = waiting.pop()
            attributes = _attributes(node)
            if attributes is None or depth > DEPTH:
                continue
            names = attributes.get(NOT_SAVED)
            unsaved = {name for name in names if isinstance(name, str)} if isinstance(names, list) else set()
            for part in (PARAMETERS, BUFFERS):
                for name, view in _named_tensors(attributes[part]).items():
                    if part == PARAMETERS or name not in unsaved:
                        found[joined(path, name)] = view
            inner = [(joined(path, word), depth + 1, below)
                     for name, below in attributes[MODULES].items() for word in _words(name)]  # fmt: skip
            waiting += reversed(inner)
            self._visits += 1 + len(inner) + len(unsaved)
            if self._visits > CONTAINERS or len(found) > TENSORS:
                raise Unreadable("has more modules than any checkpoint needs")
        return found
