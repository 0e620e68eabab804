"""Pixels of people's own images: alpha, depth, shape; nothing is lost in silence."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import ganzoo
from ganzoo.batches.reading import check_fields
from ganzoo.catalogue.options import make
from ganzoo.errors import UserError
from ganzoo_datasets.folder import FolderDataset
from ganzoo_datasets.trees import FolderConfig

RAMP = np.tile(np.linspace(0, 1, 64), (64, 1))  # from left to right


def opened(root: Path, **options: Any) -> FolderDataset:
    return FolderDataset(make(FolderConfig, options, "folder"), root)


def shown(root: Path, **options: Any) -> np.ndarray[Any, Any]:
    """Return the first image (C, H, W) of a folder as the network sees it."""
    dataset = opened(root, **options)
    fields = dataset.read(torch.arange(len(dataset)))
    check_fields(fields, make(FolderConfig, options, "folder").spec(root), len(dataset), "folder")
    return fields["image"][0].numpy().astype(int)


def notes(root: Path, **options: Any) -> list[str]:
    return list(opened(root, **options).notes())


# Values beyond 8 bits

DEEP: dict[str, tuple[str, Any]] = {
    "16 bits, png": ("png", (RAMP * 65535).astype(np.uint16)),
    "16 bits, tiff": ("tif", (RAMP * 65535).astype(np.uint16)),
    "16 bits, big end first": ("tif", (RAMP * 65535).astype(">u2")),
    "16 bits, pgm": ("pgm", (RAMP * 65535).astype(np.uint16)),
    "12 bits in 16": ("png", (RAMP * 4095).astype(np.uint16)),
    "12 bits in 16, tiff": ("tif", (RAMP * 4095).astype(np.uint16)),
    "8 bits in 16": ("png", (RAMP * 255).astype(np.uint16)),
    "32 bits": ("tif", (RAMP * (2**31 - 1)).astype(np.int32)),
    "24 bits in 32": ("tif", (RAMP * (2**24 - 1)).astype(np.int32)),
    "below zero": ("tif", (RAMP * 4095 - 1024).astype(np.int32)),
    "floats from 0 to 1": ("tif", RAMP.astype(np.float32)),
    "floats from -1 to 1": ("tif", (RAMP * 2 - 1).astype(np.float32)),
    "floats from 0 to 255": ("tif", (RAMP * 255).astype(np.float32)),
    "other floats": ("tif", (RAMP * 5000 - 300).astype(np.float32)),
}


@pytest.mark.parametrize("check", ["decode", "open"])
@pytest.mark.parametrize(("suffix", "values"), DEEP.values(), ids=DEEP)
def test_every_depth_shows_from_black_to_white(suffix: str, values: Any, check: str, tmp_path: Path) -> None:
    Image.fromarray(values).save(tmp_path / f"deep.{suffix}")
    for channels in ("grey", "rgb", "rgba"):
        found = shown(tmp_path, check=check, channels=channels)
        assert np.abs(found[:3] - RAMP * 255).max() <= 1
    (note,) = notes(tmp_path, check=check)
    assert "become black to white; --dataset-range MIN,MAX" in note


def test_unsigned_values_of_32_bits_are_not_taken_for_signed_ones(tmp_path: Path) -> None:
    values = (RAMP * (2**32 - 1)).astype(np.uint32)
    Image.fromarray(values.view(np.int32)).save(tmp_path / "a.tif")
    signed, unsigned = (struct.pack("<HHII", 339, 3, 1, sample) for sample in (2, 1))
    (tmp_path / "a.tif").write_bytes((tmp_path / "a.tif").read_bytes().replace(signed, unsigned))
    assert np.abs(shown(tmp_path, channels="grey") - RAMP * 255).max() <= 1


def test_one_scale_is_for_all_images_of_a_folder(tmp_path: Path) -> None:
    for name, top in (("dark", 1000), ("light", 4000)):
        Image.fromarray(np.full((8, 8), top, np.uint16)).save(tmp_path / f"{name}.png")
    Image.fromarray(np.full((8, 8), 0.5, np.float32)).save(tmp_path / "real.tif")
    Image.new("L", (8, 8), 200).save(tmp_path / "shallow.png")
    dataset = opened(tmp_path, size=8, channels="grey")
    means = dataset.read(torch.arange(4))["image"].flatten(1).float().mean(1).tolist()
    assert means == [62, 249, 128, 200]
    assert [note.split(":")[0] for note in dataset.notes()] == [
        "2 of 4 images have whole numbers from 1,000 to 4,000 as values",
        "1 of 4 images has floating-point numbers from 0.5 to 0.5 as values",
    ]


def test_the_range_can_be_chosen(tmp_path: Path) -> None:
    Image.fromarray((RAMP * 4095).astype(np.uint16)).save(tmp_path / "a.png")
    found = shown(tmp_path, range="1000,2000", channels="grey")[0, 0]
    assert (found[0], found[-1]) == (0, 255)
    assert abs(found[np.argmin(np.abs(RAMP[0] * 4095 - 1500))] - 127) < 10
    assert "1,000 to 2,000 become black to white, and values outside are cut" in notes(tmp_path, range="1000,2000")[0]
    assert "cut" not in notes(tmp_path, range="0,65535")[0]
    assert shown(tmp_path, range="0,65535").max() == 16


def test_a_range_without_any_use_is_told(tmp_path: Path) -> None:
    Image.new("L", (64, 64)).save(tmp_path / "a.png")
    assert notes(tmp_path, range="0,4095") == ["--dataset-range changes nothing, as no image has values beyond 8 bits"]
    assert notes(tmp_path) == []


@pytest.mark.parametrize(
    ("option", "value"),
    [("range", "5"), ("range", "9,3"), ("range", "0,inf"), ("range", "a,b"), ("range", "0,1,2"), ("range", "nan,1"),
     ("background", "purple"), ("background", "#12345"), ("size", "64x64x64"), ("size", "64x"), ("size", "7x64"),
     ("size", "64x300"), ("size", "64,96"), ("fit", "zoom")],
)  # fmt: skip
def test_what_is_no_value_of_an_option_is_refused(option: str, value: str) -> None:
    with pytest.raises(UserError, match=option):
        make(FolderConfig, {option: value}, "folder")


def test_colours_of_16_bits_are_told(tmp_path: Path) -> None:
    """Written by hand, as Pillow writes none."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    row = b"\0" + struct.pack(">3H", 0x80FF, 0x40FF, 0x10FF) * 64
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 64, 64, 16, 2, 0, 0, 0))
    content = header + chunk(b"IDAT", zlib.compress(row * 64)) + chunk(b"IEND", b"")
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + content)
    assert shown(tmp_path)[:, 0, 0].tolist() == [0x80, 0x40, 0x10]
    assert notes(tmp_path) == ["1 of 1 images has 16 bits for each colour, of which the upper 8 are used"]


