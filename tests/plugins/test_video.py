"""Videos as a type of field of a plugin."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
import torch
from PIL import Image

import ganzoo
from ganzoo.catalogue import Field
from ganzoo.contract.field_values import values_of
from ganzoo.errors import UserError
from ganzoo_video.configs import DIRECTIONS, VIDEO, MovingDiscsConfig
from ganzoo_video.discs import MovingDiscs

FIELD = Field(VIDEO, (4, 1, 12, 16))
VALUES = values_of(FIELD)
RAMP = torch.linspace(-1, 1, 4)[:, None, None, None].expand(4, 1, 12, 16)


def test_a_disc_moves_in_the_direction_of_its_label(tmp_path: Path) -> None:
    config = MovingDiscsConfig(size=32, frames=4)
    read = MovingDiscs(config, tmp_path).read(torch.arange(64))
    light = read["video"].double()[:, :, 0]
    turns = torch.arange(32) * (2 * torch.pi / 32)  # the sides touch, so a centre is an angle
    for axis, names in ((2, ("right", "left")), (1, ("down", "up"))):
        sums = light.sum(dim=4 - 1 if axis == 1 else 2)
        angle = torch.atan2((sums * turns.sin()).sum(-1), (sums * turns.cos()).sum(-1))
        step = torch.remainder(angle.diff(dim=1) + torch.pi, 2 * torch.pi) - torch.pi
        for name, sign in zip(names, (1, -1), strict=True):
            chosen = step[read["label"] == DIRECTIONS.index(name)]
            assert chosen.sub(sign * torch.pi / 4).abs().max() < 0.02
            others = step[read["label"] != DIRECTIONS.index(name)]
            assert others.sub(sign * torch.pi / 4).abs().min() > 0.5


def test_a_video_is_written_as_a_gif_and_read_again() -> None:
    file = io.BytesIO(VALUES.encode(RAMP))
    with Image.open(file) as picture:
        assert (picture.format, picture.n_frames, picture.size) == ("GIF", 4, (16, 12))  # type: ignore[attr-defined]
    assert torch.allclose(VALUES.decode(file), RAMP, atol=0.01)
    longer = values_of(Field(VIDEO, (5, 1, 12, 16)))
    with pytest.raises(UserError, match="it has 4 frames, and this model needs 5"):
        longer.decode(file)


def test_a_video_is_drawn_as_a_strip_of_its_frames() -> None:
    strip = VALUES.tiles(RAMP[None])
    assert strip.shape == (1, 1, 12, 4 * 17 - 1)
    assert torch.equal(strip[0, 0, 0, [0, 17, 34, 51]], RAMP[:, 0, 0, 0])
    assert strip[0, 0, 0, 16] == 0.0
    assert [float(moment.mean()) for moment in VALUES.frames(RAMP[None])] == pytest.approx([-1, -1 / 3, 1 / 3, 1])


@pytest.mark.parametrize("channels", [1, 3])
def test_arrays_of_videos(channels: int) -> None:
    array = values_of(Field(VIDEO, (4, channels, 12, 16))).to_array(RAMP.expand(4, channels, 12, 16)[None])
    assert array.shape == ((1, 4, 12, 16) if channels == 1 else (1, 4, 12, 16, 3))
    assert array[0, :, 0, 0].reshape(4, -1)[:, 0].tolist() == [0, 85, 170, 255]


def test_a_model_of_videos_is_trained_and_sampled(tmp_path: Path) -> None:
    few = {"steps": 2, "batch_size": 8, "dataset_count": 16, "dataset_size": 8, "dataset_frames": 3, "progress": False}
    run = ganzoo.train("cgan", dataset="moving-discs", **few, out=tmp_path / "run")
    videos = ganzoo.load(run.folder.path).sample(4, label="up")
    assert videos.shape == (4, 3, 1, 8, 8)
    assert (run.folder.samples / "step-00000002.png").exists()


def test_samples_are_a_moving_picture_or_a_file_for_each(tmp_path: Path) -> None:
    from ganzoo.studio.export import check_destination, write_samples

    label = Field("class", classes=4, names=DIRECTIONS)
    made = RAMP.expand(4, 4, 1, 12, 16)
    write_samples(tmp_path / "all.gif", made, FIELD, torch.arange(4), label)
    with Image.open(tmp_path / "all.gif") as picture:
        assert picture.n_frames == 4  # type: ignore[attr-defined]
    write_samples(tmp_path / "each", made, FIELD, torch.arange(4), label)
    assert (tmp_path / "each" / "00000-right.gif").exists()
    with pytest.raises(UserError, match=r"use \.png, \.npz, \.gif, or a folder"):
        check_destination(tmp_path / "all.mp4", FIELD)
    with pytest.raises(UserError, match=r"use \.png, \.npz, or a folder"):
        check_destination(tmp_path / "all.gif", Field("image", (1, 8, 8)))
