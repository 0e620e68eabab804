"""The judge of stacked images: what is in each channel, and all of it together as one class."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor

from ganzoo.plugin import Examples, Field, Judge, JudgeOutput, Track, UserError
from ganzoo_metrics.classifier import Classifier
from ganzoo_metrics.configs import StackedClassifierConfig


@final
class StackedClassifier(Judge):
    """One small classifier that looks at every channel alone, for images whose class spells what their channels show.

    With C channels, class k is the number of C digits, in the base of as many things as a channel may show; its logit
    is the sum of the channels' log-probabilities. Features are those of the channels, side by side, and an image is
    sure where every channel is. Raises :class:`UserError` where the classes cannot be spelt so.
    Source: Metz et al., "Unrolled Generative Adversarial Networks", arXiv 1611.02163, for stacked MNIST.
    """

    def __init__(self, config: StackedClassifierConfig, field: Field, condition: Field):
        super().__init__()
        channels, height, width = field.shape
        base = round(condition.classes ** (1 / channels))
        if base**channels != condition.classes:
            raise UserError(
                f"judge 'stacked-cnn' knows classes that spell what each of {channels} channels shows, such as "
                f"{max(base, 2) ** channels} of them, and this data has {condition.classes}: use --judge cnn"
            )
        self.single = Classifier(config, Field("image", (1, height, width)), Field("class", classes=base))
        self._channels, self._base = channels, base

    def learn(self, real: Examples, generator: torch.Generator, track: Track) -> None:
        """Learn what single channels show from all channels of all images."""
        assert real.labels is not None  # its declaration requires them
        digits = spelt(real.labels, self._base, self._channels)
        self.single.learn(Examples(apart(real.values), digits.flatten()), generator, track)

    def forward(self, values: Tensor) -> JudgeOutput:
        """Return what it says of images (N, C, H, W)."""
        said: JudgeOutput = self.single(apart(values))
        shape = (len(values), self._channels)
        return JudgeOutput(
            said.features.unflatten(0, shape).flatten(1),
            together(said.logits.log_softmax(dim=1).unflatten(0, shape)),
            said.sure.unflatten(0, shape).all(dim=1),
        )


def apart(images: Tensor) -> Tensor:
    """Return the channels (N·C, 1, H, W) of images (N, C, H, W), each as an image of its own."""
    return images.flatten(0, 1).unsqueeze(1)


def spelt(classes: Tensor, base: int, channels: int) -> Tensor:
    """Return the digits (N, channels) of ``classes`` (N,), the highest place first."""
    places = base ** torch.arange(channels - 1, -1, -1, device=classes.device)
    return classes[:, None] // places % base


def together(single: Tensor) -> Tensor:
    """Return the log-probabilities (N, K^C) of all spellings, given those of the digits in each place (N, C, K)."""
    total = single[:, 0]
    for place in range(1, single.shape[1]):
        total = (total[:, :, None] + single[:, place, None, :]).flatten(1)
    return total
