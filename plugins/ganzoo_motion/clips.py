"""Clips of the user: animated pictures, and folders of frames."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

import numpy as np
import torch
from PIL import Image, ImageOps, ImageSequence
from torch import Tensor

from ganzoo.plugin import Dataset, UserError, counted, first_line
from ganzoo_datasets.walks import scan_below
from ganzoo_motion.clip_options import CHANNELS, ClipsConfig, groups

FORMATS: Final = ("GIF", "WEBP", "PNG", "JPEG", "BMP")
MODES: Final = {1: "L", 3: "RGB"}
SHOWN: Final = 3  # names in a note


@dataclass(frozen=True)
class Clip:
    """One clip: an animation, or the files of its frames, which are in one folder; and the number of its class."""

    files: tuple[Path, ...]
    label: int

    @property
    def path(self) -> Path:
        """The file of an animation, or the folder of the frames."""
        return self.files[0] if len(self.files) == 1 else self.files[0].parent


@final
class Clips(Dataset):
    """Every animation, and every folder of still pictures as one clip; the constructor opens each file.

    Clips that are too short or damaged are left out. Raises :class:`UserError` where none is left.
    """

    def __init__(self, config: ClipsConfig, root: Path):
        self._config, self._folder = config, config.folder(root)
        self._names = config.classes(root)
        folders = [self._folder / name for name in self._names] or [self._folder]
        self._left_out: dict[Path, str] = {}
        self._clips = [clip for label, folder in enumerate(folders) for clip in self._found(folder, label)]
        if not self._clips:
            some = next(iter(self._left_out.items()), None)
            why = f"; {some[0].name} {some[1]}" if some else ""
            raise UserError(
                f"{self._folder} has no clip of {config.frames} frames: put GIFs there, or a folder of frames for "
                f"each clip{why}"
            )

    def __len__(self) -> int:
        return len(self._clips)

    def read(self, indices: Tensor) -> dict[str, Tensor]:
        """Return ``video`` uint8 (B, T, C, H, W), ``first`` and, with classes, ``label`` (B,)."""
        config, chosen = self._config, [self._clips[index] for index in indices.tolist()]
        width, height = config.size
        shape = (config.frames, CHANNELS[config.channels], height, width)
        video = torch.stack([self._decoded(clip, shape) for clip in chosen]) if chosen else torch.empty(0, *shape)
        fields = {"video": video.to(torch.uint8)}
        fields["first"] = fields["video"][:, 0].clone()
        return {**fields, "label": torch.tensor([clip.label for clip in chosen])} if self._names else fields

    def notes(self) -> Sequence[str]:
        """Return the number of clips of each class, and what was left out."""
        counts = {name: sum(clip.label == number for clip in self._clips) for number, name in enumerate(self._names)}
        shown = [f"{path.relative_to(self._folder)} {why}" for path, why in [*self._left_out.items()][:SHOWN]]
        more = ", …" if len(self._left_out) > SHOWN else ""
        return [
            *([f"classes: {counted(counts)}"] if counts else []),
            *([f"left out: {len(self._left_out):,} ({', '.join(shown)}{more})"] if shown else []),
        ]

    def name_of(self, index: int) -> str:
        """Return the path of a clip inside the folder."""
        return str(self._clips[index].path.relative_to(self._folder))

    def identities(self) -> Iterator[bytes]:
        """Yield the name, the class and the sizes of the files of every clip."""
        for clip in self._clips:
            sizes = [file.stat().st_size for file in clip.files]
            yield repr((clip.path.relative_to(self._folder).as_posix(), clip.label, sizes)).encode()

    def _found(self, folder: Path, label: int) -> Iterator[Clip]:
        for parent, files in groups(scan_below(folder).files).items():
            frames = {path: self._frames_in(path) for path in files}
            still = tuple(path for path, count in frames.items() if count == 1)
            for path, count in frames.items():
                if count > 1 and self._long_enough(path, count):
                    yield Clip((path,), label)
            if still and self._long_enough(parent, len(still)):
                yield Clip(still, label)

    def _long_enough(self, path: Path, frames: int) -> bool:
        if frames < self._config.frames:
            self._left_out[path] = f"has {frames} frames"
        return frames >= self._config.frames

    def _frames_in(self, path: Path) -> int:
        """Return how many frames a file has, 0 for one that is no sound picture."""
        try:
            with Image.open(path, formats=FORMATS) as picture:
                return int(getattr(picture, "n_frames", 1))
        except Exception as problem:
            self._left_out[path] = f"is no picture ({first_line(problem)})"
            return 0

    def _decoded(self, clip: Clip, shape: tuple[int, ...]) -> Tensor:
        frames, channels, height, width = shape
        pixels = np.empty((frames, height, width, channels), np.uint8)
        try:
            for number, picture in zip(range(frames), _pictures(clip), strict=False):
                fitted = ImageOps.fit(picture.convert(MODES[channels]), (width, height))
                pixels[number] = np.asarray(fitted).reshape(height, width, channels)
        except Exception as problem:
            raise UserError(f"{clip.path} cannot be read ({first_line(problem)}): remove it") from problem
        return torch.from_numpy(pixels).permute(0, 3, 1, 2)


def _pictures(clip: Clip) -> Iterator[Image.Image]:
    """Yield the frames of a clip; those of an animation become invalid with the next one."""
    for path in clip.files:
        with Image.open(path, formats=FORMATS) as picture:
            yield from ImageSequence.Iterator(picture)


def stand_in(root: Path) -> None:
    """Write clips of a bar that moves: animations of one class, folders of frames of the other."""
    for number in range(12):
        pictures = [_bar(12 + number % 2 * 4, place, number % 2 == 1) for place in range(10)]
        if number % 2:
            folder = root / "down" / f"clip {number}"
            folder.mkdir(parents=True, exist_ok=True)
            for place, picture in enumerate(pictures):
                picture.save(folder / f"{place}.png")
        else:
            (root / "right").mkdir(parents=True, exist_ok=True)
            pictures[0].save(root / "right" / f"{number}.gif", save_all=True, append_images=pictures[1:])


def _bar(size: int, place: int, down: bool) -> Image.Image:
    pixels = np.zeros((size, size, 3), np.uint8)
    pixels[:, place] = 255, 160, 60
    return Image.fromarray(pixels.transpose(1, 0, 2) if down else pixels)
