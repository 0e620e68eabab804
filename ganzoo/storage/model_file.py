"""One file is the model: safetensors whose header says what it is, in names that the registry knows."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

import ganzoo
from ganzoo.assembly.parts import SelectedParts
from ganzoo.catalogue.component import Slot
from ganzoo.catalogue.data import DataSpec
from ganzoo.catalogue.registry import Part, Registry, part_from_json
from ganzoo.catalogue.selection import Selection
from ganzoo.contract.recipe import Recipe
from ganzoo.errors import UserError
from ganzoo.storage.sealed import read_sealed, refuse_other_tensors, write_sealed
from ganzoo.text import one_line

KEY = "ganzoo"


@dataclass(frozen=True)
class Header:
    """What a model file says about itself."""

    variant: str
    parts: Mapping[str, Any]
    data: Mapping[str, DataSpec]
    trained: Mapping[str, Any]
    versions: Mapping[str, str]
    raw: Mapping[str, Any]


def versions() -> dict[str, str]:
    """Return the versions that a model or a run was made with."""
    return {"ganzoo": ganzoo.__version__, "torch": torch.__version__, "python": platform.python_version()}


def write_model(
    path: Path, recipe: Recipe, selection: Selection, data: Mapping[str, DataSpec], trained: Mapping[str, Any]
) -> str:
    """Write ``recipe`` as one self-describing file and return the sha256 of its weights.

    ``trained`` tells how long it has trained. Put averages in place first: what is written is what samples.
    """
    about = {
        **selection.to_json(),
        "data": {slot: spec.to_json() for slot, spec in data.items()},
        "trained": dict(trained),
        "versions": versions(),
    }
    return write_sealed(path, recipe.state_dict(), KEY, about)


def read_model(path: Path, registry: Registry) -> tuple[Recipe, Header]:
    """Return the recipe in a model file, in evaluation mode on the CPU, and what the file says about itself.

    Raises :class:`UserError` where the file is missing, damaged, of another format, or needs a plugin that is not
    installed, or weights that are not finite.
    """
    tensors, about = read_sealed(path, KEY, "model")
    try:
        header = _header(about)
        parts = _parts(header, registry)
        # On the meta device a network of any size costs nothing; it is built in memory if the file has its weights.
        refuse_other_tensors(tensors, _build(parts, header, "meta").state_dict())
        recipe = _build(parts, header, "cpu")
    except UserError as problem:
        raise UserError(f"{path} cannot be used: {one_line(problem)}") from problem
    recipe.load_state_dict(tensors)
    return recipe.eval(), header


def _parts(header: Header, registry: Registry) -> dict[str, Part]:
    """The parts that a recipe builds; data and optimizers are not needed to sample."""
    recipe = part_from_json(registry, Slot("recipe", "recipe", ""), header.parts.get("recipe"))
    for slot in recipe.component.slots:
        if slot.kind == "dataset" and slot.name not in header.data:
            raise UserError(f"it does not say what the data of slot {slot.name!r} is")
    slots = recipe.component.model_slots
    return {"recipe": recipe} | {
        slot.name: part_from_json(registry, slot, header.parts.get(slot.name)) for slot in slots
    }


def _build(parts: Mapping[str, Part], header: Header, device: str) -> Recipe:
    with torch.random.fork_rng(devices=[]), torch.device(device):
        recipe: Recipe = SelectedParts(parts).build("recipe", parts=SelectedParts(parts), data=header.data)
    return recipe


def _header(raw: Mapping[str, Any]) -> Header:
    for name, kind in {"variant": str, "parts": dict, "data": dict, "trained": dict, "versions": dict}.items():
        if not isinstance(raw.get(name), kind):
            raise UserError(f"its description of itself is damaged: {name!r} is missing, or of another kind")
    data = {slot: DataSpec.from_json(spec) for slot, spec in raw["data"].items()}
    return Header(raw["variant"], raw["parts"], data, raw["trained"], raw["versions"], raw)
