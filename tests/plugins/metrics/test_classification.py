"""The convolutional judge on handwriting, and the figures of classes: exact where they can be, else plausible."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from ganzoo.assembly.parts import SelectedParts
from ganzoo.catalogue import Config, Field, installed, select
from ganzoo.contract.judge import Examples, Judge, JudgeOutput, untracked
from ganzoo.contract.metric import MetricValues
from ganzoo.errors import UserError
from ganzoo.testing.metric_context import SimpleMetricContext
from ganzoo.testing.strategies import examples
from ganzoo_metrics.classification import ClassificationScore, ConditionalAccuracy
from ganzoo_metrics.classifier import Classifier, shifted
from ganzoo_metrics.configs import ClassifierConfig

DIGITS = Field("class", classes=10)
SMALL = ClassifierConfig(width=8, features=32, epochs=1, least_steps=120, batch_size=64)
LEARNT_FROM = 1200


def read(dataset: str, **choice: Any) -> Examples:
    """The examples of a dataset, as networks receive them."""
    selection = select(installed(), "cgan", {"dataset": dataset, **choice})
    source = SelectedParts(selection.parts).build("dataset", root=Path(choice.get("data_root", ".")))
    fields = source.read(torch.arange(len(source)))
    return Examples(fields["image"] / 127.5 - 1, fields["label"])


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def shuffled(examples: Examples) -> Examples:
    """The same images, with the labels of others."""
    assert examples.labels is not None
    return Examples(examples.values, examples.labels[torch.randperm(len(examples), generator=rng(1))])


def new(shape: tuple[int, ...], config: ClassifierConfig = SMALL, classes: int = 10) -> Classifier:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Classifier(config, Field("image", shape), Field("class", classes=classes))


def taught(examples: Examples, config: ClassifierConfig = SMALL, seed: int = 0) -> Classifier:
    judge = new(tuple(examples.values.shape[1:]), config)
    judge.learn(examples, rng(seed), untracked)
    return judge


@torch.no_grad()
def said(judge: Judge, values: Tensor) -> JudgeOutput:
    outputs = [judge(chunk) for chunk in values.split(500)]
    return JudgeOutput(*(torch.cat(parts) for parts in zip(*outputs, strict=True)))


def accuracy(judge: Judge, examples: Examples) -> float:
    return (said(judge, examples.values).classes == examples.labels).double().mean().item()


@pytest.fixture(scope="module")
def handwriting() -> tuple[Examples, Examples]:
    """Digits of scikit-learn, 16×16: some to learn from, and the others."""
    digits = read("digits", dataset_size=16)
    order = torch.randperm(len(digits), generator=rng())
    return digits.at(order[:LEARNT_FROM]), digits.at(order[LEARNT_FROM:])


@pytest.fixture(scope="module")
def judge(handwriting: tuple[Examples, Examples]) -> Classifier:
    return taught(handwriting[0])


class TestLearning:
    def test_a_small_one_reads_handwriting(self, judge: Classifier, handwriting: tuple[Examples, Examples]) -> None:
        assert accuracy(judge, handwriting[1]) >= 0.95

    def test_nothing_can_be_learnt_from_wrong_labels(self, handwriting: tuple[Examples, Examples]) -> None:
        lesson, trial = handwriting
        assert 0.02 < accuracy(taught(shuffled(lesson)), trial) < 0.25

    def test_the_same_lesson_gives_the_same_weights_to_the_bit(self, handwriting: tuple[Examples, Examples]) -> None:
        few = handwriting[0].at(slice(0, 100))
        brief = ClassifierConfig(width=4, features=8, epochs=2, least_steps=1, batch_size=16)
        states = []
        for noise, seed in ((1, 0), (2, 0), (1, 5)):
            torch.manual_seed(noise)
            before = torch.random.get_rng_state()
            states.append(taught(few, brief, seed).state_dict())
            assert torch.equal(torch.random.get_rng_state(), before), "torch's global generator is left alone"
        one, again, other = states
        assert all(torch.equal(one[name], again[name]) for name in one)
        assert not torch.equal(one["classify.weight"], other["classify.weight"])

    def test_it_learns_where_nothing_else_may(self, handwriting: tuple[Examples, Examples]) -> None:
        few = handwriting[0].at(slice(0, 64))
        brief = ClassifierConfig(width=4, features=8, epochs=1, least_steps=5, batch_size=16)
        expected = taught(few, brief).state_dict()
        with torch.no_grad():
            found = taught(few, brief).state_dict()
        assert all(torch.equal(found[name], expected[name]) for name in expected)
        assert not torch.backends.cudnn.deterministic, "what was set for learning is set back"

    @pytest.mark.parametrize(
        ("count", "epochs", "minimum_examples", "steps"), [(70, 3, 1, 12), (70, 3, 30, 30), (5, 3, 1, 3), (2, 1, 1, 1)]
    )
    def test_people_see_every_step(self, count: int, epochs: int, minimum_examples: int, steps: int) -> None:
        config = ClassifierConfig(width=1, features=2, epochs=epochs, least_steps=minimum_examples, batch_size=16)
        shown: list[tuple[str, int, int]] = []

        def track(items: Iterable[Any], what: str, of: int) -> Iterable[Any]:
            taken = list(items)
            shown.append((what, of, len(taken)))
            return taken

        new((1, 8, 8), config).learn(Examples(torch.zeros(count, 1, 8, 8), torch.arange(count) % 10), rng(), track)
        assert shown == [("training the judge", steps, steps)]

    def test_every_example_is_seen_once_in_a_pass(self) -> None:
        """And those that do not fill a batch are others in each."""
        values = torch.arange(10.0).reshape(10, 1, 1, 1).expand(10, 1, 8, 8)  # shifts change nothing
        config = ClassifierConfig(width=1, features=2, epochs=20, least_steps=1, batch_size=4)
        batches: list[tuple[Tensor, Tensor]] = []

        def track(items: Iterable[Any], what: str, of: int) -> Iterable[Any]:
            batches.extend(items)
            return batches

        new((1, 8, 8), config).learn(Examples(values, torch.arange(10)), rng(), track)
        for images, labels in batches:
            assert torch.equal(images[:, 0, 0, 0], labels.float()), "an image keeps its label"
        passes = [torch.cat([labels for _, labels in batches[i : i + 2]]).tolist() for i in range(0, 40, 2)]
        assert all(len({*seen}) == 8 for seen in passes)
        assert {number for seen in passes for number in seen} == {*range(10)}

    @pytest.mark.parametrize("count", [0, 1])
    def test_one_example_is_not_enough(self, count: int) -> None:
        with pytest.raises(UserError, match=rf"{count} example.*--judge plain"):
            new((1, 8, 8)).learn(Examples(torch.zeros(count, 1, 8, 8), torch.zeros(count).long()), rng(), untracked)


class TestOpinion:
    @pytest.mark.parametrize(
        "shape", [(1, 8, 8), (1, 9, 13), (3, 28, 28), (1, 33, 33), (2, 64, 48), (3, 256, 256), (1, 3, 3)]
    )
    @pytest.mark.parametrize("classes", [2, 1000])
    def test_any_size_and_number_of_classes(self, shape: tuple[int, ...], classes: int) -> None:
        config = ClassifierConfig(width=2, features=5, epochs=1, least_steps=2, batch_size=2)
        judge = new(shape, config, classes)
        images = torch.rand(3, *shape, generator=rng()) * 2 - 1
        judge.learn(Examples(images, torch.tensor([0, classes - 1, 1])), rng(), untracked)
        features, logits, sure = judge(images)
        assert features.shape == (3, 5)
        assert logits.shape == (3, classes)
        assert features.dtype == logits.dtype == torch.float32
        assert logits.isfinite().all()
        assert sure.tolist() == [True] * 3
        assert all(parameter.grad is not None for parameter in judge.parameters())

    def test_an_opinion_depends_on_the_example_alone(self) -> None:
        """Batch norm never sees a batch: neither before it has learnt, nor after, nor does asking change anything."""
        for judge in (
            new((1, 8, 8)),
            taught(Examples(torch.rand(20, 1, 8, 8, generator=rng()), torch.arange(20) % 10)),
        ):
            assert not any(layer.training for layer in judge.modules())
            before = {name: value.clone() for name, value in judge.state_dict().items()}
            images = torch.rand(6, 1, 8, 8, generator=rng())
            together = said(judge, images)
            alone = [said(judge, image[None]) for image in images]
            torch.testing.assert_close(torch.cat([judged.logits for judged in alone]), together.logits)
            torch.testing.assert_close(torch.cat([judged.features for judged in alone]), together.features)
            assert all(torch.equal(value, before[name]) for name, value in judge.state_dict().items())

    def test_no_feature_is_dead(self, judge: Classifier, handwriting: tuple[Examples, Examples]) -> None:
        """They are all of one size, so that none rules a distance."""
        features = said(judge, handwriting[1].values).features
        assert (features >= 0).all()
        deviations = features.std(dim=0)
        assert deviations.min() > 0.1
        assert deviations.max() < 3

    def test_what_it_learnt_is_in_its_state(self, judge: Classifier, handwriting: tuple[Examples, Examples]) -> None:
        other = new((1, 16, 16))
        images = handwriting[1].values[:50]
        assert not torch.equal(said(other, images).logits, said(judge, images).logits)
        other.load_state_dict(judge.state_dict())
        assert torch.equal(said(other, images).logits, said(judge, images).logits)


class TestShifts:
    @examples(50)
    @given(
        height=st.integers(1, 6), width=st.integers(1, 6), channels=st.integers(1, 3),
        offsets=st.lists(st.tuples(st.integers(-3, 3), st.integers(-3, 3)), min_size=1, max_size=4),
    )  # fmt: skip
    def test_every_pixel_by_hand(self, height: int, width: int, channels: int, offsets: list[tuple[int, int]]) -> None:
        images = torch.rand(len(offsets), channels, height, width, generator=rng())
        found = shifted(images, torch.tensor(offsets))
        assert found.shape == images.shape
        for n, (down, right) in enumerate(offsets):
            for row in range(height):
                for column in range(width):
                    source = min(max(row + down, 0), height - 1), min(max(column + right, 0), width - 1)
                    assert torch.equal(found[n, :, row, column], images[n, :, source[0], source[1]])


class Told(Judge):
    """Sees an example's class, which is written in it; and remembers what it learnt from."""

    def __init__(self) -> None:
        super().__init__()
        self.lesson: Examples | None = None

    def learn(self, real: Examples, generator: torch.Generator, track: Any) -> None:
        self.lesson = real

    def forward(self, values: Tensor) -> JudgeOutput:
        logits = torch.nn.functional.one_hot(values[:, 0].long(), 10).float()
        return JudgeOutput(values, logits, torch.ones(len(values), dtype=torch.bool))


