"""One file is the model: safetensors whose header says what it is, in names that the registry knows."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

import ganzoo
from ganzoo.catalogue.component import Slot
from ganzoo.catalogue.data import DataSpec
from ganzoo.catalogue.registry import Registry
from ganzoo.catalogue.selection import FORMAT, Part, Selection, part_from_json
from ganzoo.engine.assembly import SelectedParts
from ganzoo.engine.files import write_whole
from ganzoo.errors import UserError
from ganzoo.recipe import Recipe

KEY = "ganzoo"
_LENGTH = 8  # bytes of the header's length, at the beginning of a safetensors file


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
    tensors = {name: value.detach().cpu().contiguous() for name, value in recipe.state_dict().items()}
    digest = hashlib.sha256(_payload(safetensors.torch.save(tensors))).hexdigest()
    header = {
        **selection.to_json(),
        "data": {slot: spec.to_json() for slot, spec in data.items()},
        "trained": dict(trained),
        "versions": versions(),
        "sha256": digest,
    }
    # One metadata key: safetensors orders several at random, and equal models should be equal files.
    write_whole(path, safetensors.torch.save(tensors, {KEY: json.dumps(header, sort_keys=True)}))
    return digest


def read_model(path: Path, registry: Registry) -> tuple[Recipe, Header]:
    """Return the recipe in a model file, in evaluation mode on the CPU, and what the file says about itself.

    Raises :class:`UserError` where the file is missing, damaged, of another format, or needs a plugin that is not
    installed.
    """
    content = _content(path)
    header, tensors = _header(path, content), _tensors(path, content)
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
    named = header.parts.get("recipe", {}).get("name", "")
    recipe = registry.component("recipe", str(named))
    slots = [Slot("recipe", "recipe", ""), *recipe.slots]
    needed = {slot.name: slot for slot in slots if slot.kind != "dataset"}
    missing = [name for name in needed if name not in header.parts]
    if missing:
        raise UserError(f"the model names no part for slot {missing[0]!r} of recipe {recipe.name!r}")
    return needed


def _build(parts: Mapping[str, Part], header: Header, device: str) -> Recipe:
    with torch.random.fork_rng(devices=[]), torch.device(device):
        recipe: Recipe = SelectedParts(parts).build("recipe", parts=SelectedParts(parts), data=header.data)
    return recipe


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise UserError(f"there is no model at {path}: give a .safetensors file or a run folder") from None
    except OSError as problem:
        raise UserError(f"{path} cannot be read: {problem.strerror or problem}") from problem


def _tensors(path: Path, content: bytes) -> dict[str, Tensor]:
    try:
        return safetensors.torch.load(content)
    except (SafetensorError, ValueError, KeyError) as problem:
        raise UserError(f"{path} is no readable safetensors file: {problem}") from problem


def _header(path: Path, content: bytes) -> Header:
    try:
        length = int.from_bytes(content[:_LENGTH], "little")
        about = json.loads(content[_LENGTH : _LENGTH + length]).get("__metadata__", {})
        raw = json.loads(about[KEY])
        if raw["format"] != FORMAT:
            raise UserError(f"{path} has format {raw['format']}; this ganzoo reads format {FORMAT}: update ganzoo")
        if hashlib.sha256(_payload(content)).hexdigest() != raw["sha256"]:
            raise UserError(f"{path} is damaged: its weights do not match the checksum in its header")
        return Header(
            variant=str(raw["variant"]),
            parts=dict(raw["parts"]),
            data={slot: DataSpec.from_json(spec) for slot, spec in raw["data"].items()},
            trained=dict(raw["trained"]),
            versions=dict(raw["versions"]),
            raw=raw,
        )
    except UserError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as problem:
        raise UserError(f"{path} is no model of ganzoo: it carries no readable description of itself") from problem


def _payload(content: bytes) -> bytes:
    return content[_LENGTH + int.from_bytes(content[:_LENGTH], "little") :]
