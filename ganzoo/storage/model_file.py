"""The model file: one safetensors file whose header describes the model by names that the registry resolves."""

from __future__ import annotations

import dataclasses
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch

import ganzoo
from ganzoo.assembly.parts import SelectedParts
from ganzoo.batches.fingerprint import Fingerprint
from ganzoo.catalogue.component import Slot
from ganzoo.catalogue.data import DataSpec
from ganzoo.catalogue.discovery import LOCAL
from ganzoo.catalogue.field_types import FieldType
from ganzoo.catalogue.formats import MODEL_KEY
from ganzoo.catalogue.local import own_objects
from ganzoo.catalogue.registry import Part, Registry, lacks_own, part_from_json
from ganzoo.catalogue.selection import Selection, members
from ganzoo.contract.recipe import Recipe
from ganzoo.contract.working_state import model_state
from ganzoo.errors import UserError
from ganzoo.health.free_memory import free_memory
from ganzoo.own.adopt import adopt
from ganzoo.randomness import global_generator
from ganzoo.storage.files import open_file
from ganzoo.storage.given_away import described_for_others
from ganzoo.storage.older_models import description
from ganzoo.storage.resume_compatibility import with_optional_parts
from ganzoo.storage.sealed import read_sealed, refuse_other_tensors, write_sealed
from ganzoo.text import in_bytes, one_line

RECIPE = Slot("recipe", "recipe", "")


@dataclass(frozen=True)
class Header:
    """The description in a model file; ``raw`` is the whole JSON object.

    ``fingerprints`` are those of the data by slot; a model that was converted, or made by an older version, has none.
    """

    variant: str
    parts: Mapping[str, Any]
    data: Mapping[str, DataSpec]
    fingerprints: Mapping[str, Fingerprint]
    trained: Mapping[str, Any]
    versions: Mapping[str, str]
    raw: Mapping[str, Any]


def versions() -> dict[str, str]:
    """Return the versions of ganzoo, torch and Python, for the record of a model or a run."""
    return {"ganzoo": ganzoo.__version__, "torch": torch.__version__, "python": platform.python_version()}


def write_model(
    path: Path,
    recipe: Recipe,
    selection: Selection,
    data: Mapping[str, DataSpec],
    trained: Mapping[str, Any],
    fingerprints: Mapping[str, Fingerprint] = MappingProxyType({}),
) -> str:
    """Write ``recipe`` as one self-describing file, and return the sha256 of its weights.

    ``trained`` says how long it was trained, ``fingerprints`` on which examples of each slot. The weights are written
    as they are: swap the averages in first.
    """
    about = {
        **described_for_others(selection),
        "data": {slot: spec.to_json() for slot, spec in data.items()},
        "fingerprints": {slot: fingerprint.to_json() for slot, fingerprint in fingerprints.items()},
        "trained": dict(trained),
        "versions": versions(),
    }
    return write_sealed(path, model_state(recipe), MODEL_KEY, about)


