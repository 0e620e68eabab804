"""Reads attributes off images or clips: a small network that learns them from real examples."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final, final
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ganzoo.plugin import Examples, MetricContext, UserError

WIDTH: Final = 24
STEPS: Final = 400
BATCH: Final = 64
RATE: Final = 4e-3
SMALLEST: Final = 4
CHUNK: Final = 500  # examples that are read together


@final
class Reader(nn.Module):
    """Convolutions that halve an example (C, H, W) until no side is longer than 4, then a logit for each attribute."""

    def __init__(self, shape: tuple[int, ...], attributes: int):
        super().__init__()
        before, *sides = shape
        halvings = max(1, math.ceil(math.log2(max(sides) / SMALLEST)))
        layers: list[nn.Module] = []
        for depth in range(halvings):
            after = WIDTH * min(2**depth, 4)
            layers += [nn.Conv2d(before, after, 4, 2, 1, bias=False), nn.BatchNorm2d(after), nn.ReLU(inplace=True)]
            before, sides = after, [side // 2 for side in sides]
        self.layers = nn.Sequential(*layers, nn.Flatten(), nn.Linear(before * math.prod(sides), attributes))

    def forward(self, images: Tensor) -> Tensor:
        """Map (B, C, H, W) to logits (B, A)."""
        logits: Tensor = self.layers(images)
        return logits

    def learn(self, images: Tensor, attributes: Tensor, generator: torch.Generator) -> None:
        """Fit images (N, C, H, W) with attributes (N, A) in 0 … 1."""
        optimizer = torch.optim.AdamW(self.parameters(), RATE)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=STEPS)
        self.train()
        with torch.enable_grad():
            for _ in range(STEPS):
                rows = torch.randint(len(images), (BATCH,), generator=generator).to(images.device)
                loss = F.binary_cross_entropy_with_logits(self(images[rows]), attributes[rows])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()
        self.eval()


@final
class Reading:
    """What a reader says of examples; it learns once from the training examples, as ``lesson`` makes them.

    ``lesson`` maps examples to images (N, C, H, W) and their attributes (N, A).
    """

    def __init__(self, lesson: Callable[[Examples], tuple[Tensor, Tensor]]):
        self._lesson = lesson
        self._readers: WeakKeyDictionary[Examples, nn.Module] = WeakKeyDictionary()

    def __call__(self, images: Tensor, context: MetricContext) -> Tensor:
        """Return the logits (N, A) of the attributes of images (N, C, H, W)."""
        train = context.train
        if train not in self._readers:
            self._readers[train] = _learnt(*self._lesson(train), context)
        reader = self._readers[train]
        with torch.no_grad():
            return torch.cat([reader(chunk) for chunk in images.split(CHUNK)])


def _learnt(images: Tensor, attributes: Tensor, context: MetricContext) -> nn.Module:
    if float(attributes.min()) < 0 or float(attributes.max()) > 1:
        raise UserError("this metric reads attributes from 0 to 1, and this data has others: choose other metrics")
    generator = context.generator("reader")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(generator.initial_seed())
        reader = Reader(tuple(images.shape[1:]), attributes.shape[1]).to(images.device)
    for _ in context.track(range(1), "learning to read attributes", 1):
        reader.learn(images, attributes, generator)
    return reader


def whole(examples: Examples) -> tuple[Tensor, Tensor]:
    """Return the lesson of attributes: each example as an image, and its attributes."""
    return as_images(examples.values), attributes_of(examples)


def as_images(values: Tensor) -> Tensor:
    """Return images (N, C, H, W) as they are, and the frames of clips (N, T, C, H, W) as channels."""
    return values.flatten(1, -3)


def attributes_of(examples: Examples) -> Tensor:
    """Return the attributes (N, A) among the conditions, where an example may stand before them."""
    assert examples.conditions is not None  # the declarations of the metrics require them
    before = examples.values[0].numel()
    conditions = examples.conditions.float()
    return conditions[:, before:] if conditions.shape[1] > before else conditions
