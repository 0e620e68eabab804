"""The first-party datasets: what they promise, what they deliver, and what they say about damaged files."""

from __future__ import annotations

import gzip
import importlib
import io
import os
import pickle
import struct
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from ganzoo.batches.reading import check_fields
from ganzoo.catalogue import Component, DataSpec
from ganzoo.catalogue.options import make, options_of
from ganzoo.contract.dataset import Dataset
from ganzoo.errors import UserError
from ganzoo_datasets import ganzoo_components, scenes, stand_ins
from ganzoo_datasets.cifar import BATCHES, FOLDER, RECORD, CifarDataset
from ganzoo_datasets.configs import (
    Cifar10Config,
    DigitsConfig,
    GaussiansConfig,
    GridConfig,
    MnistConfig,
    RingConfig,
    StackedMnistConfig,
)
from ganzoo_datasets.digits import DigitsDataset
from ganzoo_datasets.drawing import DISTANCES
from ganzoo_datasets.folder import FolderDataset
from ganzoo_datasets.gaussians import GaussiansDataset
from ganzoo_datasets.idx import IdxDataset, parse
from ganzoo_datasets.images import pixels
from ganzoo_datasets.labelled import resize
from ganzoo_datasets.scenes import SCENES, SHAPES, VOCABULARY, ShapesConfig, describe
from ganzoo_datasets.shapes import ShapesDataset, pictures, truth
from ganzoo_datasets.stacked import StackedMnistDataset
from ganzoo_datasets.trees import FolderConfig, images_below

COMPONENTS = {component.name: component for component in ganzoo_components()}
SHARED = Path(__file__).parents[2] / "shared" / "data"


def resolve(target: str) -> Any:
    module, _, name = target.partition(":")
    return getattr(importlib.import_module(module), name)


