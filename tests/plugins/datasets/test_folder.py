"""Folders of images."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from ganzoo.batches.reading import check_fields
from ganzoo.catalogue import DataSpec
from ganzoo.catalogue.options import make
from ganzoo.errors import UserError
from ganzoo_datasets.folder import FolderDataset
from ganzoo_datasets.images import Canvas, pixels
from ganzoo_datasets.shapes import pictures
from ganzoo_datasets.trees import FolderConfig
from ganzoo_datasets.walks import scan_below

# Folders of images


def picture(width: int = 30, height: int = 20, mode: str = "RGB") -> Image.Image:
    """Red on the left, blue on the right."""
    image = Image.new("RGB", (width, height), (255, 0, 0))
    image.paste((0, 0, 255), (width // 2, 0, width, height))
    return image.convert(mode)


def save(path: Path, image: Image.Image | None = None, **options: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    (image or picture()).save(path, **options)
    return path


def read_all(root: Path, **options: Any) -> dict[str, torch.Tensor]:
    dataset = FolderDataset(make(FolderConfig, {"size": 16, **options}, "folder"), root)
    fields = dataset.read(torch.arange(len(dataset)))
    check_fields(
        fields, make(FolderConfig, {"size": 16, **options}, "folder").spec(root), len(fields["image"]), "folder"
    )
    return fields


def test_a_flat_folder_has_no_labels(tmp_path: Path) -> None:
    for name in ("b.png", "a.JPG", "c.webp", ".hidden.png"):
        save(tmp_path / name, format="PNG")
    (tmp_path / "notes.txt").write_text("no image")
    assert FolderConfig().spec(tmp_path).condition == ""
    assert set(read_all(tmp_path)) == {"image"}
    assert len(read_all(tmp_path)["image"]) == 3


def test_a_sub_folder_is_a_class(tmp_path: Path) -> None:
    for name in ("dog/1.png", "cat/2.png", "cat/more/3.png", ".git/4.png", "ox/5.gif"):
        save(tmp_path / name)
    spec = FolderConfig().spec(tmp_path)
    assert spec.condition_field is not None
    assert spec.condition_field.names == ("cat", "dog", "ox")
    assert read_all(tmp_path)["label"].tolist() == [0, 0, 1, 2]
    assert set(read_all(tmp_path, labels="none")) == {"image"}
    assert len(read_all(tmp_path, labels="none")["image"]) == 4


def test_a_folder_inside_the_data_folder_can_be_named(tmp_path: Path) -> None:
    save(tmp_path / "photos" / "1.png")
    assert len(read_all(tmp_path, path="photos")["image"]) == 1
    assert len(read_all(Path("elsewhere"), path=str(tmp_path / "photos"))["image"]) == 1


def test_folders_that_say_nothing_clear_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nowhere does not exist: name the folder .* --data-root"):
        FolderConfig().spec(tmp_path / "nowhere")
    with pytest.raises(UserError, match="has no images: put image files there"):
        FolderConfig().spec(tmp_path)
    image = save(tmp_path / "a.png")
    with pytest.raises(UserError, match=r"a\.png is not a folder"):
        FolderConfig().spec(image)
    (tmp_path / "cat").mkdir()
    with pytest.raises(UserError, match=r"both sub-folders \(cat, …\) and images \(a\.png, …\).*--dataset-labels none"):
        FolderConfig().spec(tmp_path)
    assert FolderConfig(labels="none").spec(tmp_path).condition == ""
    image.unlink()
    with pytest.raises(UserError, match="has no readable image"):
        FolderDataset(FolderConfig(), tmp_path)
    save(tmp_path / "dog" / "a.png")
    with pytest.raises(UserError, match="has no readable image of class cat"):
        FolderDataset(FolderConfig(), tmp_path)


def test_odd_images_are_left_out_and_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100_000)
    save(tmp_path / "good.png")
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "text.png").write_text("hello")
    (tmp_path / "script.png").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    (tmp_path / "gone.png").symlink_to(tmp_path / "nothing")
    (tmp_path / "device.png").symlink_to("/dev/zero")
    os.mkfifo(tmp_path / "pipe.png")
    save(tmp_path / "bomb.png", Image.new("1", (2000, 2000)))
    save(tmp_path / "large.png", Image.new("1", (400, 300)))
    save(tmp_path / "float.tiff", Image.new("F", (9, 9), float("inf")))
    assert len(read_all(tmp_path)["image"]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert "left out 9 of 10 files" in lines[0]
    assert "bomb.png" in lines[0]
    assert lines[0].endswith(", …")


@pytest.mark.filterwarnings("error")
def test_images_of_every_kind_show_the_same(tmp_path: Path) -> None:
    plain = pixels(save(tmp_path / "rgb.png"), Canvas(16, 16, "RGB")).astype(int)
    assert plain[:, 8, 0].tolist() == [255, 0, 0]
    assert plain[:, 8, -1].tolist() == [0, 0, 255]
    rotated = picture().transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = 6
    kinds = {
        "palette.png": (picture(mode="P"), {}),
        "palette.gif": (picture(mode="P"), {}),
        "bmp.bmp": (picture(), {}),
        "ppm.ppm": (picture(), {}),
        "webp.webp": (picture(), {"lossless": True}),
        "tiff.tif": (picture(), {"compression": "tiff_lzw"}),
        "alpha.png": (picture(mode="RGBA"), {}),
        "cmyk.tif": (picture(mode="CMYK"), {}),
        "cmyk.jpg": (picture(mode="CMYK"), {"quality": 98}),
        "rotated.png": (rotated, {"exif": exif}),
        "rotated.jpg": (rotated, {"exif": exif, "quality": 98, "subsampling": 0}),
        "animated.gif": (picture(), {"save_all": True, "append_images": [Image.new("RGB", (30, 20), "white")]}),
        "animated.webp": (
            picture(),
            {"save_all": True, "append_images": [Image.new("RGB", (30, 20), "white")], "lossless": True},
        ),
    }
    for name, (image, options) in kinds.items():
        found = pixels(save(tmp_path / name, image, **options), Canvas(16, 16, "RGB")).astype(int)
        assert found.shape == (3, 16, 16)
        assert np.abs(found - plain).mean() < 8, name


def test_transparent_becomes_white_and_16_bit_keeps_its_range(tmp_path: Path) -> None:
    clear = save(tmp_path / "clear.png", Image.new("RGBA", (9, 9), (0, 0, 0, 0)))
    half = save(tmp_path / "half.png", Image.new("LA", (9, 9), (0, 128)))
    keyed = save(tmp_path / "keyed.gif", Image.new("P", (9, 9), 0), transparency=0)
    assert (pixels(clear, Canvas(8, 8, "RGB")) == 255).all()
    assert (pixels(keyed, Canvas(8, 8, "RGB")) == 255).all()
    assert np.abs(pixels(half, Canvas(8, 8, "L")).astype(int) - 127).max() <= 1
    assert [pixels(path, Canvas(8, 8, "RGBA"))[:, 0, 0].tolist() for path in (clear, half)] == [
        [0, 0, 0, 0],
        [0, 0, 0, 128],
    ]
    opaque = save(tmp_path / "opaque.png", Image.new("RGB", (9, 9), (10, 20, 30)))
    assert pixels(opaque, Canvas(8, 8, "RGBA"))[:, 0, 0].tolist() == [10, 20, 30, 255]
    ramp = np.tile(np.linspace(0, 65535, 64).astype(np.uint16), (64, 1))
    expected = np.tile(np.linspace(0, 255, 64), (64, 1))
    for name in ("deep.png", "deep.tif", "deep.pgm"):
        deep = save(tmp_path / name, Image.fromarray(ramp))
        assert np.abs(pixels(deep, Canvas(64, 64, "L"))[0] - expected).max() <= 1, name
        assert pixels(deep, Canvas(64, 64, "RGB")).shape == (3, 64, 64)


@pytest.mark.parametrize(("width", "height"), [(1, 1), (1, 500), (500, 1), (8, 8), (300, 200), (7, 9)])
def test_any_shape_is_fitted_and_cut(width: int, height: int, tmp_path: Path) -> None:
    for name in ("a.png", "a.jpg"):
        path = save(tmp_path / name, picture(width, height))
        assert pixels(path, Canvas(16, 16, "RGB")).shape == (3, 16, 16)
        assert pixels(path, Canvas(16, 16, "L")).shape == (1, 16, 16)


def test_the_centre_is_kept(tmp_path: Path) -> None:
    image = Image.new("L", (90, 30))
    image.paste(200, (30, 0, 60, 30))
    assert (pixels(save(tmp_path / "a.png", image), Canvas(30, 30, "L")) == 200).all()


@pytest.mark.parametrize("name", ["cut.png", "cut.jpg"])
def test_an_image_that_does_not_decode_is_named(name: str, tmp_path: Path) -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8))
    save(tmp_path / "a.png", noise)
    whole = save(tmp_path / name, noise).read_bytes()
    (tmp_path / name).write_bytes(whole[: len(whole) // 2])
    assert len(FolderDataset(FolderConfig(), tmp_path)) == 1
    dataset = FolderDataset(FolderConfig(check="open"), tmp_path)
    assert len(dataset) == 2
    assert dataset.read(torch.tensor([0]))["image"].shape == (1, 3, 64, 64)
    with pytest.raises(UserError, match=rf"{name} cannot be decoded .*: remove or replace it"):
        dataset.read(torch.tensor([0, 1]))
    (tmp_path / name).unlink()
    with pytest.raises(UserError, match=rf"{name} cannot be decoded .*: remove or replace it"):
        dataset.read(torch.tensor([1]))


def test_folders_in_each_other_are_gone_through_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    resolved = list[Path]()
    monkeypatch.setattr(Path, "resolve", lambda path, strict=False: resolved.append(path))
    deep = tmp_path / "root" / "/".join(["a"] * 100)
    path = save(deep / "1.png")
    assert scan_below(tmp_path / "root").files == [path]
    assert not resolved


def test_links_are_followed_but_not_in_circles(tmp_path: Path) -> None:
    root, other = tmp_path / "root", tmp_path / "other"
    save(root / "cat" / "1.png")
    save(root / "dog" / "2.png")
    save(other / "3.png")
    (root / "ox").symlink_to(other)
    (root / "self").symlink_to(root)
    (root / "up").symlink_to(tmp_path)
    (root / "knot").symlink_to(root / "knot")
    (root / "cat" / "up").symlink_to(root)
    (root / "cat" / "here").symlink_to(root / "cat")
    (root / "dog" / "there").symlink_to(other)
    (other / "back").symlink_to(root / "dog")
    spec = FolderConfig().spec(root)
    assert spec.condition_field is not None
    assert spec.condition_field.names == ("cat", "dog", "ox")
    assert [path.name for path in scan_below(root / "cat").files] == ["1.png"]
    assert sorted(path.name for path in scan_below(root / "dog").files) == ["2.png", "3.png"]
    assert len(FolderDataset(FolderConfig(), root)) == 5


def test_a_name_that_is_no_text_can_be_saved(tmp_path: Path) -> None:
    try:
        os.mkdir(os.fsencode(tmp_path) + b"/caf\xe9")
    except OSError:
        pytest.skip("this file system takes only text as names")
    Image.new("L", (9, 9)).save(io.BytesIO(), "PNG")
    with open(os.fsencode(tmp_path) + b"/caf\xe9/1.png", "wb") as file:
        picture().save(file, "PNG")
    spec = FolderConfig().spec(tmp_path)
    assert DataSpec.from_json(spec.to_json()) == spec
    str(spec.to_json()).encode()
    assert read_all(tmp_path)["label"].tolist() == [0]


def test_large_jpegs_look_the_same_though_they_are_decoded_small(tmp_path: Path) -> None:
    image = Image.fromarray(pictures(0, np.array([4]), 128)[0].transpose(1, 2, 0)).resize((1024, 1024))
    jpeg = pixels(save(tmp_path / "a.jpg", image, quality=98), Canvas(32, 32, "RGB")).astype(int)
    png = pixels(save(tmp_path / "a.png", image), Canvas(32, 32, "RGB")).astype(int)
    assert np.abs(jpeg - png).mean() < 2


# What tells a folder from another one


def identities_of(root: Path) -> set[bytes]:
    return {*FolderDataset(make(FolderConfig, {"size": 16}, "folder"), root).identities()}


def test_each_file_is_identified_by_class_name_and_content(tmp_path: Path) -> None:
    for name in ("dog/1.png", "dog/2.png", "cat/1.png"):
        save(tmp_path / name)
    before = identities_of(tmp_path)
    assert len(before) == 3
    (tmp_path / "dog" / "2.png").rename(tmp_path / "cat" / "2.png")
    assert len(before & identities_of(tmp_path)) == 2


@pytest.mark.parametrize("suffix", ["bmp", "png", "jpg"])
def test_files_of_the_same_name_and_size_are_told_apart(suffix: str, tmp_path: Path) -> None:
    colours = ((10, 20, 30), (11, 21, 31))
    paths = [
        save(tmp_path / f"{n}/a/1.{suffix}", Image.new("RGB", (32, 32), colour)) for n, colour in enumerate(colours)
    ]
    first, second = (identities_of(path.parents[1]) for path in paths)
    assert len({path.stat().st_size for path in paths}) == 1
    assert first.isdisjoint(second)