# Transparency


def sprite(mode: str = "RGBA") -> Image.Image:
    """A blue disc that a transparent red surrounds: what is hidden must not show."""
    image = Image.new("RGBA", (64, 64), (255, 0, 0, 0))
    image.paste((0, 0, 255, 255), (16, 16, 48, 48))
    return image.convert(mode)


SPRITES: dict[str, Callable[[Path], object]] = {
    "colour.png": lambda path: sprite().save(path),
    "colour.webp": lambda path: sprite().save(path, lossless=True),
    "colour.tif": lambda path: sprite().save(path),
    "palette.png": lambda path: sprite().quantize(4).save(path),
    "key.gif": lambda path: sprite().save(path),
    "key of colour.png": lambda path: sprite().convert("RGB").save(path, transparency=(255, 0, 0)),
}


@pytest.mark.parametrize("name", SPRITES)
@pytest.mark.parametrize(
    ("background", "corner"),
    [("white", (255,) * 3), ("black", (0,) * 3), ("grey", (128,) * 3), ("#10A0ff", (16, 160, 255))],
)
def test_what_is_transparent_gets_the_background(
    name: str, background: str, corner: tuple[int, ...], tmp_path: Path
) -> None:
    SPRITES[name](tmp_path / name)
    found = shown(tmp_path, background=background)
    assert found[:, 0, 0].tolist() == list(corner)
    assert found[:, 32, 32].tolist() == [0, 0, 255]
    grey = shown(tmp_path, background=background, channels="grey")
    assert abs(grey[0, 0, 0] - int(Image.new("RGB", (1, 1), corner).convert("L").getpixel((0, 0)))) <= 1  # type: ignore[arg-type]
    (note,) = notes(tmp_path, background=background)
    assert note.startswith(f"1 of 1 images has transparent pixels, which are laid on {background}: ")
    assert "--dataset-channels rgba keeps them" in note


