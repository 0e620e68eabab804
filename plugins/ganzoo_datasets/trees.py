"""A folder of the user's images: its options, its parts for training and test, and its classes by sub-folders."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal

from ganzoo.plugin import DataSpec, Field, UserError, natural_key, option
from ganzoo_datasets.picture_options import PictureConfig, is_archive
from ganzoo_datasets.walks import Found, scan

# Files with these names are images, or damaged ones; of all others the content decides.
SUFFIXES = (
    *(".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".webp", ".gif", ".tif", ".tiff", ".ppm", ".pgm"),
    *(".jp2", ".avif"),
)
TRAIN: Final = "train"
ALL: Final = "all"
CLASSES: Final = "none"
PARTS: Mapping[str, str] = {
    "train": TRAIN,
    "training": TRAIN,
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}
TESTED: Final = ("test", "val")
SHOWN = 3  # names in a message


@dataclass(frozen=True)
class Layout:
    """The folders whose images are used: those of each class by its name, or without classes those of all images.

    ``parts`` are the parts of the data, such as train and test, of which ``used`` are used; without parts, both are
    empty. ``top`` is what was found on the way.
    """

    folders: tuple[Path, ...]
    classes: Mapping[str, tuple[Path, ...]] = field(default_factory=lambda: MappingProxyType({}))
    parts: tuple[str, ...] = ()
    used: tuple[str, ...] = ()
    top: Found = field(default_factory=Found)


@dataclass(frozen=True)
class FolderConfig(PictureConfig):
    """Options of a folder of images."""

    labels: Literal["auto", "none"] = option(
        "auto", "auto: each sub-folder is a class; none: no labels, whatever the sub-folders"
    )
    split: tuple[Literal["train", "val", "test", "all", "none"], ...] = option(
        (TRAIN,), "parts to use if the sub-folders are train, val and test; all; none: these folders are classes"
    )

    def __post_init__(self) -> None:
        if len(self.split) != 1 and {ALL, CLASSES} & {*self.split}:
            raise ValueError(f"{ALL} and {CLASSES} stand alone in --dataset-split")
        if not self.split:
            raise ValueError("--dataset-split names no part")
        super().__post_init__()

    def layout(self, root: Path) -> Layout:
        """Return which folders are used, and what they are; raises :class:`UserError` where that is not clear."""
        folder = self.folder(root)
        top = scan(folder)
        if not top.folders and not top.files:
            raise _no_images(folder, top)
        parts = {} if self.split == (CLASSES,) else _parts_in(top.folders)
        if not parts:
            if self.split not in ((TRAIN,), (ALL,), (CLASSES,)):
                raise UserError(f"{folder} has no folders called train, val or test: leave out --dataset-split")
            return self._layout((folder,), [top], (), ())
        used = tuple(parts) if self.split == (ALL,) else self.split
        if missing := [name for name in used if name not in parts]:
            raise UserError(
                f"{folder} has the parts {', '.join(parts)}, and no {', '.join(missing)}: name others with "
                f"--dataset-split, or give --dataset-split {CLASSES} if these folders are classes"
            )
        chosen = [path for name in used for path in parts[name]]
        apart = {path for paths in parts.values() for path in paths}
        beside = Found([path for path in top.folders if path not in apart], top.files, top.passed)
        return self._layout(tuple(chosen), [scan(path) for path in chosen], tuple(parts), used, beside)

    def _layout(
        self,
        folders: tuple[Path, ...],
        contents: Sequence[Found],
        parts: tuple[str, ...],
        used: tuple[str, ...],
        beside: Found | None = None,
    ) -> Layout:
        """Return the layout of the images in ``folders``, whose contents are given."""
        classes: dict[str, tuple[Path, ...]] = {}
        sub_folders = [path for found in contents for path in found.folders]
        files = [path for found in contents for path in found.files]
        top = beside or Found()
        if self.labels == "auto":
            image = next(filter(_is_image, files), None)
            if image is None and not sub_folders:
                raise _no_images(folders[0], contents[0])
            if image is not None and sub_folders:
                raise UserError(
                    f"{folders[0]} has both sub-folders ({sub_folders[0].name}, …) and images ({image.name}, …): "
                    "move every image into the sub-folder of its class, "
                    "or give --dataset-labels none to use all of them without labels"
                )
            for path in sub_folders:
                # A name that is not valid text, from another system, must not prevent the saving of a model. Systems
                # write the same name in different forms: an Ä is one sign, or an A and two dots.
                name = unicodedata.normalize("NFC", path.name.encode(errors="backslashreplace").decode())
                classes[name] = (*classes.get(name, ()), path)
            if classes:
                passed = {path: why for found in contents for path, why in found.passed.items()}
                top = Found(top.folders, [*top.files, *files], {**top.passed, **passed})
        return Layout(folders, {name: classes[name] for name in sorted(classes, key=natural_key)}, parts, used, top)

    def spec(self, root: Path) -> DataSpec:
        """Return what is delivered: ``image`` (C, height, width) and, with classes, ``label``."""
        fields = {"image": self.picture}
        names = tuple(self.layout(root).classes)
        if names:
            fields["label"] = Field("class", classes=len(names), names=names)
        return DataSpec(fields, target="image", condition="label" if names else "")

    def for_test(self, root: Path) -> FolderConfig:
        """Return the options with the first of the parts test and val that is there and not used, or these."""
        layout = self.layout(root)
        unused = next((part for part in TESTED if part in layout.parts and part not in layout.used), None)
        return self if unused is None else replace(self, split=(unused,))


def _parts_in(folders: Sequence[Path]) -> dict[str, list[Path]]:
    """Return the folders of each part, or nothing where the folders are classes.

    They are parts if all have such names, or if there is a part for training and another one.
    """
    parts: dict[str, list[Path]] = {name: [] for name in PARTS.values()}
    for path in folders:
        if (name := PARTS.get(path.name.casefold())) is not None:
            parts[name].append(path)
    found = {name: paths for name, paths in parts.items() if paths}
    complete = sum(map(len, found.values())) == len(folders)
    return found if complete or (TRAIN in found and len(found) > 1) else {}


def named_as_image(path: Path) -> bool:
    """Return whether a name says that its file is an image."""
    return path.name.lower().endswith(SUFFIXES)


def _is_image(path: Path) -> bool:
    if named_as_image(path):
        return True
    # Imported here: declarations import neither numpy nor Pillow, and most folders need neither for this.
    from ganzoo_datasets.images import header_problem, without_warnings

    with without_warnings():
        return not header_problem(path)


def _no_images(folder: Path, found: Found) -> UserError:
    archives = [path.name for path in found.files if is_archive(path)]
    first = f"unpack {', '.join(archives[:SHOWN])}, or " if archives else ""
    passed = [f"{path.name} ({why})" for path, why in found.passed.items()]
    only = f", only {', '.join(passed[:SHOWN])}{', …' if len(passed) > SHOWN else ''}" if passed else ""
    return UserError(
        f"{folder} has no images{only}: {first}put image files there, or one sub-folder with images per class"
    )
