"""Neighbours of examples against their definitions written with all pairs in float64, and what they tell of a model."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from ganzoo.assembly.parts import resolve
from ganzoo.catalogue import Field, installed
from ganzoo.catalogue.options import make
from ganzoo.contract.judge import Examples
from ganzoo.contract.metric import Metric
from ganzoo.errors import UserError
from ganzoo.testing.metric_context import SimpleMetricContext
from ganzoo.testing.strategies import examples
from ganzoo_metrics import neighbours

bounded = examples(60)
seeds = st.integers(0, 2**31)


def metric_of(name: str, **options: int) -> Metric:
    component = installed().component("metric", name)
    metric: Metric = resolve(component)(make(component.config, options, name))
    return metric


def measured(name: str, made: Tensor, real: Tensor, train: Tensor | None = None, **options: int) -> dict[str, float]:
    field = Field("image" if real.ndim == 4 else "vector", tuple(real.shape[1:]))
    context = SimpleMetricContext(field, train=None if train is None else Examples(train))
    metric = metric_of(name, **options)
    found = metric.measure(Examples(made), Examples(real), context)
    assert found.keys() == metric.figures.keys()
    assert all(isinstance(value, float) for value in found.values())
    return dict(found)


def normal(seed: int, *shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def all_distances(x: Tensor, y: Tensor) -> Tensor:
    """From differences, so that those of equal pairs are equal to the bit."""
    return torch.cdist(x.double(), y.double(), compute_mode="donot_use_mm_for_euclid_dist")


def by_definition(made: Tensor, real: Tensor, k: int) -> dict[str, float]:
    made_radii, real_radii = (all_distances(of, of).sort(dim=1).values[:, k] for of in (made, real))
    distances = all_distances(made, real)
    in_real, in_made = distances <= real_radii, distances <= made_radii[:, None]
    return {
        "precision": in_real.any(dim=1).double().mean().item(),
        "recall": in_made.any(dim=0).double().mean().item(),
        "density": in_real.double().sum(dim=1).mean().item() / k,
        "coverage": in_real.any(dim=0).double().mean().item(),
    }


def manifold(made: Tensor, real: Tensor, neighbours: int = 5) -> Mapping[str, float]:
    return measured("manifold", made, real, neighbours=neighbours)


class TestManifold:
    @bounded
    @given(
        seed=seeds, made=st.integers(6, 40), real=st.integers(6, 40), size=st.integers(1, 3), k=st.integers(1, 5),
        far=st.sampled_from([0, 1000]),
    )  # fmt: skip
    def test_definition_among_ties(self, seed: int, made: int, real: int, size: int, k: int, far: int) -> None:
        """On a grid many examples are equal, and many pairs are equally far: ties are in the ball."""
        x, y = ((2 * normal(seed + i, count, size)).round() + far for i, count in enumerate((made, real)))
        assert manifold(x, y, k) == pytest.approx(by_definition(x, y, k), rel=1e-12)

    @pytest.mark.parametrize("size", [2, 100])
    @pytest.mark.parametrize("far", [0.0, 1e5])
    def test_definition_among_numbers(self, size: int, far: float) -> None:
        x, y = 0.8 * normal(0, 400, size) + far, normal(1, 300, size) + far
        x[0] += 1e5
        x[1:20] = y[1:20]
        assert manifold(x, y) == pytest.approx(by_definition(x, y, 5), rel=1e-12)

    def test_a_few_pairs_at_a_time(self, monkeypatch: pytest.MonkeyPatch) -> None:
        x, y = normal(0, 90, 3), normal(1, 70, 3)
        for pairs in (1, 1234):
            monkeypatch.setattr(neighbours, "PAIRS", pairs)
            assert manifold(x, y) == pytest.approx(by_definition(x, y, 5), rel=1e-12)

    @pytest.mark.parametrize("k", [3, 5])
    def test_torch_fidelity_agrees(self, k: int) -> None:
        theirs = pytest.importorskip("torch_fidelity.metric_prc")
        x, y = 0.9 * normal(0, 500, 16), normal(1, 600, 16)
        expected = theirs.prc_features_to_metric(
            x.double(), y.double(), prc_neighborhood=k, prc_batch_size=1000, save_cpu_ram=False, verbose=False
        )
        found = manifold(x, y, k)
        assert 0.1 < found["recall"] < found["precision"] < 1
        assert found["precision"] == pytest.approx(expected["precision"], rel=1e-6)
        assert found["recall"] == pytest.approx(expected["recall"], rel=1e-6)

    @bounded
    @given(seed=seeds, size=st.integers(1, 4))
    def test_recall_is_precision_the_other_way_round(self, seed: int, size: int) -> None:
        x, y = 0.5 * normal(seed, 40, size), normal(seed + 1, 50, size)
        one, other = manifold(x, y), manifold(y, x)
        assert (one["precision"], one["recall"]) == (other["recall"], other["precision"])

    @pytest.mark.parametrize(("size", "k"), [(1, 1), (1, 5), (6, 3)])
    def test_what_a_perfect_model_gets(self, size: int, k: int) -> None:
        """Naeem et al. 2020, lemmas 1 and 2: the expectations for equal distributions, whatever these are."""
        made, real, runs = 60, 50, 200
        found = [manifold(normal(i, made, size), normal(1000 + i, real, size), k) for i in range(runs)]
        missed = math.prod((real - i) / (made + real - i) for i in range(1, k + 1))
        for name, expected in (("density", 1.0), ("coverage", 1 - missed)):
            values = torch.tensor([figures[name] for figures in found], dtype=torch.float64)
            assert abs(values.mean() - expected) < 4 * values.std() / math.sqrt(runs), name

    def test_the_real_examples_themselves(self) -> None:
        real = normal(0, 200, 4)
        assert manifold(real.flip(0), real) == {"precision": 1, "recall": 1, "density": 6 / 5, "coverage": 1}

    def test_nothing_like_the_real_examples(self) -> None:
        found = manifold(normal(0, 200, 4) + 1e3, normal(1, 200, 4))
        assert found == {"precision": 0, "recall": 0, "density": 0, "coverage": 0}

    @pytest.mark.parametrize("broken", [math.nan, math.inf])
    def test_examples_that_are_no_numbers_are_near_nothing(self, broken: float) -> None:
        made, real = normal(0, 200, 3), normal(1, 200, 3)
        whole = by_definition(made[:150], real, 5)
        made[150:, 1] = broken
        found = manifold(made, real)
        assert found["precision"] == pytest.approx(0.75 * whole["precision"])
        assert found["density"] == pytest.approx(0.75 * whole["density"])
        assert (found["recall"], found["coverage"]) == (whole["recall"], whole["coverage"])

    def test_a_model_that_drops_a_mode(self) -> None:
        modes = torch.tensor([[-50.0, 0.0], [50.0, 0.0]]).repeat(200, 1)
        real, both = modes + normal(0, 400, 2), modes + normal(1, 400, 2)
        one = modes[:1] + normal(1, 400, 2)
        whole, half = manifold(both, real), manifold(one, real)
        assert min(whole[name] for name in ("precision", "recall", "coverage")) > 0.9
        assert half["precision"] > 0.9 and half["density"] > 0.7
        assert 0.4 < half["recall"] <= 0.5 and 0.4 < half["coverage"] <= 0.5

    def test_a_collapsed_model(self) -> None:
        real = normal(0, 400, 3)
        found = manifold(torch.zeros_like(real), real)
        assert found["precision"] == 1
        assert found["recall"] == 0
        assert 0 < found["coverage"] < 0.2

    @pytest.mark.parametrize("k", [1, 5])
    def test_a_ball_is_no_more_than_a_tenth_of_the_examples(self, k: int) -> None:
        metric = metric_of("manifold", neighbours=k)
        assert metric.minimum_examples(SimpleMetricContext(Field("vector", (2,)))) == 10 * k


def pictures(seed: int, count: int) -> Tensor:
    """Images of 8×8 grey levels that vary in twelve ways, with a little noise."""
    ways = normal(-seed, count, 12) @ normal(99, 12, 64) / 2
    return quantised(torch.tanh(ways + 0.05 * normal(seed, count, 64))).reshape(count, 1, 8, 8)


def quantised(values: Tensor) -> Tensor:
    return ((values + 1) * 127.5).round().clamp(0, 255) / 127.5 - 1


def blurred(images: Tensor) -> Tensor:
    return torch.nn.functional.avg_pool2d(images, 3, stride=1, padding=1, count_include_pad=False)


class TestMemorisation:
    train = pictures(1, 3000)
    unseen = pictures(2, 1000)
    perfect = pictures(3, 1000)

    def figures(self, made: Tensor, real: Tensor = unseen) -> dict[str, float]:
        return measured("memorisation", made, real, self.train)

    def test_definition(self) -> None:
        made = torch.cat((self.perfect[:300], self.train[:7], self.train[7:20] + 0.1 * normal(5, 13, 1, 8, 8)))
        near, usual = (
            all_distances(of.flatten(1), self.train.flatten(1)).sort(dim=1).values[:, :2].T
            for of in (made, self.unseen)
        )
        hundredth = (usual[0] / usual[1]).sort().values[9]
        found = self.figures(made)
        assert found["copies"] == pytest.approx((near[0] / near[1] <= hundredth).double().mean().item())
        assert found["nearest"] == pytest.approx((near[0].median() / usual[0].median()).item(), rel=1e-5)
        assert found["copies"] > 20 / 320

    def test_a_few_pairs_at_a_time(self, monkeypatch: pytest.MonkeyPatch) -> None:
        whole = self.figures(self.perfect)
        for pairs in (20_000, 1_234_567):
            monkeypatch.setattr(neighbours, "PAIRS", pairs)
            assert self.figures(self.perfect) == pytest.approx(whole, rel=1e-5)

    def test_a_perfect_model(self) -> None:
        found = self.figures(self.perfect)
        assert found["copies"] < 0.025
        assert found["nearest"] == pytest.approx(1, abs=0.05)

    def test_copies(self) -> None:
        assert self.figures(self.train.flip(0)) == {"copies": 1, "nearest": 0}

    @pytest.mark.parametrize("size", [1, 2, 3, 5, 17])
    def test_copies_of_any_numbers(self, size: int) -> None:
        """A distance that comes from products is not 0, but the root of some rounding."""
        points = 10 + normal(size, 500, size)
        assert measured("memorisation", points.flip(0), normal(0, 200, size), points) == {"copies": 1, "nearest": 0}

    def test_copies_where_some_real_examples_are_in_the_training_data_too(self) -> None:
        mixed = torch.cat((self.unseen, self.train[:30]))
        assert self.figures(self.train, mixed)["copies"] == 1
        assert self.figures(self.perfect, mixed)["copies"] < 0.01

    @pytest.mark.parametrize("levels", [1, 2, 8])
    def test_copies_with_noise(self, levels: int) -> None:
        noise = torch.randint(-levels, levels + 1, self.train.shape, generator=torch.Generator().manual_seed(0))
        found = self.figures((self.train + noise / 127.5).clamp(-1, 1))
        assert found["copies"] == 1
        assert 0 < found["nearest"] < 0.1

    def test_a_model_that_copies_now_and_then(self) -> None:
        found = self.figures(torch.cat((self.perfect[:900], self.train[:100])))
        assert found["copies"] == pytest.approx(0.11, abs=0.015)
        assert found["nearest"] == pytest.approx(1, abs=0.1)

    def test_what_is_blurred_is_not_copied(self) -> None:
        assert self.figures(blurred(self.perfect))["copies"] < 0.025

    def test_what_is_like_nothing_is_not_copied(self) -> None:
        found = self.figures(normal(7, 500, 1, 8, 8).clamp(-1, 1))
        assert found["copies"] < 0.02
        assert found["nearest"] > 1.5

    def test_the_floor(self) -> None:
        context = SimpleMetricContext(Field("image", (1, 8, 8)), train=Examples(self.train))
        found = metric_of("memorisation").floor(Examples(self.unseen), context)
        assert found["copies"] == pytest.approx(0.01, abs=0.02)
        assert found["nearest"] == pytest.approx(1, abs=0.05)

    def test_more_examples_than_are_looked_at(self) -> None:
        """A part is drawn at random: here the copies come first, as those of one class would."""
        found = self.figures(torch.cat((self.train, pictures(4, 3000))))
        assert found["copies"] == pytest.approx(0.505, abs=0.05)

    def test_training_examples_that_are_there_twice(self) -> None:
        """A copy of such a one is as near to two, and still a copy."""
        twice = torch.cat((self.train, self.train))
        assert measured("memorisation", self.train, self.unseen, twice)["copies"] == 1

    def test_real_examples_that_were_trained_on(self) -> None:
        with pytest.raises(UserError, match="use a dataset with a test part"):
            self.figures(self.perfect, self.train[:500])
