"""Images in shards: read by their numbers from places in tar files, with the memory of one batch."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import final

import torch
from torch import Tensor

from ganzoo.plugin import Dataset, Limits, UserError, counted, open_file, track, warn
from ganzoo_datasets.image_files import MODES
from ganzoo_datasets.images import Canvas, facts, pixels, reason, without_warnings
from ganzoo_datasets.picture_options import CHANNELS
from ganzoo_datasets.shard_index import HEADER, ShardsConfig, member_name

TOGETHER = 256  # images that are checked at once


@final
class ShardsDataset(Dataset):
    """The images of shards; the constructor reads where they are, and decodes them only if it is asked to."""

    def __init__(self, config: ShardsConfig, root: Path):
        index = config.index(root)
        width, height = config.size
        self._shape = (CHANNELS[config.channels], height, width)
        self._canvas = Canvas(width, height, MODES[config.channels], config.fit, config.colour)
        if config.limits:
            limits = Limits(*config.limits)
            self._canvas = dataclasses.replace(self._canvas, whole=limits, real=limits)
        self._shards = [str(path) for path in index.shards]
        self._places = torch.stack(
            [torch.frombuffer(x, dtype=torch.int64) for x in (index.shard, index.start, index.size)]
        )
        self._labels = torch.frombuffer(index.labels, dtype=torch.int64).clone() if index.classes else torch.empty(0)
        self._notes = [f"{len(self._shards):,} shards"]
        if index.without:
            self._notes.append(f"left out: {index.without:,} examples without an image")
        if config.check == "decode":
            self._leave_out_damaged()
        if index.classes:
            names = index.names or tuple(map(str, range(index.classes)))
            found = Counter(self._labels.tolist())
            self._notes.append(f"classes: {counted({name: found[number] for number, name in enumerate(names)})}")

    def __len__(self) -> int:
        return self._places.shape[1]

    def read(self, indices: Tensor) -> dict[str, Tensor]:
        """Return ``image`` (B, C, height, width) uint8 and, with classes, ``label`` (B,); refuses damaged images."""
        images = torch.empty(len(indices), *self._shape, dtype=torch.uint8)
        with without_warnings(), ThreadPoolExecutor(torch.get_num_threads()) as pool:
            for image, made in zip(images, pool.map(self._decoded, indices.tolist()), strict=True):
                image.copy_(made)
        return {"image": images, "label": self._labels[indices]} if len(self._labels) else {"image": images}

    def notes(self) -> Sequence[str]:
        """Return the number of shards, the images of each class, and what was left out."""
        return self._notes

    def identities(self) -> Iterator[bytes]:
        """Yield shard, place, size and class of every image; they do not depend on where the folder is."""
        names = [Path(path).name.encode(errors="backslashreplace") for path in self._shards]
        labels = self._labels.tolist() or [None] * len(self)
        for (shard, start, size), label in zip(self._places.T.tolist(), labels, strict=True):
            yield b"%s/%d/%d/%s" % (names[shard], start, size, str(label).encode())

    def _bytes(self, index: int) -> bytes:
        shard, start, size = self._places[:, index].tolist()
        try:
            with open_file(Path(self._shards[shard])) as file:
                file.seek(start)
                return file.read(size)
        except OSError as problem:
            raise UserError(f"{self._shards[shard]} cannot be read ({problem.strerror or problem})") from problem

    def _decoded(self, index: int) -> Tensor:
        try:
            return torch.from_numpy(pixels(self._bytes(index), self._canvas))
        except UserError:
            raise
        except Exception as problem:  # Pillow raises many kinds of errors for damaged images
            raise UserError(
                f"{self._where(index)} cannot be decoded ({reason(problem)}): replace it, or leave such images "
                "out with --dataset-check decode"
            ) from problem

    def _where(self, index: int) -> str:
        """Return the shard and the name of an image."""
        shard, start, _ = self._places[:, index].tolist()
        with open_file(Path(self._shards[shard])) as file:
            file.seek(max(0, start - HEADER))
            return f"{member_name(file.read(HEADER))} in {self._shards[shard]}"

    def _leave_out_damaged(self) -> None:
        chunks = [range(start, min(start + TOGETHER, len(self))) for start in range(0, len(self), TOGETHER)]
        problems: list[str] = []
        with without_warnings(), ThreadPoolExecutor() as pool:
            looked = pool.map(lambda chunk: [self._problem(index) for index in chunk], chunks)
            for some in track(looked, f"checking images in {len(self._shards)} shards", len(chunks)):
                problems += some
        sound = torch.tensor([not problem for problem in problems])
        if not bool(sound.any()):
            raise UserError(f"{self._shards[0]} and the other shards have no readable image")
        if damaged := [index for index, problem in enumerate(problems) if problem]:
            first = f"{self._where(damaged[0])} ({problems[damaged[0]]})"
            warn(f"left out {len(damaged)} of {len(self)} images: {first}{', …' if damaged[1:] else ''}")
            self._notes.append(f"left out: {len(damaged):,} unusable")
        self._places = self._places[:, sound]
        self._labels = self._labels[sound] if len(self._labels) else self._labels

    def _problem(self, index: int) -> str:
        try:
            facts(self._bytes(index), self._canvas)
        except Exception as problem:  # Pillow raises many kinds of errors for damaged images
            return reason(problem) or "damaged"
        return ""
