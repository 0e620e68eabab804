"""Modes: the divergence against closed forms, points at known distances, and digits that spell a class."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from ganzoo.assembly.parts import resolve
from ganzoo.catalogue import Config, Field, installed
from ganzoo.catalogue.options import make
from ganzoo.contract.judge import Examples, Judge, JudgeOutput, untracked
from ganzoo.contract.metric import MetricValues
from ganzoo.errors import UserError
from ganzoo.testing.metric_context import SimpleMetricContext
from ganzoo.testing.strategies import examples
from ganzoo_datasets import stand_ins
from ganzoo_metrics import stacked
from ganzoo_metrics.classifier import Classifier
from ganzoo_metrics.configs import ModesConfig, StackedClassifierConfig
from ganzoo_metrics.gaussians import NARROWEST, Gaussians
from ganzoo_metrics.modes import Modes, class_counts, kl_divergence
from ganzoo_metrics.stacked import StackedClassifier, channels_of, combine, digits_of

POINT = Field("point", (2,))
WITHIN = 1 - math.exp(-4.5)  # of a Gaussian in the plane, the share within 3 deviations

quick = examples(50)
shares = st.lists(st.integers(1, 1000), min_size=2, max_size=30)


def counts(*values: int) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def modes(context: SimpleMetricContext, made: Examples, real: Examples, share: float = 0.0) -> MetricValues:
    return Modes(ModesConfig(share)).measure(made, real, context)


class Told(Judge):
    """Sees an example's class and whether it is clear, both of which are written in it."""

    def __init__(self, classes: int):
        super().__init__()
        self.classes = classes

    def learn(self, real: Examples, generator: torch.Generator, track: Any) -> None:
        raise AssertionError("knows everything")

    def forward(self, values: Tensor) -> JudgeOutput:
        return JudgeOutput(
            values, torch.nn.functional.one_hot(values[:, 0].long(), self.classes).float(), values[:, 1] > 0
        )


def told(classes: int) -> SimpleMetricContext:
    return SimpleMetricContext(POINT, Field("class", classes=classes), judge=lambda: Told(classes))


def examples(classes: Iterable[int], sure: bool = True) -> Examples:
    column = torch.tensor(list(classes), dtype=torch.float32)
    return Examples(torch.stack([column, torch.full_like(column, float(sure))], dim=1))


# The divergence


@quick
@given(made=shares, data=st.data())
def test_divergence_is_its_formula(made: list[int], data: st.DataObject) -> None:
    real = data.draw(st.lists(st.integers(1, 1000), min_size=len(made), max_size=len(made)))
    p, q = ([value / sum(values) for value in values] for values in (made, real))
    expected = sum(a * math.log(a / b) for a, b in zip(p, q, strict=True))
    assert kl_divergence(counts(*made), counts(*real)) == pytest.approx(expected, abs=1e-12)
    assert kl_divergence(counts(*made), counts(*made)) == pytest.approx(0, abs=1e-12)
    assert expected >= -1e-12


@quick
@given(classes=st.integers(1, 1000), present=st.integers(1, 1000), each=st.integers(1, 1000))
def test_some_even_modes_of_all_even_ones(classes: int, present: int, each: int) -> None:
    """A model that makes m of K modes evenly has log(K/m); one mode alone has log K."""
    present = min(present, classes)
    made = counts(*[7] * present, *[0] * (classes - present))
    assert kl_divergence(made, counts(*[each] * classes)) == pytest.approx(math.log(classes / present), abs=1e-9)


def test_a_class_that_is_not_real_leaves_it_finite() -> None:
    assert kl_divergence(counts(1, 1), counts(10, 0)) == pytest.approx(
        0.5 * math.log(0.5 / (10 / 10.5)) + 0.5 * math.log(0.5 / (0.5 / 10.5))
    )


# Counting


@quick
@given(classes=st.integers(2, 50), each=st.integers(1, 9))
def test_an_even_model_gets_everything_and_a_collapsed_one_a_single_mode(classes: int, each: int) -> None:
    context, real = told(classes), examples([*range(classes)] * 5)
    assert modes(context, examples([*range(classes)] * each), real) == pytest.approx(
        {"modes": classes, "KL": 0, "high quality": 1}, abs=1e-12
    )
    assert modes(context, examples([classes - 1] * each), real) == pytest.approx(
        {"modes": 1, "KL": math.log(classes), "high quality": 1}
    )


def test_a_mode_counts_only_where_an_example_is_clear() -> None:
    clear, blurred = examples([0, 0, 1]), examples([1, 2, 2], sure=False)
    made = Examples(torch.cat([clear.values, blurred.values]))
    found = modes(told(3), made, examples([0, 1, 2]))
    assert found["modes"] == 2
    assert found["high quality"] == 0.5
    assert found["KL"] == pytest.approx(0, abs=1e-12), "and every example tells of the shares"


