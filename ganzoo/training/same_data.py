"""Compares the data of a resumed training with that of its checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ganzoo.batches.fingerprint import DataIdentity
from ganzoo.catalogue.selection import Selection
from ganzoo.errors import UserError
from ganzoo.storage.run_folder import RunFolder
from ganzoo.training.trainer import Trainer

KEY = "data"  # in the description of a checkpoint


def data_identities(trainer: Trainer) -> dict[str, DataIdentity]:
    """Return the data of a training by slot."""
    specs = trainer.train_step.recipe.data
    return {
        slot: DataIdentity(specs[slot], batches.fingerprint) for slot, batches in trainer.train_step.batches.items()
    }


def data_to_json(trainer: Trainer) -> dict[str, Any]:
    """Return what a checkpoint records of the data."""
    return {KEY: {slot: identity.to_json() for slot, identity in data_identities(trainer).items()}}


def recorded_data(path: Path, about: Mapping[str, Any], selection: Selection) -> dict[str, DataIdentity]:
    """Return the data that the checkpoint at ``path`` records in its description ``about``; older ones have no record.

    Raises :class:`UserError` if the record is damaged.
    """
    recorded, types = about.get(KEY, {}), selection.registry.field_types
    try:
        if not isinstance(recorded, Mapping):
            raise UserError("the description of its data is damaged")
        return {slot: DataIdentity.from_json(value, types) for slot, value in recorded.items()}
    except UserError as problem:
        raise UserError(f"{path} does not fit this run: {problem}") from problem


def compare_data(
    recorded: Mapping[str, DataIdentity], step: Any, trainer: Trainer, selection: Selection, folder: RunFolder
) -> list[str]:
    """Return a sentence for each dataset to which examples were added, or from which some were removed.

    Raises :class:`UserError` if one is other data than the run was trained on until ``step``.
    """
    changes = []
    for slot, now in data_identities(trainer).items():
        before, label = recorded.get(slot), selection.parts[slot].label
        if before is None:
            continue
        if difference := before.difference(now):
            raise UserError(
                f"{label} is other data than this run was trained on ({difference}): resume it with its own data "
                f"(--data-root), or train on the new data with another --out; "
                f"--from {folder.path} starts from its networks"
            )
        if change := before.fingerprint.change(now.fingerprint):
            changes.append(f"{label} has changed since the last checkpoint: {change}; the training continues with it")
    if changes and isinstance(step, int) and step > trainer.steps:
        raise UserError(
            f"{changes[0].partition(';')[0]}: its epochs are {trainer.steps} steps now, and the run has made {step}; "
            "put the examples back, or choose another --out"
        )
    return changes
