"""Images of two kinds: in pairs, or without pairs."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import final

import torch
from torch import Tensor

from ganzoo.plugin import Dataset, UserError
from ganzoo_datasets.image_files import ImageFiles, images_among
from ganzoo_datasets.trees import SHOWN
from ganzoo_datasets.two_folders import PairsConfig, Sides, UnpairedConfig
from ganzoo_datasets.walks import scan_below


@final
class PairsDataset(Dataset):
    """Pairs of images: two in one file, side by side, or two files of one name in two folders.

    Raises :class:`UserError` where there is no pair.
    """

    def __init__(self, config: PairsConfig, root: Path):
        used = config.used(root)
        self._fields = ("target", "input") if config.reverse else ("input", "target")
        self._notes = list(_parts_used(used, config.parts(root)))
        self._beside = all(len(sides) == 1 for sides in used.values())
        if self._beside:
            paths = [path for sides in used.values() for path in _files(sides[0])]
            self._images = [ImageFiles(config, config.folder(root), beside=2)]
            valid = self._images[0].checked(paths)
            self._paths = [[path for path in paths if path in valid]]
            self._notes += self._images[0].notes
        else:
            pairs = [pair for sides in used.values() for pair in self._pairs(sides)]
            self._images = [ImageFiles(config, config.folder(root)) for _ in self._fields]
            columns = [list(column) for column in zip(*pairs, strict=True)]
            valid = frozenset[Path]().union(*(
                images.checked(column) for images, column in zip(self._images, columns, strict=True)
            ))  # fmt: skip
            sound = [pair for pair in pairs if valid.issuperset(pair)]
            if not sound:
                raise UserError(f"{config.folder(root)} has no pair of two readable images: replace the damaged ones")
            if len(sound) < len(pairs):
                self._notes.append(f"left out: {len(pairs) - len(sound):,} pairs with an image that is damaged")
            self._paths = [list(column) for column in zip(*sound, strict=True)]
            for name, images in zip(self._fields, self._images, strict=True):
                self._notes += [f"{name}: {note}" for note in images.notes]

    def __len__(self) -> int:
        return len(self._paths[0])

    def read(self, indices: Tensor) -> dict[str, Tensor]:
        """Return ``input`` and ``target``, both (B, C, height, width) uint8."""
        made = [
            images.read([paths[index] for index in indices.tolist()])
            for images, paths in zip(self._images, self._paths, strict=True)
        ]
        sides = made[0].chunk(2, dim=1) if self._beside else made
        return dict(zip(self._fields, sides, strict=True))

    def notes(self) -> Sequence[str]:
        """Return the parts that are used, which side is which, what was left out, and what became of pixels."""
        return self._notes

    def identities(self) -> Iterator[bytes]:
        """Yield name, size and end of the files of every pair."""
        files = [images.identities(paths) for images, paths in zip(self._images, self._paths, strict=True)]
        yield from map(b"/".join, zip(*files, strict=True))

    def _pairs(self, sides: Sides) -> list[tuple[Path, Path]]:
        """Return the files of one name in two folders, whatever their suffixes; report those without a partner."""
        if len(sides) == 1:
            raise UserError(f"{sides[0]} has images of both kinds side by side, and other parts have two folders")
        first, second = (_by_name(side) for side in sides)
        alone = [first[name] for name in first if name not in second]
        alone += [second[name] for name in second if name not in first]
        if len(alone) == len(first) + len(second):
            raise UserError(
                f"no image in {sides[0]} has the name of one in {sides[1]}: give both images of a pair one name, or "
                "use --dataset unpaired"
            )
        self._notes.append(f"{self._fields[0]}: {sides[0].name}; {self._fields[1]}: {sides[1].name}")
        if alone:
            shown = ", ".join(path.name for path in alone[:SHOWN]) + (", …" if len(alone) > SHOWN else "")
            self._notes.append(f"left out: {len(alone):,} images without a partner of the same name ({shown})")
        return [(path, second[name]) for name, path in first.items() if name in second]


@final
class UnpairedDataset(Dataset):
    """Images of two kinds, of any number each: an example is one of each, and the fewer ones are repeated."""

    def __init__(self, config: UnpairedConfig, root: Path):
        config.spec(root)  # which refuses folders of one kind alone
        used = config.used(root)
        self._notes = list(_parts_used(used, config.parts(root)))
        self._images, self._paths = dict[str, ImageFiles](), dict[str, list[Path]]()
        for number, name in enumerate(("a", "b")):
            paths = [path for sides in used.values() for path in _files(sides[number])]
            self._images[name] = ImageFiles(config, config.folder(root))
            valid = self._images[name].checked(paths)
            self._paths[name] = [path for path in paths if path in valid]
            folders = ", ".join(dict.fromkeys(sides[number].name for sides in used.values()))
            self._notes.append(f"{name}: {len(self._paths[name]):,} images ({folders})")
            self._notes += [f"{name}: {note}" for note in self._images[name].notes]

    def __len__(self) -> int:
        return max(map(len, self._paths.values()))

    def read(self, indices: Tensor) -> dict[str, Tensor]:
        """Return ``a`` and ``b``, both (B, C, height, width) uint8."""
        if len(indices) and not 0 <= int(indices.min()) <= int(indices.max()) < len(self):
            raise IndexError(f"examples {int(indices.min())} to {int(indices.max())} are not all among {len(self)}")
        chosen = {name: torch.remainder(indices, len(paths)).tolist() for name, paths in self._paths.items()}
        return {
            name: images.read([self._paths[name][index] for index in chosen[name]])
            for name, images in self._images.items()
        }

    def notes(self) -> Sequence[str]:
        """Return the parts and folders that are used, and what became of pixels."""
        return self._notes

    def identities(self) -> Iterator[bytes]:
        """Yield kind, name, size and end of every file."""
        for name, images in self._images.items():
            for identity in images.identities(self._paths[name]):
                yield f"{name}/".encode() + identity


def _files(folder: Path) -> list[Path]:
    """Return the images in a folder and below."""
    images, _ = images_among(scan_below(folder).files, folder)
    if not images:
        raise UserError(f"{folder} has no images: put image files there")
    return images


def _by_name(folder: Path) -> dict[str, Path]:
    """Return the images in a folder by their paths there, without suffixes."""
    found: dict[str, Path] = {}
    for path in _files(folder):
        name = unicodedata.normalize("NFC", path.relative_to(folder).with_suffix("").as_posix())
        if name in found:
            raise UserError(f"{folder} has two images called {name} ({found[name].name}, {path.name}): remove one")
        found[name] = path
    return found


def _parts_used(used: Mapping[str, Sides], parts: Mapping[str, Sides]) -> Iterator[str]:
    if any(parts):
        others = [name for name in parts if name not in used]
        more = f", not of {', '.join(others)}; --dataset-split chooses" if others else ""
        yield f"images of {', '.join(used)}{more}"