def described_data(path: Path, types: Mapping[str, FieldType]) -> dict[str, DataSpec]:
    """Return what the data of the model in a file was, by slot; empty if there is no file, or if it is not readable."""
    try:
        with open_file(path) as file:
            about = description(file)
        return {str(slot): DataSpec.from_json(spec, types) for slot, spec in about["data"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, UserError):
        return {}


@dataclass(frozen=True)
class StoredModel:
    """The content of a model file: the recipe, its description, and a registry with all of its parts.

    ``sha256`` identifies the weights; ``parts`` has built the recipe, and knows the networks of each slot.
    """

    recipe: Recipe
    header: Header
    registry: Registry
    sha256: str
    parts: SelectedParts


def read_model(path: Path, registry: Registry, given: Mapping[str, Any] | None = None) -> StoredModel:
    """Return the recipe in a model file, in evaluation mode on the CPU, with its description.

    ``given`` has classes and objects by slot or kind, for parts that were given in Python. Raises :class:`UserError` if
    the file is missing or damaged, has another format, needs a plugin that is not installed or a part that is not
    given, or has weights that are not finite.
    """
    tensors, about = read_sealed(path, MODEL_KEY, "model")
    try:
        header, registry = _with_given(_header(about, registry), registry, given or {})
        parts = _parts(header, registry)
        # The meta device needs no memory: only a network whose weights are in the file is built on the CPU.
        imagined = _build(SelectedParts(parts), header, "meta")
        refuse_other_tensors(tensors, model_state(imagined))
        _refuse_too_large(imagined)
        selected = SelectedParts(parts)
        recipe = _build(selected, header, "cpu")
    except UserError as problem:
        raise UserError(f"{path} cannot be used: {one_line(problem)}") from problem
    recipe.load_state_dict(tensors, strict=False)  # what the training alone needed is not in the file
    return StoredModel(recipe.eval(), header, registry, str(about["sha256"]), selected)


def _refuse_too_large(recipe: Recipe) -> None:
    """Raise :class:`UserError` if the memory is too small, also for what only the training needs: no file holds that.

    Linux gives memory that it does not have, and later ends the process that uses it.
    """
    needed, free = sum(value.nbytes for value in recipe.state_dict().values()), free_memory(torch.device("cpu"))
    if needed > free:
        raise UserError(f"its {in_bytes(needed)} do not fit into the free memory ({in_bytes(free)})")


def _with_given(header: Header, registry: Registry, given: Mapping[str, Any]) -> tuple[Header, Registry]:
    """Return the header with what is given in Python in place of the parts that it names, and where these are found."""
    if not given:
        return header, registry
    slots = part_from_json(registry, RECIPE, header.parts.get("recipe")).component.slots
    objects = own_objects(slots, given)
    refused = [name for name in given if name.replace("_", "-") not in objects]
    if refused:
        known = ", ".join(sorted({name.replace("-", "_") for slot in slots for name in (slot.name, slot.kind)}))
        raise UserError(f"{refused[0]} is no class or object for one of its parts, which are {known}")
    adopted = adopt(registry, slots, objects)
    names = {**adopted.names, **adopted.implied}
    parts = dict(header.parts)
    for slot in slots:
        chosen = names.get(slot.name, names.get(slot.kind, ""))
        several = chosen.split(",") if "," in chosen else []
        for filled, name in [(slot.member(name), name) for name in several] or [(slot, chosen)]:
            if name:
                package = adopted.registry.entry(slot.kind, name).provider.package
                parts[filled.name] = _replaced(parts.get(filled.name), filled, name, package)
    return dataclasses.replace(header, parts=parts), adopted.registry


def _replaced(before: Any, slot: Slot, name: str, package: str) -> dict[str, Any]:
    """Return the description of a given part; the options of a class are those that it was trained with."""
    same = isinstance(before, Mapping) and before.get("package") == LOCAL and slot.kind != "dataset"
    config = before.get("config", {}) if same else {}
    return {"name": name, "package": package, "version": "", "config": config}


def _refuse_missing(parts: Mapping[str, Any], slots: Sequence[Slot], registry: Registry) -> None:
    """Raise :class:`UserError` if parts that were given in Python are not given again, and say how to give them."""
    missing = [slot for slot in slots if lacks_own(registry, slot, parts.get(slot.name))]
    if missing:
        named = " and ".join(f"{slot.name} {parts[slot.name].get('name')!r}" for slot in missing)
        keywords = ", ".join(dict.fromkeys(f"{slot.flag.replace('-', '_')}=…" for slot in missing))
        raise UserError(
            f"it was trained in Python with parts of a program ({one_line(named)}), and a model file contains no code: "
            f"in Python, give them again with ganzoo.load(path, {keywords})"
        )


def _parts(header: Header, registry: Registry) -> dict[str, Part]:
    """Return the parts that a recipe builds; data and optimizers are not needed for sampling."""
    recipe = part_from_json(registry, RECIPE, header.parts.get("recipe"))
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
    _refuse_missing(header.parts, slots, registry)
    described = with_optional_parts(header.parts, slots)
    return {"recipe": recipe} | {slot.name: part_from_json(registry, slot, described.get(slot.name)) for slot in slots}


def _build(parts: SelectedParts, header: Header, device: str) -> Recipe:
    with global_generator, torch.random.fork_rng(devices=[]), torch.device(device):
        recipe: Recipe = parts.build("recipe", parts=parts, data=header.data)
    return recipe


def _header(raw: Mapping[str, Any], registry: Registry) -> Header:
    for name, kind in {"variant": str, "parts": dict, "data": dict, "trained": dict, "versions": dict}.items():
        if not isinstance(raw.get(name), kind):
            raise UserError(f"its description is damaged: {name!r} is missing, or not a {kind.__name__}")
    data = {slot: DataSpec.from_json(spec, registry.field_types) for slot, spec in raw["data"].items()}
    recorded = raw.get("fingerprints", {})
    if not isinstance(recorded, dict):
        raise UserError("its description is damaged: 'fingerprints' is not a dict")
    fingerprints = {slot: Fingerprint.from_json(value) for slot, value in recorded.items()}
    return Header(raw["variant"], raw["parts"], data, fingerprints, raw["trained"], raw["versions"], raw)
