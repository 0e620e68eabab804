"""The judge of images: a small convolutional classifier."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganzoo.plugin import Examples, Field, Judge, JudgeOutput, Track, UserError
from ganzoo_metrics.configs import ClassifierConfig

SMALLEST = 4  # the shorter side of the last feature map, or a little less
DEPTH = 3  # least number of convolutions
WIDEST = 4  # times ``width``
SHIFT = 14  # the shorter side divided by this is the largest random shift


@final
class Classifier(Judge):
    """Convolutions that halve an image until its shorter side is about 4, then a feature layer, then the classes.

    Batch norm and ReLU follow each layer but the last, so features (N, F) are not negative, and about 1 in size.
    """

    def __init__(self, config: ClassifierConfig, field: Field, condition: Field):
        super().__init__()
        self._config = config
        convolutions = nn.Sequential(*_convolutions(config.width, field.shape))
        with torch.no_grad():
            size = convolutions.eval()(torch.zeros(1, *field.shape)).numel()
        self.describe = nn.Sequential(
            convolutions,
            nn.Flatten(),
            nn.Linear(size, config.features, bias=False),
            nn.BatchNorm1d(config.features),
            nn.ReLU(),
        )
        self.classify = nn.Linear(config.features, condition.classes)
        # The memory format channels_last saves a fifth of the time.
        self.eval().to(memory_format=torch.channels_last)

    def learn(self, real: Examples, generator: torch.Generator, track: Track) -> None:
        """Train with AdamW and a one-cycle learning rate on randomly shifted examples."""
        if len(real) < 2:
            raise UserError(f"judge 'cnn' cannot be trained on {len(real)} examples: use more data, or --judge plain")
        assert real.labels is not None  # its declaration requires them
        config = self._config
        size = min(config.batch_size, len(real))
        steps = max(config.epochs * (len(real) // size), config.least_steps)
        optimizer = torch.optim.AdamW(self.parameters(), config.lr)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, config.lr, total_steps=steps)
        batches = islice(_batches(real.values, real.labels, size, generator), steps)
        cudnn = torch.backends.cudnn
        self.train()
        # Deterministic kernels, so that the weights are the same each time.
        with torch.enable_grad(), cudnn.flags(cudnn.enabled, deterministic=True, allow_tf32=cudnn.allow_tf32):
            for images, labels in track(batches, "training the judge", steps):
                loss = F.cross_entropy(self(images).logits, labels)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()
        self.eval()

    def forward(self, values: Tensor) -> JudgeOutput:
        """Return features and logits of images (N, C, H, W); all count as sure."""
        features: Tensor = self.describe(values)
        logits: Tensor = self.classify(features)
        return JudgeOutput(features, logits, torch.ones(len(values), dtype=torch.bool, device=values.device))


def _convolutions(width: int, shape: tuple[int, ...]) -> Iterator[nn.Module]:
    """Yield convolutions for images of ``shape`` (C, H, W) with doubling channels; the last ones halve the image."""
    before, *sides = shape
    halvings = 0
    while min(sides) >> halvings > SMALLEST:
        halvings += 1
    depth = max(DEPTH, halvings)
    for place in range(depth):
        after = width * min(2**place, WIDEST)
        kernel, stride = (4, 2) if place >= depth - halvings else (3, 1)
        yield nn.Conv2d(before, after, kernel, stride, padding=1, bias=False)
        yield nn.BatchNorm2d(after)
        yield nn.ReLU(inplace=True)
        before = after


def _batches(images: Tensor, labels: Tensor, size: int, generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield batches of exactly ``size`` shifted images and their labels, in a new order in each pass, endlessly."""
    count, reach = len(images), min(images.shape[2:]) // SHIFT
    while True:
        order = torch.randperm(count, generator=generator).to(images.device)
        offsets = torch.randint(-reach, reach + 1, (count, 2), generator=generator).to(images.device)
        for chosen in order.split(size)[: count // size]:
            yield shifted(images[chosen], offsets[chosen]), labels[chosen]


def shifted(images: Tensor, offsets: Tensor) -> Tensor:
    """Return images (N, C, H, W), each moved up and to the left by its ``offsets`` (N, 2), in pixels.

    Pixels from outside are those of the nearest edge.
    """
    height, width = images.shape[2:]
    rows = (torch.arange(height, device=images.device) + offsets[:, :1]).clamp(0, height - 1)
    columns = (torch.arange(width, device=images.device) + offsets[:, 1:]).clamp(0, width - 1)
    which = torch.arange(len(images), device=images.device)
    # Indices on both sides of a slice come first in the result: (N, H, W, C).
    return images[which[:, None, None], :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)
