"""The metric of pairs: against torchmetrics, and by hand."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from ganzoo.contract.judge import Examples
from ganzoo.errors import UserError
from ganzoo_images.metric_options import PairedConfig
from ganzoo_images.paired import Paired, ssim

NO_CONTEXT: Any = None


def measured(made: Tensor, true: Tensor, given: Tensor | None = None, **options: Any) -> Any:
    examples = Examples(made, None, true if given is None else given, true)
    return Paired(PairedConfig(**options)).measure(examples, examples, NO_CONTEXT)


@pytest.mark.parametrize("shape", [(3, 1, 32, 32), (2, 3, 24, 40)])
def test_ssim_is_that_of_torchmetrics(shape: tuple[int, ...]) -> None:
    functional = pytest.importorskip("torchmetrics.functional.image")
    true = torch.rand(shape) * 2 - 1
    made = (true + 0.3 * torch.randn(shape)).clamp(-1, 1)
    _, whole = functional.structural_similarity_index_measure(made, true, data_range=2.0, return_full_image=True)
    inner = whole[..., 5:-5, 5:-5]  # where the window of 11 pixels lies in the image, as in the paper
    assert torch.allclose(ssim(made, true), inner.flatten(1).mean(1), atol=1e-4)
    psnr = functional.peak_signal_noise_ratio(made, true, data_range=2.0, dim=(1, 2, 3), reduction="none")
    assert measured(made, true)["psnr"] == pytest.approx(float(psnr.mean()), rel=1e-4)


def test_psnr_has_the_range_of_images_as_its_maximum_whatever_the_images_are() -> None:
    """In circulating code it is the maximum of the last image."""
    for level in (-0.5, 0.9):
        true = torch.full((2, 1, 16, 16), level)
        assert measured(true + 0.02, true)["psnr"] == pytest.approx(20 * math.log10(2 / 0.02), rel=1e-4)


def test_equal_images_have_finite_figures() -> None:
    images = torch.rand(3, 1, 16, 16)
    found = measured(images, images)
    assert (found["psnr"], found["l1"]) == (pytest.approx(100), 0)
    assert found["ssim"] == pytest.approx(1)


def test_l1_is_a_share_of_the_range() -> None:
    assert measured(torch.ones(1, 1, 8, 8), -torch.ones(1, 1, 8, 8))["l1"] == 1


def test_the_input_stands_beside_it_enlarged_and_in_the_colours_of_the_target() -> None:
    true = torch.rand(2, 3, 16, 16)
    small = torch.nn.functional.interpolate(true, (8, 8), mode="bicubic", antialias=True)
    found = measured(true, true, small)
    assert 0 < found["input l1"] < found["input l1"] + 1
    assert found["input psnr"] < 40
    grey = measured(true, true, true.mean(1, keepdim=True))
    assert grey["input psnr"] < found["psnr"]


def test_the_luminance_alone_and_without_borders() -> None:
    true = torch.zeros(1, 3, 16, 16)
    made = true.clone()
    made[:, 2] = 1  # blue counts 0.114
    assert measured(made, true, luminance=True)["l1"] == pytest.approx(0.114 / 2)
    made = true.clone()
    made[..., :2, :] = 1
    assert measured(made, true, shave=2)["l1"] == 0
    with pytest.raises(UserError, match="leaves nothing"):
        measured(made, true, shave=8)


def test_without_true_images_it_says_so() -> None:
    examples = Examples(torch.zeros(2, 1, 8, 8))
    with pytest.raises(UserError, match="needs true images"):
        Paired(PairedConfig()).measure(examples, examples, NO_CONTEXT)
