"""R-precision: is the caption that an image was made for the best one of many?"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar, Final, final
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from ganzoo.plugin import Aim, Examples, Field, Metric, MetricContext, MetricValues
from ganzoo_words.encoder import BagOfWords
from ganzoo_words.encoder_options import BagOfWordsConfig
from ganzoo_words.matching import Matching, scores_of
from ganzoo_words.metric_options import LearntRPrecisionConfig, RPrecisionConfig

BATCH: Final = 64
RATE: Final = 1e-3
CHUNK: Final = 500


class ChoiceOfCaption(Metric):
    """The share of images for which their own caption is the best of 100; equally good ones share it.

    The other captions are drawn from those of the data that differ from it. ``remembered`` is the same for an image of
    the training whose caption has the most words in common: what one has without a model. Source: Xu et al. 2018,
    AttnGAN, arXiv 1711.10485, section 4.1.
    """

    thorough = True
    judged = False

    def __init__(self, config: RPrecisionConfig):
        self._captions = config.captions

    @abstractmethod
    def prepare(self, context: MetricContext) -> None:
        """Prepare for :meth:`scores`, or raise :class:`UserError` for data of another kind."""

    @abstractmethod
    def scores(self, images: Tensor, captions: Tensor, context: MetricContext) -> Tensor:
        """Return how well images (B, …) fit captions (N, L), as (B, N): higher is better."""

    def further(self, images: Tensor, captions: Tensor, context: MetricContext) -> MetricValues:
        """Return further figures of images (B, …) and their captions (B, L); none by default."""
        return {}

    def measure(self, generated: Examples, real: Examples, context: MetricContext) -> MetricValues:
        """Return the figures of generated images, and of remembered ones."""
        assert generated.conditions is not None and context.train.conditions is not None
        self.prepare(context)
        known = context.train.conditions
        asked, number = generated.conditions.unique(dim=0, return_inverse=True)
        nearest = _most_common_words(asked, known)[number]
        return {
            **self._figures(generated.values, generated.conditions, real, context),
            "remembered": self._share(context.train.values[nearest], generated.conditions, real, context),
        }

    def floor(self, real: Examples, context: MetricContext) -> MetricValues:
        """Return the figures of real images and their own captions."""
        assert real.conditions is not None
        self.prepare(context)
        return self._figures(real.values, real.conditions, real, context)

    def _figures(self, images: Tensor, captions: Tensor, real: Examples, context: MetricContext) -> dict[str, float]:
        own = {"r-precision": self._share(images, captions, real, context)}
        return {**own, **{name: float(value) for name, value in self.further(images, captions, context).items()}}  # type: ignore[arg-type]

    def _share(self, images: Tensor, captions: Tensor, real: Examples, context: MetricContext) -> float:
        assert real.conditions is not None and context.train.conditions is not None
        every = torch.cat([real.conditions, context.train.conditions, captions]).unique(dim=0)
        generator, right = context.generator("other captions"), 0.0
        for part, of_part in zip(images.split(CHUNK), captions.split(CHUNK), strict=True):
            scores = self.scores(part, every, context)
            own = (of_part[:, None] == every[None]).all(dim=2)
            keys = torch.rand(own.shape, generator=generator).to(own.device).masked_fill(own, 2.0)
            others = keys.argsort(dim=1)[:, : min(self._captions, len(every)) - 1]
            mine = scores[own][:, None]
            rivals = scores.gather(1, others)
            first = (rivals <= mine).all(dim=1)
            right += float((first / (1 + (rivals == mine).sum(dim=1))).sum())
        return right / max(1, len(images))


def _most_common_words(asked: Tensor, known: Tensor) -> Tensor:
    """Return for each caption (N, L) the number (N,) of a known one (M, L) that has the most words in common with it.

    Of equally good ones it is the first. A known caption that says the same counts too.
    """
    many = 1 + int(max(asked.max(), known.max()))
    sets = [nn.functional.one_hot(each, many).amax(dim=1)[:, 1:].float() for each in (asked, known)]
    union = sets[0].sum(1)[:, None] + sets[1].sum(1)[None] - sets[0] @ sets[1].T
    nearest: Tensor = (sets[0] @ sets[1].T / union.clamp(min=1)).argmax(dim=1)
    return nearest


@final
class LearntRPrecision(ChoiceOfCaption):
    """R-precision by a network that learns from the real training images which caption belongs to which image."""

    figures: ClassVar[Mapping[str, Aim]] = {"r-precision": "high", "remembered": "high"}

    def __init__(self, config: LearntRPrecisionConfig):
        super().__init__(config)
        self._steps = config.steps
        self._learnt: WeakKeyDictionary[Examples, tuple[nn.Module, nn.Module]] = WeakKeyDictionary()

    def prepare(self, context: MetricContext) -> None:
        """Train the network once for the training images."""
        if context.train not in self._learnt:
            assert context.conditions is not None
            self._learnt[context.train] = self._learn(context.field, context.conditions, context)

    def scores(self, images: Tensor, captions: Tensor, context: MetricContext) -> Tensor:
        """Return the scores of the network."""
        encoder, words = self._learnt[context.train]
        with torch.no_grad():
            return scores_of(encoder, images, words(captions))

    def _learn(self, field: Field, captions: Field, context: MetricContext) -> tuple[nn.Module, nn.Module]:
        generator, train = context.generator("matching"), context.train
        assert train.conditions is not None
        with torch.random.fork_rng(devices=[]), torch.enable_grad():
            torch.default_generator.manual_seed(int(torch.randint(2**62, (), generator=generator)))
            words = BagOfWords(BagOfWordsConfig(), captions).to(context.device)
            matching = Matching(field, words.size, margin=1.0).to(context.device)
            optimizer = torch.optim.Adam([*words.parameters(), *matching.parameters()], lr=RATE)
            for _ in context.track(range(self._steps), "learning to match captions", self._steps):
                rows = torch.randint(len(train), (min(BATCH, len(train)),), generator=generator).to(context.device)
                loss, _ = matching(train.values[rows], words(train.conditions[rows]), train.conditions[rows])
                optimizer.zero_grad(set_to_none=True)
                loss.backward()
                optimizer.step()
        return matching.images.eval(), words.eval()
