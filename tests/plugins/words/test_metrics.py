"""Which caption fits an image: read back exactly, and by a network that learnt to match."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from ganzoo.catalogue import Field
from ganzoo.contract.judge import Examples
from ganzoo.errors import UserError
from ganzoo.testing.metric_context import SimpleMetricContext
from ganzoo_words.captioned_shapes import CaptionedShapes
from ganzoo_words.captions import SCENES, CaptionedShapesConfig
from ganzoo_words.metric_options import LearntRPrecisionConfig, RPrecisionConfig
from ganzoo_words.r_precision import LearntRPrecision
from ganzoo_words.read_back import ReadBack

SPEC = CaptionedShapesConfig(size=16).spec(Path())


def examples(split: Any, count: int, size: int = 16) -> Examples:
    drawn = CaptionedShapes(CaptionedShapesConfig(split=split, size=size), Path()).read(torch.arange(count))
    return Examples(drawn["image"].float() / 127.5 - 1, drawn["label"], drawn["caption"])


def context_of(train: Examples, captions: Field = SPEC.fields["caption"]) -> SimpleMetricContext:
    return SimpleMetricContext(SPEC.target_field, train=train, conditions=captions)


@pytest.fixture(scope="module")
def context() -> SimpleMetricContext:
    return context_of(examples("train", 600))


class TestReadBack:
    def test_real_images_show_what_they_say(self, context: SimpleMetricContext) -> None:
        found = ReadBack(RPrecisionConfig()).floor(examples("test", 60, 32), context)
        assert found == dict.fromkeys(("r-precision", "exact", "number", "colour", "shape", "place"), 1.0)

    def test_images_of_other_captions_are_right_by_chance_alone(self, context: SimpleMetricContext) -> None:
        real = examples("test", 300)
        made = Examples(real.values, None, real.conditions[torch.arange(300) - 1])  # type: ignore[index]
        found: Any = ReadBack(RPrecisionConfig()).measure(made, real, context)
        assert found["r-precision"] < 0.08
        assert found["colour"] == pytest.approx(1 / 8, abs=0.08)

    def test_a_colour_that_is_wrong_is_told(self, context: SimpleMetricContext) -> None:
        real = examples("test", 100)
        found: Any = ReadBack(RPrecisionConfig()).measure(
            Examples(real.values.roll(1, dims=1), None, real.conditions), real, context
        )
        assert found["colour"] < 0.4
        assert min(found["number"], found["place"]) > 0.95

    def test_a_memory_knows_no_combination_that_was_held_out(self, context: SimpleMetricContext) -> None:
        real = examples("test", 100)
        found: Any = ReadBack(RPrecisionConfig()).measure(real, real, context)
        assert found["remembered"] < 0.5 < found["r-precision"]

    def test_a_memory_knows_what_the_training_has(self, context: SimpleMetricContext) -> None:
        found: Any = ReadBack(RPrecisionConfig()).measure(context.train, context.train, context)
        assert found["remembered"] > 0.95

    def test_equally_good_captions_share(self, context: SimpleMetricContext) -> None:
        metric, real = ReadBack(RPrecisionConfig(captions=5)), examples("test", 50)
        metric.scores = lambda images, captions, context: torch.zeros(len(images), len(captions))  # type: ignore[method-assign]
        found: Any = metric.measure(real, real, context)
        assert found["r-precision"] == pytest.approx(1 / 5)

    def test_other_words_are_refused(self) -> None:
        metric, train = ReadBack(RPrecisionConfig()), examples("train", 4)
        with pytest.raises(UserError, match="captioned-shapes alone"):
            metric.floor(train, context_of(train, Field("tokens", (6,), names=("<pad>", "a"))))

    def test_a_caption_without_a_scene_is_refused(self, context: SimpleMetricContext) -> None:
        real = examples("test", 2)
        made = Examples(real.values, None, torch.tensor([[1, 1, 1, 0, 0, 0]] * 2))
        with pytest.raises(UserError, match="knows no image of 'a a a'"):
            ReadBack(RPrecisionConfig()).measure(made, real, context)


def test_a_network_that_learnt_knows_right_captions_from_wrong_ones(context: SimpleMetricContext) -> None:
    real = examples("train", 200)
    metric = LearntRPrecision(LearntRPrecisionConfig(steps=120, captions=20))
    right: Any = metric.measure(real, real, context)
    wrong: Any = metric.measure(Examples(real.values, None, real.conditions.roll(1, dims=0)), real, context)  # type: ignore[union-attr]
    assert right["r-precision"] > 0.5 > 0.2 > wrong["r-precision"]
    assert metric.measure(real, real, context) == right  # it learnt once
    again = LearntRPrecision(LearntRPrecisionConfig(steps=120, captions=20)).measure(real, real, context)
    assert again == right


def test_every_scene_has_a_caption_to_ask_for() -> None:
    assert len({scene.tokens for scene in SCENES}) == len(SCENES)
