"""A trained model, loaded from one file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ganzoo.cards import card, picture_url
from ganzoo.catalogue.data import Field
from ganzoo.catalogue.registry import Registry, installed
from ganzoo.contract.field_values import values_of
from ganzoo.contract.recipe import Output, Recipe
from ganzoo.drawing import png
from ganzoo.errors import UserError
from ganzoo.evaluation.sampling import generate_chunks, generate_examples
from ganzoo.pictures import draw_examples
from ganzoo.storage.config_files import read_config
from ganzoo.storage.model_file import Header, read_model
from ganzoo.storage.run_folder import RunFolder
from ganzoo.studio.conditions import read_conditions
from ganzoo.studio.export import columns_for
from ganzoo.studio.noise import generate, noise_of
from ganzoo.text import did_you_mean, one_line
from ganzoo.training.preview import layout

if TYPE_CHECKING:
    from ganzoo.studio.inversion import Inversion
COUNT = 64  # examples
ROWS = 4  # of a picture with a column for each class


class Model:
    """A recipe with trained networks; ``registry`` has all of its parts.

    ``output_name`` is the name of what it generates, if its recipe has several outputs; by default the first one.
    ``config`` is the content of the ``config.json`` beside its file: where its data was, which the file does not say.
    """

    def __init__(
        self,
        recipe: Recipe,
        header: Header,
        registry: Registry | None = None,
        output_name: str = "",
        config: Mapping[str, Any] = MappingProxyType({}),
    ):
        self.recipe, self.header, self.registry, self.config = recipe, header, registry or installed(), config
        self.output_name = output_name or next(iter(recipe.outputs))

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of what it can generate; one without a name for most models."""
        return tuple(self.recipe.outputs)

    def for_output(self, name: str) -> Model:
        """Return the model for another output, with the same networks; raises :class:`UserError` if there is none."""
        if name not in self.recipe.outputs:
            have = ", ".join(filter(None, self.outputs)) or "one, without a name"
            raise UserError(f"this model has no output {name!r}{did_you_mean(name, self.outputs)} Outputs: {have}")
        return Model(self.recipe, self.header, self.registry, name, self.config)

    @property
    def generates(self) -> Output:
        """Where in the data its output and its condition are."""
        return self.recipe.outputs[self.output_name]

    @staticmethod
    def read(path: Path, registry: Registry, given: Mapping[str, Any] | None = None) -> Model:
        """Return the model in a file or a run folder; raises :class:`UserError` where it is missing or invalid.

        ``given`` has the classes and objects that it was trained with in place of names.
        """
        file = RunFolder(path).model if path.is_dir() else path
        stored = read_model(file, registry, given)
        return Model(stored.recipe, stored.header, stored.registry, config=_config_beside(file))

    @property
    def output(self) -> Field:
        """The field that it generates."""
        return self.recipe.field(self.generates.values)

    @property
    def condition(self) -> Field | None:
        """The field of its condition, or ``None``."""
        return self.recipe.field(self.generates.condition) if self.generates.condition else None

    @property
    def takes_files(self) -> bool:
        """Whether its conditions are read from files, such as images."""
        return self.condition is not None and bool(values_of(self.condition).inputs)

    def to(self, device: torch.device | str) -> Model:
        """Move the networks and return the model."""
        self.recipe.to(device)
        return self

    def conditions(self, count: int, label: Any = None) -> Tensor | None:
        """Return conditions (count, …): the given labels in turn, or all classes in turn.

        ``label`` is one label or several: a class by name, or by number if none has that name; attributes as
        ``red+large``, a caption, or a tensor. Raises :class:`UserError` for an unknown label, for a missing one, and
        for an unconditional model.
        """
        asked = _as_list(label, self.condition)
        if self.condition is None:
            if asked:
                raise UserError("this model is unconditional: it takes no --label")
            return None
        return read_conditions(self.condition, asked, count)

    def controls(self, count: int, chosen: Mapping[str, Any]) -> dict[str, Tensor]:
        """Return the chosen values (count, …) of the recipe's controls, by name: one value, or several in turn.

        Raises :class:`UserError` for a control that the model does not have, and for an invalid value.
        """
        known = self.recipe.controls
        for name in chosen:
            if name not in known:
                have = ", ".join(known) or "none"
                raise UserError(f"this model has no control {name!r}{did_you_mean(name, known)} Controls: {have}")
        read = {}
        for name, value in chosen.items():
            try:
                read[name] = read_conditions(known[name], _as_list(value, known[name]), count)
            except UserError as problem:
                raise UserError(f"control {name!r}: {problem}") from problem
        return read

    def sample(
        self,
        count: int | None = None,
        label: Any = None,
        seed: int = 0,
        controls: Mapping[str, Any] = MappingProxyType({}),
        *,
        input: Any = None,
        z: Tensor | None = None,
        truncation: float = 1.0,
    ) -> Tensor:
        """Return ``count`` examples, by default 64, float32 (count, C, H, W) in [-1, 1] for images, on the CPU.

        ``label`` is a condition, or several in turn; a model that makes images from images takes them as ``input``: a
        path, a PIL picture or a tensor (C, H, W).
        ``controls`` chooses what else the model lets one choose, by name, such as the codes of an InfoGAN; a value, or
        several in turn. Example k of a seed is the same whatever ``count`` is. ``z`` is noise (count, …) instead of
        random numbers, as the generator gets it; :attr:`noise_shape` is the shape of one. ``truncation`` multiplies the
        distance of random noise from its mean: less than 1 gives more typical, less varied examples. Raises
        :class:`UserError` where something does not fit.
        """
        if z is not None and truncation != 1.0:
            raise UserError("truncation is for random noise: truncate z yourself, or leave it out")
        noise = self._noise(z, count)
        if noise is not None:
            count = len(noise)
        elif count is None:
            count = COUNT
        conditions, chosen = self._chosen(count, self._asked(label, input), controls)
        if truncation != 1.0:
            drawn = noise_of(self.recipe, count, conditions, seed, chosen, self.output_name).truncated(truncation)
            with torch.no_grad():
                return generate(self.recipe, drawn, count, conditions, chosen, self.output_name).cpu()
        made = generate_examples(
            self.recipe, count, conditions, seed, controls=chosen, output=self.output_name, noise=noise
        )
        return made.cpu()

    def picture(
        self,
        count: int | None = None,
        label: Any = None,
        seed: int = 0,
        controls: Mapping[str, Any] = MappingProxyType({}),
        *,
        input: Any = None,
        truncation: float = 1.0,
    ) -> Image.Image:
        """Return the examples of :meth:`sample` as a picture, which a notebook shows.

        Without ``count``, there are some rows of all classes, or as many examples as a picture of them needs.
        """
        asked = self._asked(label, input)
        columns = 0
        if count is None:
            count, columns = layout(self.output, self.condition)
            count = min(count, columns * ROWS) if columns > 1 else count
        made = self.sample(count, asked, seed, controls, truncation=truncation)
        conditions = self.conditions(count, asked)
        if label is not None or not columns:
            columns = columns_for(count, conditions, self.condition)
        return draw_examples(made, self.output, conditions, self.condition, columns)

    def _repr_html_(self) -> str:
        """Return what the model is, with a picture of samples, for a notebook."""
        condition = self.condition.describe() if self.condition is not None else "none"
        about = {
            "generates": self.output.describe(),
            "condition": condition,
            "parameters": f"{sum(weight.numel() for weight in self.recipe.parameters()):,}",
        }
        try:
            return card(f"Model {self.header.variant}", about, picture=picture_url(png(self.picture())))
        except UserError as problem:
            return card(f"Model {self.header.variant}", about, note=one_line(problem))

    def sample_in_chunks(
        self, count: int, label: Any = None, seed: int = 0, controls: Mapping[str, Any] = MappingProxyType({})
    ) -> Iterator[Tensor]:
        """Yield the examples of :meth:`sample` a few at a time, so that any number needs the same memory."""
        conditions, chosen = self._chosen(count, label, controls)
        made = generate_chunks(self.recipe, count, conditions, seed, controls=chosen, output=self.output_name)
        return (chunk.cpu() for _, chunk in made)

    @property
    def noise_shape(self) -> tuple[int, ...] | None:
        """The shape of the noise of one example; ``None`` if the model takes no noise from the user."""
        return self.recipe.noise_shape

    def _chosen(
        self, count: int, label: Any, controls: Mapping[str, Any]
    ) -> tuple[Tensor | None, Mapping[str, Tensor]]:
        if count < 1:
            raise UserError(f"the number of samples must be at least 1, not {count}")
        return self.conditions(count, label), self.controls(count, controls)

    def _noise(self, z: Tensor | None, count: int | None) -> Tensor | None:
        if z is None:
            return None
        if self.noise_shape is None:
            raise UserError("this model takes no z: its recipe draws its noise itself")
        expected = f"z must be a tensor of shape (count, {', '.join(map(str, self.noise_shape))})"
        if not isinstance(z, Tensor) or tuple(z.shape[1:]) != tuple(self.noise_shape) or not len(z):
            raise UserError(f"{expected}, not {tuple(z.shape) if isinstance(z, Tensor) else type(z).__name__}")
        if count not in (None, len(z)):
            raise UserError(f"z has {len(z)} rows, and count is {count}: leave out count")
        return z.detach().float()

    def invert(
        self, examples: Any, label: Any = None, *, starts: int = 4, steps: int = 200, seed: int = 0
    ) -> Inversion:
        """Return the noise and the condition from which the model generates ``examples``, and how well it does.

        ``examples`` is one or several of paths and PIL pictures, or a tensor (N, C, H, W) in [-1, 1]. ``label`` is
        their condition; without it, a class is found too, and so is what an encoder of the model recognises. Raises
        :class:`UserError` for what is no example.
        """
        from ganzoo.studio.inversion import invert

        several = list(examples) if isinstance(examples, list | tuple) else [examples]
        tensor = examples if isinstance(examples, Tensor) else read_conditions(self.output, several, len(several))
        return invert(self, tensor, label, starts, steps, seed)

    def _asked(self, label: Any, images: Any) -> Any:
        """Return the condition that was asked for, as a label or as images."""
        if images is None:
            return label
        if label is not None:
            raise UserError("label and input are two names of the condition: give one of them")
        if not self.takes_files:
            raise UserError("this model takes no images as input: leave out input")
        return images


def _config_beside(file: Path) -> Mapping[str, Any]:
    """Return the content of the ``config.json`` of the run of a model, or nothing where there is no readable one."""
    try:
        return read_config(RunFolder(file.parent).config)
    except UserError:
        return {}


def _as_list(label: Any, condition: Field | None) -> Sequence[Any]:
    """Return ``label`` as a list: of one label, of several, of a condition as a tensor, or of several of these."""
    if label is None:
        return ()
    if isinstance(label, np.ndarray):  # torch has no arrays of text
        label = label.tolist() if label.dtype.kind in "OSU" else torch.from_numpy(label)
    if condition is not None and values_of(condition).is_one(label):
        return [label]
    if isinstance(label, Tensor):
        return [label] if label.dim() == 0 else list(label)
    return list(label) if isinstance(label, list | tuple | range) else [label]
