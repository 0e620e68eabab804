"""Drawn figures: what they wear is seen, poses are where the joints are, and some clothes are held out."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from ganzoo_images.figure_options import COLOURS, GARMENTS, JOINTS, GarmentsConfig, PosesConfig
from ganzoo_images.figures import Garments, Poses

NOWHERE = Path("nowhere")


def read(split: str = "train", size: int = 32, count: int = 40) -> dict[str, Tensor]:
    return Garments(GarmentsConfig(size=size, count=count, split=split), NOWHERE).read(torch.arange(40))  # type: ignore[arg-type]


def test_a_garment_of_the_test_is_worn_by_no_figure_of_the_training() -> None:
    trained, tested = (
        Garments(GarmentsConfig(size=16, count=400, split=split), NOWHERE).read(torch.arange(300))["target"]  # type: ignore[arg-type]
        for split in ("train", "test")
    )
    seen, held_out = ({one.numpy().tobytes() for one in images} for images in (trained, tested))
    assert not seen & held_out
    assert len(seen) + len(held_out) == len(GARMENTS) * len(COLOURS) * 2


def test_a_garment_has_the_colour_that_the_figure_wears() -> None:
    fields = read(size=64)
    middle = fields["target"][:, :, 30:34, 28:36].flatten(2).float()
    for figure, garment in zip(fields["input"].flatten(2).float(), middle, strict=True):
        colours = figure[:, None] - garment[:, :, None]
        assert (colours.norm(dim=0).amin(dim=1) < 3).all()


def test_an_example_follows_from_seed_and_number() -> None:
    first = read()
    again = Garments(GarmentsConfig(count=40), NOWHERE).read(torch.tensor([7]))
    assert all(torch.equal(values[7:8], again[name]) for name, values in first.items())
    other = Garments(GarmentsConfig(count=40, seed=1), NOWHERE).read(torch.tensor([7]))
    assert not torch.equal(other["input"], again["input"])


@pytest.mark.parametrize("joint", ["left hand", "right hand", "head", "left foot"])
def test_joints_are_where_the_figure_of_the_target_is(joint: str) -> None:
    size = 64
    fields = Poses(PosesConfig(size=size, count=20), NOWHERE).read(torch.arange(20))
    places = ((fields["joints"].view(20, len(JOINTS), 2)[:, JOINTS.index(joint)] + 1) / 2 * size).long()
    at = fields["target"][torch.arange(20), :, places[:, 1], places[:, 0]].float()
    assert (at.mean(1) < 225).all(), "the ground is lighter"
    assert fields["joints"].abs().max() < 1


def test_both_poses_show_one_figure() -> None:
    fields = Poses(PosesConfig(size=64, count=20), NOWHERE).read(torch.arange(20))
    assert not torch.equal(fields["input"], fields["target"])
    sets = [{tuple(pixel) for pixel in image.flatten(1).T.tolist()} for image in fields["input"]]
    others = [{tuple(pixel) for pixel in image.flatten(1).T.tolist()} for image in fields["target"]]
    alike = sum(len(one & other) for one, other in zip(sets, others, strict=True))
    strangers = sum(len(one & other) for one, other in zip(sets, others[1:] + others[:1], strict=True))
    assert alike > 1.5 * strangers
