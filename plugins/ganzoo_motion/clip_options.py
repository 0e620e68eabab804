"""The options of ``clips``, and what a folder of clips contains; opens no file, and imports no torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from ganzoo.plugin import DataConfig, DataSpec, Field, UserError, natural_key, option
from ganzoo_datasets.walks import scan, scan_below
from ganzoo_video.configs import VIDEO

SUFFIXES: Final = (".gif", ".webp", ".png", ".apng", ".jpg", ".jpeg", ".bmp")
CHANNELS: Final[Mapping[str, int]] = {"grey": 1, "rgb": 3}


@dataclass(frozen=True)
class ClipsConfig(DataConfig):
    """Options of ``clips``."""

    judge = "plain"

    path: str = option("", "folder of the clips, inside the data folder; empty for the data folder itself")
    size: tuple[int, int] = option(
        (32, 32), "width x height of a frame in pixels; one number for a square", low=8, high=256, sizes=True
    )
    frames: int = option(8, "frames of a clip: the first ones; shorter clips are left out", low=2, high=64)
    channels: Literal["grey", "rgb"] = option("rgb", "grey, or in colour")
    labels: Literal["auto", "none"] = option(
        "auto", "auto: sub-folders that contain clips are classes; none: no labels"
    )
    condition: Literal["label", "first"] = option("label", "what is given: the class, or the first frame")

    def folder(self, root: Path) -> Path:
        """Return the folder of the clips; raises :class:`UserError` where there is none."""
        folder = root / self.path
        if not folder.is_dir():
            raise UserError(f"{folder} is no folder: name one with --data-root, or one inside it with --dataset-path")
        return folder

    def classes(self, root: Path) -> tuple[str, ...]:
        """Return the names of the sub-folders that contain clips; nothing if there are clips beside them."""
        top = scan(self.folder(root))
        if self.labels == "none" or any(is_picture(path) for path in top.files):
            return ()
        within = {path.name: path for path in top.folders}
        # A folder with pictures and no folders may be one clip, as frames; then it has no clips in it.
        return tuple(sorted((name for name, path in within.items() if _has_clips(path)), key=natural_key))

    def spec(self, root: Path) -> DataSpec:
        """Return what is delivered: ``video`` (frames, C, H, W), ``first``, its first frame, and ``label`` if any."""
        shape = (CHANNELS[self.channels], self.size[1], self.size[0])
        fields = {"video": Field(VIDEO, (self.frames, *shape)), "first": Field("image", shape)}
        if names := self.classes(root):
            fields["label"] = Field("class", classes=len(names), names=names)
        return DataSpec(fields, target="video", condition=self.condition if self.condition in fields else "")


def is_picture(path: Path) -> bool:
    """Return whether a file is named as a picture or an animation."""
    return path.suffix.lower() in SUFFIXES


def _has_clips(folder: Path) -> bool:
    """Return whether a folder has folders with pictures, or animations (GIF) of its own."""
    below = [path for path in scan_below(folder).files if is_picture(path)]
    return any(path.parent != folder or path.suffix.lower() == ".gif" for path in below)


def groups(files: Sequence[Path]) -> Mapping[Path, list[Path]]:
    """Return the pictures of each folder, in the order of the numbers in their names."""
    found: dict[Path, list[Path]] = {}
    for path in sorted(filter(is_picture, files), key=lambda path: natural_key(str(path))):
        found.setdefault(path.parent, []).append(path)
    return found
