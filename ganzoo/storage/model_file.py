"""The model file: one safetensors file whose header describes the model by names that the registry resolves."""

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
from ganzoo.catalogue.formats import MODEL_KEY
from ganzoo.catalogue.registry import Part, Registry, part_from_json
from ganzoo.catalogue.selection import Selection, members
from ganzoo.contract.recipe import Recipe
from ganzoo.contract.working_state import model_state
from ganzoo.errors import UserError
from ganzoo.storage.sealed import read_sealed, refuse_other_tensors, write_sealed
from ganzoo.text import one_line


@dataclass(frozen=True)
class Header:
    """The description in a model file; ``raw`` is the whole JSON object."""

    variant: str
    parts: Mapping[str, Any]
    data: Mapping[str, DataSpec]
    trained: Mapping[str, Any]
    versions: Mapping[str, str]
    raw: Mapping[str, Any]


def versions() -> dict[str, str]:
    """Return the versions of ganzoo, torch and Python, for the record of a model or a run."""
    return {"ganzoo": ganzoo.__version__, "torch": torch.__version__, "python": platform.python_version()}


def write_model(
    path: Path, recipe: Recipe, selection: Selection, data: Mapping[str, DataSpec], trained: Mapping[str, Any]
) -> str:
    """Write ``recipe`` as one self-describing file, and return the sha256 of its weights.

    ``trained`` says how long it was trained. The weights are written as they are: swap the averages in first.
    """
    about = {
        **selection.to_json(),
        "data": {slot: spec.to_json() for slot, spec in data.items()},
        "trained": dict(trained),
        "versions": versions(),
    }
    return write_sealed(path, model_state(recipe), MODEL_KEY, about)


def read_model(path: Path, registry: Registry) -> tuple[Recipe, Header]:
    """Return the recipe in a model file, in evaluation mode on the CPU, and its description.

    Raises :class:`UserError` if the file is missing or damaged, has another format, needs a plugin that is not
    installed, or has weights that are not finite.
    """
    tensors, about = read_sealed(path, MODEL_KEY, "model")
    try:
        header = _header(about)
        parts = _parts(header, registry)
        # The meta device needs no memory: only a network whose weights are in the file is built on the CPU.
        refuse_other_tensors(tensors, model_state(_build(parts, header, "meta")))
        recipe = _build(parts, header, "cpu")
    except UserError as problem:
        raise UserError(f"{path} cannot be used: {one_line(problem)}") from problem
    recipe.load_state_dict(tensors, strict=False)  # what the training alone needed is not in the file
    return recipe.eval(), header


def _parts(header: Header, registry: Registry) -> dict[str, Part]:
    """Return the parts that a recipe builds; data and optimizers are not needed for sampling."""
    recipe = part_from_json(registry, Slot("recipe", "recipe", ""), header.parts.get("recipe"))
    for slot in recipe.component.slots:
        if slot.kind == "dataset" and slot.name not in header.data:
            raise UserError(f"it does not describe the data of slot {slot.name!r}")
    names = {
        name: value["name"]
        for name, value in header.parts.items()
        if isinstance(value, Mapping) and isinstance(value.get("name"), str)
    }
    slots = [
        filled
        for slot in recipe.component.model_slots
        for filled in ((slot.several and members(slot, names)) or (slot,))
    ]
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
            raise UserError(f"its description is damaged: {name!r} is missing, or not a {kind.__name__}")
    data = {slot: DataSpec.from_json(spec) for slot, spec in raw["data"].items()}
    return Header(raw["variant"], raw["parts"], data, raw["trained"], raw["versions"], raw)
