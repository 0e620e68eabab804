"""Images of a dataset of the Hugging Face hub, read by their numbers from files on the disk."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, final

import torch
from torch import Tensor

from ganzoo.plugin import Dataset, Limits, UserError, counted, track, warn
from ganzoo_datasets.hub_options import Columns, HubConfig, library
from ganzoo_datasets.image_files import MODES
from ganzoo_datasets.images import Canvas, facts, pixels, reason, without_warnings
from ganzoo_datasets.picture_options import CHANNELS

TOGETHER = 256  # images that are looked at together


@final
class HubDataset(Dataset):
    """The images of one split; the constructor decodes them only if it is asked to."""

    def __init__(self, config: HubConfig, root: Path):
        columns = config.columns(root)
        table = config.table(root)
        self._named, self._notes = config.named, [f"split {config.split}"]
        self._shape = (CHANNELS[config.channels], *config.size[::-1])
        self._canvas = Canvas(*config.size, MODES[config.channels], config.fit, config.colour)
        if config.limits:
            limits = Limits(*config.limits)
            self._canvas = dataclasses.replace(self._canvas, whole=limits, real=limits)
        self._labels = _labels(table, columns, config.named)
        images = table.select_columns([columns.image])
        self._images = images.cast_column(columns.image, library().Image(decode=False))
        self._column = columns.image
        if config.check == "decode":
            self._leave_out_damaged()
        if columns.names:
            found = Counter(self._labels.tolist())
            counts = {name: found[number] for number, name in enumerate(columns.names)}
            self._notes.append(f"classes: {counted(counts)}")

    def __len__(self) -> int:
        return len(self._images)

    def read(self, indices: Tensor) -> dict[str, Tensor]:
        """Return ``image`` (B, C, height, width) uint8 and, with classes, ``label`` (B,); refuses damaged images."""
        images = torch.empty(len(indices), *self._shape, dtype=torch.uint8)
        numbers = indices.tolist()
        with without_warnings(), ThreadPoolExecutor(torch.get_num_threads()) as pool:
            for image, made in zip(images, pool.map(self._decoded, numbers, self._files(numbers)), strict=True):
                image.copy_(made)
        return {"image": images, "label": self._labels[indices]} if len(self._labels) else {"image": images}

    def notes(self) -> Sequence[str]:
        """Return the split, the images of each class, and what was left out."""
        return self._notes

    def identities(self) -> Iterator[bytes]:
        """Yield size, end and class of every image."""
        labels = self._labels.tolist() or [None] * len(self)
        for start in range(0, len(self), TOGETHER):
            for file, label in zip(
                self._files(range(start, min(start + TOGETHER, len(self)))), labels[start:], strict=False
            ):
                content = file if isinstance(file, bytes) else file.read_bytes()
                yield b"%d/%s/%s" % (len(content), str(label).encode(), content[-64:])

    def _files(self, numbers: Any) -> list[bytes | Path]:
        """Return the bytes of images, or the files that have them."""
        found = self._images[list(numbers)][self._column]
        return [one["bytes"] if one["bytes"] is not None else Path(one["path"]) for one in found]

    def _decoded(self, number: int, file: bytes | Path) -> Tensor:
        try:
            return torch.from_numpy(pixels(file, self._canvas))
        except Exception as problem:  # Pillow raises many kinds of errors for damaged images
            raise UserError(
                f"image {number} of {self._named} cannot be decoded ({reason(problem)}): leave such images out with "
                "--dataset-check decode"
            ) from problem

    def _problem(self, file: bytes | Path) -> str:
        try:
            facts(file, self._canvas)
        except Exception as problem:  # Pillow raises many kinds of errors for damaged images
            return reason(problem) or "damaged"
        return ""

    def _leave_out_damaged(self) -> None:
        starts = range(0, len(self), TOGETHER)
        problems: list[str] = []
        with without_warnings(), ThreadPoolExecutor() as pool:
            for start in track(starts, f"checking images of {self._named}", len(starts)):
                problems += pool.map(self._problem, self._files(range(start, min(start + TOGETHER, len(self)))))
        damaged = [number for number, problem in enumerate(problems) if problem]
        sound = [number for number, problem in enumerate(problems) if not problem]
        if not sound:
            raise UserError(f"{self._named} has no readable image")
        if damaged:
            warn(f"left out {len(damaged)} of {len(self)} images of {self._named}: image {damaged[0]} "
                 f"({problems[damaged[0]]}){', …' if damaged[1:] else ''}")  # fmt: skip
            self._notes.append(f"left out: {len(damaged):,} unusable")
        self._images = self._images.select(sound)
        self._labels = self._labels[sound] if len(self._labels) else self._labels


def _labels(table: Any, columns: Columns, named: str) -> Tensor:
    """Return the numbers of the classes (N,); nothing where there are none."""
    if not columns.names:
        return torch.empty(0, dtype=torch.int64)
    values = table[columns.label][:]
    if not columns.numbered:
        place = {name: number for number, name in enumerate(columns.names)}
        return torch.tensor([place[str(value)] for value in values])
    if any(value is None or not 0 <= value < len(columns.names) for value in values):
        raise UserError(
            f"some examples of {named} have no class: give --dataset-labels none, or another --dataset-split"
        )
    return torch.tensor(values)
