"""Files in formats of older versions, made from files of this version."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import safetensors.torch

from ganzoo.catalogue.formats import MODEL_KEY
from ganzoo.storage.sealed import read_sealed


def model_in_format_1(model: Path, **changed: Any) -> bytes:
    """Return the bytes of a model in format 1: no seal, and a checksum of the tensors alone.

    ``changed`` replaces entries of its description.
    """
    tensors, about = read_sealed(model, MODEL_KEY, "model")
    return safetensors.torch.save(tensors, {MODEL_KEY: json.dumps({**about, "format": 1, **changed}, sort_keys=True)})
