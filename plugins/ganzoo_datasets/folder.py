"""Images from a folder: checked before training, decoded when they are read."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from ganzoo.plugin import Dataset, UserError, counted
from ganzoo_datasets.image_files import ImageFiles, images_among
from ganzoo_datasets.trees import SHOWN, FolderConfig, Layout, named_as_image
from ganzoo_datasets.walks import scan_below

KINDS = 6  # of files in a note


class FolderDataset(Dataset):
    """All images in a folder; the constructor decodes or opens each file, and leaves out those that are not images.

    Raises :class:`UserError` where the folder, or the folder of a class, has no image.
    """

    def __init__(self, config: FolderConfig, root: Path):
        self._folder = config.folder(root)
        self._layout = config.layout(root)
        classes = self._layout.classes
        found = [[scan_below(folder) for folder in folders] for folders in classes.values() or (self._layout.folders,)]
        files = [[path for below in group for path in below.files] for group in found]
        images, self._others = images_among(list(itertools.chain(*files)), self._folder)
        self._images = ImageFiles(config, self._folder)
        valid = self._images.checked(images)
        kept = [[path for path in paths if path in valid] for paths in files]
        empty = [name for name, paths in zip(classes, kept, strict=False) if not paths]
        if empty:
            raise UserError(
                f"{self._folder} has no readable image of class {', '.join(empty)}: "
                "add images to these sub-folders or remove them"
            )
        self._paths = [str(path) for paths in kept for path in paths]
        self._labels = torch.tensor([number for number, paths in enumerate(kept) for _ in paths])
        self._counts = {name: len(paths) for name, paths in zip(classes, kept, strict=False)}
        self._passed = {path: why for group in found for below in group for path, why in below.passed.items()}
        self._inside = [path for group in found for below in group for path in below.folders] if classes else []

    def __len__(self) -> int:
        return len(self._paths)

    def read(self, indices: Tensor) -> dict[str, Tensor]:
        """Return ``image`` (B, C, height, width) uint8 and, with classes, ``label`` (B,); raises for a damaged file."""
        images = self._images.read([Path(self._paths[index]) for index in indices.tolist()])
        return {"image": images, "label": self._labels[indices]} if self._counts else {"image": images}

    def notes(self) -> Sequence[str]:
        """Return the parts that are used, the images of each class, what was left out, and what became of pixels."""
        left_out = list(_left_out(self._folder, self._layout, len(self._images.damaged), self._others, self._passed))
        return [
            *_used(self._layout),
            *([f"classes: {counted(self._counts)}"] if self._counts else []),
            *_odd_classes(self._folder, self._counts, self._inside),
            *([f"left out: {'; '.join(left_out)}"] if left_out else []),
            *self._images.notes,
        ]

    def details(self) -> Sequence[str]:
        """Return the sizes, modes and formats of the files."""
        return self._images.details([Path(path) for path in self._paths])

    def faults(self) -> Sequence[str]:
        """Return the files that are named as images, and cannot be used."""
        return self._images.faults()

    def name_of(self, index: int) -> str:
        """Return the path of an image inside the folder."""
        return str(Path(self._paths[index]).relative_to(self._folder))

    def identities(self) -> Iterator[bytes]:
        """Yield name, class, size and end of every file; they do not depend on where the folder is."""
        yield from self._images.identities([Path(path) for path in self._paths])


def _used(layout: Layout) -> Iterator[str]:
    """Yield which parts of the data are used, where it has parts."""
    if layout.parts:
        others = [name for name in layout.parts if name not in layout.used]
        more = f", not of {', '.join(others)}; --dataset-split chooses" if others else ""
        yield f"images of {', '.join(layout.used)}{more}"


def _odd_classes(folder: Path, counts: Mapping[str, int], inside: Sequence[Path]) -> Iterator[str]:
    """Yield what people may not have meant: folders inside classes, and names that differ in capitals alone."""
    if inside:
        first = f"{inside[0].relative_to(folder)}{', …' if len(inside) > 1 else ''}"
        hint = ""
        if len(counts) == 1:
            hint = f"; to make them the classes, name the folder above them: --data-root {inside[0].parent}"
        yield f"folders inside a class belong to it ({first}){hint}"
    folded = Counter(name.casefold() for name in counts)
    if alike := [name for name in counts if folded[name.casefold()] > 1]:
        yield f"classes that differ in capitals alone: {', '.join(alike[:SHOWN])}{', …' if len(alike) > SHOWN else ''}"


def _left_out(
    folder: Path, layout: Layout, damaged: int, others: Sequence[Path], passed: Mapping[Path, str]
) -> Iterator[str]:
    """Yield phrases that say how many files and which folders are not used, and why."""
    if damaged:
        yield f"{damaged:,} unusable"
    images = [path for path in layout.top.files if named_as_image(path)]
    no_images = [*(path for path in layout.top.files if not named_as_image(path)), *others]
    if kinds := Counter(path.suffix.lower() or path.name for path in no_images):
        yield f"{kinds.total():,} that are no images ({counted(dict(kinds.most_common()), KINDS)})"
    if beside := [*layout.top.folders, *images]:
        yield _named("beside the parts", folder, beside)
    reasons: dict[str, list[Path]] = {}
    for path, why in {**layout.top.passed, **passed}.items():
        reasons.setdefault(why, []).append(path)
    for why, paths in reasons.items():
        yield _named(why, folder, paths)


def _named(what: str, folder: Path, paths: Sequence[Path]) -> str:
    """Return a phrase with the number and the first names of paths."""
    shown = ", ".join(str(path.relative_to(folder)) for path in paths[:SHOWN])
    return f"{len(paths):,} {what} ({shown}{', …' if len(paths) > SHOWN else ''})"
