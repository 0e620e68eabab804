"""Distances of distributions of features against closed forms, loops in plain Python, and torchmetrics."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from ganzoo.assembly.parts import resolve
from ganzoo.catalogue import Field, installed
from ganzoo.catalogue.options import make
from ganzoo.contract.judge import Examples, Judge, JudgeOutput, Track
from ganzoo.contract.metric import Estimate, Metric
from ganzoo.randomness import key
from ganzoo.testing.metric_context import SimpleMetricContext
from ganzoo.testing.strategies import examples
from ganzoo_metrics import distances
from ganzoo_metrics.distances import squared_mmd

bounded = examples(40)
seeds = st.integers(0, 2**31)
numbers = st.floats(-10, 10).map(lambda value: round(value, 3))
positive = st.floats(0, 10).map(lambda value: round(value, 3))


class Precise(Judge):
    """The numbers of an example, with all of their digits, so that formulas can be compared to the last of them."""

    def learn(self, real: Examples, generator: torch.Generator, track: Track) -> None:
        pass

    def forward(self, values: Tensor) -> JudgeOutput:
        return JudgeOutput(values, values[:, :0], torch.ones(len(values), dtype=torch.bool))


def metric_of(name: str, **options: int) -> Metric:
    component = installed().component("metric", name)
    metric: Metric = resolve(component)(make(component.config, options, name))
    return metric


def measured(name: str, made: Tensor, real: Tensor, **options: int) -> float | Estimate:
    context = SimpleMetricContext(Field("vector", tuple(real.shape[1:])), judge=Precise)
    (value,) = metric_of(name, **options).measure(Examples(made), Examples(real), context).values()
    return value


def frechet(made: Tensor, real: Tensor) -> float:
    value = measured("frechet", made, real)
    assert isinstance(value, float) and math.isfinite(value) and value >= 0
    return value


def kernel(made: Tensor, real: Tensor, **options: int) -> Estimate:
    value = measured("kernel", made, real, **options)
    assert isinstance(value, Estimate)
    return value


def normal(seed: int, *shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def white(seed: int, count: int, size: int) -> Tensor:
    """Examples whose mean is 0 and whose covariance is 1, exactly."""
    values = normal(seed, count, size)
    return torch.linalg.qr(values - values.mean(dim=0)).Q * math.sqrt(count - 1)


def rotation(seed: int, size: int) -> Tensor:
    return torch.linalg.qr(normal(seed, size, size)).Q


class TestFrechet:
    @bounded
    @given(seed=seeds, terms=st.lists(st.tuples(numbers, positive, numbers, positive), min_size=1, max_size=6))
    def test_gaussians_with_common_axes(self, seed: int, terms: list[tuple[float, float, float, float]]) -> None:
        """Along each axis it is (μ − ν)² + (σ − τ)², and deviations may be 0."""
        mean, deviation, other_mean, other_deviation = torch.tensor(terms, dtype=torch.float64).T
        axes = rotation(seed, len(terms))
        made = (white(seed + 1, 50, len(terms)) * deviation + mean) @ axes
        real = (white(seed + 2, 60, len(terms)) * other_deviation + other_mean) @ axes
        expected = sum((mu - nu) ** 2 + (sigma - tau) ** 2 for mu, sigma, nu, tau in terms)
        assert frechet(made, real) == pytest.approx(expected, rel=1e-9, abs=1e-9)

    @bounded
    @given(seed=seeds)
    def test_gaussians_of_two_dimensions_with_axes_of_their_own(self, seed: int) -> None:
        """The root of a 2×2 matrix has trace √(tr + 2√det)."""
        root, other = normal(seed, 2, 2), normal(seed + 1, 2, 2)
        a, b = root.T @ root, other.T @ other
        overlap = torch.sqrt(torch.trace(a @ b) + 2 * torch.sqrt(torch.det(a) * torch.det(b)))
        expected = torch.trace(a) + torch.trace(b) - 2 * overlap
        found = frechet(white(seed, 50, 2) @ root, white(seed + 1, 70, 2) @ other)
        assert found == pytest.approx(expected.item(), rel=1e-9, abs=1e-9)

    @bounded
    @given(seed=seeds, shift=st.lists(numbers, min_size=1, max_size=6), scale=positive)
    def test_shifts_and_scales(self, seed: int, shift: list[float], scale: float) -> None:
        move = torch.tensor(shift, dtype=torch.float64)
        values = normal(seed, 30, len(shift))
        values = values - values.mean(dim=0)
        assert frechet(values, values) < 1e-12
        assert frechet(values + move, values) == pytest.approx(move.square().sum().item(), rel=1e-9, abs=1e-9)
        variance = values.var(dim=0).sum().item()
        assert frechet(scale * values, values) == pytest.approx((scale - 1) ** 2 * variance, rel=1e-9, abs=1e-9)

    @bounded
    @given(seed=seeds, size=st.integers(1, 8))
    def test_the_same_from_everywhere(self, seed: int, size: int) -> None:
        made, real = normal(seed, 40, size) @ normal(seed + 1, size, size), 1 + normal(seed + 2, 50, size)
        found = frechet(made, real)
        turn, move = rotation(seed + 3, size), normal(seed + 4, size)
        for other in (
            frechet(real, made),
            frechet(made.flip(0), real),
            frechet(made @ turn + move, real @ turn + move),
            math.sqrt(frechet(2 * made, 2 * real) * frechet(made / 2, real / 2)),
        ):
            assert other == pytest.approx(found, rel=1e-9)

    def test_a_collapsed_model(self) -> None:
        real = normal(0, 300, 20)
        made = torch.full((300, 20), 3.0, dtype=torch.float64)
        expected = (3 - real.mean(dim=0)).square().sum() + real.var(dim=0).sum()
        assert frechet(made, real) == pytest.approx(expected.item(), rel=1e-12)

    @pytest.mark.parametrize("broken", [math.nan, math.inf, -math.inf])
    @pytest.mark.parametrize("name", ["frechet", "kernel"])
    def test_a_model_that_makes_no_numbers(self, name: str, broken: float) -> None:
        made = normal(0, 40, 3)
        made[7, 1] = broken
        value = measured(name, made, normal(1, 40, 3))
        assert math.isnan(value.value if isinstance(value, Estimate) else value)

    def test_features_that_never_fire_count_for_nothing(self) -> None:
        made, real = normal(0, 300, 20).relu(), normal(1, 400, 20).relu()
        dead = torch.zeros(400, 12, dtype=torch.float64)
        found = frechet(torch.cat((made, dead[:300]), dim=1), torch.cat((real, dead), dim=1))
        assert found == pytest.approx(frechet(made, real), rel=1e-12)

    def test_far_from_the_origin(self) -> None:
        """Covariances come from centred values: there, averages of squares would have no digits left."""
        made, real = normal(0, 500, 6), 1.5 * normal(1, 500, 6)
        near, far = frechet(made, real), frechet((made + 1e4).float(), (real + 1e4).float())
        assert far == pytest.approx(near, rel=1e-3)

    def test_torchmetrics_agrees(self) -> None:
        image = pytest.importorskip("torchmetrics.image.fid")
        made, real = 0.3 + normal(0, 500, 24) @ normal(1, 24, 24), normal(2, 700, 24).relu()
        features = nn.Identity()
        features.num_features = 24
        theirs = image.FrechetInceptionDistance(feature=features).set_dtype(torch.float64)
        theirs.update(made, real=False)
        theirs.update(real, real=True)
        assert frechet(made, real) == pytest.approx(theirs.compute().item(), rel=1e-8)

    @pytest.mark.parametrize("size", [1, 7])
    def test_more_examples_than_features_are_needed(self, size: int) -> None:
        context = SimpleMetricContext(Field("vector", (size,)), train=Examples(normal(0, 9, size)))
        assert metric_of("frechet").minimum_examples(context) == size + 1


def cubic(x: Tensor, y: Tensor) -> float:
    return (sum(a * b for a, b in zip(x.tolist(), y.tolist(), strict=True)) / len(x) + 1) ** 3


def by_loops(x: Tensor, y: Tensor) -> float:
    def average(values: Iterator[float]) -> float:
        return statistics.fmean(list(values))

    own = [average(cubic(a, b) for i, a in enumerate(of) for j, b in enumerate(of) if i != j) for of in (x, y)]
    return sum(own) - 2 * average(cubic(a, b) for a in x for b in y)


class TestKernel:
    @bounded
    @given(seed=seeds, subsets=st.integers(1, 3), count=st.integers(2, 5), size=st.integers(1, 4))
    def test_formula(self, seed: int, subsets: int, count: int, size: int) -> None:
        x, y = normal(seed, subsets, count, size), 1 + normal(seed + 1, subsets, count, size)
        expected = [by_loops(a, b) for a, b in zip(x, y, strict=True)]
        assert squared_mmd(x, y).tolist() == pytest.approx(expected, rel=1e-9, abs=1e-9)

    def test_a_few_pairs_at_a_time(self, monkeypatch: pytest.MonkeyPatch) -> None:
        made, real = normal(0, 300, 8), 0.2 + normal(1, 260, 8)
        whole = kernel(made, real, subsets=7, size=100)
        for pairs in (1, 1234, 25_000):
            monkeypatch.setattr(distances, "PAIRS", pairs)
            assert kernel(made, real, subsets=7, size=100) == pytest.approx(whole, rel=1e-9)

    @pytest.mark.filterwarnings("ignore:Metric `Kernel Inception Distance` will save")
    @pytest.mark.parametrize("shift", [0.0, 0.05, 1.0])
    def test_torchmetrics_agrees(self, shift: float) -> None:
        """On the same subsets: both draw the real examples first, and then the made ones."""
        image = pytest.importorskip("torchmetrics.image.kid")
        made, real = (shift + normal(0, 500, 24)).relu().float(), normal(1, 700, 24).relu().float()
        theirs = image.KernelInceptionDistance(feature=nn.Identity(), subsets=20, subset_size=200)
        theirs.set_dtype(torch.float64)
        theirs.update(made.double(), real=False)
        theirs.update(real.double(), real=True)
        torch.manual_seed(key(0, "subsets"))
        mean, deviation = (value.item() for value in theirs.compute())
        found = kernel(made, real, subsets=20, size=200)
        assert found.value == pytest.approx(mean, rel=1e-4, abs=1e-7)
        assert found.error == pytest.approx(deviation * math.sqrt(20 / 19) * math.sqrt(1 / 20 + 200 / 300), rel=1e-3)

    def test_the_error_is_that_of_other_examples(self) -> None:
        """Where the distributions differ, figures of other examples scatter by the error that each of them tells."""
        found = [kernel(0.5 + normal(i, 120, 3), normal(1000 + i, 160, 3), subsets=30, size=40) for i in range(150)]
        scatter = statistics.stdev(value for value, _ in found)
        assert math.sqrt(statistics.fmean(error**2 for _, error in found)) == pytest.approx(scatter, rel=0.3)

    @pytest.mark.parametrize("size", [5, 20, 60, 1000])
    def test_equal_distributions_are_at_no_distance_whatever_the_size(self, size: int) -> None:
        found = [kernel(normal(i, 120, 3), normal(1000 + i, 120, 3), subsets=20, size=size) for i in range(100)]
        values = [value for value, _ in found]
        scatter = statistics.stdev(values)
        assert abs(statistics.fmean(values)) < 4 * scatter / math.sqrt(len(values))
        assert min(values) < 0
        told = math.sqrt(statistics.fmean(error**2 for _, error in found))
        assert 0.8 * scatter < told < 1.5 * scatter * math.sqrt(1 + 120 / min(size, 60)), (
            "too large rather than too small"
        )

    def test_subsets_of_any_size_give_one_figure(self) -> None:
        made, real = 0.5 + normal(0, 400, 3), normal(1, 400, 3)
        whole = squared_mmd(made[None], real[None]).item()
        for size in (5, 50, 200, 1000):
            assert kernel(made, real, subsets=500, size=size).value == pytest.approx(whole, rel=0.1)

    def test_few_examples_are_enough(self) -> None:
        context = SimpleMetricContext(Field("vector", (3,)))
        minimum_examples = metric_of("kernel").minimum_examples(context)
        found = kernel(normal(0, minimum_examples, 3), normal(1, minimum_examples, 3))
        assert math.isfinite(found.value) and found.error > 0

    def test_a_collapsed_model(self) -> None:
        real = normal(0, 400, 5)
        collapsed, fresh = (kernel(made, real) for made in (torch.ones_like(real), normal(1, 400, 5)))
        assert collapsed.value > 1 > abs(fresh.value)
        assert collapsed.value > 10 * collapsed.error

    def test_the_seed_alone_decides(self) -> None:
        made, real = normal(0, 100, 3), normal(1, 90, 3)
        assert kernel(made, real, size=20) == kernel(made, real, size=20)