def told(*classes: int) -> Tensor:
    return torch.tensor(classes).float()[:, None]


def bench_of(judge: Judge, train: Examples | None = None) -> SimpleMetricContext:
    return SimpleMetricContext(Field("image", (1, 16, 16)), DIGITS, train, lambda: judge)


class TestAccuracy:
    def test_by_hand(self) -> None:
        metric, context = ConditionalAccuracy(Config()), bench_of(Told())
        real = Examples(told(0, 1, 2, 3), torch.tensor([0, 1, 2, 9]))
        made = Examples(told(0, 0, 2, 3, 4), torch.tensor([0, 1, 2, 4, 3]))
        assert metric.measure(made, real, context) == {"accuracy": 0.4}
        assert metric.floor(real, context) == {"accuracy": 0.75}

    def test_a_judge_agrees_with_itself(self, judge: Classifier, handwriting: tuple[Examples, Examples]) -> None:
        trial, metric, context = handwriting[1], ConditionalAccuracy(Config()), bench_of(judge)
        own = Examples(trial.values, said(judge, trial.values).classes)
        assert metric.measure(own, trial, context) == {"accuracy": 1.0}
        assert metric.floor(trial, context) == {"accuracy": accuracy(judge, trial)}
        wrong = metric.measure(shuffled(trial), trial, context)["accuracy"]
        assert wrong == pytest.approx(0.1, abs=0.06)  # four standard errors


