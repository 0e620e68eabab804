"""The Parzen window against its formula, and the width that it chooses for Gaussians that are known."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from ganzoo.assembly.parts import SelectedParts
from ganzoo.catalogue import Field, installed, select
from ganzoo.catalogue.options import make
from ganzoo.contract.judge import Examples
from ganzoo.contract.metric import Estimate
from ganzoo.errors import UserError
from ganzoo.testing.metric_context import SimpleMetricContext
from ganzoo.testing.strategies import examples
from ganzoo_metrics import parzen
from ganzoo_metrics.configs import OFFICIAL_WIDTHS, ParzenConfig
from ganzoo_metrics.parzen import Parzen, log_likelihoods, unit

bounded = examples(50)
widths = st.floats(0.05, 5)
seeds = st.integers(0, 2**31)


def by_hand(image: Sequence[float], centres: Sequence[Sequence[float]], width: float) -> float:
    """The logarithm of the mean of the Gaussian densities, one number at a time."""
    exponents = [
        -math.fsum((a - b) ** 2 for a, b in zip(image, centre, strict=True)) / (2 * width**2) for centre in centres
    ]
    largest = max(exponents)
    mean = math.fsum(math.exp(exponent - largest) for exponent in exponents) / len(centres)
    return largest + math.log(mean) - len(image) / 2 * math.log(2 * math.pi * width**2)


def pixels(count: int, size: int, seed: int) -> Tensor:
    return torch.rand(count, size, generator=torch.Generator().manual_seed(seed))


def examples(rows: Tensor) -> Examples:
    """Rows of numbers in 0 … 1, as images in -1 … 1."""
    return Examples((2 * rows - 1)[:, None, None, :])


def bench_of(train: Tensor) -> SimpleMetricContext:
    return SimpleMetricContext(Field("image", (1, 1, train.shape[1])), train=examples(train))


def measured(made: Tensor, real: Tensor, context: SimpleMetricContext, **options: object) -> Estimate:
    found = Parzen(make(ParzenConfig, options, "parzen")).measure(examples(made), examples(real), context)
    estimate = found["log-likelihood"]
    assert isinstance(estimate, Estimate)
    return estimate


class TestFormula:
    @bounded
    @given(size=st.integers(1, 50), seed=seeds, width=widths)
    def test_one_centre_is_one_gaussian(self, size: int, seed: int, width: float) -> None:
        image, centre = pixels(2, size, seed).double()
        expected = torch.distributions.Normal(centre, width).log_prob(image).sum()
        found = log_likelihoods(image[None], centre[None], [width])
        assert found.item() == pytest.approx(expected.item(), rel=1e-9, abs=1e-9)

    @bounded
    @given(images=st.integers(1, 7), centres=st.integers(1, 7), size=st.integers(1, 9), seed=seeds, width=widths)
    def test_many_centres(self, images: int, centres: int, size: int, seed: int, width: float) -> None:
        x, y = pixels(images, size, seed), pixels(centres, size, seed + 1)
        expected = [by_hand(image, y.tolist(), width) for image in x.tolist()]
        assert log_likelihoods(x, y, [width])[0].tolist() == pytest.approx(expected, rel=1e-9, abs=1e-9)

    def test_as_many_numbers_as_a_digit_has(self) -> None:
        """Where products of matrices in float32 would be off by a thousandth."""
        x, y = pixels(2, 784, 0), pixels(9, 784, 1)
        expected = [[by_hand(image, y.tolist(), width) for image in x.tolist()] for width in (0.1, 0.2, 1.0)]
        found = log_likelihoods(x, y, [0.1, 0.2, 1.0])
        assert found.dtype == torch.float64
        torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float64), rtol=1e-11, atol=1e-9)

    def test_it_is_a_density(self) -> None:
        line = torch.linspace(-3, 4, 20_001, dtype=torch.float64)
        density = log_likelihoods(line[:, None], pixels(9, 1, 0), [0.05, 0.3]).exp()
        assert torch.trapezoid(density, line).tolist() == pytest.approx([1, 1], rel=1e-9)

    @pytest.mark.parametrize("chunk", [1, 3, 10, 11])
    def test_chunks_make_no_difference(self, chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
        x, y = pixels(7, 4, 0), pixels(10, 4, 1)
        expected = log_likelihoods(x, y, [0.1, 0.5])
        monkeypatch.setattr(parzen, "CHUNK", chunk)
        torch.testing.assert_close(log_likelihoods(x, y, [0.1, 0.5]), expected, rtol=1e-12, atol=0)

    def test_far_from_every_centre_it_is_small_and_not_nothing(self) -> None:
        found = log_likelihoods(torch.ones(1, 784), torch.zeros(2, 784), [1e-3]).item()
        assert found == pytest.approx(-784 / 2e-6 - 392 * math.log(2 * math.pi * 1e-6), rel=1e-12)


class TestMeasure:
    def test_pixels_are_in_0_to_1(self) -> None:
        rows = torch.tensor([[0.0, 0.25, 1.0]])
        assert unit(examples(rows)).tolist() == rows.tolist()
        found = measured(torch.zeros(2, 3), torch.ones(2, 3), bench_of(torch.ones(4, 3)), widths=(1.0,))
        assert found.value == pytest.approx(-3 / 2 - 3 / 2 * math.log(2 * math.pi))

    @pytest.mark.parametrize("true", [0.05, 0.1, 0.2, 0.4])
    def test_the_width_of_a_known_gaussian_is_found(self, true: float) -> None:
        generator = torch.Generator().manual_seed(0)
        train, real = (0.5 + true * torch.randn(200, 8, generator=generator) for _ in range(2))
        centre = torch.full((1, 8), 0.5)
        options = (0.4, 0.1, 0.05, 0.2)  # in no order
        found = measured(centre, real, bench_of(train), widths=options)
        assert found == measured(centre, real, bench_of(train), widths=(true,))
        # The entropy of the Gaussian, which 200 examples of 8 numbers tell within 8 · √(1/2/1600) = 0.14 nats.
        assert found.value == pytest.approx(-8 * math.log(true * math.sqrt(2 * math.pi * math.e)), abs=0.6)

    def test_training_images_choose_the_width_and_real_ones_do_not(self) -> None:
        centre, near, far = torch.full((1, 8), 0.5), pixels(50, 8, 0) / 50 + 0.49, pixels(50, 8, 0)
        options = {"widths": (0.01, 0.3)}
        narrow = measured(centre, far, bench_of(near), **options)
        assert narrow == measured(centre, far, bench_of(near), widths=(0.01,))
        assert narrow.value < measured(centre, far, bench_of(far), **options).value

    @bounded
    @given(count=st.integers(2, 9), seed=seeds)
    def test_value_and_error_are_those_of_a_mean(self, count: int, seed: int) -> None:
        made, real = pixels(4, 5, seed), pixels(count, 5, seed + 1)
        found = measured(made, real, bench_of(pixels(6, 5, seed + 2)), widths=(0.3,))
        single = [by_hand(image, unit(examples(made)).tolist(), 0.3) for image in unit(examples(real)).tolist()]
        mean = math.fsum(single) / count
        variance = math.fsum((value - mean) ** 2 for value in single) / (count - 1)
        assert found.value == pytest.approx(mean, rel=1e-6, abs=1e-6)
        assert found.error == pytest.approx(math.sqrt(variance / count), rel=1e-5, abs=1e-6)

    def test_the_same_again(self) -> None:
        made, real, context = pixels(20, 5, 0), pixels(20, 5, 1), bench_of(pixels(60, 5, 2))
        assert measured(made, real, context, validation=10) == measured(made, real, context, validation=10)

    def test_better_images_are_likelier(self) -> None:
        generator = torch.Generator().manual_seed(0)
        prototypes = torch.rand(5, 16, generator=generator)

        def drawn(count: int, kinds: int) -> Tensor:
            chosen = prototypes[torch.randint(kinds, (count,), generator=generator)]
            return chosen + 0.05 * torch.randn(count, 16, generator=generator)

        context, real = bench_of(drawn(200, 5)), drawn(100, 5)
        perfect, collapsed, noise = (
            measured(made, real, context) for made in (drawn(100, 5), drawn(100, 4), pixels(100, 16, 0))
        )
        assert perfect.value > collapsed.value + 3 * (perfect.error + collapsed.error)
        assert perfect.value > noise.value + 3 * (perfect.error + noise.error)

    def test_the_official_protocol_chooses_among_ten_widths_on_the_last_training_images(self) -> None:
        """Not on others: those before them ask for a narrow width here."""
        centre = torch.full((1, 8), 0.5)
        near, far, real = pixels(50, 8, 0) / 50 + 0.49, pixels(50, 8, 1), pixels(20, 8, 2)
        found = measured(centre, real, bench_of(torch.cat([near, far])), protocol="official")
        assert OFFICIAL_WIDTHS[0] == 0.1 and OFFICIAL_WIDTHS[-1] == 1.0
        ratios = [after / before for before, after in pairwise(OFFICIAL_WIDTHS)]
        assert ratios == pytest.approx([10 ** (1 / 9)] * 9, rel=1e-4)
        assert found == measured(centre, real, bench_of(far), widths=OFFICIAL_WIDTHS)
        other = measured(centre, real, bench_of(torch.cat([far, near])), protocol="official")
        assert other == measured(centre, real, bench_of(near), widths=(0.1,))
        assert other.value < found.value

    def test_a_choice_needs_something_to_choose_from(self) -> None:
        with pytest.raises(UserError, match="widths"):
            make(ParzenConfig, {"widths": ()}, "metric 'parzen'")


class Floor:
    """Which images a floor put aside, took for made, and tested; every image is a number of its own."""

    def __init__(self, train: int, real: int, monkeypatch: pytest.MonkeyPatch, validation: int = 10):
        asked: list[tuple[list[float], list[float]]] = []

        def watched(images: Tensor, centres: Tensor, widths: Sequence[float]) -> Tensor:
            asked.append((images.flatten().tolist(), centres.flatten().tolist()))
            return log_likelihoods(images, centres, widths)

        monkeypatch.setattr(parzen, "log_likelihoods", watched)
        rows = torch.arange(train + real)[:, None] / 128
        context = bench_of(rows[:train])
        self.found = Parzen(ParzenConfig(validation=validation)).floor(
            examples(rows[train:]) if real else context.train, context
        )
        (self.aside, self.made), (self.real, _) = asked


class TestFloor:
    def test_it_is_that_of_as_many_training_images(self, monkeypatch: pytest.MonkeyPatch) -> None:
        floor = Floor(train=80, real=40, monkeypatch=monkeypatch)
        assert len(floor.aside) == 10
        assert len(floor.made) == len(floor.real) == 40
        assert not {*floor.aside} & {*floor.made}
        assert floor.real == [number / 128 for number in range(80, 120)]

    @pytest.mark.parametrize("validation", [10, 1000])
    def test_no_image_is_tested_on_itself(self, validation: int, monkeypatch: pytest.MonkeyPatch) -> None:
        """Where there are only training images."""
        floor = Floor(train=80, real=0, monkeypatch=monkeypatch, validation=validation)
        assert len(floor.aside) == min(validation, 40)
        assert len({*floor.aside, *floor.made, *floor.real}) == len(floor.aside) + len(floor.made) + len(floor.real)
        assert len(floor.aside) + len(floor.made) + len(floor.real) == 80

    def test_few_training_images_are_enough(self, monkeypatch: pytest.MonkeyPatch) -> None:
        floor = Floor(train=6, real=5, monkeypatch=monkeypatch)
        assert (len(floor.aside), len(floor.made), len(floor.real)) == (3, 3, 5)
        assert all(math.isfinite(value) for value in (floor.found["log-likelihood"]))  # type: ignore[union-attr]


@pytest.mark.long
def test_real_digits(mnist_root: Path) -> None:
    """10,000 training images as made ones are better than the first GAN's, which got 225 ± 2, and not by much."""
    parts = {}
    for split in ("train", "test"):
        choice = {"dataset": "mnist", "data_root": mnist_root, "dataset_split": split}
        dataset = SelectedParts(select(installed(), "cgan", choice).parts).build("dataset", root=mnist_root)
        images = dataset.read(torch.arange(len(dataset)))["image"]
        parts[split] = Examples(images / 127.5 - 1)
    context = SimpleMetricContext(Field("image", (1, 28, 28)), train=parts["train"])
    found = Parzen(ParzenConfig()).floor(parts["test"], context)["log-likelihood"]
    assert isinstance(found, Estimate)
    assert 230 < found.value < 250
    assert 1.5 < found.error < 3