@pytest.mark.parametrize(("share", "expected"), [(0, 3), (0.09, 3), (0.11, 2), (0.47, 2), (0.48, 1), (1, 1)])
def test_a_mode_must_get_the_share_that_is_asked_for(share: float, expected: int) -> None:
    """Of 100 made examples 50, 40 and 10 are due, and 80, 19 and 1 are made: 160 %, 47.5 % and 10 % of that."""
    real = examples([0] * 50 + [1] * 40 + [2] * 10)
    made = examples([0] * 80 + [1] * 19 + [2])
    assert modes(told(3), made, real, share)["modes"] == expected


def test_the_floor_is_what_as_many_new_examples_would_get() -> None:
    """For a multinomial of n and one of m examples of K classes, the expected KL is (K − 1)/2·(1/n + 1/m)."""
    classes, each = 100, 50
    context, real = told(classes), examples([*range(classes)] * each)
    generator = torch.Generator().manual_seed(0)
    fresh = [
        modes(
            context, *(examples(torch.randint(classes, (len(real),), generator=generator).tolist()) for _ in range(2))
        )
        for _ in range(20)
    ]
    expected = (classes - 1) / len(real)
    assert sum(float(found["KL"]) for found in fresh) / len(fresh) == pytest.approx(expected, rel=0.1)
    floor = Modes(ModesConfig()).floor(real, context)
    assert floor["modes"] == classes
    assert floor["high quality"] == 1
    assert floor["KL"] == pytest.approx(expected, rel=0.5)
    assert floor == Modes(ModesConfig()).floor(real, context)


def test_ten_examples_a_class_are_needed() -> None:
    assert Modes(ModesConfig()).minimum_examples(told(1000)) == 10_000


# Gaussians


def learnt(values: Tensor, labels: Tensor, classes: int) -> Gaussians:
    judge = Gaussians(Config(), Field("point", tuple(values.shape[1:])), Field("class", classes=classes))
    judge.learn(Examples(values, labels), torch.Generator(), untracked)
    return judge.eval()


def crosses(centres: Tensor, deviations: Tensor) -> tuple[Tensor, Tensor]:
    """Four points around each of the K centres, whose pooled deviations are ``deviations`` (2,)."""
    offsets = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]], dtype=torch.float64)
    count = len(centres)
    scale = deviations * math.sqrt((4 * count - count) / (2 * count))
    values = (centres[:, None] + offsets * scale).flatten(0, 1)
    return values.float(), torch.arange(count).repeat_interleave(4)


@quick
@given(
    deviations=st.tuples(*[st.floats(0.01, 10)] * 2),
    away=st.floats(0, 6).filter(lambda away: abs(away - 3) > 0.01),
    angle=st.floats(0, 2 * math.pi),
    chosen=st.integers(0, 2),
)
def test_points_at_known_distances(deviations: tuple[float, float], away: float, angle: float, chosen: int) -> None:
    """On the ellipse of a given number of deviations, a point is sure below 3, and its logit is −d²/2."""
    scale = torch.tensor(deviations, dtype=torch.float64)
    centres = torch.tensor([[0.0, 0.0], [20.0, 0.0], [0.0, 20.0]], dtype=torch.float64) * scale
    judge = learnt(*crosses(centres, scale), classes=3)
    torch.testing.assert_close(judge.deviation.double(), scale, rtol=1e-4, atol=0)
    torch.testing.assert_close(judge.means.double(), centres, rtol=1e-4, atol=1e-5)
    direction = torch.tensor([math.cos(angle), math.sin(angle)], dtype=torch.float64)
    point = (centres[chosen] + away * direction * scale).float()[None]
    said = judge(point)
    assert torch.equal(said.features, point)
    assert said.classes.item() == chosen
    assert said.logits[0, chosen].item() == pytest.approx(-(away**2) / 2, rel=1e-2, abs=1e-3)
    assert said.sure.item() is (away < 3)


def test_a_class_without_examples_is_never_the_answer_and_one_point_has_a_width() -> None:
    values, labels = torch.tensor([[1.0, 1.0], [1.0, 1.0], [3.0, 1.0]]), torch.tensor([0, 0, 2])
    judge = learnt(values, labels, classes=3)
    assert (judge.deviation == NARROWEST).all()
    said = judge(torch.tensor([[1.0, 1.0], [0.0, 0.0], [4.0, 1.0], [math.nan, 0.0], [math.inf, 0.0]]))
    assert said.classes[:3].tolist() == [0, 0, 2]
    assert said.sure.tolist() == [True, False, False, False, False]
    assert not said.logits.isnan()[:3].any()