@pytest.mark.parametrize("name", SPRITES)
def test_transparency_can_be_kept(name: str, tmp_path: Path) -> None:
    SPRITES[name](tmp_path / name)
    found = shown(tmp_path, channels="rgba")
    assert (found[3, 0, 0], found[3, 32, 32]) == (0, 255)
    assert found[:3, 32, 32].tolist() == [0, 0, 255]
    assert notes(tmp_path, channels="rgba") == []


def test_an_alpha_channel_that_hides_nothing_is_no_news(tmp_path: Path) -> None:
    Image.new("RGBA", (64, 64), (1, 2, 3, 255)).save(tmp_path / "a.png")
    assert notes(tmp_path) == []
    assert notes(tmp_path, check="open"), "the header alone cannot tell"


# Shape


def three_parts(width: int, height: int) -> Image.Image:
    """Red, white and blue along the longer side."""
    image = Image.new("RGB", (width, height), "white")
    across = width >= height
    image.paste("red", (0, 0, width // 3, height) if across else (0, 0, width, height // 3))
    image.paste("blue", (width - width // 3, 0, width, height) if across else (0, height - height // 3, width, height))
    return image


RED, WHITE, BLUE, GREEN = [255, 0, 0], [255, 255, 255], [0, 0, 255], [0, 255, 0]


@pytest.mark.parametrize(("width", "height"), [(192, 64), (64, 192), (96, 32), (600, 200)])
@pytest.mark.parametrize(("fit", "start", "edge"), [("crop", WHITE, WHITE), ("stretch", RED, RED), ("pad", RED, GREEN)])
def test_another_shape_is_cut_padded_or_stretched(
    fit: str, start: list[int], edge: list[int], width: int, height: int, tmp_path: Path
) -> None:
    three_parts(width, height).save(tmp_path / "a.png")
    found = shown(tmp_path, fit=fit, background="#00ff00")
    found = found if width >= height else found.transpose(0, 2, 1)
    assert found.shape == (3, 64, 64)
    assert np.abs(found[:, 32, 3] - start).max() < 8
    assert np.abs(found[:, 2, 3] - edge).max() < 8
    assert np.abs(found[:, 32, 32] - WHITE).max() < 8
    words = {"crop": "are cut at two sides: --dataset-fit pad", "pad": "get bars", "stretch": "are stretched"}
    (note,) = notes(tmp_path, fit=fit)
    assert note.startswith("1 of 1 images has another shape than 64 wide and 64 high, and ")
    assert words[fit] in note


def test_bars_are_transparent_where_the_images_may_be(tmp_path: Path) -> None:
    three_parts(64, 32).save(tmp_path / "a.png")
    found = shown(tmp_path, fit="pad", channels="rgba")
    assert (found[3, 0, 0], found[3, 32, 32]) == (0, 255)


@pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
@pytest.mark.parametrize(("width", "height"), [(1, 1), (1, 5000), (5000, 1), (96, 64), (97, 64)])
@pytest.mark.parametrize("channels", ["rgb", "grey", "rgba"])
def test_any_shape_fits_any_size(width: int, height: int, fit: str, channels: str, tmp_path: Path) -> None:
    for name in ("a.png", "b.jpg"):
        Image.new("RGB", (width, height), (9, 99, 199)).save(tmp_path / name)
    found = shown(tmp_path, size="96x64", fit=fit, channels=channels)
    assert found.shape[1:] == (64, 96)
    same = (width, height) in ((96, 64), (97, 64))
    assert (notes(tmp_path, size="96x64", fit=fit, channels=channels) == []) == same


@pytest.mark.parametrize("value", ["96x64", "96X64", (96, 64), [96, 64]])
def test_a_size_is_width_by_height(value: Any, tmp_path: Path) -> None:
    three_parts(96, 64).save(tmp_path / "a.png")
    found = shown(tmp_path, size=value)
    assert found.shape == (3, 64, 96)
    assert found[:, 32, 5].tolist() == RED
    assert make(FolderConfig, {"size": value}, "folder").spec(tmp_path).target_field.describe() == "3×64×96 images"


@pytest.mark.parametrize("value", ["32", 32, 32.0, "32x32", (32,)])
def test_one_number_is_a_square(value: Any, tmp_path: Path) -> None:
    assert make(FolderConfig, {"size": value}, "folder").size == (32, 32)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("check", ["decode", "open"])
def test_an_upright_photo_is_upright_in_a_size_that_is_not_square(format: str, check: str, tmp_path: Path) -> None:
    upright = three_parts(64, 96)
    exif = Image.Exif()
    exif[0x0112] = 6
    upright.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "a.jpg", format, exif=exif, quality=95)
    found = shown(tmp_path, size="64x96", check=check)
    assert np.abs(found[:, 4, 32] - RED).max() < 30
    assert np.abs(found[:, -4, 32] - BLUE).max() < 30
    if (format, check) != ("PNG", "open"):  # a PNG file is turned by what follows its pixels
        assert notes(tmp_path, size="64x96", check=check) == []


# Modes and animations


def plain(mode: str) -> Image.Image:
    return three_parts(64, 64).convert("RGB").convert(mode)


def two_bits() -> Image.Image:
    image = three_parts(64, 64).quantize(4)
    image.info["bits"] = 2
    return image


MODES: dict[str, tuple[Callable[[], Image.Image], str]] = {
    "1 bit": (lambda: plain("1"), "png"),
    "grey": (lambda: plain("L"), "png"),
    "grey and alpha": (lambda: plain("LA"), "png"),
    "palette": (lambda: plain("P"), "png"),
    "colour": (lambda: plain("RGB"), "png"),
    "colour and alpha": (lambda: plain("RGBA"), "png"),
    "CMYK": (lambda: plain("CMYK"), "tif"),
    "YCbCr": (lambda: plain("YCbCr"), "tif"),
    "CMYK in JPEG": (lambda: plain("CMYK"), "jpg"),
    "LAB": (lambda: Image.new("LAB", (64, 64), (255, 128, 128)), "tif"),
    "2 bits": (two_bits, "png"),
}


@pytest.mark.parametrize("channels", ["rgb", "grey", "rgba"])
@pytest.mark.parametrize(("made", "suffix"), MODES.values(), ids=MODES)
def test_every_mode_shows_the_same(made: Callable[[], Image.Image], suffix: str, channels: str, tmp_path: Path) -> None:
    image = made()
    image.save(tmp_path / f"a.{suffix}", quality=98, **({"bits": 2} if "bits" in image.info else {}))
    found = shown(tmp_path, channels=channels)
    assert np.abs(found[:3, 32, 32] - 255).max() <= 3, "white in the middle"
    coloured = channels != "grey" and image.mode not in ("1", "L", "LA", "LAB")
    if coloured:
        assert np.abs(found[:3, 32, 3] - RED).max() < 20
    assert channels != "rgba" or (found[3] == 255).all()
    assert notes(tmp_path, channels=channels) == []


@pytest.mark.parametrize("format", ["GIF", "WEBP", "PNG", "TIFF", "MPO"])
def test_of_an_animation_the_first_frame_is_used(format: str, tmp_path: Path) -> None:
    three_parts(64, 64).save(
        tmp_path / "a.gif", format, save_all=True, append_images=[Image.new("RGB", (64, 64), "green")] * 2
    )
    assert np.abs(shown(tmp_path)[:, 32, 3] - RED).max() < 60
    for check in ("decode", "open"):
        assert notes(tmp_path, check=check) == ["1 of 1 images has several frames or pages, of which the first is used"]


# A training with all of them


def test_a_training_begins_with_what_became_of_the_pixels(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "data").mkdir()
    sprite().save(tmp_path / "data" / "sprite.png")
    three_parts(96, 32).save(tmp_path / "data" / "wide.png")
    Image.fromarray((RAMP * 4095).astype(np.uint16)).save(tmp_path / "data" / "deep.tif")
    ganzoo.train("gan", dataset="folder", data_root=tmp_path / "data", dataset_size=16, steps=1, batch_size=3,
                 out=tmp_path / "run", device="cpu")  # fmt: skip
    said = [line.strip() for line in capsys.readouterr().err.splitlines() if line.startswith("  ")]
    assert [line.split(" have")[0].split(" has")[0] for line in said] == ["1 of 3 images"] * 3
    assert "laid on white" in said[0]
    assert "0 to 4,095 become black to white" in said[1]
    assert "are cut at two sides" in said[2]
