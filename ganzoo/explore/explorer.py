"""One model under a person's hands: what a page offers for it, and the pictures that it makes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor

from ganzoo.catalogue.data import Field
from ganzoo.contract.chooser import Chooser
from ganzoo.contract.field_values import values_of
from ganzoo.drawing import png
from ganzoo.errors import UserError
from ganzoo.explore.wish import Wish
from ganzoo.pictures import draw_examples
from ganzoo.randomness import KeyedStreams
from ganzoo.studio.conditions import decoded
from ganzoo.studio.directions import Directions, find_directions
from ganzoo.studio.export import columns_for
from ganzoo.studio.inversion import Inversion
from ganzoo.studio.model import Model
from ganzoo.studio.noise import Noise, noise_of
from ganzoo.studio.walk import Start

CROWD = 500  # points
DIRECTIONS = 12
STARTS, ITERATIONS = 4, 200  # of the search for an image


@dataclass(frozen=True)
class Offer:
    """What can be chosen for a model.

    ``dimensions`` is the size of the latent vector, 0 if there is no noise; ``uniform`` noise is from 0 to 1, and other
    noise normal. ``needs_condition`` says that no condition is no answer. ``images`` are the suffixes of images that
    can be searched for. ``counted`` examples are shown one by one.
    """

    dimensions: int
    uniform: bool
    directions: int
    condition: Chooser
    conditional: bool
    needs_condition: bool
    controls: Mapping[str, Chooser]
    images: Sequence[str]
    counted: bool


@dataclass(frozen=True)
class Found:
    """An image that was found in a model: beside its reconstruction, and how far these differ."""

    picture: bytes
    error: float


@final
class Explorer:
    """A ``model``, and what was handed over to it: an image to edit, and a file as its condition."""

    def __init__(self, model: Model):
        self._model = model
        self._found: Inversion | None = None
        self._given: Tensor | None = None

    def offer(self) -> Offer:
        """Return what can be chosen."""
        model, field = self._model, self._model.condition
        noise = self._probe()
        continuous = any(drawn.is_continuous for drawn in noise.draws)
        values = values_of(model.output)
        return Offer(
            noise.latent.shape[1] if continuous else 0,
            continuous and noise.draws[noise.main].is_uniform,
            len(self._directions(noise).vectors[:DIRECTIONS]) if continuous else 0,
            values_of(field).chooser() if field is not None else Chooser(),
            field is not None,
            field is not None and not values_of(field).has_every,
            {name: values_of(control).chooser() for name, control in model.recipe.controls.items()},
            values.inputs if continuous and values.tiled else (),
            not values.crowd,
        )

    def draw(self, wish: Wish) -> bytes:
        """Return the picture of a wish as a PNG file; raises :class:`UserError` for what the model does not have."""
        model = self._model
        count = self._count(wish)
        conditions = self._conditions(wish, count)
        controls = model.controls(count, wish.controls)
        start = Start(model, count, conditions, controls, wish.truncation)
        noise = self._moved(start, self._noise(start, wish), wish)
        made = start.generate(noise, conditions)
        columns = columns_for(count, conditions, model.condition)
        return png(draw_examples(made, model.output, conditions, model.condition, columns))

    def find(self, content: bytes, wish: Wish) -> Found:
        """Search for the image in a file, under the condition of a wish; without one, the class is found too."""
        model = self._model
        example = decoded(values_of(model.output), content)
        label: Any = self._conditions(wish, 1) if wish.label or wish.given else None
        found = model.invert(example[None], label, starts=STARTS, steps=ITERATIONS)
        pair = torch.cat([found.originals, found.reconstructions])
        self._found = found
        return Found(png(values_of(model.output).draw(pair, 2, ("yours", "found"))), float(found.errors[0]))

    def take(self, content: bytes) -> None:
        """Keep the value in a file as the condition of later pictures."""
        if self._model.condition is None or not self._model.takes_files:
            raise UserError("this model takes no files")
        self._given = decoded(values_of(self._model.condition), content)

    def _count(self, wish: Wish) -> int:
        """Return how many examples there are; where the classes take turns, the last turn is whole."""
        model = self._model
        if values_of(model.output).crowd:
            return CROWD
        count = 1 if wish.found or (model.takes_files and wish.given) else wish.count
        classes = model.condition.classes if model.condition is not None and not wish.label else 0
        return -(-count // classes) * classes if 0 < classes <= 2 * wish.count else count

    def _conditions(self, wish: Wish, count: int) -> Tensor | None:
        model = self._model
        if model.condition is None:
            return None
        if model.takes_files:  # a text would be the path of a file
            if not wish.given or self._given is None:
                raise UserError(f"choose a file for this model: {', '.join(values_of(model.condition).inputs)}")
            return model.conditions(count, self._given)
        return model.conditions(count, wish.label or None)

    def _noise(self, start: Start, wish: Wish) -> Noise:
        if wish.found:
            if self._found is None:
                raise UserError("no image was found yet: choose one")
            return self._found.noise.rows(torch.zeros(start.count, dtype=torch.long)).truncated(wish.truncation)
        noise = start.noise(wish.seed)
        return noise.towards(start.noise(wish.second), wish.share) if wish.share else noise

    def _moved(self, start: Start, noise: Noise, wish: Wish) -> Noise:
        """Return the noise after the steps along dimensions and directions."""
        step = torch.zeros(noise.latent.shape[1]) if wish.dimensions or wish.directions else None
        if step is None:
            return noise
        for number, length in wish.dimensions.items():
            if number >= len(step):
                raise UserError(f"the latent vector has the dimensions 0 to {len(step) - 1}, not {number}")
            step[number] += length
        if wish.directions:
            vectors = find_directions(start.model, noise, start.conditions, start.controls).vectors
            for number, length in wish.directions.items():
                if number >= len(vectors):
                    raise UserError(f"this model has the directions 0 to {len(vectors) - 1}, not {number}")
                step += length * vectors[number]
        return noise.with_latent(noise.latent + step)

    def _probe(self) -> Noise:
        """Return the noise of an example, whatever its condition."""
        model = self._model
        return noise_of(model.recipe, 1, _any(model.condition), 0, output=model.output_name)

    def _directions(self, noise: Noise) -> Directions:
        """Return the directions at an example, or none where no layer sees the noise."""
        try:
            return find_directions(self._model, noise, _any(self._model.condition), {})
        except UserError:
            return Directions(torch.zeros(0, 0), torch.zeros(0))


def _any(field: Field | None) -> Tensor | None:
    """Return some condition (1, …) of a field."""
    return values_of(field).trial(1, KeyedStreams(0).at("explore")) if field is not None else None
