"""Pairs of an image's features and the vector of one of its keywords."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Final, final

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ganzoo.plugin import Dataset
from ganzoo_datasets.counters import uniform
from ganzoo_words.captioned_shapes import CaptionedShapes
from ganzoo_words.captions import VOCABULARY as WORDS
from ganzoo_words.captions import CaptionedShapesConfig, described
from ganzoo_words.tags import IMAGES, TAGS_PER_IMAGE, VOCABULARY, TaggedShapesConfig, concepts_of, tags_of

SIZE: Final = 32  # of the images before they are made small
SPREAD: Final = 0.35  # of the numbers of features before they are scaled


@final
class TaggedShapes(Dataset):
    """Every image of ``captioned-shapes`` as often as it has keywords, each time with another one."""

    def __init__(self, config: TaggedShapesConfig, root: Path):
        self._config = config
        count = IMAGES[config.split]
        drawn = CaptionedShapes(CaptionedShapesConfig(size=SIZE, split=config.split, seed=config.seed), root).read(
            torch.arange(count)
        )
        small = F.interpolate(drawn["image"].float() / 255, (config.size, config.size), mode="area").flatten(1)
        self._features = (small - small.mean(dim=1, keepdim=True)) / SPREAD
        captions = (" ".join(WORDS[token] for token in tokens if token) for tokens in drawn["caption"].tolist())
        scenes = [scene for caption in captions if (scene := described(caption)) is not None]
        self._tags = torch.tensor([[VOCABULARY.index(tag) for tag in tags_of(scene)] for scene in scenes])
        self._vectors = word_vectors(config.vectors)

    def __len__(self) -> int:
        return len(self._features) * TAGS_PER_IMAGE

    def read(self, indices: Tensor) -> dict[str, Tensor]:
        """Return ``word`` (B, V) and ``features`` (B, F), float32."""
        image, place = indices // TAGS_PER_IMAGE, indices % TAGS_PER_IMAGE
        return {"word": self._vectors[self._tags[image, place]], "features": self._features[image]}

    def identities(self) -> tuple[bytes, ...]:
        """Return the options that determine the examples."""
        config = self._config
        return (repr((config.size, config.vectors, config.split, config.seed)).encode(),)


def word_vectors(size: int) -> Tensor:
    """Return a vector (W, size) of mean square 1 for each word of the vocabulary; related words have near ones.

    It is a random direction of its own, and half of those of the concepts that the word shares with others, so that
    nothing must be learnt or downloaded.
    """
    concepts = sorted({*VOCABULARY, *(concept for tag in VOCABULARY for concept in concepts_of(tag))})
    drawn = uniform(0, "vectors of keywords", np.arange(len(concepts)), size) - 0.5
    own = F.normalize(torch.from_numpy(drawn).float(), dim=1)
    rows = torch.stack([own[concepts.index(tag)] for tag in VOCABULARY])
    for row, tag in enumerate(VOCABULARY):
        for concept in concepts_of(tag):
            rows[row] += 0.5 * own[concepts.index(concept)]
    return F.normalize(rows, dim=1) * math.sqrt(size)
