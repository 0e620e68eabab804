"""The assignment of parts of a checkpoint to the networks of a recipe; where it is ambiguous, nothing is guessed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import final

import torch
from torch import nn

from ganzoo.contract.networks import Generator
from ganzoo.errors import UserError
from ganzoo.studio.conversion.candidates import HINTS, Candidate
from ganzoo.studio.conversion.contents import SEPARATOR
from ganzoo.studio.conversion.matching import Misfit, NameMapping, match, similarity
from ganzoo.text import did_you_mean, listed, quoted

NOTHING = "none"  # given for a network that keeps its initial weights
CAST = (torch.float16, torch.bfloat16, torch.float64)
SHOWN = 8  # names of candidates in a message


@final
class Choice(UserError):
    """What the user must choose, or chose wrongly; the file has what is needed."""


@final
@dataclass(frozen=True)
class Assignment:
    """The candidate for a network, and which of its tensors goes where."""

    candidate: Candidate
    mapping: NameMapping

    @property
    def layers(self) -> list[tuple[str, str, str]]:
        """The layers: our name, the file's name, and the shape of the first tensor."""
        rows: dict[str, tuple[str, str, str]] = {}
        for mine, other in self.mapping.names.items():
            ours, theirs = (name.rpartition(SEPARATOR)[0] for name in (mine, other))
            rows.setdefault(ours, (ours, quoted(theirs), str(self.candidate.tensors[other].shape)))
        return list(rows.values())

    @property
    def cast(self) -> tuple[str, ...]:
        """The dtypes of its tensors that are converted to float32."""
        kinds = {self.candidate.tensors[name].dtype for name in self.mapping.names.values()}
        return tuple(sorted(str(kind).removeprefix("torch.") for kind in kinds if kind in CAST))


@final
@dataclass(frozen=True)
class Assignments:
    """Networks by name: assigned, with initial weights, or misfits, each with the best candidate and why it differs.

    For a misfit, ``halves`` may name a candidate that fits, but may be half of another network.
    """

    assigned: dict[str, Assignment] = field(default_factory=dict)
    initial: list[str] = field(default_factory=list)
    misfits: dict[str, tuple[Candidate, str]] = field(default_factory=dict)
    halves: dict[str, str] = field(default_factory=dict)


def assign(networks: Mapping[str, nn.Module], candidates: Sequence[Candidate], take: Mapping[str, str]) -> Assignments:
    """Return the candidate for each of ``networks``; ``take`` names the candidates of some of them.

    A network is assigned the one candidate that fits. Of several, those with equal tensor names are preferred, then
    those with a word for the network in their own name. A network without a candidate is a misfit where a model needs
    it or where a candidate has a word for it, else it keeps its initial weights. Raises :class:`UserError` where
    several candidates fit, or ``take`` names one that does not exist.
    """
    _refuse_unknown(take, networks)
    result = Assignments()
    used: set[tuple[object, ...]] = set()
    for name, network in networks.items():
        kind = type(network)
        if take.get(name) == NOTHING and not isinstance(network, Generator):
            result.initial.append(name)
            continue
        free = [candidate for candidate in candidates if not candidate.places & used]
        eligible = _named(take[name], free, name) if name in take else [each for each in free if each.is_whole(kind)]
        fitting = _preferred([found for candidate in eligible for found in _fitting(network, candidate)], kind)
        if len(fitting) > 1:
            names = [assignment.candidate.name for assignment in fitting]
            raise Choice(
                f"several parts of it fit the {name} ({listed(names, SHOWN)}): "
                f"choose one, such as --take {name}={quoted(names[0])}"
            )
        hinted = [candidate for candidate in eligible if candidate.hints(kind)]
        if fitting:
            result.assigned[name] = fitting[0]
            used |= fitting[0].candidate.places
        elif isinstance(network, Generator) or name in take or hinted:
            result.misfits[name] = _best_misfit(network, hinted or eligible)
            half = None if hinted else next((each.name for each in free if _fitting(network, each)), None)
            if half is not None:
                result.halves[name] = half
        else:
            result.initial.append(name)
    return result


def _refuse_unknown(take: Mapping[str, str], networks: Mapping[str, nn.Module]) -> None:
    for name in take:
        if name not in networks:
            raise Choice(f"no network is called {name!r}{did_you_mean(name, networks)} Networks: {', '.join(networks)}")
    for name, asked in take.items():
        if asked == NOTHING and isinstance(networks[name], Generator):
            raise Choice(f"a model needs its {name}: leave --take {name}={NOTHING} out")


def _named(asked: str, candidates: Sequence[Candidate], network: str) -> list[Candidate]:
    chosen = [candidate for candidate in candidates if asked in (candidate.label, candidate.name)]
    if not chosen:
        names = [candidate.name for candidate in candidates]
        raise Choice(f"it has no part {quoted(asked)} for the {network}: its parts are {listed(names, SHOWN)}")
    return chosen


def _fitting(network: nn.Module, candidate: Candidate) -> list[Assignment]:
    try:
        return [Assignment(candidate, match(network.state_dict(), candidate.tensors))]
    except Misfit:
        return []


def _preferred(fitting: list[Assignment], kind: type) -> list[Assignment]:
    same_names = [each for each in fitting if each.mapping.by_name] or fitting
    hinted = [each for each in same_names if each.candidate.hints(kind)]
    others = [other for other in HINTS if not issubclass(kind, other)]
    neutral = [each for each in same_names if not any(each.candidate.hints(other) for other in others)]
    return hinted or neutral or same_names


def _best_misfit(network: nn.Module, candidates: Sequence[Candidate]) -> tuple[Candidate, str]:
    if not candidates:
        raise UserError("it has no network: give a file with the weights of one")
    best = max(candidates, key=lambda candidate: similarity(network.state_dict(), candidate.tensors))
    try:
        match(network.state_dict(), best.tensors)
    except Misfit as misfit:
        return best, str(misfit)
    raise AssertionError("a candidate that fits was refused")
