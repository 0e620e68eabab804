"""One file is the model: safetensors whose header says what it is, in names that the registry knows."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

import ganzoo
from ganzoo.catalogue.component import Slot
from ganzoo.catalogue.data import DataSpec
from ganzoo.catalogue.registry import Registry
from ganzoo.catalogue.selection import FORMAT, Part, Selection, part_from_json
from ganzoo.engine.assembly import SelectedParts
from ganzoo.engine.sealed import read_sealed, write_sealed
from ganzoo.errors import UserError
from ganzoo.recipe import Recipe

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
    installed.
    """
    tensors, about = read_sealed(path, KEY, "model")
    header = _header(path, about)
    slots = _slots(header, registry)
    parts = {name: part_from_json(registry, slot, header.parts[name]) for name, slot in slots.items()}
    shapes = {name: tuple(value.shape) for name, value in _build(parts, header, "meta").state_dict().items()}
    for name in sorted(shapes.keys() | tensors.keys()):
        found = tuple(tensors[name].shape) if name in tensors else None
        if shapes.get(name) != found:
            raise UserError(f"{path} is damaged: {name} should have shape {shapes.get(name)} and has {found}")
    recipe = _build(parts, header, "cpu")
    recipe.load_state_dict(tensors)
    return recipe.eval(), header


def _slots(header: Header, registry: Registry) -> dict[str, Slot]:
    """The slots that a recipe builds; data and optimizers are not needed to sample."""
    chosen = header.parts.get("recipe")
    recipe = registry.component("recipe", str(chosen.get("name", "") if isinstance(chosen, Mapping) else ""))
    needed = {slot.name: slot for slot in (Slot("recipe", "recipe", ""), *recipe.model_slots)}
    missing = [name for name in needed if name not in header.parts]
    if missing:
        raise UserError(f"the model names no part for slot {missing[0]!r} of recipe {recipe.name!r}")
    return needed


def _build(parts: Mapping[str, Part], header: Header, device: str) -> Recipe:
    with torch.random.fork_rng(devices=[]), torch.device(device):
        recipe: Recipe = SelectedParts(parts).build("recipe", parts=SelectedParts(parts), data=header.data)
    return recipe


def _header(path: Path, raw: Mapping[str, Any]) -> Header:
    if raw.get("format") != FORMAT:
        raise UserError(f"{path} has format {raw.get('format')}; this ganzoo reads format {FORMAT}: update ganzoo")
    try:
        return Header(
            variant=str(raw["variant"]),
            parts=dict(raw["parts"]),
            data={slot: DataSpec.from_json(spec) for slot, spec in raw["data"].items()},
            trained=dict(raw["trained"]),
            versions=dict(raw["versions"]),
            raw=raw,
        )
    except (ValueError, KeyError, TypeError, AttributeError) as problem:
        raise UserError(f"{path} is no model of ganzoo: its description of itself is damaged ({problem})") from problem
