"""Weights to start from: the tensors of a model file, or of any safetensors file."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import safetensors.torch
from torch import Tensor

from ganzoo.catalogue.data import DataSpec
from ganzoo.catalogue.field_types import FieldType
from ganzoo.catalogue.formats import MODEL_KEY
from ganzoo.errors import UserError
from ganzoo.health.finite import first_non_finite
from ganzoo.storage.model_file import described_data
from ganzoo.storage.sealed import read_content, read_header, read_sealed
from ganzoo.text import one_line


@dataclass(frozen=True)
class OtherWeights:
    """Tensors by name, their sha256, and what the data of their model was, by slot, if that is known."""

    tensors: Mapping[str, Tensor]
    sha256: str
    data: Mapping[str, DataSpec] = field(default_factory=dict)


def read_weights(path: Path, types: Mapping[str, FieldType]) -> OtherWeights:
    """Return the weights in a model file or in a plain safetensors file; no part of the model is built.

    Raises :class:`UserError` if the file is missing, damaged or no safetensors file, or if weights are not finite.
    """
    content = read_content(path, "model")
    header = read_header(content)
    if b"ganzoo" in header:  # a file of ganzoo's own must be whole
        tensors, about = read_sealed(path, MODEL_KEY, "model")
        found = OtherWeights(tensors, str(about["sha256"]), described_data(path, types))
    else:
        try:
            tensors = safetensors.torch.load(content)
            first_non_finite(tensors)  # torch has types of numbers that it cannot judge
        except Exception as problem:  # safetensors and torch raise various types for an invalid file
            raise UserError(
                f"{path} is not a readable safetensors file ({one_line(problem)}); `ganzoo convert` reads other "
                "checkpoints"
            ) from problem
        found = OtherWeights(tensors, hashlib.sha256(memoryview(content)[len(header) :]).hexdigest())
    if name := first_non_finite(found.tensors):
        raise UserError(f"{path} cannot be used: the weights of {one_line(name)} are not finite")
    return found
