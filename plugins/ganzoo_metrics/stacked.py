"""The judge of stacked images: it classifies each channel, and combines these classes to that of the image."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor

from ganzoo.plugin import Examples, Field, Judge, JudgeOutput, Track, UserError
from ganzoo_metrics.classifier import Classifier
from ganzoo_metrics.configs import StackedClassifierConfig


@final
class StackedClassifier(Judge):
    """One small classifier of single channels, for images whose class is a number with one digit per channel.

    With C channels and K classes of a channel, the classes are the numbers of C digits in base K; the logit of a class
    is the sum of the channels' log-probabilities. Features are those of all channels, concatenated, and an image is
    sure where every channel is. Raises :class:`UserError` where the number of classes is not K^C.
    Source: Metz et al., "Unrolled Generative Adversarial Networks", arXiv 1611.02163, for stacked MNIST.
    """

    def __init__(self, config: StackedClassifierConfig, field: Field, condition: Field):
        super().__init__()
        channels, height, width = field.shape
        base = round(condition.classes ** (1 / channels))
        if base**channels != condition.classes:
            raise UserError(
                f"judge 'stacked-cnn' needs K^{channels} classes for images of {channels} channels, such as "
                f"{max(base, 2) ** channels}, and this data has {condition.classes}: use --judge cnn"
            )
        self.single = Classifier(config, Field("image", (1, height, width)), Field("class", classes=base))
        self._channels, self._base = channels, base

    def learn(self, real: Examples, generator: torch.Generator, track: Track) -> None:
        """Train the classifier on all channels of all images."""
        assert real.labels is not None  # its declaration requires them
        digits = digits_of(real.labels, self._base, self._channels)
        self.single.learn(Examples(channels_of(real.values), digits.flatten()), generator, track)

    def forward(self, values: Tensor) -> JudgeOutput:
        """Return features and logits of images (N, C, H, W), and which are sure."""
        output: JudgeOutput = self.single(channels_of(values))
        shape = (len(values), self._channels)
        return JudgeOutput(
            output.features.unflatten(0, shape).flatten(1),
            combine(output.logits.log_softmax(dim=1).unflatten(0, shape)),
            output.sure.unflatten(0, shape).all(dim=1),
        )


def channels_of(images: Tensor) -> Tensor:
    """Return the channels of images (N, C, H, W) as images (N·C, 1, H, W)."""
    return images.flatten(0, 1).unsqueeze(1)


def digits_of(classes: Tensor, base: int, channels: int) -> Tensor:
    """Return the digits (N, channels) of ``classes`` (N,), the most significant first."""
    places = base ** torch.arange(channels - 1, -1, -1, device=classes.device)
    return classes[:, None] // places % base


def combine(single: Tensor) -> Tensor:
    """Return the log-probabilities (N, K^C) of all numbers, given those of the digits in each place (N, C, K)."""
    total = single[:, 0]
    for place in range(1, single.shape[1]):
        total = (total[:, :, None] + single[:, place, None, :]).flatten(1)
    return total
