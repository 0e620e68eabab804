"""Networks that start with the weights of another model."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from ganzoo.assembly.parts import SelectedParts, build_recipe
from ganzoo.catalogue.data import DataSpec
from ganzoo.catalogue.selection import Selection
from ganzoo.catalogue.starts import WHOLE, Start, describe_slot, start_flag, starts_from_json
from ganzoo.contract.recipe import Recipe
from ganzoo.errors import Refused, UserError
from ganzoo.storage.model_file import StoredModel, read_model
from ganzoo.storage.other_weights import OtherWeights, read_weights
from ganzoo.storage.run_folder import RunFolder
from ganzoo.text import one_line
from ganzoo.training.takeover import Takeover, plan

_SHOWN = 3  # tensors that are named of one network that does not fit


@dataclass(frozen=True)
class OtherNetworks:
    """What was read from a model for one slot: the networks in its slot of that name, and what its data was."""

    start: Start
    networks: tuple[nn.Module, ...]
    data: Mapping[str, DataSpec]


@dataclass(frozen=True)
class OtherModel:
    """What was read from a model from which all networks start, as far as they fit."""

    start: Start
    weights: OtherWeights


@dataclass(frozen=True)
class Others:
    """The models from which a training starts: ``whole`` ones for all networks, then ``networks`` by slot."""

    whole: tuple[OtherModel, ...] = ()
    networks: Mapping[str, OtherNetworks] = field(default_factory=dict)

    @property
    def starts(self) -> dict[str, Start]:
        """What files record of them."""
        models = [(WHOLE, model.start) for model in self.whole]
        return dict([*models, *((slot, other.start) for slot, other in self.networks.items())])

    @property
    def data(self) -> list[Mapping[str, DataSpec]]:
        """What the data of each model was."""
        return [*(model.weights.data for model in self.whole), *(other.data for other in self.networks.values())]


NO_OTHERS = Others()


def read_starts(selection: Selection) -> Others:
    """Read the models from which networks are to start; what a file has recorded is not read.

    Raises :class:`Refused` with every model that cannot be read, or has no such network.
    """
    whole: list[OtherModel] = []
    others: dict[str, OtherNetworks] = {}
    models: dict[Any, StoredModel] = {}
    problems = []
    for slot, start in selection.starts.items():
        if not start.is_asked_for:
            continue
        # Unlike Path.is_dir, this has an answer for every name.
        path = RunFolder(start.path).model if os.path.isdir(start.path) else start.path
        try:
            if slot == WHOLE:
                weights = read_weights(path, selection.registry.field_types)
                whole.append(OtherModel(dataclasses.replace(start, sha256=weights.sha256), weights))
                continue
            stored = models[path] if path in models else read_model(path, selection.registry)
        except UserError as problem:
            problems.append(f"--{start_flag(slot)}: {problem}")
            continue
        models[path] = stored
        networks = tuple(stored.parts.networks(slot))
        if not networks:
            problems.append(f"--{start_flag(slot)}: the model {path} has no {slot}, as its recipe has no such slot")
        others[slot] = OtherNetworks(dataclasses.replace(start, sha256=stored.sha256), networks, stored.header.data)
    if problems:
        raise Refused(problems)
    return Others(tuple(whole), others)


def start_from(recipe: Recipe, parts: SelectedParts, others: Others) -> list[str]:
    """Copy the weights of other networks into ``recipe``, which ``parts`` has built, and return lines about it.

    Nothing is copied unless every network that was named by itself fits, and something of the others: raises
    :class:`Refused` with all that does not.
    """
    takeovers = _fitting(recipe, parts, others)
    lines: list[str] = []
    for model, takeover in takeovers:
        takeover.apply(recipe, model.weights.tensors)
        lines += takeover.lines(recipe, model.start.path)
    for slot, other in others.networks.items():
        for network, source in zip(parts.networks(slot), other.networks, strict=True):
            network.load_state_dict(source.state_dict())
    return lines


def _fitting(recipe: Recipe, parts: SelectedParts, others: Others) -> list[tuple[OtherModel, Takeover]]:
    """Return what is taken over of each whole model; raises :class:`Refused` if something does not fit."""
    problems = [problem for slot, other in others.networks.items() for problem in _misfits(parts, slot, other)]
    takeovers = [
        (model, plan(recipe, recipe.data, model.weights.tensors, model.weights.data)) for model in others.whole
    ]
    for model, takeover in takeovers:
        if not takeover.is_something(model.weights.tensors):
            names = one_line(", ".join([*model.weights.tensors][:_SHOWN])) or "none"
            problems.append(
                f"--{start_flag(WHOLE)}: no weights in {model.start.path} have the name and the shape of a layer here "
                f"(its tensors: {names}, …); choose the networks of that model, or write a model of these networks "
                "with `ganzoo convert`"
            )
    if problems:
        raise Refused(problems)
    return takeovers


def _misfits(parts: SelectedParts, slot: str, other: OtherNetworks) -> Iterator[str]:
    """Yield a sentence for each network of ``slot`` that does not fit."""
    label = f"--{start_flag(slot)}: the {slot} in {other.start.path}"
    own = parts.networks(slot)
    if len(own) != len(other.networks):
        yield f"{label} is {len(other.networks)} networks, and that of this training {len(own)}"
        return
    for network, source in zip(own, other.networks, strict=True):
        wrong = list(_differences(source.state_dict(), network.state_dict()))
        if wrong:
            more = f"; and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
            yield (
                f"{label} does not fit: {'; '.join(wrong[:_SHOWN])}{more}. Choose the same network, conditioner and "
                "options as in that model, and data of the same shape"
            )


def _differences(has: Mapping[str, Tensor], needs: Mapping[str, Tensor]) -> Iterator[str]:
    for name in dict.fromkeys((*needs, *has)):
        if name not in has:
            yield f"{name} is missing there"
        elif name not in needs:
            yield f"{name} is not expected here"
        elif has[name].shape != needs[name].shape:
            yield f"{name} has shape {tuple(has[name].shape)} and should have {tuple(needs[name].shape)}"
        elif has[name].dtype != needs[name].dtype:
            yield f"{name} has type {has[name].dtype} and should have {needs[name].dtype}"


def check_starts(selection: Selection, data: Mapping[str, DataSpec]) -> None:
    """Raise :class:`Refused` unless the networks of the other models can be read, and fit; nothing is trained."""
    refuse_recorded(selection.starts)
    parts = SelectedParts(selection.parts)
    others = read_starts(selection)
    if others != NO_OTHERS:
        _fitting(build_recipe(selection, data, "meta", parts), parts, others)


def refuse_recorded(starts: Mapping[str, Start]) -> None:
    """Raise :class:`Refused` for starts that a config file has recorded: no file makes ganzoo read another one."""
    recorded = {slot: start for slot, start in starts.items() if not start.is_asked_for}
    if recorded:
        raise Refused(
            [
                f"the config file says that the {describe_slot(slot)} started from {start.path} (sha256 "
                f"{start.sha256[:12]}…), and no file makes ganzoo read another: give --{start_flag(slot)} MODEL again, "
                f"or --{start_flag(slot)} none"
                for slot, start in recorded.items()
            ]
        )


def resumed_starts(selection: Selection, config: Mapping[str, Any]) -> dict[str, Start]:
    """Return what the checkpoint of a run has recorded of its starts, for a training that continues from it.

    Raises :class:`UserError` if the user asks for another model than that from which the run started.
    """
    recorded = starts_from_json(config.get("starts", {}), "the checkpoint")
    for slot, start in selection.starts.items():
        before = recorded.get(slot)
        if before is None or before.sha256 != start.sha256:
            was = f"from {before.path}, with the sha256 {before.sha256[:12]}…" if before else "with new weights"
            raise UserError(
                f"the run started its {describe_slot(slot)} {was}: leave out --{start_flag(slot)}, or choose another "
                "--out"
            )
    return recorded