def test_far_from_the_origin_nothing_is_lost() -> None:
    centres = torch.tensor([[1000.0, 1000.0], [1001.0, 1000.0]], dtype=torch.float64)
    judge = learnt(*crosses(centres, torch.full((2,), 0.1, dtype=torch.float64)), classes=2)
    said = judge(torch.tensor([[1000.2, 1000.0], [1000.4, 1000.0]]))
    assert said.classes.tolist() == [0, 0]
    assert said.sure.tolist() == [True, False]
    assert said.logits[0, 0].item() == pytest.approx(-2, rel=0.01)


def test_what_it_learnt_is_in_its_state() -> None:
    judge = learnt(
        *crosses(torch.eye(2, dtype=torch.float64), torch.tensor([0.1, 0.2], dtype=torch.float64)), classes=2
    )
    other = Gaussians(Config(), POINT, Field("class", classes=2))
    other.load_state_dict(judge.state_dict())
    points = torch.randn(20, 2, generator=torch.Generator().manual_seed(0))
    assert all(torch.equal(one, two) for one, two in zip(judge(points), other(points), strict=True))


@pytest.mark.parametrize(("name", "count"), [("ring", 8), ("grid", 25)])
def test_real_points_have_every_mode(name: str, count: int) -> None:
    component = installed().component("dataset", name)
    real, made = (
        Examples(fields["point"], fields["label"])
        for seed in (0, 1)
        for fields in [
            resolve(component)(make(component.config, {"seed": seed}, name), Path()).read(torch.arange(50_000))
        ]
    )
    assert real.labels is not None
    judge = learnt(real.values, real.labels, count)
    context = SimpleMetricContext(POINT, Field("class", classes=count), judge=lambda: judge)
    assert torch.equal(judge(made.values).classes, made.labels)
    found = modes(context, made, real, share=0.98)
    assert found["modes"] == count
    assert found["KL"] == pytest.approx(0, abs=1e-9), "as many points are drawn around each centre"
    assert found["high quality"] == pytest.approx(WITHIN, abs=0.002)
    floor = Modes(ModesConfig()).floor(real, context)
    assert floor["modes"] == count
    assert 0 < float(floor["KL"]) < 0.003
    assert floor["high quality"] == pytest.approx(WITHIN, abs=0.003)


def test_a_collapsed_ring_is_seen() -> None:
    component = installed().component("dataset", "ring")
    fields = resolve(component)(component.config(), Path()).read(torch.arange(8000))
    real = Examples(fields["point"], fields["label"])
    judge = learnt(fields["point"], fields["label"], 8)
    context = SimpleMetricContext(POINT, Field("class", classes=8), judge=lambda: judge)
    found = modes(context, real.at(fields["label"] == 3), real)
    assert found["modes"] == 1
    assert found["KL"] == pytest.approx(math.log(8))
    nowhere = modes(context, Examples(torch.zeros(100, 2)), real)
    assert (nowhere["modes"], nowhere["high quality"]) == (0, 0)


# Stacked images


@quick
@given(base=st.integers(1, 12), channels=st.integers(1, 3), data=st.data())
def test_classes_spell_their_digits(base: int, channels: int, data: st.DataObject) -> None:
    classes = data.draw(st.lists(st.integers(0, base**channels - 1), min_size=1, max_size=9))
    digits = digits_of(torch.tensor(classes), base, channels)
    assert digits.shape == (len(classes), channels)
    assert [sum(digit * base**place for place, digit in enumerate(row[::-1])) for row in digits.tolist()] == classes
    logits = torch.nn.functional.one_hot(digits, base).float()
    assert combine(logits).argmax(dim=1).tolist() == classes


def test_digits_of_a_thousand_classes() -> None:
    assert digits_of(torch.tensor([0, 7, 42, 571, 999]), 10, 3).tolist() == [
        [0, 0, 0], [0, 0, 7], [0, 4, 2], [5, 7, 1], [9, 9, 9]
    ]  # fmt: skip


@quick
@given(seed=st.integers(0, 2**32 - 1), base=st.integers(1, 6), channels=st.integers(1, 4))
def test_spellings_have_the_product_of_their_probabilities(seed: int, base: int, channels: int) -> None:
    single = torch.randn(3, channels, base, generator=torch.Generator().manual_seed(seed)).double().log_softmax(dim=2)
    whole = combine(single)
    assert whole.shape == (3, base**channels)
    torch.testing.assert_close(whole.exp().sum(dim=1), torch.ones(3, dtype=torch.float64))
    digits = digits_of(torch.arange(base**channels), base, channels)
    expected = torch.stack([single[:, place, digits[:, place]] for place in range(channels)]).sum(dim=0)
    torch.testing.assert_close(whole, expected)


