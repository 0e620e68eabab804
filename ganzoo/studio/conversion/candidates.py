"""Candidates for networks in a checkpoint: every dict of tensors, and every group of its names with a common prefix."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, final

from ganzoo.contract.networks import Discriminator, Generator
from ganzoo.studio.conversion.contents import DEPTH, LETTERS, SEPARATOR, WEIGHT, children, joined, state_dicts
from ganzoo.studio.conversion.tensors import View

WHOLE = "all"  # the name of a checkpoint that is itself a state dict

# Words in names that identify the kind of network, where shapes do not.
HINTS: Mapping[type, frozenset[str]] = {
    Generator: frozenset({"g", "gen", "generator", "netg", "modelg", "gnet"}),
    Discriminator: frozenset({"d", "dis", "disc", "discriminator", "critic", "netd", "modeld", "dnet"}),
}


@final
@dataclass(frozen=True)
class Candidate:
    """Tensors that may be a network's: ``label`` is their path, ``prefix`` the common prefix of their names.

    ``part`` is their prefix in a dict that also has tensors with other prefixes, else empty.
    """

    label: str
    prefix: str
    tensors: Mapping[str, View]
    part: str = ""

    @property
    def name(self) -> str:
        """Its name for users."""
        return f"{self.label}{SEPARATOR}{self.prefix}".strip(SEPARATOR) or WHOLE

    @property
    def places(self) -> frozenset[tuple[object, ...]]:
        """The places of its tensors in the file."""
        return frozenset(view.place for view in self.tensors.values())

    @property
    def has_weights(self) -> bool:
        """Whether any tensor is a weight; the state of an optimizer has none."""
        return any(name.rpartition(SEPARATOR)[2].startswith(WEIGHT) for name in self.tensors)

    def hints(self, kind: type) -> bool:
        """Whether its name contains a word for this ``kind`` of network."""
        return _hints(f"{self.label} {self.prefix}", kind)

    def is_whole(self, kind: type) -> bool:
        """Whether it is a whole dict, or a group named like this ``kind`` of network; else it may be half of one."""
        return not self.part or _hints(self.part, kind)


def _hints(names: str, kind: type) -> bool:
    words = {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+", names)}
    return any(issubclass(kind, named) and words & HINTS[named] for named in HINTS)


def networks_in(value: Any) -> list[Candidate]:
    """Return all candidates, each once; raises :class:`Unreadable` where the checkpoint exceeds the bounds."""
    found: dict[frozenset[object], Candidate] = {}
    for path, tensors in state_dicts(value):
        for candidate in _groups(Candidate(path, "", tensors)):
            found.setdefault(frozenset((name, view.place) for name, view in candidate.tensors.items()), candidate)
    return [candidate for candidate in found.values() if candidate.has_weights]


def unused_names(value: Any, used: frozenset[tuple[object, ...]]) -> list[str]:
    """Return the top-level names of a checkpoint without any tensor at the places in ``used``."""
    uses = {_top(str(name)[:LETTERS]): False for name, _ in children(value) if isinstance(name, str | int)}
    for path, tensors in state_dicts(value):
        for name, view in tensors.items():
            if view.place in used:
                uses[_top(joined(path, name))] = True
    return [top for top, is_used in uses.items() if not is_used]


def _top(path: str) -> str:
    return path.partition(SEPARATOR)[0]


def _groups(whole: Candidate, depth: int = 0) -> Iterator[Candidate]:
    """Yield ``whole`` without the common prefix of its names, and each group of its tensors with a common prefix."""
    if not whole.tensors or depth > DEPTH:
        return
    groups: dict[str, dict[str, View]] = {}
    for name, view in whole.tensors.items():
        first, _, rest = name.partition(SEPARATOR)
        groups.setdefault(first if rest else "", {})[rest or name] = view
    if len(groups) == 1 and "" not in groups:
        ((first, inner),) = groups.items()
        yield from _groups(Candidate(whole.label, f"{whole.prefix}{first}{SEPARATOR}", inner, whole.part), depth + 1)
        return
    yield whole
    for first, inner in groups.items():
        if first:
            yield from _groups(Candidate(joined(whole.label, f"{whole.prefix}{first}"), "", inner, first), depth + 1)
