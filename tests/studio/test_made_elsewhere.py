"""Images that somebody else made are measured as a model is; files are read with suspicion."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import ganzoo
from ganzoo.catalogue.data import DataSpec, Field
from ganzoo.errors import UserError
from ganzoo.studio.made_elsewhere import read_examples
from ganzoo.testing.command_lines import ganzoo as ganzoo_answer
from ganzoo.testing.command_lines import problem
from ganzoo_datasets.configs import DigitsConfig
from ganzoo_datasets.digits import DigitsDataset

SPEC = DataSpec({"image": Field("image", (1, 8, 8)), "label": Field("class", classes=2, names=("cat", "dog"))}, "image")
LABELLED = DataSpec(SPEC.fields, "image", "label")
USUAL = ("--dataset", "digits", "--dataset-size", "8", "--judge", "plain", "--metric", "frechet", "--device", "cpu")
PIXELS = np.random.default_rng(0).integers(0, 256, (6, 8, 8), dtype=np.uint8)


def npz(path: Path, **arrays: Any) -> Path:
    np.savez(path, **arrays)
    return path


def test_what_ganzoo_samples_is_read_again(trained_models: dict[str, Path], tmp_path: Path) -> None:
    """A folder and a file of the same images have the same figures."""
    model = trained_models["gan"]
    figures = []
    for out in ("made.npz", "made"):
        assert ganzoo_answer("sample", model, "--count", "300", "--out", tmp_path / out).status == 0
        size = "--dataset-size", str(ganzoo.load(model).output.shape[-1])
        words = ("--dataset", "digits", *size, "--judge", "plain", "--metric", "frechet", "--device", "cpu")
        found = json.loads(ganzoo_answer("evaluate", tmp_path / out, *words, "--json").out)
        assert found["samples"] == 300
        figures.append(found["figures"])
    assert figures[0] == figures[1]


def test_real_examples_are_as_good_as_real_ones(tmp_path: Path) -> None:
    dataset = DigitsDataset(DigitsConfig(size=8), tmp_path)
    images = dataset.read(torch.arange(len(dataset)))["image"]
    found = ganzoo.evaluate(
        npz(tmp_path / "real.npz", images=images.numpy()), dataset="digits", dataset_size=8, judge="plain",
        metrics="frechet",
    )  # fmt: skip
    noise = npz(tmp_path / "noise.npz", images=np.random.default_rng(0).integers(0, 256, (500, 8, 8), dtype=np.uint8))
    other = ganzoo.evaluate(noise, dataset="digits", dataset_size=8, judge="plain", metrics="frechet")
    assert found.figures[0].value < 1e-3 < other.figures[0].value
    some = ganzoo.evaluate(noise, dataset="digits", dataset_size=8, judge="plain", metrics="frechet", samples=300)
    assert some.samples == 300


@pytest.mark.parametrize(
    "images",
    [PIXELS, PIXELS[..., None], PIXELS[:, None], (PIXELS / 127.5 - 1).astype(np.float64)],
    ids=["rows", "channels last", "channels first", "real"],
)
def test_arrays_of_every_usual_shape_are_read(images: np.ndarray[Any, Any], tmp_path: Path) -> None:
    for name in ("images", "arr_0", "whatever"):
        made = read_examples(npz(tmp_path / f"{name}.npz", **{name: images}), LABELLED)
        assert made.labels is None
        assert torch.allclose(made.values, torch.from_numpy(PIXELS).float()[:, None] / 127.5 - 1, atol=1e-6)


def test_labels_are_read_if_the_data_is_conditional(tmp_path: Path) -> None:
    path = npz(tmp_path / "a.npz", images=PIXELS, labels=np.array([0, 1, 1, 0, 0, 1], np.int32))
    labels = read_examples(path, LABELLED).labels
    assert labels is not None and labels.tolist() == [0, 1, 1, 0, 0, 1]
    assert read_examples(path, SPEC).labels is None


@pytest.mark.parametrize("names", [("cat/1.png", "dog/2.png"), ("00000-cat.png", "00001-dog.png")])
def test_folders_and_names_tell_the_classes(names: tuple[str, str], tmp_path: Path) -> None:
    for name, image in zip(names, PIXELS, strict=False):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.fromarray(image).save(tmp_path / name)
    made = read_examples(tmp_path, LABELLED)
    assert made.labels is not None and made.labels.tolist() == [0, 1]
    assert torch.allclose(made.values, torch.from_numpy(PIXELS[:2]).float()[:, None] / 127.5 - 1)
    (tmp_path / "extra.png").write_bytes((tmp_path / names[0]).read_bytes())
    assert read_examples(tmp_path, LABELLED).labels is None, "one has no class"


class _Harmful:
    def __reduce__(self) -> tuple[Any, ...]:
        return print, ("harm",)


def header(shape: object, dtype: str = "|u1", magic: bytes = b"\x93NUMPY\x01\x00") -> bytes:
    text = f"{{'descr': {dtype!r}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    return magic + (len(text) + 1).to_bytes(2, "little") + text + b"\n"


def zipped(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no zip file",
        zipped(),
        zipped(a=b"", b=b""),
        zipped(images=b"no array"),
        zipped(images=header("(6, 8, 8)")),
        zipped(images=header("(0, 8, 8)")),
        zipped(images=header("(-6, 8, 8)") + bytes(384)),
        zipped(images=header("(6, 8)") + bytes(48)),
        zipped(images=header("(10**15, 8, 8)")),
        zipped(images=header(f"({10**15}, 8, 8)")),
        zipped(images=header("(6, 8, 8)", "|O") + pickle.dumps(_Harmful())),
        zipped(images=header("(6, 8, 8)", "<U9") + bytes(9000)),
        zipped(images=header("(6, 8, 8)", "<f4") + np.full((6, 8, 8), np.nan, np.float32).tobytes()),
        zipped(images=header("(6, 8, 8)", "<f4") + np.full((6, 8, 8), 9, np.float32).tobytes()),
        zipped(images=header("(6, 8, 8)", "<i8") + bytes(8 * 384)),
        zipped(images=header("(6, 8, 8)") + bytes(384), labels=header("(5,)") + bytes(5)),
        zipped(images=header("(6, 8, 8)") + bytes(384), labels=header("(6,)") + bytes([9] * 6)),
        zipped(images=header("(6, 8, 8)", magic=b"\x93NUMPY\x09\x00") + bytes(384)),
        zipped(images=header("(6, 16, 16)") + bytes(6 * 256)),
        zipped(images=header("(6, 8, 8)") + bytes(384))[:-40],
    ],
    ids=range(21),
)
def test_a_hostile_file_is_one_problem(content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "made.npz"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"made\.npz"):
        read_examples(path, LABELLED)
    assert "harm" not in capsys.readouterr().out


def wide(folder: Path) -> None:
    Image.new("L", (9, 8)).save(folder / "wide.png")


def damaged(folder: Path) -> None:
    (folder / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n")


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [(wide, "wide.png is 9×8, and the data is 8×8: set --dataset-size"), (damaged, "a.png cannot be read")],
)
def test_an_image_that_does_not_fit_is_named(spoil: Callable[[Path], None], expected: str, tmp_path: Path) -> None:
    spoil(tmp_path)
    assert expected in problem("evaluate", tmp_path, *USUAL)


def test_points_are_read_from_arrays(tmp_path: Path) -> None:
    spec = DataSpec({"point": Field("point", (2,))}, "point")
    path = npz(tmp_path / "points.npz", points=np.ones((5, 2)))
    assert read_examples(path, spec).values.shape == (5, 2)
    with pytest.raises(UserError, match="give a"):
        read_examples(tmp_path, spec)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((), "is no model: to compare its examples with real ones, give --dataset NAME"),
        (("--dataset", "nonsense"), "no dataset is called 'nonsense'"),
        (("--dataset", "digits", "--output", "b"), "--output chooses among the outputs of a model"),
    ],
)
def test_what_is_missing_is_said(words: tuple[str, ...], expected: str, tmp_path: Path) -> None:
    assert expected in problem("evaluate", npz(tmp_path / "a.npz", images=PIXELS), *words)
