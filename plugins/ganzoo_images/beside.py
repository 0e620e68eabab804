"""What stands beside an input image: numbers and classes as planes, and points as spots."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

import torch
from torch import Tensor

from ganzoo.plugin import Conditioner, Config, DataSpec, Field, Shape, values_of
from ganzoo_images.conditioner_options import LandmarksConfig


@final
class ImageAndRest:
    """Divides conditions into the input image, and the rest for conditioners, which may be none."""

    def __init__(self, data: DataSpec):
        self._fields: Mapping[str, Field] = {name: data.fields[name] for name in data.condition_names}
        images = [name for name, field in self._fields.items() if field.kind == "image"]
        if len(images) != 1:
            raise ValueError("the condition must have one image: choose another --dataset-condition")
        others = [name for name in self._fields if name not in images]
        self._image, self._others = images[0], others
        self.image = self._fields[self._image]
        self.rest: Field | None = data.field("+".join(others)) if others else None

    def __call__(self, condition: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return the images (B, C, H, W) and the rest (B, …) of conditions (B, …)."""
        if self.rest is None:
            return condition, None
        sizes = [field.size for field in self._fields.values()]
        parts = dict(zip(self._fields, condition.split(sizes, dim=1), strict=True))
        rest = torch.cat([parts[name] for name in self._others], dim=1)
        return values_of(self.image).unpack(parts[self._image]), values_of(self.rest).unpack(rest)


@final
class Planes(Conditioner):
    """Appends a class as one-hot planes, or a vector as constant planes, to an image."""

    def __init__(self, config: Config, shape: Shape, condition: Field):
        super().__init__()
        self._values = values_of(condition)
        self.out_shape = (shape[0] + self._values.code_size, *shape[1:])

    def forward(self, x: Tensor, condition: Tensor | None) -> Tensor:
        """Map (B, C, H, W) to (B, C + N, H, W)."""
        assert condition is not None
        code = self._values.code(condition)[:, :, None, None]
        return torch.cat([x, code.expand(-1, -1, *x.shape[2:]).to(x.dtype)], dim=1)


@final
class Landmarks(Conditioner):
    """Appends a plane with a spot for each point to an image; a vector holds x and y of each point, in [-1, 1].

    A spot is exp(−d² / 2r²) at the distance d from the point. Source: Ma et al. 2017, arXiv 1705.09368.
    """

    def __init__(self, config: LandmarksConfig, shape: Shape, condition: Field):
        super().__init__()
        if condition.kind != "vector" or condition.size % 2:
            raise ValueError(
                f"it takes points, x and y of each, and not {condition.describe()}: use --conditioner planes"
            )
        self._radius = 2 * config.radius
        self.out_shape = (shape[0] + condition.size // 2, *shape[1:])

    def forward(self, x: Tensor, condition: Tensor | None) -> Tensor:
        """Map (B, C, H, W) to (B, C + P, H, W)."""
        assert condition is not None
        height, width = x.shape[2:]
        points = condition.unflatten(1, (-1, 2))[..., None, None]
        across = (2 * torch.arange(width, device=x.device) + 1) / width - 1
        down = (2 * torch.arange(height, device=x.device) + 1) / height - 1
        squared = (across[None, :] - points[:, :, 0]).square() + (down[:, None] - points[:, :, 1]).square()
        spots = (-squared / (2 * self._radius**2)).exp()
        return torch.cat([x, spots.to(x.dtype)], dim=1)
