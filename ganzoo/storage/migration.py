"""Migration of models that an older ganzoo wrote to today's format.

Format 1 is format 2 without the seal: it has a checksum of the tensors, and none of the header. A reader of format 2
asks for the seal, so ``ganzoo convert`` writes an older model again, once.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import safetensors.torch
from torch import Tensor

from ganzoo.catalogue.formats import MODEL_KEY
from ganzoo.catalogue.registry import Registry
from ganzoo.errors import UserError
from ganzoo.storage.files import open_file
from ganzoo.storage.model_file import read_model
from ganzoo.storage.older_models import description
from ganzoo.storage.sealed import write_sealed
from ganzoo.text import one_line


def migrate_model(old: Path, new: Path, registry: Registry) -> str:
    """Write the model in ``old``, of an older format, to ``new`` in today's, and return the sha256 of its weights.

    What is written is read again as any model is, so that a damaged or hostile file becomes no model. Raises
    :class:`UserError`, and leaves no file, where it is none.
    """
    tensors, about = _read(old)
    digest = write_sealed(new, tensors, MODEL_KEY, about)
    try:
        read_model(new, registry)
    except UserError as problem:
        new.unlink(missing_ok=True)
        raise UserError(f"{old} cannot be converted: {one_line(problem)}") from problem
    return digest


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    try:
        with open_file(path) as file:
            about = description(file)
            payload = file.read()
            file.seek(0)
            whole = file.read()
        if hashlib.sha256(payload).hexdigest() != about.get("sha256"):
            raise UserError(f"{path} is damaged: its content does not match the checksum in its header")
        tensors = safetensors.torch.load(whole)
    except UserError:
        raise
    except Exception as problem:  # whatever safetensors and json find wrong with it
        raise UserError(f"{path} is not a readable model: {one_line(problem)}") from problem
    # A seal is the writer's to make.
    return tensors, {name: value for name, value in about.items() if name not in ("seal", "sha256", "format")}
