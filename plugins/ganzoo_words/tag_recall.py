"""Which of an image's keywords a model finds, beside what the images most like it have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final, final

import torch
from torch import Tensor
from torch.nn import functional as F

from ganzoo.plugin import Aim, Examples, Metric, MetricContext, MetricValues, UserError
from ganzoo_words.metric_options import TagRecallConfig

CHUNK: Final = 4096
MANY: Final = 100_000  # words


@final
class TagRecall(Metric):
    """Recall and F1 of the ten words that are nearest to draws most often, of every image.

    The draws of an image are the examples that were generated for its features: with 100 times as many samples as
    images there are 100. ``neighbour …`` are the figures of the words that the training images with the nearest
    features have most often. Source: Mirza & Osindero 2014, arXiv 1411.1784, section 4.2, which has no figures.
    """

    figures: ClassVar[Mapping[str, Aim]] = {
        "recall": "high",
        "f1": "high",
        "neighbour recall": "high",
        "neighbour f1": "high",
    }
    judged = False
    thorough = True

    def __init__(self, config: TagRecallConfig):
        self._config = config

    def measure(self, generated: Examples, real: Examples, context: MetricContext) -> MetricValues:
        """Return the figures of generated words, and of those of the nearest training images."""
        assert generated.conditions is not None and real.conditions is not None
        words = _words(context.train, real)
        images, number = torch.cat([generated.conditions, real.conditions]).unique(dim=0, return_inverse=True)
        of_made, of_real = number[: len(generated)], number[len(generated) :]
        true = _counts(_nearest(real.values, words, 1), of_real, len(images), len(words)) > 0
        made = _counts(_nearest(generated.values, words, self._config.nearest), of_made, len(images), len(words))
        asked = made.any(dim=1) & true.any(dim=1)
        remembered = self._remembered(images, context.train, words)
        return {
            **self._figures(made[asked], true[asked]),
            **_of_neighbours(self._figures(remembered[asked], true[asked])),
        }

    def floor(self, real: Examples, context: MetricContext) -> MetricValues:
        """Return the figures of the real words."""
        assert real.conditions is not None
        words = _words(context.train, real)
        images, number = real.conditions.unique(dim=0, return_inverse=True)
        true = _counts(_nearest(real.values, words, 1), number, len(images), len(words))
        return self._figures(true, true > 0)

    def _figures(self, counts: Tensor, true: Tensor) -> dict[str, float]:
        """Return the figures for counts (N, W) of words and for which are true, (N, W)."""
        best = counts.topk(min(self._config.kept, counts.shape[1]), dim=1)
        kept = torch.zeros_like(true).scatter(1, best.indices, best.values > 0)
        hits, many = (kept & true).sum(1).float(), true.sum(1).float()
        possible = many.clamp(max=self._config.kept)
        return {"recall": float((hits / possible).mean()), "f1": float((2 * hits / (kept.sum(1) + many)).mean())}

    def _remembered(self, images: Tensor, train: Examples, words: Tensor) -> Tensor:
        """Return how often words (W, V) belong to the nearest training images of images (N, F), as (N, W)."""
        assert train.conditions is not None
        known, number = train.conditions.unique(dim=0, return_inverse=True)
        have = _counts(_nearest(train.values, words, 1), number, len(known), len(words))
        nearest = torch.cdist(images, known).topk(min(self._config.neighbours, len(known)), largest=False).indices
        counts: Tensor = have[nearest].sum(dim=1)
        return counts


def _of_neighbours(figures: Mapping[str, float]) -> dict[str, float]:
    return {f"neighbour {name}": value for name, value in figures.items()}


def _words(train: Examples, real: Examples) -> Tensor:
    """Return the vectors (W, V) of all words; raises :class:`UserError` if these are no words."""
    words: Tensor = torch.cat([train.values, real.values]).unique(dim=0)
    if len(words) > min(MANY, len(train) // 2):
        raise UserError(
            "metric 'tag-recall' needs data in which many examples have the same word: choose other metrics"
        )
    return words


def _nearest(values: Tensor, words: Tensor, count: int) -> Tensor:
    """Return the words (N, count) with the largest cosines for vectors (N, V)."""
    known, many = F.normalize(words, dim=1), min(count, len(words))
    return torch.cat([(F.normalize(part, dim=1) @ known.T).topk(many, dim=1).indices for part in values.split(CHUNK)])


def _counts(found: Tensor, image: Tensor, images: int, words: int) -> Tensor:
    """Return how often each word was found (N, K) for each image (N,), as (images, words)."""
    counts = torch.zeros(images * words, device=found.device)
    places = (image[:, None] * words + found).flatten()
    counts.scatter_add_(0, places, torch.ones_like(places, dtype=counts.dtype))
    return counts.view(images, words)
