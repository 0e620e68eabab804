"""Which part of a checkpoint becomes which network of a recipe; where that cannot be told, nothing is guessed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import final

import torch
from torch import nn

from ganzoo.contract.networks import Generator
from ganzoo.errors import UserError
from ganzoo.studio.conversion.finding import HINTS, SEPARATOR, Found
from ganzoo.studio.conversion.matching import Match, Misfit, likeness, match
from ganzoo.text import did_you_mean, listed, quoted

NOTHING = "none"  # what is taken for a network that is to stay as it begins
CAST = (torch.float16, torch.bfloat16, torch.float64)
SHOWN = 8  # parts of a checkpoint in a message


@final
@dataclass(frozen=True)
class Taken:
    """The part of a checkpoint that becomes a network."""

    found: Found
    match: Match

    @property
    def layers(self) -> list[tuple[str, str, str]]:
        """The layers that were filled: our name, the file's, and the shape of the first tensor."""
        rows: dict[str, tuple[str, str, str]] = {}
        for mine, other in self.match.names.items():
            ours, theirs = (name.rpartition(SEPARATOR)[0] for name in (mine, other))
            rows.setdefault(ours, (ours, quoted(theirs), str(self.found.tensors[other].shape)))
        return list(rows.values())

    @property
    def cast(self) -> tuple[str, ...]:
        """The types of its numbers that become float32."""
        kinds = {self.found.tensors[name].dtype for name in self.match.names.values()}
        return tuple(sorted(str(kind).removeprefix("torch.") for kind in kinds if kind in CAST))


@final
@dataclass(frozen=True)
class Plan:
    """What becomes of networks: filled, as they begin, or refused, with the likest part and why that does not fit.

    For a refused one, ``offered`` names a part that fits, but may be half of another network.
    """

    taken: dict[str, Taken] = field(default_factory=dict)
    fresh: list[str] = field(default_factory=list)
    refused: dict[str, tuple[Found, str]] = field(default_factory=dict)
    offered: dict[str, str] = field(default_factory=dict)


def plan(networks: Mapping[str, nn.Module], found: Sequence[Found], take: Mapping[str, str]) -> Plan:
    """Return what ``networks`` are to be filled with; ``take`` names the parts for some of them.

    A network is filled with the one part that fits it. Of several that fit, those win that have its names, then those
    whose own names tell of it. One that nothing fits is refused where a model needs it or where the checkpoint tells of
    it, else it stays as it begins. Raises :class:`UserError` where several fit, or ``take`` names what there is not.
    """
    _refuse_unknown(take, networks)
    made = Plan()
    claimed: set[tuple[object, ...]] = set()
    for name, network in networks.items():
        if take.get(name) == NOTHING and not isinstance(network, Generator):
            made.fresh.append(name)
            continue
        free = [part for part in found if not part.places & claimed]
        among = _asked(take[name], free, name) if name in take else [p for p in free if p.alone(type(network))]
        fitting = _narrowed([taken for part in among for taken in _fitting(network, part)], type(network))
        if len(fitting) > 1:
            labels = [taken.found.name for taken in fitting]
            example = f"--take {name}={quoted(labels[0])}"
            raise UserError(
                f"several parts of it fit the {name} ({listed(labels, SHOWN)}): say which, such as {example}"
            )
        told = [part for part in among if part.hints(type(network))]
        if fitting:
            made.taken[name] = fitting[0]
            claimed |= fitting[0].found.places
        elif isinstance(network, Generator) or name in take or told:
            made.refused[name] = _likest(network, told or among)
            half = None if told else next((part.name for part in free if _fitting(network, part)), None)
            if half is not None:
                made.offered[name] = half
        else:
            made.fresh.append(name)
    return made


def _refuse_unknown(take: Mapping[str, str], networks: Mapping[str, nn.Module]) -> None:
    for name in take:
        if name not in networks:
            raise UserError(
                f"no network is called {name!r}{did_you_mean(name, networks)} Networks: {', '.join(networks)}"
            )
    for name, asked in take.items():
        if asked == NOTHING and isinstance(networks[name], Generator):
            raise UserError(f"a model cannot do without its {name}: leave --take {name}={NOTHING} out")


def _asked(asked: str, among: Sequence[Found], network: str) -> list[Found]:
    chosen = [part for part in among if asked in (part.label, part.name)]
    if not chosen:
        labels = [part.name for part in among]
        raise UserError(f"it has no part {quoted(asked)} for the {network}: its parts are {listed(labels, SHOWN)}")
    return chosen


def _fitting(network: nn.Module, part: Found) -> list[Taken]:
    try:
        return [Taken(part, match(network.state_dict(), part.tensors))]
    except Misfit:
        return []


def _narrowed(fitting: list[Taken], kind: type) -> list[Taken]:
    named = [taken for taken in fitting if taken.match.by_name] or fitting
    told = [taken for taken in named if taken.found.hints(kind)]
    others = [other for other in HINTS if not issubclass(kind, other)]
    untold = [taken for taken in named if not any(taken.found.hints(other) for other in others)]
    return told or untold or named


def _likest(network: nn.Module, among: Sequence[Found]) -> tuple[Found, str]:
    if not among:
        raise UserError("it holds no network: give a file with the weights of one")
    part = max(among, key=lambda part: likeness(network.state_dict(), part.tensors))
    try:
        match(network.state_dict(), part.tensors)
    except Misfit as misfit:
        return part, str(misfit)
    raise AssertionError("a part that fits was refused")
