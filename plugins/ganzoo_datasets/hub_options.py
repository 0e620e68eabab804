"""A dataset of the Hugging Face hub, or a copy of one in a folder: its options, columns and parts."""

from __future__ import annotations

import functools
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from ganzoo.plugin import DataSpec, Field, NotAtHand, UserError, may_write, natural_key, option
from ganzoo_datasets.picture_options import PictureConfig

CACHE = ".huggingface"  # in the data folder; the library reads no hidden folder as data
TESTED = ("test", "validation")
MOST_CLASSES = 10_000
NO_LABELS = "none"


@dataclass(frozen=True)
class Columns:
    """The column of the images, that of the classes (or nothing), and the names of the classes.

    ``numbered``: the column has the numbers of the classes, and not their names.
    """

    image: str
    label: str = ""
    names: tuple[str, ...] = ()
    numbered: bool = False


@dataclass(frozen=True)
class HubConfig(PictureConfig):
    """Options of a dataset of the hub."""

    path: str = option(
        "", "name of the dataset, such as ylecun/mnist, or a folder inside the data folder with its files"
    )
    subset: str = option("", "the configuration, where the dataset has several")
    revision: str = option("", "branch, tag or commit on the hub; a commit never changes")
    split: str = option("train", "the split to use")
    image: str = option("", "the column of the images; empty: the first one that has images")
    labels: str = option(
        "", f"the column of the classes; empty: the first one that has classes; {NO_LABELS}: no labels"
    )
    check: Literal["decode", "open"] = option("open", "how to check images before training: decode all of them, or not")

    def table(self, root: Path) -> Any:
        """Return the examples of the split, as the library has them; they stay in files on the disk.

        Raises :class:`UserError` where there are none, and :class:`NotAtHand` where nothing may be downloaded.
        """
        source = self._source(root)
        stamps = _stamps(Path(source)) if Path(source).is_absolute() else ()
        return _table(source, self.subset, self.revision, self.split, str(root / CACHE), may_write(), stamps)

    def columns(self, root: Path) -> Columns:
        """Return which columns are used; raises :class:`UserError` where that is not clear."""
        table = self.table(root)
        kinds = {name: type(feature).__name__ for name, feature in table.features.items()}
        image = self.image or next((name for name, kind in kinds.items() if kind == "Image"), "")
        if kinds.get(image) != "Image":
            raise UserError(f"{self.named} has no column {image or 'of images'}: its columns are {_shown(kinds)}; "
                            "name one of type Image with --dataset-image")  # fmt: skip
        if self.labels == NO_LABELS:
            return Columns(image)
        label = self.labels or next((name for name, kind in kinds.items() if kind == "ClassLabel"), "")
        if not label:
            return Columns(image)
        if label not in kinds:
            raise UserError(f"{self.named} has no column {label}: its columns are {_shown(kinds)}")
        if kinds[label] == "ClassLabel":
            return Columns(image, label, tuple(table.features[label].names), numbered=True)
        found = {str(value) for value in table.unique(label)}
        if len(found) > MOST_CLASSES:
            raise UserError(f"column {label} of {self.named} has {len(found):,} values, which are no classes: name "
                            f"another with --dataset-labels, or {NO_LABELS}")  # fmt: skip
        return Columns(image, label, tuple(sorted(found, key=natural_key)))

    @property
    def named(self) -> str:
        """The dataset in a message."""
        return f"dataset {self.path}" if self.path else "the data folder"

    def spec(self, root: Path) -> DataSpec:
        """Return what is delivered: ``image`` (C, height, width) and, with classes, ``label``."""
        names = self.columns(root).names
        fields = {"image": self.picture}
        if names:
            fields["label"] = Field("class", classes=len(names), names=names)
        return DataSpec(fields, target="image", condition="label" if names else "")

    def for_test(self, root: Path) -> HubConfig:
        """Return the options of the split test or validation if there is one that is not used, or these."""
        there = _splits(self._source(root), self.subset, self.revision, str(root / CACHE))
        unused = next((name for name in TESTED if name in there and not self.split.startswith(name)), None)
        return self if unused is None else replace(self, split=unused)

    def _source(self, root: Path) -> str:
        """Return the folder or the name on the hub."""
        folder = root / self.path
        if folder.is_dir():
            return str(folder.absolute())
        if re.fullmatch(r"[\w.-]+(/[\w.-]+)?", self.path):
            return self.path
        raise UserError(f"{folder} is no folder, and {self.path!r} no name on the hub: write "
                        "--dataset-path user/name")  # fmt: skip


def library() -> Any:
    """Return the library ``datasets``, which prints nothing of its own; raises :class:`UserError` if it is absent."""
    try:
        import datasets
    except ImportError as problem:
        raise UserError(
            f"dataset 'huggingface' needs a package that is not installed ({problem}): pip install "
            "'ganzoo[huggingface]'"
        ) from problem
    datasets.disable_progress_bars()
    datasets.logging.set_verbosity_error()
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)
    return datasets


def _stamps(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """Return what tells the files in a folder from older ones of their names."""
    about = [(path.name, path.stat()) for path in sorted(folder.iterdir()) if path.is_file()]
    return tuple((name, stat.st_mtime_ns, stat.st_size) for name, stat in about)


@functools.lru_cache(maxsize=4)
def _table(
    source: str, subset: str, revision: str, split: str, cache: str, download: bool, stamps: tuple[Any, ...]
) -> Any:
    datasets = library()
    local = Path(source).is_absolute()
    only_local = {} if download or local else {"download_config": datasets.DownloadConfig(local_files_only=True)}
    try:
        return datasets.load_dataset(
            source, subset or None, split=split, revision=revision or None, cache_dir=cache, **only_local
        )
    except Exception as problem:
        if only_local:
            raise NotAtHand(f"{source} is downloaded when a training begins") from problem
        raise _unavailable(source, local, problem) from problem


@functools.lru_cache(maxsize=4)
def _splits(source: str, subset: str, revision: str, cache: str) -> tuple[str, ...]:
    datasets = library()
    try:
        names = datasets.get_dataset_split_names(source, subset or None, revision=revision or None, cache_dir=cache)
    except Exception as problem:
        raise _unavailable(source, Path(source).is_absolute(), problem) from problem
    return tuple(names)


def _unavailable(source: str, local: bool, problem: Exception) -> UserError:
    said = next(iter(str(problem).splitlines()), "") or type(problem).__name__
    if local:
        return UserError(
            f"{source} cannot be read as a dataset ({said}): name its folder with --data-root, or a dataset of the hub "
            "with --dataset-path user/name"
        )
    return UserError(
        f"dataset {source} cannot be loaded ({said}): check its name, the split and the network, or put its files into "
        "a folder and name that with --data-root"
    )


def _shown(kinds: Mapping[str, str]) -> str:
    return ", ".join(f"{name} ({kind})" for name, kind in kinds.items())
