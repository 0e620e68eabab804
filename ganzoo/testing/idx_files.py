"""Files in the idx format of MNIST."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

# The idx format


def idx(values: np.ndarray) -> bytes:
    """Return ``values`` (N, ...) of uint8 as the bytes of an idx file."""
    return bytes((0, 0, 8, values.ndim)) + struct.pack(f">{values.ndim}I", *values.shape) + values.tobytes()


def write_mnist(root: Path, images: bytes, labels: bytes) -> Path:
    """Write the training part of MNIST in its own layout; return its folder."""
    folder = root / "MNIST" / "raw"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "train-images-idx3-ubyte").write_bytes(images)
    (folder / "train-labels-idx1-ubyte").write_bytes(labels)
    return folder


IMAGES = np.arange(5 * 9 * 9, dtype=np.uint8).reshape(5, 9, 9)
LABELS = np.array([3, 1, 4, 1, 5], np.uint8)
