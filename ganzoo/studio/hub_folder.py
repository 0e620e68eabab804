"""A folder as the Hugging Face hub has it: the model, its configuration, samples and a model card."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ganzoo.contract.field_values import values_of
from ganzoo.drawing import png
from ganzoo.errors import UserError
from ganzoo.pictures import draw_examples
from ganzoo.storage.files import PARTIAL_SUFFIX, make_folder, open_file, write_atomically
from ganzoo.storage.model_file import Header
from ganzoo.studio.export import columns_for, write_errors
from ganzoo.studio.model import Model
from ganzoo.text import one_line

SAMPLES = 40


def check_folder(out: Path) -> None:
    """Raise :class:`UserError` unless ``out`` is no file, and no folder with something in it."""
    with write_errors(out):
        if out.exists() and not out.is_dir():
            raise UserError(f"{out} is a file: choose another --out")
        if out.is_dir() and any(out.iterdir()):
            raise UserError(f"the folder {out} is not empty: choose another --out")


def write_hub_folder(out: Path, model: Model, file: Path) -> None:
    """Write the folder for a model in ``file``, completely or not at all; ``ganzoo.load`` reads it too.

    Raises :class:`UserError` where ``out`` is not empty or cannot be written.
    """
    check_folder(out)
    picture = _picture(model)
    contents = {
        "model.safetensors": _content(file),
        "config.json": f"{json.dumps(_config(model.header), indent=2)}\n".encode(),
        "README.md": model_card(model, bool(picture)).encode(),
        **({"samples.png": picture} if picture else {}),
    }
    with write_errors(out):
        make_folder(out.parent)
        part = out.with_name(f".{out.name}.{os.urandom(4).hex()}{PARTIAL_SUFFIX}")
        try:
            make_folder(part)
            for name, content in contents.items():
                write_atomically(part / name, content)
            if out.is_dir():
                out.rmdir()
            part.rename(out)
        finally:
            shutil.rmtree(part, ignore_errors=True)


def _content(file: Path) -> bytes:
    try:
        with open_file(file) as opened:
            return opened.read()
    except OSError as problem:
        raise UserError(f"{file} cannot be read: {problem.strerror or one_line(problem)}") from problem


def _config(header: Header) -> Mapping[str, Any]:
    """Return what the header says of the parts and the data, without what identifies the data."""
    return {name: header.raw[name] for name in ("variant", "parts", "data", "trained", "versions")}


def _picture(model: Model) -> bytes:
    """Return samples as a PNG file, or nothing for a model whose condition somebody must choose."""
    condition = model.condition
    if condition is not None and not values_of(condition).has_every:
        return b""
    count = max(values_of(model.output).crowd, SAMPLES)
    conditions = model.conditions(count)
    columns = columns_for(count, conditions, condition)
    return png(draw_examples(model.sample(count), model.output, conditions, condition, columns))


def model_card(model: Model, with_picture: bool = False) -> str:
    """Return the model card: YAML that the hub reads, then what people read.

    It names no licence: whoever publishes the model chooses one.
    """
    return "\n".join([*_front_matter(model), "", *_text(model, with_picture), ""])


def _front_matter(model: Model) -> Iterator[str]:
    tags = ["gan", model.header.variant, *(["image-generation"] if model.output.kind == "image" else [])]
    yield "---"
    yield "library_name: ganzoo"
    if model.output.kind == "image" and not model.takes_files:
        yield "pipeline_tag: unconditional-image-generation"
    elif model.output.kind == "image":
        yield "pipeline_tag: image-to-image"
    yield "tags:"
    yield from (f"- {json.dumps(one_line(tag))}" for tag in dict.fromkeys(tags))  # JSON is YAML
    yield "---"


def _text(model: Model, with_picture: bool) -> Iterator[str]:
    header = model.header
    variant = one_line(header.variant)
    yield f"# {variant}"
    yield ""
    condition = f", for {one_line(model.condition.describe())}" if model.condition is not None else ""
    yield f"A generative adversarial network that generates {one_line(model.output.describe())}{condition}."
    yield ""
    if with_picture:
        yield from ("![samples](samples.png)", "")
    yield from ("## Use", "", "```python", "import ganzoo", "", 'model = ganzoo.load("PATH TO THIS FOLDER")')
    yield f"examples = model.sample(16, seed=0)  # float32 (16, {', '.join(map(str, model.output.shape))})"
    yield from ("```", "")
    if model.condition is not None and model.condition.names:
        yield from (f"Names that the condition knows: {one_line(', '.join(model.condition.names))}.", "")
    yield from ("## Training", "", "| | |", "|---|---|", f"| variant | `{variant}` |")
    for slot, part in header.parts.items():
        if isinstance(part, Mapping):
            yield f"| {_cell(slot)} | `{_cell(part.get('name', ''))}` of {_cell(part.get('package', ''))} |"
    for name, value in (*header.trained.items(), *header.versions.items()):
        if isinstance(value, str | int | float):
            yield f"| {_cell(name)} | {_cell(value)} |"
    yield from ("", "`config.json` has every option.")


def _cell(value: object) -> str:
    """Return text from a file as one cell of a table: it can neither end the cell nor begin a tag."""
    return one_line(value).replace("|", "\\|").replace("`", "'").replace("<", "&lt;")
