"""A folder of clips: animations and folders of frames, classes, what is left out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from ganzoo.errors import UserError
from ganzoo_motion.clip_options import ClipsConfig
from ganzoo_motion.clips import Clips, stand_in


def opened(root: Path, **options: Any) -> Clips:
    return Clips(ClipsConfig(**options), root)


def picture(level: int, size: tuple[int, int] = (12, 10)) -> Image.Image:
    return Image.fromarray(np.full((size[1], size[0]), level, np.uint8))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    stand_in(tmp_path)
    return tmp_path


def test_animations_and_folders_of_frames_are_clips_of_the_class_above(root: Path) -> None:
    clips = opened(root, size=(16, 16))
    fields = clips.read(torch.arange(len(clips)))
    assert ClipsConfig(size=(16, 16)).spec(root).fields["label"].names == ("down", "right")
    assert fields["label"].tolist() == [0] * 6 + [1] * 6
    assert fields["video"].shape == (12, 8, 3, 16, 16)
    assert clips.name_of(0) == str(Path("down", "clip 1"))
    # The bar moves down in the one, to the right in the other.
    for axis, rows in ((2, slice(0, 6)), (3, slice(6, 12))):
        places = fields["video"][rows, :, 0].float().sum(axis + 1 if axis == 2 else 2).argmax(2)
        assert (places.diff(dim=1) >= 0).all()
        assert (places[:, -1] - places[:, 0]).min() > 4


def test_frames_are_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    (tmp_path / "clip").mkdir()
    for number in range(12):
        picture(20 * number).save(tmp_path / "clip" / f"frame {number}.png")
    clips = opened(tmp_path, frames=12, channels="grey")
    assert clips.read(torch.tensor([0]))["video"].flatten(2)[0, :, 0].tolist() == [20 * n for n in range(12)]


def test_what_is_short_or_damaged_is_left_out_and_told(root: Path) -> None:
    (root / "right" / "broken.gif").write_bytes(b"GIF89a")
    (root / "right" / "still.png").write_bytes((root / "down" / "clip 1" / "0.png").read_bytes())
    clips = opened(root)
    assert len(clips) == 12
    assert len(clips.notes()) == 2
    assert "broken.gif is no picture" in clips.notes()[1]
    assert "right has 1 frames" in clips.notes()[1]


def test_without_clips_it_says_what_to_put_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has no clip of 8 frames: put GIFs there, or a folder of frames"):
        opened(tmp_path)
    with pytest.raises(UserError, match="is no folder: name one with --data-root"):
        opened(tmp_path, path="elsewhere")


def test_labels_are_left_out_where_nobody_wants_them(root: Path) -> None:
    spec = ClipsConfig(labels="none").spec(root)
    assert (*spec.fields, spec.condition) == ("video", "first", "")
    assert "label" not in opened(root, labels="none").read(torch.tensor([0]))


def test_a_clip_that_breaks_later_is_named(root: Path) -> None:
    clips = opened(root)
    (root / "right" / "0.gif").write_bytes(b"GIF89a")
    with pytest.raises(UserError, match=r"0\.gif cannot be read"):
        clips.read(torch.arange(12))


def test_the_data_is_known_by_names_and_sizes_not_by_its_place(root: Path, tmp_path: Path) -> None:
    assert [*opened(root).identities()] == [*opened(root.parent, path=root.name).identities()]
    first, *_ = opened(root).identities()
    assert str(tmp_path).encode() not in first