class Brightness(Judge):
    """Takes a flat image of brightness d for the digit d, and is sure of all but 9."""

    def __init__(self, config: Any, field: Field, condition: Field):
        super().__init__()
        assert (field.shape, condition.classes) == ((1, 4, 5), 10)
        self.lesson: list[tuple[int, int]] = []

    def learn(self, real: Examples, generator: torch.Generator, track: Any) -> None:
        assert real.labels is not None
        assert real.values.shape[1:] == (1, 4, 5)
        self.lesson = list(zip(real.values[:, 0, 0, 0].int().tolist(), real.labels.tolist(), strict=True))

    def forward(self, values: Tensor) -> JudgeOutput:
        digits = values.mean(dim=(1, 2, 3)).round().long()
        logits = 30 * torch.nn.functional.one_hot(digits, 10).float()
        return JudgeOutput(torch.stack([digits, digits + 100], dim=1).float(), logits, digits != 9)


def test_it_looks_at_every_channel_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stacked, "Classifier", Brightness)
    judge = StackedClassifier(StackedClassifierConfig(), Field("image", (3, 4, 5)), Field("class", classes=1000))
    digits = torch.tensor([[5, 7, 1], [0, 0, 8], [9, 0, 0]])
    images = digits[:, :, None, None].expand(3, 3, 4, 5).float()
    classes = torch.tensor([571, 8, 900])
    judge.learn(Examples(images, classes), torch.Generator(), untracked)
    single: Any = judge.single
    assert single.lesson == [(digit, digit) for digit in digits.flatten().tolist()]
    said = judge(images)
    assert torch.equal(said.classes, classes)
    assert said.logits.shape == (3, 1000)
    torch.testing.assert_close(said.logits.exp().sum(dim=1), torch.ones(3))
    assert said.features.tolist()[0] == [5, 105, 7, 107, 1, 101]
    assert said.sure.tolist() == [True, True, False]


def test_channels_are_apart() -> None:
    images = torch.arange(2 * 3 * 4 * 5.0).reshape(2, 3, 4, 5)
    assert torch.equal(
        channels_of(images), torch.stack([image[channel] for image in images for channel in range(3)])[:, None]
    )


@pytest.mark.parametrize(("classes", "channels"), [(10, 3), (999, 3), (8, 2)])
def test_classes_that_spell_nothing_are_refused(classes: int, channels: int) -> None:
    with pytest.raises(
        UserError, match=rf"images of {channels} channels, such as .* this data has {classes}: use --judge cnn"
    ):
        StackedClassifier(
            StackedClassifierConfig(), Field("image", (channels, 28, 28)), Field("class", classes=classes)
        )


def test_it_learns_stacked_digits_from_the_stand_in(tmp_path: Path) -> None:
    component = installed().component("dataset", "stacked-mnist")
    stand_ins.mnist(tmp_path)
    parts = {}
    for split in ("train", "test"):
        config = make(component.config, {"split": split, "count": 600}, "stacked-mnist")
        fields = resolve(component)(config, tmp_path).read(torch.arange(600))
        parts[split] = Examples(fields["image"].float() / 127.5 - 1, fields["label"])
    field, condition = Field("image", (3, 28, 28)), Field("class", classes=1000)
    torch.manual_seed(0)
    judge = StackedClassifier(StackedClassifierConfig(width=8, features=32, least_steps=100), field, condition)
    judge.learn(parts["train"], torch.Generator().manual_seed(0), untracked)
    judge.eval()
    context = SimpleMetricContext(field, condition, judge=lambda: judge)
    said = context.judged(parts["test"])
    assert parts["test"].labels is not None
    assert (said.classes == parts["test"].labels).float().mean() > 0.4, "by chance it would be 0.001"
    found = modes(context, parts["test"], parts["train"])
    assert found["high quality"] == said.sure.double().mean().item()
    assert found["modes"] == class_counts(said.classes[said.sure], 1000).count_nonzero()


def test_it_wraps_the_judge_of_images() -> None:
    judge = StackedClassifier(StackedClassifierConfig(), Field("image", (3, 28, 28)), Field("class", classes=1000))
    assert isinstance(judge.single, Classifier)
    assert set(judge.state_dict()) == {f"single.{name}" for name in judge.single.state_dict()}


@pytest.mark.parametrize("name", ["ring", "grid", "stacked-mnist"])
def test_the_judge_of_such_data_knows_its_classes(name: str) -> None:
    config: Any = installed().component("dataset", name).config()
    spec = config.spec(Path())
    judge = installed().component("judge", config.judge)
    assert "judge:classes" in judge.provides
    assert all(set(need.any_of) & spec.provides for need in judge.requires)
    built = resolve(judge)(judge.config(), field=spec.target_field, condition=spec.condition_field)
    said = built.eval()(torch.zeros(2, *spec.target_field.shape))
    assert said.logits.shape == (2, spec.condition_field.classes)
