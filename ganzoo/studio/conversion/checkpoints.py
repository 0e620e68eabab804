"""Checkpoints of all formats, told apart by their first bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

from ganzoo.studio.conversion.hdf5_files import SIGNATURE
from ganzoo.studio.conversion.keras_files import CONFIG, WEIGHTS, KerasModel, is_keras_zip, read_keras
from ganzoo.studio.conversion.pickles import Unreadable
from ganzoo.studio.conversion.safetensors_files import is_safetensors, read_safetensors
from ganzoo.studio.conversion.torch_files import ADVICE, PICKLE, read_legacy, read_zip
from ganzoo.studio.conversion.zip_files import ZIP, entries
from ganzoo.text import listed

SHOWN = 8  # import paths in a message


@final
@dataclass(frozen=True)
class Checkpoint:
    """The content of a file: dicts, lists, tuples, strings, numbers, and a ``View`` for each tensor.

    ``unread`` names all other objects, by import path or dtype; they are placeholders in ``value``. A file of Keras has
    flat maps with their channels last (``channels_last``), and tells the ``epsilons`` of its batch norms.
    """

    value: Any
    unread: tuple[str, ...] = ()
    channels_last: bool = False
    epsilons: tuple[float, ...] = ()

    @property
    def note(self) -> str:
        """What was not read, as the end of a sentence; empty if everything was."""
        return f"; not read: {listed(self.unread, SHOWN)}" if self.unread else ""


def read_checkpoint(content: bytes) -> Checkpoint:
    """Return the content of a checkpoint; nothing of it is run, and nothing is imported.

    Raises :class:`Unreadable` where it is damaged or has an unknown format.
    """
    if is_safetensors(content):  # first, as the length of its header may begin like a pickle
        return Checkpoint(*read_safetensors(content))
    if content.startswith(ZIP):
        found = entries(content)
        if is_keras_zip(found):
            return _of_keras(read_keras(found[WEIGHTS], found.get(CONFIG)))
        return Checkpoint(*read_zip(found))
    if content.startswith(SIGNATURE):
        return _of_keras(read_keras(memoryview(content)))
    if content.startswith(PICKLE):
        return Checkpoint(*read_legacy(memoryview(content)))
    raise Unreadable(f"is not a checkpoint: {ADVICE}, a safetensors file, or a model that Keras saved")


def _of_keras(model: KerasModel) -> Checkpoint:
    return Checkpoint(model.tensors, model.unread, True, model.epsilons)
