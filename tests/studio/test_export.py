"""Written samples: formats, equal bytes, and invalid requests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ganzoo.cli import run as command
from ganzoo.training.run import Run


@pytest.mark.parametrize("out", ["a.png", "a.npz", "folder"])
def test_sampling_twice_gives_equal_bytes(trained: Run, tmp_path: Path, out: str) -> None:
    files = []
    for turn in ("first", "second"):
        target = tmp_path / turn / out
        assert command(["sample", str(trained.folder.path), "--seed", "4", "--count", "30", "--out", str(target)]) == 0
        found = sorted(target.iterdir()) if target.is_dir() else [target]
        files.append([(path.name, path.read_bytes()) for path in found])
    assert files[0] == files[1]
    assert len(files[0]) == (30 if out == "folder" else 1)


def test_arrays_hold_what_was_promised(trained: Run, tmp_path: Path) -> None:
    out = tmp_path / "a.npz"
    assert (
        command(
            ["sample", str(trained.folder.model), "--count", "7", "--label", "3", "--label", "8", "--out", str(out)]
        )
        == 0
    )
    arrays = np.load(out)
    assert arrays["images"].dtype == np.uint8
    assert arrays["images"].shape == (7, 8, 8)
    assert arrays["labels"].dtype == np.int64
    assert arrays["labels"].tolist() == [3, 8, 3, 8, 3, 8, 3]
