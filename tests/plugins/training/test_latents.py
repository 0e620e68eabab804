"""Noise: its moments, its range and its seeds."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ganzoo.assembly.parts import resolve
from ganzoo.catalogue import installed
from ganzoo.catalogue.options import make
from ganzoo.contract.latent import Latent
from ganzoo.errors import UserError
from ganzoo.randomness import Draws, FreshDraws
from ganzoo.testing.strategies import examples

REGISTRY = installed()
bounded = examples(60)


def made(kind: str, name: str, **options: Any) -> Any:
    component = REGISTRY.component(kind, name)
    return resolve(component)(make(component.config, options, name))


def rng(seed: int = 0) -> Draws:
    return FreshDraws(torch.Generator().manual_seed(seed))


# Noise

LATENTS = REGISTRY.names("latent")
PLAIN = [name for name in LATENTS if not made("latent", name).controls]  # without codes


@pytest.mark.parametrize("name", LATENTS)
class TestEveryLatent:
    @bounded
    @given(size=st.integers(1, 128), count=st.integers(1, 9))
    def test_shape(self, name: str, size: int, count: int) -> None:
        latent: Latent = made("latent", name, size=size)
        noise = latent.draw(count, rng())
        codes = sum(field.classes or field.size for field in latent.controls.values())
        assert latent.shape == (size + codes,)
        assert noise.shape == (count, size + codes)
        assert noise.dtype == torch.float32
        assert noise.isfinite().all()
        assert latent.draw(count, FreshDraws(None, "meta")).shape == noise.shape

    def test_it_is_the_generators_and_nobody_elses(self, name: str) -> None:
        latent: Latent = made("latent", name)
        torch.manual_seed(1)
        before = torch.random.get_rng_state()
        first = latent.draw(8, rng())
        assert torch.equal(torch.random.get_rng_state(), before), "torch's global generator is left alone"
        torch.manual_seed(2)
        assert torch.equal(latent.draw(8, rng()), first)
        assert not torch.equal(latent.draw(8, rng(1)), first)
        one = rng()
        assert not torch.equal(latent.draw(8, one), latent.draw(8, one))

    def test_coordinates_are_independent_and_alike(self, name: str) -> None:
        if name not in PLAIN:
            pytest.skip("the numbers of a code depend on each other")
        noise = made("latent", name, size=16).draw(50_000, rng()).double()
        correlation = torch.corrcoef(noise.T) - torch.eye(16)
        assert correlation.abs().max() < 0.025
        assert (noise.mean(0) - noise.mean()).abs().max() < 0.025
        assert (noise.std(0) / noise.std() - 1).abs().max() < 0.025


def test_normal_noise() -> None:
    noise = made("latent", "normal").draw(10_000, rng()).double().flatten()
    assert noise.mean().item() == pytest.approx(0, abs=0.005)
    assert noise.var().item() == pytest.approx(1, abs=0.01)
    assert (noise.abs() < 1).double().mean().item() == pytest.approx(math.erf(1 / math.sqrt(2)), abs=0.003)
    assert (noise**4).mean().item() == pytest.approx(3, abs=0.05)


class TestUniformNoise:
    def test_from_minus_one_to_one_unless_asked_otherwise(self) -> None:
        noise = made("latent", "uniform").draw(10_000, rng()).double()
        assert -1 <= noise.min() < -0.999 and 0.999 < noise.max() <= 1
        assert noise.mean().item() == pytest.approx(0, abs=0.003)
        assert noise.var().item() == pytest.approx(4 / 12, abs=0.003)
        quarters = torch.histc(noise.float(), 4, -1, 1) / noise.numel()
        assert quarters.tolist() == pytest.approx([0.25] * 4, abs=0.003)

    @bounded
    @given(lowest=st.floats(-100, 100, width=32), width=st.floats(0.0625, 100, width=32))
    def test_between_the_ends_that_were_asked_for(self, lowest: float, width: float) -> None:
        highest = lowest + width
        noise = made("latent", "uniform", lowest=lowest, highest=highest).draw(200, rng()).double()
        rounding = 1e-6 * max(abs(lowest), abs(highest))
        assert noise.min() >= lowest - rounding and noise.max() <= highest + rounding
        assert noise.mean().item() == pytest.approx(lowest + width / 2, abs=0.02 * width)
        assert noise.var().item() == pytest.approx(width**2 / 12, rel=0.1)

    @pytest.mark.parametrize(("lowest", "highest"), [(1, -1), (0, 0)])
    def test_ends_that_make_no_sense_are_refused(self, lowest: float, highest: float) -> None:
        with pytest.raises(UserError, match="lowest"):
            made("latent", "uniform", lowest=lowest, highest=highest)
