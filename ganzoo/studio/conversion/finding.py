"""Where in a checkpoint networks may be: every dict with tensors, and every part of one whose names begin alike."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, final

from ganzoo.contract.networks import Discriminator, Generator
from ganzoo.studio.conversion.pickles import Unreadable
from ganzoo.studio.conversion.tensors import View

# More than any checkpoint has: of dicts in each other and of names in a name, letters in a name, containers, tensors.
DEPTH, LETTERS, CONTAINERS, TENSORS = 16, 200, 50_000, 20_000
SEPARATOR = "."
WHOLE = "all"  # the name of a checkpoint that is a network itself

# Words in the names of files' parts that tell apart what shapes do not, by what the network is.
HINTS: Mapping[type, frozenset[str]] = {
    Generator: frozenset({"g", "gen", "generator", "netg", "modelg", "gnet"}),
    Discriminator: frozenset({"d", "dis", "disc", "discriminator", "critic", "netd", "modeld", "dnet"}),
}


@final
@dataclass(frozen=True)
class Found:
    """Tensors that may be a network's: ``label`` says where they are, ``prefix`` what stood before all their names.

    ``part`` is what their names begin with where they stand in one dict with others, else empty.
    """

    label: str
    prefix: str
    tensors: Mapping[str, View]
    part: str = ""

    @property
    def name(self) -> str:
        """What people call it."""
        return f"{self.label}{SEPARATOR}{self.prefix}".strip(SEPARATOR) or WHOLE

    @property
    def places(self) -> frozenset[tuple[object, ...]]:
        """Where its tensors lie."""
        return frozenset(view.place for view in self.tensors.values())

    @property
    def weighs(self) -> bool:
        """Whether any tensor is a weight: the state of an optimizer has none."""
        return any(name.rpartition(SEPARATOR)[2].startswith("weight") for name in self.tensors)

    def hints(self, kind: type) -> bool:
        """Whether its names say that it is a ``kind`` of network."""
        return _hints(f"{self.label} {self.prefix}", kind)

    def alone(self, kind: type) -> bool:
        """Whether it is all of a dict, or says itself that it is a ``kind`` of network: else it may be half of one."""
        return not self.part or _hints(self.part, kind)


def _hints(names: str, kind: type) -> bool:
    words = {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+", names)}
    return any(issubclass(kind, named) and words & HINTS[named] for named in HINTS)


def networks_in(value: Any) -> list[Found]:
    """Return all that may be a network, each once; raises :class:`Unreadable` where there is absurdly much."""
    found: dict[frozenset[object], Found] = {}
    count = 0
    for path, node in _dicts(value):
        named = {name: view for name, view in node.items() if isinstance(view, View)}
        tensors = {_word(name): view for name, view in named.items() if isinstance(name, str)}
        count += len(tensors)
        if count > TENSORS:
            raise Unreadable(f"holds more than {TENSORS:,} tensors, which no checkpoint needs")
        for part in _parts(Found(path, "", tensors)):
            found.setdefault(frozenset((name, view.place) for name, view in part.tensors.items()), part)
    return [part for part in found.values() if part.weighs]


def left_out(value: Any, taken: frozenset[tuple[object, ...]]) -> list[str]:
    """Return the names at the top of a checkpoint below which nothing is of what was ``taken``."""
    used: dict[str, bool] = {}
    for path, node in _dicts(value):
        for name, inner in node.items():
            top = _joined(path, str(name)[:LETTERS]).partition(SEPARATOR)[0]
            used[top] = used.get(top, False) or (isinstance(inner, View) and inner.place in taken)
    return [top for top, was_used in used.items() if not was_used]


def _dicts(value: Any) -> Iterator[tuple[str, dict[Any, Any]]]:
    """Yield every dict with its path, each once, those outside first."""
    seen: set[int] = set()
    waiting: list[tuple[str, int, Any]] = [("", 0, value)]
    for path, depth, node in waiting:
        if not isinstance(node, dict | list | tuple) or id(node) in seen:
            continue
        seen.add(id(node))
        if depth > DEPTH or len(seen) > CONTAINERS:
            raise Unreadable("nests its content deeper or wider than any checkpoint needs")
        if isinstance(node, dict):
            yield path, node
        inner = node.items() if isinstance(node, dict) else enumerate(node)
        waiting += [(_joined(path, _word(name)), depth + 1, below) for name, below in inner if _holds(below)]


def _holds(value: Any) -> bool:
    """Whether there may be a tensor in it; long lists of numbers, such as losses, are not looked at further."""
    if not isinstance(value, dict | list | tuple):
        return False
    inner = value.values() if isinstance(value, dict) else value
    return any(isinstance(each, dict | list | tuple | View) for each in inner)


def _word(name: object) -> str:
    word = str(name)
    if len(word) > LETTERS:
        raise Unreadable(f"has a name of more than {LETTERS} letters, which no checkpoint needs")
    return word


def _parts(whole: Found, depth: int = 0) -> Iterator[Found]:
    """Yield ``whole`` without what all names in it begin with, and each group of its tensors that begin alike."""
    if not whole.tensors or depth > DEPTH:
        return
    groups: dict[str, dict[str, View]] = {}
    for name, view in whole.tensors.items():
        first, _, rest = name.partition(SEPARATOR)
        groups.setdefault(first if rest else "", {})[rest or name] = view
    if len(groups) == 1 and "" not in groups:
        ((first, inner),) = groups.items()
        yield from _parts(Found(whole.label, f"{whole.prefix}{first}{SEPARATOR}", inner, whole.part), depth + 1)
        return
    yield whole
    for first, inner in groups.items():
        if first:
            yield from _parts(Found(_joined(whole.label, f"{whole.prefix}{first}"), "", inner, first), depth + 1)


def _joined(path: str, name: str) -> str:
    return f"{path}{SEPARATOR}{name}" if path else name