class TestScore:
    def test_by_hand(self) -> None:
        pupils: list[Told] = []

        def untrained_judge() -> Told:
            pupils.append(Told())
            return pupils[-1]

        context = SimpleMetricContext(Field("image", (1, 16, 16)), DIGITS, judge=untrained_judge)
        made = Examples(told(5), torch.tensor([5]))
        real = Examples(told(*range(10)).repeat(120, 1), torch.arange(1200) % 10)
        real.labels[:300] = 7  # type: ignore[index]
        assert ClassificationScore(Config()).measure(made, real, context) == {"CAS": (900 + 30) / 1200}
        first, second = pupils
        assert first.lesson is None, "the judge itself learns nothing more"
        assert second.lesson is made

    def test_real_examples_teach_more_than_wrong_ones(self, handwriting: tuple[Examples, Examples]) -> None:
        lesson, trial = handwriting
        context = SimpleMetricContext(Field("image", (1, 16, 16)), DIGITS, lesson, lambda: new((1, 16, 16)))
        metric = ClassificationScore(Config())
        right, wrong = (score(metric.measure(made, trial, context)) for made in (lesson, shuffled(lesson)))
        assert right >= 0.95
        assert wrong < 0.3
        assert wrong < score(metric.floor(trial, context)) <= right

    def test_its_floor_is_of_as_many_training_examples(self) -> None:
        train = Examples(torch.arange(50.0)[:, None] % 10, torch.arange(50) % 10)
        real = Examples(told(1, 2, 3), torch.tensor([1, 2, 3]))
        lesson = self.lesson_of_floor(real, train)
        assert len(lesson) == 3
        assert torch.equal(lesson.values[:, 0].long(), lesson.labels)

    def test_its_floor_is_of_halves_where_there_are_only_training_examples(self) -> None:
        train = Examples(torch.arange(50.0)[:, None] % 10, torch.arange(50))
        lesson = self.lesson_of_floor(train, train)
        assert len({*lesson.labels.tolist()}) == 25  # type: ignore[union-attr]

    @staticmethod
    def lesson_of_floor(real: Examples, train: Examples) -> Examples:
        judge = Told()
        ClassificationScore(Config()).floor(real, bench_of(judge, train))
        assert judge.lesson is not None
        return judge.lesson


def score(found: MetricValues) -> float:
    value = found["CAS"]
    assert isinstance(value, float)
    return value


@pytest.mark.long
def test_real_digits(mnist_root: Path) -> None:
    """The promise of the judge: 99.3 % of the test images, and features that are all alive."""
    lesson, trial = (read("mnist", data_root=mnist_root, dataset_split=split) for split in ("train", "test"))
    judge = taught(lesson, ClassifierConfig())
    assert accuracy(judge, trial) >= 0.993
    deviations = said(judge, trial.values).features.std(dim=0)
    assert deviations.min() > 0.1
    assert deviations.max() < 3
