"""Keywords: their vectors, the data, and the recall of what a model draws."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional as F

from ganzoo.catalogue import Field
from ganzoo.contract.judge import Examples
from ganzoo.errors import UserError
from ganzoo.testing.metric_context import SimpleMetricContext
from ganzoo_words.captions import CaptionedScene
from ganzoo_words.metric_options import TagRecallConfig
from ganzoo_words.tag_recall import TagRecall
from ganzoo_words.tagged_shapes import TaggedShapes, word_vectors
from ganzoo_words.tags import IMAGES, TAGS_PER_IMAGE, VOCABULARY, TaggedShapesConfig, tags_of


def examples(split: Any) -> Examples:
    data = TaggedShapes(TaggedShapesConfig(split=split), Path())
    read = data.read(torch.arange(len(data)))
    return Examples(read["word"], None, read["features"])


@pytest.fixture(scope="module")
def test() -> Examples:
    return examples("test")


@pytest.fixture(scope="module")
def context() -> SimpleMetricContext:
    return SimpleMetricContext(Field("point", (24,)), train=examples("train"))


def test_an_image_has_nine_keywords_and_both_parts_have_their_images(test: Examples) -> None:
    tags = tags_of(CaptionedScene("two", "red", "ring", "left"))
    assert tags == ("red", "warm", "fire", "ring", "round", "hole", "pair", "left", "red ring")
    assert len(test) == IMAGES["test"] * TAGS_PER_IMAGE
    assert len(test.values.unique(dim=0)) <= len(VOCABULARY)


def test_related_words_have_nearer_vectors_than_others() -> None:
    vectors = F.normalize(word_vectors(24), dim=1)
    one, related, other = (vectors[VOCABULARY.index(tag)] for tag in ("red ring", "red", "moon"))
    assert one @ related > 0.3 > abs(float(one @ other)) - 0.3
    near = vectors @ vectors.T
    assert bool((near - 2 * torch.eye(len(near)) < 0.95).all())


class TestRecall:
    def test_the_words_themselves_are_all_found(self, test: Examples, context: SimpleMetricContext) -> None:
        found: Any = TagRecall(TagRecallConfig()).measure(test, test, context)
        assert found["recall"] == found["f1"] == 1.0
        assert TagRecall(TagRecallConfig()).floor(test, context) == {"recall": 1.0, "f1": 1.0}

    def test_words_drawn_at_random_are_found_as_often_as_chance_has_it(
        self, test: Examples, context: SimpleMetricContext
    ) -> None:
        vectors, generator = word_vectors(24), torch.Generator().manual_seed(0)
        drawn = vectors[torch.randint(len(vectors), (50 * len(test),), generator=generator)]
        assert test.conditions is not None
        made = Examples(drawn, None, test.conditions.repeat(50, 1))
        found: Any = TagRecall(TagRecallConfig()).measure(made, test, context)
        assert found["recall"] == pytest.approx(10 / len(VOCABULARY), abs=0.03)

    def test_only_the_most_frequent_words_count(self, test: Examples, context: SimpleMetricContext) -> None:
        """Of each image: its nine words three times each, and noise once."""
        vectors, generator = word_vectors(24), torch.Generator().manual_seed(0)
        assert test.conditions is not None
        noise = vectors[torch.randint(len(vectors), (len(test),), generator=generator)]
        made = Examples(torch.cat([*[test.values] * 3, noise]), None, test.conditions.repeat(4, 1))
        found: Any = TagRecall(TagRecallConfig(kept=9)).measure(made, test, context)
        assert found["recall"] > 0.98

    def test_the_nearest_images_know_some_and_not_all(self, test: Examples, context: SimpleMetricContext) -> None:
        found: Any = TagRecall(TagRecallConfig()).measure(test, test, context)
        assert 10 / len(VOCABULARY) + 0.2 < found["neighbour recall"] < 0.95

    def test_data_that_has_no_words_is_refused(self) -> None:
        train = Examples(torch.randn(40, 3), None, torch.randn(40, 2))
        with pytest.raises(UserError, match="many examples have the same word"):
            TagRecall(TagRecallConfig()).floor(train, SimpleMetricContext(Field("point", (3,)), train=train))
