"""Examples that somebody else generated: images in a folder, or arrays in a ``.npz`` file, read with suspicion."""

from __future__ import annotations

import math
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ganzoo.catalogue.data import DataSpec, Field
from ganzoo.contract.field_values import Array, FieldValues, values_of
from ganzoo.contract.judge import Examples
from ganzoo.contract.tracking import track
from ganzoo.errors import UserError
from ganzoo.fields.images import ImageValues
from ganzoo.storage.files import open_file
from ganzoo.storage.run_files import is_run_folder
from ganzoo.studio.conditions import value_in_file
from ganzoo.text import in_file_name, listed, natural_key, one_line

LABELS = ("labels", "label", "y", "arr_1")
MOST = 2**33  # bytes of one array
SHOWN = 3


def is_made_elsewhere(path: Path) -> bool:
    """Return whether ``path`` holds examples and no model: a ``.npz`` file, or a folder of images that is no run."""
    try:
        if path.is_dir():
            return not is_run_folder(path) and any(
                file.suffix.lower() in ImageValues.inputs for file in path.rglob("*")
            )
    except OSError:
        return False
    return path.suffix.lower() == ".npz"


def read_examples(path: Path, spec: DataSpec) -> Examples:
    """Return the examples in a folder or a ``.npz`` file, with their classes if those of the data are told.

    In a file, an array has the examples, such as ``images`` or ``arr_0``, and another one may have the ``labels``. In a
    folder, sub-folders may be the classes, or names such as ``00000-cat.png`` may end with them. Raises
    :class:`UserError` for what cannot be read, and for examples that have not the shape of the data.
    """
    classes = _class_field(spec)
    return _in_folder(path, spec.target_field, classes) if path.is_dir() else _in_file(path, spec.target_field, classes)


def _class_field(spec: DataSpec) -> Field | None:
    condition = spec.condition_field
    return condition if condition is not None and condition.classes else None


def _in_file(path: Path, target: Field, classes: Field | None) -> Examples:
    try:
        with open_file(path) as file, zipfile.ZipFile(file) as archive:
            names = {name.removesuffix(".npy"): name for name in archive.namelist()}
            wanted = [name for name in (f"{target.kind}s", target.kind, "samples", "arr_0") if name in names]
            others = [name for name in names if name not in LABELS]
            if not wanted and len(others) != 1:
                raise UserError(f"{path} has the arrays {listed(list(names), SHOWN)}: call the examples {target.kind}s")
            values = _array(archive, names[(wanted or others)[0]], path)
            label = next((name for name in LABELS if name in names and classes is not None), None)
            labels = _array(archive, names[label], path) if label else None
    except OSError as problem:
        raise UserError(f"{path} cannot be read: {problem.strerror or one_line(problem)}") from problem
    except UserError:
        raise
    except Exception as problem:  # zipfile, zlib and numpy raise many kinds of error for damaged files
        raise UserError(f"{path} is damaged, or not a .npz file: {one_line(problem)}") from problem
    try:
        read = values_of(target).from_array(values)
    except UserError as problem:
        raise UserError(f"{path}: {problem}") from problem
    return _with_labels(path, read, labels, classes)


def _array(archive: zipfile.ZipFile, name: str, path: Path) -> Array:
    """Return an array of numbers; its header is looked at before anything is read, and no object is."""
    with archive.open(name) as member:
        version = np.lib.format.read_magic(member)
        if version not in ((1, 0), (2, 0)):
            raise UserError(f"{path}: array {name!r} has version {version} of the format, which is not read")
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, by_column, dtype = read(member)
        size = math.prod(shape) * dtype.itemsize
        if dtype.kind not in "uif" or by_column or not shape or 0 in shape:
            raise UserError(f"{path}: array {name!r} must hold rows of numbers, not {shape} of {dtype}")
        if size > MOST:
            raise UserError(f"{path}: array {name!r} has {size:,} bytes; at most {MOST:,} are read")
        content = member.read(size)
        if len(content) != size:
            raise UserError(f"{path} is damaged: array {name!r} ends too soon")
    return np.frombuffer(bytearray(content), dtype).reshape(shape)


def _with_labels(path: Path, values: Tensor, labels: Array | None, classes: Field | None) -> Examples:
    if labels is None or classes is None:
        return Examples(values)
    if labels.shape != (len(values),) or labels.dtype.kind not in "ui":
        raise UserError(f"{path} has labels of shape {labels.shape} for {len(values)} examples: give one number each")
    if labels.min() < 0 or labels.max() >= classes.classes:
        raise UserError(
            f"{path} has labels from {labels.min()} to {labels.max()}, and the data has {classes.classes} classes"
        )
    numbers = torch.from_numpy(labels.astype(np.int64))
    return Examples(values, numbers, numbers)


def _in_folder(folder: Path, target: Field, classes: Field | None) -> Examples:
    values = values_of(target)
    if not values.inputs:
        raise UserError(f"{folder} is a folder, and {target.describe()} are not read from one: give a .npz file")
    try:
        files = [file for file in folder.rglob("*") if file.suffix.lower() in values.inputs and file.is_file()]
    except OSError as problem:
        raise UserError(f"{folder} cannot be read: {problem.strerror or problem}") from problem
    files.sort(key=lambda file: natural_key(file.relative_to(folder).as_posix()))
    if not files:
        raise UserError(f"{folder} holds neither a model nor examples, such as {', '.join(values.inputs[:SHOWN])}")
    made = torch.empty(len(files), *target.shape)
    for row, file in enumerate(track(files, f"reading {folder}", len(files))):
        _refuse_misfit(values, file)
        made[row] = value_in_file(values, file)
    numbers = _classes_of(files, folder, classes) if classes is not None else None
    return Examples(made, numbers, numbers)


def _refuse_misfit(values: FieldValues, path: Path) -> None:
    """Raise :class:`UserError` if an example would have to be scaled: figures would measure the scaling too."""
    try:
        with open_file(path) as file:
            misfit = values.misfit(file)
    except Exception:  # decoding says why
        return
    if misfit:
        raise UserError(
            f"{path} {misfit}: set --dataset-size to that of the generated examples, or scale them yourself"
        )


def _classes_of(files: list[Path], folder: Path, classes: Field) -> Tensor | None:
    """Return the class of each file, if each has one by its folder or by its name."""
    by_folder: Mapping[str, int] = {classes.class_name(number): number for number in range(classes.classes)}
    by_name = {in_file_name(name): number for name, number in by_folder.items()}
    found = []
    for file in files:
        number = by_folder.get(file.parent.name) if file.parent != folder else None
        if number is None and (ending := re.fullmatch(r"\d+-(.+)", file.stem)):
            number = by_name.get(ending[1])
        if number is None:
            return None
        found.append(number)
    return torch.tensor(found)
