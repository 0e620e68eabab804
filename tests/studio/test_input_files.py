"""Files of a user as the conditions of a model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from ganzoo.catalogue import Field
from ganzoo.errors import UserError
from ganzoo.fields import images
from ganzoo.studio.conditions import input_files, read_conditions
from ganzoo_datasets.images import FORMATS
from ganzoo_datasets.trees import SUFFIXES

GREY, COLOUR = Field("image", (1, 8, 8)), Field("image", (3, 8, 12))


def read_image(field: Field, value: object) -> Tensor:
    return read_conditions(field, [value], 1)[0]


def gradient(mode: str, size: tuple[int, int]) -> Image.Image:
    width, height = size
    return Image.fromarray(np.tile(np.linspace(0, 255, width, dtype=np.uint8), (height, 1))).convert(mode)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "1"])
@pytest.mark.parametrize("field", [GREY, COLOUR], ids=["grey", "colour"])
def test_an_image_of_any_size_becomes_one_of_the_model(mode: str, field: Field, tmp_path: Path) -> None:
    path = tmp_path / "image.png"
    gradient(mode, (31, 17)).save(path)
    image = read_image(field, path)
    assert image.shape == field.shape
    assert image.dtype == torch.float32
    assert -1 <= float(image.min()) < -0.3
    assert 0.3 < float(image.max()) <= 1
    assert torch.equal(image, read_image(field, Image.open(path)))


@pytest.mark.parametrize(("channels", "seen"), [(1, [1, -1]), (3, [1, -1]), (4, [-1, -1])])
def test_transparent_pixels_are_laid_on_white_or_stay(channels: int, seen: list[float], tmp_path: Path) -> None:
    sprite = Image.new("RGBA", (16, 8), (0, 0, 0, 255))
    sprite.paste((0, 0, 0, 0), (0, 0, 8, 8))  # transparent black on the left, opaque black on the right
    sprite.save(tmp_path / "sprite.png")
    image = read_image(Field("image", (channels, 8, 16)), tmp_path / "sprite.png")
    assert image[0, 4, [0, 15]].tolist() == seen
    if channels == 4:
        assert image[3, 4, [0, 15]].tolist() == [-1, 1]


@pytest.mark.parametrize(("largest", "bits"), [(4095, 12), (65535, 16), (900, 10)])
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_sixteen_bits_are_scaled_by_the_depth_that_holds_them(
    largest: int, bits: int, suffix: str, tmp_path: Path
) -> None:
    values = np.tile(np.linspace(0, largest, 8).astype(np.uint16), (8, 1))
    Image.fromarray(values).save(tmp_path / f"deep{suffix}")
    image = read_image(GREY, tmp_path / f"deep{suffix}")
    expected = torch.from_numpy(values.astype(np.float32)) / (2**bits - 1) * 2 - 1
    assert torch.allclose(image[0], expected, atol=1 / 255 + 1e-6)
    assert torch.equal(image, read_image(GREY, Image.open(tmp_path / f"deep{suffix}")))


@pytest.mark.parametrize(
    ("format", "name"), [("TIFF", "a.tif"), ("JPEG2000", "a.jp2"), ("AVIF", "a.avif"), ("PPM", "a.ppm")]
)
def test_every_format_of_a_folder_is_read(format: str, name: str, tmp_path: Path) -> None:
    gradient("RGB", (24, 16)).save(tmp_path / name, format=format)
    (path,) = input_files(COLOUR, tmp_path)
    assert read_image(COLOUR, path).shape == COLOUR.shape


def test_the_formats_are_those_of_a_folder() -> None:
    assert set(images.FORMATS) == set(FORMATS)
    assert set(images.ImageValues.inputs) == set(SUFFIXES)


def test_it_is_cut_around_its_centre_and_not_distorted() -> None:
    wide = Image.new("L", (300, 100), 0)
    wide.paste(255, (100, 0, 200, 100))
    assert float(read_image(GREY, wide).min()) > 0.8


def test_a_folder_gives_its_images_in_order(tmp_path: Path) -> None:
    for name in ("b.png", "a.JPG", "notes.txt"):
        gradient("L", (4, 4)).save(tmp_path / name, format="PNG")
    assert [path.name for path in input_files(GREY, tmp_path)] == ["a.JPG", "b.png"]
    assert input_files(GREY, tmp_path / "b.png") == (tmp_path / "b.png",)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="has no files for this model"):
        input_files(GREY, tmp_path / "empty")


@pytest.mark.parametrize("content", [b"", b"no image", b"\x89PNG\r\n\x1a\n" + bytes(40)])
def test_what_is_no_image_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "image.png"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"image\.png (cannot be read|is damaged, or not of a kind that is read)"):
        read_image(GREY, path)


def test_a_missing_file_and_too_many_pixels_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="No such file"):
        read_image(GREY, tmp_path / "nothing.png")
    gradient("L", (40, 40)).save(tmp_path / "large.png")
    monkeypatch.setattr(images, "MAX_PIXELS", 1000)
    with pytest.raises(UserError, match="40×40 pixels; at most 1,000 are read"):
        read_image(GREY, tmp_path / "large.png")


def test_channels_that_no_picture_has_need_a_tensor() -> None:
    with pytest.raises(UserError, match="with 2 channels, which no picture has: give a tensor"):
        read_image(Field("image", (2, 8, 8)), gradient("L", (8, 8)))


def test_paths_pictures_and_tensors_are_conditions(tmp_path: Path) -> None:
    path = tmp_path / "image.png"
    gradient("L", (8, 8)).save(path)
    tensor = read_image(GREY, path)
    found = read_conditions(GREY, [str(path), path, Image.open(path), tensor], 5)
    assert found.shape == (5, 1, 8, 8)
    assert all(torch.equal(image, tensor) for image in found)
