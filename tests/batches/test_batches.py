"""Batches: from memory and streamed, in the range and with the labels that the data spec declares."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from ganzoo.batches.batches import open_batches
from ganzoo.catalogue import DataSpec, Field
from ganzoo.contract.dataset import Dataset
from ganzoo.contract.tracking import tracked_by
from ganzoo.errors import UserError

SPEC = DataSpec({"image": Field("image", (1, 2, 2)), "label": Field("class", classes=10)}, "image", "label")


class Numbered(Dataset):
    """Images whose pixels are their index."""

    def __init__(self, length: int, labels: int = 10):
        self.length, self.labels = length, labels

    def __len__(self) -> int:
        return self.length

    def read(self, indices: Tensor) -> dict[str, Tensor]:
        images = indices.to(torch.uint8).view(-1, 1, 1, 1).expand(-1, 1, 2, 2).contiguous()
        return {"image": images, "label": indices % self.labels}


def open_numbered(length: int, batch: int, budget: int, workers: int = 0, labels: int = 10, seed: int = 0):
    return open_batches(Numbered(length, labels), SPEC, batch, seed, "numbers", torch.device("cpu"), budget, workers)


@pytest.mark.parametrize("workers", [0, 2])
def test_streamed_batches_equal_those_from_memory(workers: int) -> None:
    memory, stream = open_numbered(40, 6, 10**9), open_numbered(40, 6, 0, workers)
    assert (memory.source, stream.source) == ("memory", "stream")
    for number in (0, 1, 2, 2, 9, 10, 4):
        expected, found = memory.get(number), stream.get(number)
        assert expected.keys() == found.keys()
        assert all(torch.equal(values, found[name]) for name, values in expected.items())


@pytest.mark.parametrize("fault", ["rows", "raises"])
@pytest.mark.parametrize("budget", [0, 10**9])
def test_a_dataset_that_misbehaves_is_named(fault: str, budget: int, monkeypatch: pytest.MonkeyPatch) -> None:
    read = Numbered.read

    def misbehaving(self: Numbered, indices: Tensor) -> dict[str, Tensor]:
        if fault == "raises" and len(indices) > 1:
            raise ZeroDivisionError("odd file")
        return read(self, indices[:-1] if len(indices) > 1 else indices)

    monkeypatch.setattr(Numbered, "read", misbehaving)
    with pytest.raises(UserError, match="numbers"):
        open_numbered(40, 6, budget).get(0)


@pytest.mark.long
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_streaming_works_however_workers_start(method: str, tmp_path: Path) -> None:
    script = (
        "import multiprocessing, ganzoo.cli\n"
        "if __name__ == '__main__':\n"
        f"    multiprocessing.set_start_method({method!r})\n"
        "    words = 'train gan --steps 2 --batch-size 8 --data-budget 0 --workers 1 --out run'\n"
        "    raise SystemExit(ganzoo.cli.run(words.split()))\n"
    )
    (tmp_path / "start.py").write_text(script)
    done = subprocess.run([sys.executable, "start.py"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_images_come_in_minus_one_to_one() -> None:
    batch = open_numbered(256, 256, 10**9).get(0)["image"]
    assert batch.dtype == torch.float32
    assert (batch.min(), batch.max()) == (-1, 1)


@pytest.mark.parametrize("budget", [0, 10**9])
def test_labels_out_of_range_are_told(budget: int) -> None:
    def read_all() -> None:
        batches = open_numbered(40, 12, budget, labels=12)
        for number in range(3):
            batches.get(number)

    with pytest.raises(UserError, match="labels from 0 to 11; 10 classes allow 0 to 9"):
        read_all()


def test_data_that_breaks_its_promise_is_told() -> None:
    wrong = DataSpec({"image": Field("image", (1, 4, 4)), "label": Field("class", classes=10)}, "image", "label")
    with pytest.raises(UserError, match="promised image as"):
        open_batches(Numbered(8), wrong, 2, 0, "numbers", torch.device("cpu"), 10**9, 0)


class Told(Numbered):
    """A dataset with notes."""

    def notes(self) -> list[str]:
        return ["two\nlines \x1b[31m", "x" * 10_000]


@pytest.mark.parametrize("budget", [0, 10**9])
def test_the_notes_of_a_dataset_are_lines_that_can_be_printed(budget: int) -> None:
    batches = open_batches(Told(8), SPEC, 4, 0, "told", torch.device("cpu"), budget, 0)
    first, second = batches.notes
    assert first == "two; lines \\x1b[31m"
    assert second.isprintable() and len(second) < 3000
    assert open_numbered(8, 4, budget).notes == ()


def test_notes_that_fail_are_the_fault_of_the_dataset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Told, "notes", lambda self: 1 / 0)
    with pytest.raises(UserError, match="told cannot describe its examples: division by zero"):
        open_batches(Told(8), SPEC, 4, 0, "told", torch.device("cpu"), 0, 0)


def test_the_reading_of_data_is_tracked() -> None:
    works = []

    def note(items: Iterable[Any], what: str, count: int) -> Iterator[Any]:
        found = list(items)
        works.append((what, count, len(found)))
        return iter(found)

    with tracked_by(note):
        open_numbered(1200, 4, 10**9)
        open_numbered(1200, 4, 0)
    assert works == [("reading numbers", 3, 3)]