@pytest.fixture(scope="session")
def roots(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A data folder for each dataset, with the stand-in where it reads files."""
    made = {}
    for name, component in COMPONENTS.items():
        made[name] = tmp_path_factory.mktemp(name)
        if component.stand_in:
            resolve(component.stand_in)(made[name])
    return made


def settings_of(component: Component) -> list[dict[str, Any]]:
    """The defaults, and each word or limit of each option on its own, but never more than a few thousand examples."""
    options = options_of(component.config)
    small = {"count": 300} if "count" in {item.name for item in options} else {}
    found: list[dict[str, Any]] = [small]
    for item in options:
        if item.name != "count":
            values = [*item.choices, *(limit for limit in (item.low, item.high) if limit is not None)]
            found += [{**small, item.name: value} for value in values]
    return found


CASES = [(name, values) for name, component in COMPONENTS.items() for values in settings_of(component)]


# What every dataset promises


@pytest.mark.parametrize(("name", "values"), CASES, ids=[f"{name}-{values}" for name, values in CASES])
def test_delivers_what_its_spec_promises(name: str, values: dict[str, Any], roots: dict[str, Path]) -> None:
    component = COMPONENTS[name]
    config = make(component.config, values, name)
    spec = config.spec(roots[name])
    dataset = resolve(component.target)(config, roots[name])
    assert isinstance(dataset, Dataset)
    assert len(dataset) > 0
    indices = torch.randperm(len(dataset), generator=torch.Generator().manual_seed(1))[:50]
    fields = dataset.read(indices)
    check_fields(fields, spec, len(next(iter(fields.values()))), name)
    for key, field in spec.fields.items():
        assert fields[key].shape == (len(indices), *field.shape)
        assert fields[key].device.type == "cpu"
        if field.kind == "image":
            assert fields[key].max() > 100
            assert fields[key].float().std() > 10
        if field.kind == "tokens":
            assert fields[key].min() >= 0
            assert fields[key].max() < len(field.names)
    twin = pickle.loads(pickle.dumps(resolve(component.target)(config, roots[name]))).read(indices)
    assert all(torch.equal(fields[key], twin[key]) for key in fields)
    one = dataset.read(indices[7:8])
    assert all(torch.equal(fields[key][7:8], one[key]) for key in fields)
    assert all(len(values) == 0 for values in dataset.read(indices[:0]).values())


@pytest.mark.parametrize("name", COMPONENTS)
def test_declaration_is_sound(name: str) -> None:
    component = COMPONENTS[name]
    assert not list(component.faults())
    assert issubclass(resolve(component.target), Dataset)
    assert all(item.help for item in options_of(component.config))


def test_declaring_and_specifying_imports_nothing_heavy(tmp_path: Path) -> None:
    (tmp_path / "cats").mkdir()
    code = (
        "import sys, pathlib, ganzoo_datasets\n"
        f"root = pathlib.Path({str(tmp_path)!r})\n"
        "[component.config().spec(root) for component in ganzoo_datasets.ganzoo_components()]\n"
        "print(*sorted({'torch', 'torchvision', 'numpy', 'sklearn', 'PIL', 'filelock'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_reading_never_unpickles(roots: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("unpickled")

    for function in ("load", "loads", "Unpickler"):
        monkeypatch.setattr(pickle, function, refuse)
    for name, component in COMPONENTS.items():
        resolve(component.target)(component.config(), roots[name]).read(torch.arange(3))


class Reader(torch.utils.data.Dataset[dict[str, torch.Tensor]]):
    def __init__(self, dataset: Dataset):
        self.dataset = dataset

    def __getitem__(self, indices: torch.Tensor) -> dict[str, torch.Tensor]:
        return self.dataset.read(indices)


@pytest.mark.parametrize("name", COMPONENTS)
def test_reads_the_same_in_worker_processes(name: str, roots: dict[str, Path]) -> None:
    dataset = resolve(COMPONENTS[name].target)(COMPONENTS[name].config(), roots[name])
    batches = [torch.tensor([5, 3, 5]), torch.tensor([0])]
    loader = torch.utils.data.DataLoader(Reader(dataset), sampler=batches, batch_size=None, num_workers=1)
    for indices, fields in zip(batches, loader, strict=True):
        expected = dataset.read(indices)
        assert all(torch.equal(fields[field], expected[field]) for field in expected)


# Digits


def test_digits_are_scikit_learns() -> None:
    from sklearn.datasets import load_digits

    fields = DigitsDataset(DigitsConfig(size=8), Path()).read(torch.arange(1797))
    theirs = load_digits()
    assert np.array_equal(fields["image"].squeeze(1).numpy(), np.rint(theirs.images * 255 / 16))
    assert np.array_equal(fields["label"].numpy(), theirs.target)


def test_digits_without_the_bundled_file_come_through_scikit_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = DigitsDataset(DigitsConfig(), Path()).read(torch.arange(1797))
    monkeypatch.setattr("ganzoo_datasets.digits.Path", lambda *_: Path("/nowhere/digits.csv.gz"))
    other = DigitsDataset(DigitsConfig(), Path()).read(torch.arange(1797))
    assert all(torch.equal(usual[name], other[name]) for name in usual)


@pytest.mark.parametrize("size", [8, 16, 28, 64])
def test_digits_use_the_full_range(size: int) -> None:
    images = DigitsDataset(DigitsConfig(size=size), Path()).read(torch.arange(1797))["image"]
    assert (int(images.min()), int(images.max())) == (0, 255)


@given(value=st.integers(0, 255), height=st.integers(1, 40), size=st.integers(1, 40))
def test_resizing_keeps_a_flat_image_flat(value: int, height: int, size: int) -> None:
    image = torch.full((2, 1, height, height), value, dtype=torch.uint8)
    assert torch.equal(resize(image, size), torch.full((2, 1, size, size), value, dtype=torch.uint8))


# The idx format


def idx(values: np.ndarray) -> bytes:
    return bytes((0, 0, 8, values.ndim)) + struct.pack(f">{values.ndim}I", *values.shape) + values.tobytes()


def write_mnist(root: Path, images: bytes, labels: bytes) -> Path:
    folder = root / "MNIST" / "raw"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "train-images-idx3-ubyte").write_bytes(images)
    (folder / "train-labels-idx1-ubyte").write_bytes(labels)
    return folder


IMAGES = np.arange(5 * 9 * 9, dtype=np.uint8).reshape(5, 9, 9)
LABELS = np.array([3, 1, 4, 1, 5], np.uint8)


@given(
    shape=st.tuples(st.integers(1, 4), st.integers(1, 5), st.integers(1, 5)),
    cut=st.integers(1, 30),
    extra=st.binary(min_size=1, max_size=9),
)
def test_idx_reads_what_was_written_and_nothing_else(shape: tuple[int, ...], cut: int, extra: bytes) -> None:
    values = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    whole = idx(values)
    assert np.array_equal(parse(whole, 3, Path("a"), "MNIST").numpy(), values)
    for wrong in (whole[:-cut], whole + extra):
        with pytest.raises(UserError, match="not a valid file of MNIST"):
            parse(wrong, 3, Path("a"), "MNIST")


@given(data=st.binary(max_size=60), rank=st.sampled_from([1, 3]))
def test_idx_of_any_bytes_is_a_tensor_or_a_user_error(data: bytes, rank: int) -> None:
    for content in (data, bytes((0, 0, 8, rank)) + data):
        try:
            assert parse(content, rank, Path("a"), "MNIST").ndim == rank
        except UserError:
            continue


DAMAGES = {
    "empty": (b"", idx(LABELS), "train-images.*it begins with nothing"),
    "header only": (idx(IMAGES)[:10], idx(LABELS), "train-images.*it ends within the header"),
    "cut": (idx(IMAGES)[:-1], idx(LABELS), "train-images.*the header says 5×9×9 bytes, but 404 follow"),
    "grown": (idx(IMAGES) + b"x", idx(LABELS), "but 406 follow"),
    "cut labels": (idx(IMAGES), idx(LABELS)[:-2], "train-labels.* but 3 follow"),
    "html": (b"<html>404 not found</html>", idx(LABELS), "begins with 3c 68 74 6d"),
    "swapped": (idx(LABELS), idx(IMAGES), "train-images.*it begins with 00 00 08 01"),
    "floats": (b"\0\0\x0d\x03" + idx(IMAGES)[4:], idx(LABELS), "begins with 00 00 0d 03"),
    "huge": (b"\0\0\x08\x03" + b"\xff" * 12, idx(LABELS), "4294967295×4294967295×4294967295 bytes, but 0 follow"),
    "no images": (idx(IMAGES[:0]), idx(LABELS[:0]), "holds nothing"),
    "fewer labels": (idx(IMAGES), idx(LABELS[:-1]), "has 5 images but .* has 4 labels"),
    "label 10": (idx(IMAGES), idx(LABELS * 2), "train-labels.*it has the label 10"),
    "not square": (idx(IMAGES[:, :, :-1]), idx(LABELS), "9×8, not square"),
}


@pytest.mark.parametrize("case", DAMAGES)
def test_damaged_idx_files_are_named(case: str, tmp_path: Path) -> None:
    images, labels, message = DAMAGES[case]
    write_mnist(tmp_path, images, labels)
    with pytest.raises(UserError, match=message) as caught:
        IdxDataset(MnistConfig(), tmp_path)
    assert str(tmp_path) in str(caught.value)


def test_gzipped_idx_files_are_read_and_kept_unpacked(tmp_path: Path, offline: None) -> None:
    folder = write_mnist(tmp_path, idx(IMAGES), idx(LABELS))
    plain = IdxDataset(MnistConfig(size=9), tmp_path).read(torch.arange(5))
    for path in list(folder.iterdir()):
        (folder / f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    for _ in range(2):
        packed = IdxDataset(MnistConfig(size=9), tmp_path).read(torch.arange(5))
        assert all(torch.equal(plain[name], packed[name]) for name in plain)
        assert (folder / "train-images-idx3-ubyte").read_bytes() == idx(IMAGES)
    assert not list(folder.glob("*.part")) + list(folder.glob(".*.part"))


def test_links_that_came_with_the_data_are_not_written_through(tmp_path: Path, offline: None) -> None:
    folder, precious = write_mnist(tmp_path, idx(IMAGES), idx(LABELS)), tmp_path / "precious"
    packed = folder / "train-images-idx3-ubyte"
    packed.with_name(f"{packed.name}.gz").write_bytes(gzip.compress(packed.read_bytes()))
    packed.unlink()
    precious.write_text("all of my work")
    for name in (".download.owner", f".{packed.name}.part"):
        (folder / name).symlink_to(precious)
    assert len(IdxDataset(MnistConfig(), tmp_path)) == 5
    assert precious.read_text() == "all of my work"
    assert packed.read_bytes() == idx(IMAGES) and not packed.is_symlink()


def test_gzipped_idx_files_are_read_where_nothing_can_be_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_mnist(tmp_path, b"", b"")
    for path, data in zip(sorted(folder.iterdir()), (idx(IMAGES), idx(LABELS)), strict=True):
        (folder / f"{path.name}.gz").write_bytes(gzip.compress(data))
        path.unlink()
    before = sorted(folder.iterdir())

    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("ganzoo_datasets.files.FileLock", refuse)
    assert len(IdxDataset(MnistConfig(), tmp_path)) == 5
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize("damage", ["cut", "no gzip", "flipped", "not idx"])
def test_damaged_gzip_files_are_named(damage: str, tmp_path: Path, offline: None) -> None:
    folder = write_mnist(tmp_path, idx(IMAGES), idx(LABELS))
    (folder / "train-images-idx3-ubyte").unlink()
    packed = bytearray(gzip.compress(idx(IMAGES)))
    flipped = packed.copy()
    flipped[len(packed) // 2] ^= 0xFF
    data = {"cut": packed[:-20], "no gzip": b"hello", "flipped": flipped, "not idx": gzip.compress(b"hello")}[damage]
    (folder / "train-images-idx3-ubyte.gz").write_bytes(bytes(data))
    with pytest.raises(UserError, match=r"train-images-idx3-ubyte\.gz is not a valid file of MNIST"):
        IdxDataset(MnistConfig(), tmp_path)
    assert not (folder / "train-images-idx3-ubyte").exists()


def test_a_packed_file_that_never_ends_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ganzoo_datasets.idx.LIMIT", 1000)
    folder = write_mnist(tmp_path, b"", idx(LABELS))
    (folder / "train-images-idx3-ubyte").unlink()
    (folder / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(bytes(100_000)))
    with pytest.raises(UserError, match="begins with 00 00 00 00"):
        IdxDataset(MnistConfig(), tmp_path)


def test_a_folder_in_the_place_of_a_file_is_named(tmp_path: Path) -> None:
    folder = write_mnist(tmp_path, b"", idx(LABELS))
    (folder / "train-images-idx3-ubyte").unlink()
    (folder / "train-images-idx3-ubyte").mkdir()
    with pytest.raises(UserError, match="train-images-idx3-ubyte cannot be read"):
        IdxDataset(MnistConfig(), tmp_path)


@pytest.mark.skipif(not (SHARED / "MNIST").is_dir(), reason="the real MNIST files are not there")
@pytest.mark.parametrize(("split", "count"), [("train", 60_000), ("test", 10_000)])
def test_real_mnist(split: str, count: int) -> None:
    dataset = IdxDataset(make(MnistConfig, {"split": split}, "mnist"), SHARED)
    fields = dataset.read(torch.arange(count))
    assert len(dataset) == count
    assert fields["image"].shape == (count, 1, 28, 28)
    assert (int(fields["image"].min()), int(fields["image"].max())) == (0, 255)
    assert (
        fields["label"][:10].tolist()
        == {
            "train": [5, 0, 4, 1, 9, 2, 1, 3, 1, 4],
            "test": [7, 2, 1, 0, 4, 1, 4, 9, 5, 9],
        }[split]
    )
    assert abs(float(fields["image"].float().mean()) / 255 - 0.131) < 0.002


# CIFAR-10


def tar(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return file.getvalue()


def test_cifar_is_read_from_the_archive_and_kept_unpacked(
    roots: dict[str, Path], tmp_path: Path, offline: None
) -> None:
    plain = CifarDataset(Cifar10Config(), roots["cifar10"])
    everything = plain.read(torch.arange(len(plain)))
    assert len(plain) == 5 * stand_ins.CIFAR_COUNT
    folder = roots["cifar10"] / FOLDER
    evil = {"../evil.bin": b"x", "/tmp/evil.bin": b"x", f"{FOLDER}/../data_batch_1.bin": b"x", "data_batch_1.bin": b"x"}
    members = {f"{FOLDER}/{path.name}": path.read_bytes() for path in sorted(folder.iterdir())}
    (tmp_path / "cifar-10-binary.tar.gz").write_bytes(tar({**evil, **members, **evil}))
    for _ in range(2):
        packed = CifarDataset(Cifar10Config(), tmp_path).read(torch.arange(len(plain)))
        assert all(torch.equal(everything[name], packed[name]) for name in everything)
        assert {path.name for path in (tmp_path / FOLDER).glob("*.bin")} == set(BATCHES["train"])
    assert len(CifarDataset(make(Cifar10Config, {"split": "test"}, "cifar10"), tmp_path)) == stand_ins.CIFAR_COUNT
    assert not list(tmp_path.rglob("evil*"))


def test_cifar_orders_its_channels_as_the_published_files_do(tmp_path: Path) -> None:
    record = bytes([7]) + bytes([10] * 1024 + [20] * 1024 + [30] * 1024)
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / "test_batch.bin").write_bytes(record)
    fields = CifarDataset(make(Cifar10Config, {"split": "test"}, "cifar10"), tmp_path).read(torch.arange(1))
    assert fields["image"][0, :, 5, 5].tolist() == [10, 20, 30]
    assert Cifar10Config.class_names[int(fields["label"])] == "horse"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", r"test_batch\.bin .*its 0 bytes are not records of 3073"),
        (bytes(RECORD + 1), "its 3074 bytes are not records"),
        (bytes([10]) + bytes(RECORD - 1), "has the label 10"),
    ],
)
def test_damaged_cifar_batches_are_named(data: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / "test_batch.bin").write_bytes(data)
    with pytest.raises(UserError, match=message):
        CifarDataset(make(Cifar10Config, {"split": "test"}, "cifar10"), tmp_path)


def flipped(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 0x10]) + data[place + 1 :]


WHOLE = tar({f"{FOLDER}/{name}": os.urandom(RECORD) for name in BATCHES["train"]})


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (flipped(WHOLE, len(WHOLE) // 2), "not a valid file of CIFAR-10"),
        (flipped(WHOLE, -6 % len(WHOLE)), "not a valid file of CIFAR-10"),
        (WHOLE[:-4], "not a valid file of CIFAR-10"),
        (b"", "not a valid file of CIFAR-10"),
        (b"hello", "not a valid file of CIFAR-10"),
        (tar({f"{FOLDER}/data_batch_1.bin": os.urandom(RECORD)})[:-500], "not a valid file of CIFAR-10"),
        (tar({f"{FOLDER}/data_batch_1.bin": bytes(RECORD)}), r"it lacks data_batch_2\.bin, data_batch_3"),
    ],
)
def test_damaged_cifar_archives_are_named(data: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "cifar-10-binary.tar.gz").write_bytes(data)
    with pytest.raises(UserError, match=message):
        CifarDataset(Cifar10Config(), tmp_path)
    assert not (tmp_path / FOLDER).exists()


def test_a_cifar_archive_of_links_writes_and_reads_nothing(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "cifar-10-binary.tar.gz", "w:gz") as archive:
        for name in BATCHES["train"]:
            info = tarfile.TarInfo(f"{FOLDER}/{name}")
            info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
            archive.addfile(info)
    with pytest.raises(UserError, match="it lacks"):
        CifarDataset(Cifar10Config(), tmp_path)


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
    for name in ("b.png", "a.JPG", "c.webp", "notes.txt", ".hidden.png"):
        save(tmp_path / name, format="PNG")
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
    save(tmp_path / "float.tiff", Image.new("F", (9, 9)))
    assert len(read_all(tmp_path)["image"]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert "left out 9 of 10 files" in lines[0]
    assert "bomb.png" in lines[0]
    assert lines[0].endswith(", …")


@pytest.mark.filterwarnings("error")
def test_images_of_every_kind_show_the_same(tmp_path: Path) -> None:
    plain = pixels(save(tmp_path / "rgb.png"), 16, "RGB").astype(int)
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
        found = pixels(save(tmp_path / name, image, **options), 16, "RGB").astype(int)
        assert found.shape == (3, 16, 16)
        assert np.abs(found - plain).mean() < 8, name


def test_transparent_becomes_white_and_16_bit_keeps_its_range(tmp_path: Path) -> None:
    clear = save(tmp_path / "clear.png", Image.new("RGBA", (9, 9), (0, 0, 0, 0)))
    half = save(tmp_path / "half.png", Image.new("LA", (9, 9), (0, 128)))
    keyed = save(tmp_path / "keyed.gif", Image.new("P", (9, 9), 0), transparency=0)
    assert (pixels(clear, 8, "RGB") == 255).all()
    assert (pixels(keyed, 8, "RGB") == 255).all()
    assert np.abs(pixels(half, 8, "L").astype(int) - 127).max() <= 1
    ramp = np.tile(np.linspace(0, 65535, 64).astype(np.uint16), (64, 1))
    expected = np.tile(np.linspace(0, 255, 64), (64, 1))
    for name in ("deep.png", "deep.tif", "deep.pgm"):
        deep = save(tmp_path / name, Image.fromarray(ramp))
        assert np.abs(pixels(deep, 64, "L")[0] - expected).max() <= 1, name
        assert pixels(deep, 64, "RGB").shape == (3, 64, 64)


@pytest.mark.parametrize(("width", "height"), [(1, 1), (1, 500), (500, 1), (8, 8), (300, 200), (7, 9)])
def test_any_shape_is_fitted_and_cut(width: int, height: int, tmp_path: Path) -> None:
    for name in ("a.png", "a.jpg"):
        path = save(tmp_path / name, picture(width, height))
        assert pixels(path, 16, "RGB").shape == (3, 16, 16)
        assert pixels(path, 16, "L").shape == (1, 16, 16)


def test_the_centre_is_kept(tmp_path: Path) -> None:
    image = Image.new("L", (90, 30))
    image.paste(200, (30, 0, 60, 30))
    assert (pixels(save(tmp_path / "a.png", image), 30, "L") == 200).all()


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
    assert images_below(tmp_path / "root") == [path]
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
    assert [path.name for path in images_below(root / "cat")] == ["1.png"]
    assert sorted(path.name for path in images_below(root / "dog")) == ["2.png", "3.png"]
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
    jpeg = pixels(save(tmp_path / "a.jpg", image, quality=98), 32, "RGB").astype(int)
    png = pixels(save(tmp_path / "a.png", image), 32, "RGB").astype(int)
    assert np.abs(jpeg - png).mean() < 2


# The Gaussians

PLACES = {
    "ring": (RingConfig(), [(2, 0), (2**0.5, 2**0.5), (0, 2), (-(2**0.5), 2**0.5), (-2, 0)]),
    "grid": (GridConfig(), [(-4, -4), (-4, -2), (-4, 0), (-4, 2), (-4, 4), (-2, -4)]),
    "small grid": (GridConfig(side=2, spacing=1.0), [(-0.5, -0.5), (-0.5, 0.5), (0.5, -0.5), (0.5, 0.5)]),
}


@pytest.mark.parametrize(("config", "first"), PLACES.values(), ids=PLACES)
def test_gaussians_are_where_they_say(config: GaussiansConfig, first: list[tuple[float, float]]) -> None:
    means = torch.tensor(config.centres)
    torch.testing.assert_close(means[: len(first)], torch.tensor(first, dtype=torch.float32))
    fields = GaussiansDataset(config, Path()).read(torch.arange(config.count))
    away = fields["point"] - means[fields["label"]]
    assert torch.allclose(away.std(dim=0), torch.full((2,), config.std), rtol=0.02)
    assert fields["label"].bincount().tolist() == [config.count // len(means)] * len(means)
    nearest = torch.cdist(fields["point"], means).argmin(dim=1)
    assert torch.equal(nearest, fields["label"])


def test_the_ring_and_the_grid_are_those_of_the_literature() -> None:
    ring, grid = (torch.tensor(config.centres) for config in (RingConfig(), GridConfig()))
    assert torch.allclose(ring.norm(dim=1), torch.full((8,), 2.0))
    assert sorted(grid.tolist()) == [[float(x), float(y)] for x in range(-4, 5, 2) for y in range(-4, 5, 2)]
    assert GridConfig().std == 0.05


def test_seeds_differ() -> None:
    for config, dataset in (
        (RingConfig, GaussiansDataset),
        (GridConfig, GaussiansDataset),
        (ShapesConfig, ShapesDataset),
    ):
        one, two = (dataset(config(seed=seed, count=100), Path()).read(torch.arange(100)) for seed in (0, 1))
        first = next(iter(one))
        assert not torch.equal(one[first], two[first])


# The stacked digits


@pytest.mark.parametrize("split", ["train", "test"])
def test_stacked_digits_are_those_of_mnist_and_spell_their_class(split: Any, roots: dict[str, Path]) -> None:
    fields = StackedMnistDataset(StackedMnistConfig(split=split, count=500), roots["stacked-mnist"]).read(
        torch.arange(500)
    )
    mnist = IdxDataset(MnistConfig(split=split), roots["stacked-mnist"])
    known = mnist.read(torch.arange(len(mnist)))
    digit_of = {
        image.numpy().tobytes(): int(label) for image, label in zip(known["image"], known["label"], strict=True)
    }
    assert len(digit_of) == len(mnist)
    spelt = [[digit_of[channel.numpy().tobytes()] for channel in image] for image in fields["image"]]
    assert [int("".join(map(str, digits))) for digits in spelt] == fields["label"].tolist()
    assert len(set(fields["label"].tolist())) > 300


def test_stacked_digits_depend_on_seed_and_index_alone(roots: dict[str, Path]) -> None:
    def read(**options: Any) -> dict[str, torch.Tensor]:
        return StackedMnistDataset(StackedMnistConfig(**options), roots["stacked-mnist"]).read(torch.arange(50))

    one, more, other = read(count=50), read(count=1000), read(count=50, seed=1)
    assert all(torch.equal(one[name], more[name]) for name in one)
    assert not torch.equal(one["label"], other["label"])


def test_stacked_mnist_has_as_many_images_as_the_literature_takes(roots: dict[str, Path]) -> None:
    root = roots["stacked-mnist"]
    assert len(StackedMnistDataset(StackedMnistConfig(), root)) == 128_000
    assert len(StackedMnistDataset(StackedMnistConfig(split="test"), root)) == 26_000
    assert len(StackedMnistDataset(StackedMnistConfig(split="test", count=7), root)) == 7


# The shapes


def test_every_scene_has_a_caption_of_its_own() -> None:
    captions = {describe(scene) for scene in SCENES}
    assert len(captions) == len(SCENES) == len({scene.attributes for scene in SCENES})
    assert "a large red circle on the left" in captions
    assert "a small white star" in captions
    assert max(len(caption.split()) for caption in captions) == scenes.CAPTION_LENGTH
    assert set(DISTANCES) == set(SHAPES)
    for scene in SCENES:
        words = " ".join(VOCABULARY[token] for token in scene.tokens if token)
        assert words == describe(scene)
        assert sum(scene.attributes) == 4


@settings(max_examples=10, deadline=None)
@given(
    seed=st.integers(0, 2**53),
    indices=st.lists(st.integers(0, 10_000_000 - 1), min_size=1, max_size=20),
    size=st.sampled_from([16, 32]),
)
def test_a_shape_depends_on_seed_and_index_alone(seed: int, indices: list[int], size: int) -> None:
    dataset = ShapesDataset(ShapesConfig(seed=seed, size=size, count=10_000_000), Path())
    fields = dataset.read(torch.tensor(indices))
    for place, index in enumerate(indices):
        alone = ShapesDataset(ShapesConfig(seed=seed, size=size, count=index + 1), Path()).read(torch.tensor([index]))
        assert all(torch.equal(fields[name][place : place + 1], alone[name]) for name in fields)
        scene = truth(seed, index)
        assert SHAPES[int(fields["label"][place])] == scene.shape
        assert tuple(fields["attributes"][place].tolist()) == scene.attributes
        assert tuple(fields["caption"][place].tolist()) == scene.tokens


def test_shapes_are_as_large_as_bright_and_where_the_truth_says() -> None:
    images = pictures(0, np.arange(2000), 32).astype(float)
    colour = np.abs(images - images[:, :, :1, :1]).max(axis=1) > 40
    for index in range(2000):
        scene = truth(0, index)
        rows, columns = np.nonzero(colour[index])
        assert len(rows) > 10
        middle = (columns.min() + columns.max()) / 2 - 15.5, (rows.min() + rows.max()) / 2 - 15.5
        expected = np.array(scenes.PLACES[scene.place]) * 32
        # The box of a triangle or a crescent is not about its centre.
        assert np.abs(np.array(middle) - expected).max() < 3.5, scene
        width = max(np.ptp(rows), np.ptp(columns)) + 1
        assert (width > 12.5) == (scene.size == "large"), (scene, width)
        inside = images[index][:, colour[index]]
        shown = inside[:, np.linalg.norm(inside - images[index][:, 0, :1], axis=0).argmax()]
        likeness = {name: shown @ rgb / np.linalg.norm(rgb) for name, rgb in scenes.COLOURS.items()}
        assert max(likeness, key=likeness.__getitem__) == scene.colour


def test_shapes_are_balanced_and_bounded() -> None:
    fields = ShapesDataset(ShapesConfig(), Path()).read(torch.arange(10_000))
    share = fields["attributes"].mean(dim=0)
    for group in (scenes.SHAPES, scenes.COLOURS, scenes.SIZES, scenes.PLACES):
        for name in group:
            assert abs(float(share[scenes.ATTRIBUTES.index(name)]) - 1 / len(group)) < 0.02
    for index in (-1, 10_000):
        with pytest.raises(IndexError):
            ShapesDataset(ShapesConfig(), Path()).read(torch.tensor([index]))


@pytest.mark.parametrize(("condition", "kind"), [("label", "class"), ("attributes", "vector"), ("caption", "tokens")])
def test_shapes_condition_on_what_was_chosen(condition: str, kind: str) -> None:
    spec = make(ShapesConfig, {"condition": condition}, "shapes").spec(Path())
    assert f"condition:{kind}" in spec.provides
    assert not any("condition" in offer for offer in ShapesConfig(condition="none").spec(Path()).provides)
