"""Written samples: formats, equal bytes, and invalid requests."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch import Tensor

from ganzoo.cli import run as command
from ganzoo.contract.field_values import values_of
from ganzoo.storage.files import WriteFailed
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


def test_any_number_of_samples_is_never_held_together(
    trained: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the chunks that a model yields, no more than two live at a time, whatever the format."""
    from ganzoo.studio.model import Model

    alive, most = [0], [0]
    chunks = Model.sample_in_chunks

    def counted(self: Model, *given: Any, **named: Any) -> Iterator[Tensor]:
        for chunk in chunks(self, *given, **named):
            tracked = chunk.clone()
            alive[0] += 1
            most[0] = max(most[0], alive[0])
            weakref.finalize(tracked, lambda: alive.__setitem__(0, alive[0] - 1))
            yield tracked

    monkeypatch.setattr(Model, "sample_in_chunks", counted)
    monkeypatch.setattr("ganzoo.evaluation.sampling.CHUNK", 4)
    for out in ("many.npz", "many"):
        most[0] = 0
        words = ["sample", str(trained.folder.path), "--count", "40", "--out", str(tmp_path / out)]
        assert command(words) == 0
        assert 1 <= most[0] <= 3, out
    assert np.load(tmp_path / "many.npz")["images"].shape == (40, 8, 8)
    assert len(list((tmp_path / "many").iterdir())) == 40


def test_arrays_are_those_that_numpy_would_write(trained: Run, tmp_path: Path) -> None:
    import ganzoo

    words = ["sample", str(trained.folder.path), "--count", "300", "--out", str(tmp_path / "a.npz")]
    assert command(words) == 0
    model = ganzoo.load(trained)
    arrays = np.load(tmp_path / "a.npz", allow_pickle=False)
    assert sorted(arrays) == ["images", "labels"]
    assert np.array_equal(arrays["images"], values_of(model.output).to_array(model.sample(300)))
    assert np.array_equal(arrays["labels"], np.arange(300) % 10)


def test_a_folder_that_cannot_be_completed_is_left_empty(
    trained: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ganzoo.studio import export

    write, written = export.write_atomically, list[Path]()

    def full(path: Path, content: bytes) -> None:
        written.append(path)
        if len(written) == 5:
            raise WriteFailed(28, "No space left on device", str(path))
        write(path, content)

    monkeypatch.setattr(export, "write_atomically", full)
    assert command(["sample", str(trained.folder.path), "--count", "9", "--out", str(tmp_path / "made")]) == 2
    assert len(written) == 5
    assert not list((tmp_path / "made").iterdir())


@pytest.mark.parametrize(("columns", "width"), [(1, 1), (3, 3), (100, 12)])
def test_a_picture_has_the_columns_that_are_asked_for(
    columns: int, width: int, trained: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ganzoo.studio import export

    seen, draw = list[int](), export.draw_examples

    def noted(*given: Any, **named: Any) -> Any:
        seen.append(given[4])
        return draw(*given, **named)

    monkeypatch.setattr(export, "draw_examples", noted)
    words = ["sample", str(trained.folder.path), "--count", "12", "--columns", str(columns)]
    assert command([*words, "--out", str(tmp_path / "a.png")]) == 0
    assert seen == [width]
