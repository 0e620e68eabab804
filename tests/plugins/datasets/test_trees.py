"""Folders as people have them: which are classes, which are parts for training and test, and what is left out."""

from __future__ import annotations

import io
import json
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from ganzoo.catalogue.options import make, options_of
from ganzoo.errors import Refused, UserError
from ganzoo_datasets.folder import FolderDataset
from ganzoo_datasets.trees import FolderConfig
from ganzoo_datasets.walks import SYSTEM_NAMES, scan

RUN_CONFIG = json.dumps({"variant": "gan", "run": {}, "parts": {}})


def image(colour: int = 0, format: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), (colour % 256, colour // 256, 0)).save(buffer, format)
    return buffer.getvalue()


def put(root: Path, *names: str, content: bytes | None = None) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(image() if content is None else content)
    return root


def put_run(path: Path) -> None:
    put(path, "samples/step-00000000.png", "curves.png", "samples.gif")
    (path / "config.json").write_text(RUN_CONFIG)


def opened(root: Path, **options: Any) -> FolderDataset:
    return FolderDataset(make(FolderConfig, {"size": 8, **options}, "folder"), root)


def classes_of(root: Path, **options: Any) -> tuple[str, ...]:
    field = make(FolderConfig, options, "folder").spec(root).condition_field
    return field.names if field is not None else ()


def said(dataset: FolderDataset) -> str:
    return "\n".join(dataset.notes())


# The content decides


@pytest.mark.parametrize(
    ("name", "format"),
    [
        ("a.jfif", "JPEG"),
        ("a.jpe", "JPEG"),
        ("a.JPG_large", "JPEG"),
        ("a", "PNG"),
        ("a.jp2", "JPEG2000"),
        ("a.avif", "AVIF"),
        ("a.pbm", "PPM"),
        ("a.pdf", "WEBP"),
    ],
)
@pytest.mark.parametrize("labels", ["auto", "none"])
def test_an_image_of_any_name_is_used(name: str, format: str, labels: str, tmp_path: Path) -> None:
    put(tmp_path, name, f"{name}2", content=image(200, format))
    dataset = opened(tmp_path, labels=labels)
    assert dataset.read(torch.arange(len(dataset)))["image"].shape == (2, 3, 8, 8)
    assert said(dataset) == ""


@pytest.mark.parametrize("format", ["JPEG2000", "AVIF"])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L"])
def test_newer_formats_show_the_same(format: str, mode: str, tmp_path: Path) -> None:
    picture = Image.new("RGB", (32, 32), (250, 0, 0)).convert(mode)
    picture.save(tmp_path / "a", format, quality=95) if format == "AVIF" else picture.save(tmp_path / "a", format)
    shown = opened(tmp_path).read(torch.tensor([0]))["image"][0, :, 4, 4].tolist()
    assert shown == pytest.approx([250, 0, 0] if mode != "L" else [75] * 3, abs=4)


def test_what_is_no_image_is_counted_by_kind(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put(tmp_path, "cat/a.png", "dog/b.png")
    put(tmp_path, "cat/c.heic", "cat/d.HEIC", "cat/Python notes", "labels.csv", "dog/BMW.txt", content=b"P5 no image")
    dataset = opened(tmp_path)
    assert dataset.notes() == [
        "classes: cat 1, dog 1",
        "left out: 5 that are no images (.heic 2, .csv 1, Python notes 1, .txt 1)",
    ]
    assert capsys.readouterr().err == ""


def test_a_damaged_image_is_a_warning_and_is_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put(tmp_path, "a.png")
    put(tmp_path, "b.jfif", "c", content=image()[:-25])
    dataset = opened(tmp_path)
    assert len(dataset) == 1
    assert "left out 2 of 3 files" in capsys.readouterr().err
    assert dataset.notes() == ["left out: 2 unusable"]


def test_a_folder_without_images_says_what_is_there(tmp_path: Path) -> None:
    put(tmp_path, "photos.zip", "notes.txt", content=b"PK\3\4")
    with pytest.raises(UserError, match=r"has no images: unpack photos\.zip, or put image files there"):
        FolderConfig().spec(tmp_path)
    with pytest.raises(UserError, match=r"photos\.zip is not a folder: unpack it first, and name the folder"):
        FolderConfig().spec(tmp_path / "photos.zip")
    put(tmp_path / "other", ".git/a.png", "@eaDir/b.png")
    with pytest.raises(UserError, match=r"has no images, only .*\.git \(hidden\)"):
        FolderConfig().spec(tmp_path / "other")


def test_a_file_beside_the_classes_need_not_be_called_an_image(tmp_path: Path) -> None:
    put(put(tmp_path, "cat/a.png"), "notes.txt", content=b"no image")
    assert classes_of(tmp_path) == ("cat",)
    put(tmp_path, "cover")
    with pytest.raises(UserError, match=r"both sub-folders \(cat, …\) and images \(cover, …\)"):
        FolderConfig().spec(tmp_path)


# What systems, tools and trainings leave among images

SYSTEMS = ("__MACOSX", ".thumbnails", "@eaDir", ".git", "lost+found", "$RECYCLE.BIN", ".ipynb_checkpoints", "@EADIR",
           "System Volume Information")  # fmt: skip


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_folder_of_the_system_is_no_class_and_is_not_read(name: str, tmp_path: Path) -> None:
    put(tmp_path, "cat/a.png", "dog/b.png", f"{name}/c.png", f"cat/{name}/d.png", f"cat/more/{name}/e.png")
    dataset = opened(tmp_path)
    assert (classes_of(tmp_path), len(dataset)) == (("cat", "dog"), 2)
    assert re.search(rf"3 (hidden|of the system) \(.*{re.escape(name)}", said(dataset))
    assert len(opened(tmp_path, labels="none")) == 2


def test_files_of_the_system_are_no_images(tmp_path: Path) -> None:
    put(tmp_path, "a.png", "Thumbs.db", ".DS_Store", "._a.png", "desktop.ini", "sub/Thumbs.db")
    dataset = opened(tmp_path, labels="none")
    assert len(dataset) == 1
    assert "3 of the system" in said(dataset) and "2 hidden" in said(dataset)


def test_names_of_systems_are_compared_without_capitals() -> None:
    assert {name.casefold() for name in SYSTEM_NAMES} == SYSTEM_NAMES


@pytest.mark.parametrize("place", ["runs/gan", "runs/a/b", "gan", "cat/runs/gan", "odd name"])
def test_a_run_among_the_data_is_never_read(place: str, tmp_path: Path) -> None:
    put(tmp_path, "cat/a.png", "dog/b.png")
    before = FolderConfig().spec(tmp_path)
    put_run(tmp_path / place)
    dataset = opened(tmp_path)
    assert FolderConfig().spec(tmp_path) == before
    assert len(dataset) == 2
    assert "1 with runs of ganzoo" in said(dataset)
    assert len(opened(tmp_path, labels="none")) == 2


def test_a_class_called_runs_is_a_class(tmp_path: Path) -> None:
    put(tmp_path, "runs/a.png", "walks/b.png", "runs/sub/c.png")
    put_run(tmp_path / "runs" / "gan")
    assert classes_of(tmp_path) == ("runs", "walks")
    assert len(opened(tmp_path)) == 3


def test_a_folder_of_nothing_but_images_among_runs(tmp_path: Path) -> None:
    put(tmp_path, "a.png", "b.png")
    put_run(tmp_path / "runs" / "gan")
    assert classes_of(tmp_path) == ()
    assert len(opened(tmp_path)) == 2


def test_a_name_in_two_unicode_forms_is_one_class(tmp_path: Path) -> None:
    composed, divided = "\N{LATIN CAPITAL LETTER A WITH DIAERESIS}pfel", "A\N{COMBINING DIAERESIS}pfel"
    put(tmp_path, f"train/{composed}/a.png", f"train/{divided}/b.png", f"test/{divided}/c.png")
    assert classes_of(tmp_path) == classes_of(tmp_path, split="test") == (composed,)
    assert len(opened(tmp_path)) == 2


# Parts for training and test


@pytest.mark.parametrize("train", ["train", "training", "Train"])
@pytest.mark.parametrize(
    ("other", "part"),
    [("test", "test"), ("Testing", "test"), ("val", "val"), ("valid", "val"), ("VALIDATION", "val")],
)
def test_the_part_for_training_is_used(train: str, other: str, part: str, tmp_path: Path) -> None:
    put(tmp_path, f"{train}/cat/a.png", f"{train}/dog/b.png", f"{other}/cat/c.png", "labels.csv")
    dataset = opened(tmp_path)
    assert (classes_of(tmp_path), len(dataset)) == (("cat", "dog"), 2)
    assert dataset.notes()[0] == f"images of train, not of {part}; --dataset-split chooses"


@pytest.mark.parametrize(
    ("split", "classes", "count"),
    [
        ("train", ("cat", "dog"), 3),
        ("val", ("cat",), 1),
        ("test", ("cat", "ox"), 2),
        ("train,val", ("cat", "dog"), 4),
        ("all", ("cat", "dog", "ox"), 6),
        ("none", ("test", "train", "valid"), 6),
    ],
)
def test_any_parts_can_be_chosen(split: str, classes: tuple[str, ...], count: int, tmp_path: Path) -> None:
    put(tmp_path, "train/cat/a.png", "train/cat/b.png", "train/dog/c.png", "valid/cat/d.png")
    put(tmp_path, "test/cat/e.png", "test/ox/f.png")
    dataset = opened(tmp_path, split=split)
    assert (classes_of(tmp_path, split=split), len(dataset)) == (classes, count)
    assert set(dataset.read(torch.arange(count))["label"].tolist()) == set(range(len(classes)))
    assert len(opened(tmp_path, split=split, labels="none")) == count


def test_parts_without_classes(tmp_path: Path) -> None:
    put(tmp_path, "train/a.png", "train/b.png", "test/c.png", "docs/d.png")
    dataset = opened(tmp_path)
    assert (classes_of(tmp_path), len(dataset)) == ((), 2)
    assert said(dataset).endswith("left out: 1 beside the parts (docs)")
    put(tmp_path, "samples.png", "list.csv")
    expected = "left out: 1 that are no images (.csv 1); 2 beside the parts (docs, samples.png)"
    assert said(opened(tmp_path)).endswith(expected)
    assert len(opened(tmp_path, split="all")) == 3


@pytest.mark.parametrize("folders", [("train", "bus"), ("test", "bus"), ("train", "bus", "car"), ("a", "b")])
def test_a_class_may_be_called_train(folders: tuple[str, ...], tmp_path: Path) -> None:
    put(tmp_path, *(f"{name}/a.png" for name in folders))
    assert classes_of(tmp_path) == tuple(sorted(folders))


def test_what_is_asked_of_parts_that_are_not_there_is_refused(tmp_path: Path) -> None:
    put(tmp_path / "a", "test/1.png")
    with pytest.raises(UserError, match=r"has the parts test, and no train: .* --dataset-split none"):
        FolderConfig().spec(tmp_path / "a")
    put(tmp_path / "b", "cat/1.png")
    with pytest.raises(UserError, match="has no folders called train, val or test: leave out --dataset-split"):
        FolderConfig(split=("test",)).spec(tmp_path / "b")
    for split in ("all,train", "none,val", "trian"):
        with pytest.raises(Refused):
            make(FolderConfig, {"split": split}, "folder")
    put(tmp_path / "c", "train/1.png", "test/cat/2.png")
    with pytest.raises(UserError, match="both sub-folders"):
        FolderConfig(split=("all",)).spec(tmp_path / "c")


def test_the_option_says_its_words() -> None:
    (split,) = [option for option in options_of(FolderConfig) if option.name == "split"]
    assert split.metavar == "train|val|test|all|none,…"


# What people may not have meant


def test_folders_inside_a_class_belong_to_it_and_that_is_said(tmp_path: Path) -> None:
    put(tmp_path, "photos/cat/a.png", "photos/dog/b.png")
    dataset = opened(tmp_path)
    assert classes_of(tmp_path) == ("photos",)
    advice = f"to make them the classes, name the folder above them: --data-root {tmp_path / 'photos'}"
    assert f"folders inside a class belong to it (photos/cat, …); {advice}" in said(dataset)
    assert classes_of(tmp_path / "photos") == ("cat", "dog")


def test_classes_that_differ_in_capitals_alone_are_named(tmp_path: Path) -> None:
    put(tmp_path, "cat/a.png", "dog/b.png")
    try:
        put(tmp_path, "Cat/c.png")
    except OSError:
        pytest.skip("this file system has one name for both")
    if len(os.listdir(tmp_path)) == 2:
        pytest.skip("this file system has one name for both")
    assert "classes that differ in capitals alone: Cat, cat" in said(opened(tmp_path))


def test_many_classes_are_summed_up(tmp_path: Path) -> None:
    for number in range(30):
        put(tmp_path, *(f"class {number:02}/{each}.png" for each in range(1 + number % 3)))
    first = opened(tmp_path).notes()[0]
    assert first.startswith("classes: class 00 1, class 01 2, class 02 3")
    assert first.endswith("and 20 more with 1 to 3")


def test_an_unreadable_folder_is_named(tmp_path: Path) -> None:
    put(tmp_path, "cat/a.png", "dog/b.png")
    (tmp_path / "cat").chmod(0)
    try:
        if os.access(tmp_path / "cat", os.R_OK):
            pytest.skip("this user may read everything")
        with pytest.raises(UserError, match=r"cat cannot be read .*: make it readable"):
            opened(tmp_path)
    finally:
        (tmp_path / "cat").chmod(0o700)


def test_pipes_and_links_of_any_name_do_not_hang(tmp_path: Path) -> None:
    put(tmp_path, "a.png")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zero").symlink_to("/dev/zero")
    (tmp_path / "knot").symlink_to(tmp_path / "knot")
    os.mkfifo(tmp_path / "config.json")
    dataset = opened(tmp_path)
    assert len(dataset) == 1
    assert "4 that are no images" in said(dataset)


# Any tree

SOUND, TEXT, EMPTY = "an image", "text", "nothing"
FOLDERS = ("cat", "dog", "Dog", "train", "test", "runs", ".git", "@eaDir", "lost+found")
FILES = ("a.png", "b", "c.jfif", "d.txt", ".e.png", "Thumbs.db", "f.avif", "config.json")
TREES = st.dictionaries(
    st.tuples(st.lists(st.sampled_from(FOLDERS), max_size=3).map(tuple), st.sampled_from(FILES)),
    st.sampled_from((SOUND, SOUND, TEXT, EMPTY)),
    min_size=1,
    max_size=12,
)
Tree = dict[tuple[tuple[str, ...], str], str]


def grow(root: Path, tree: Tree, runs: set[tuple[str, ...]]) -> dict[int, tuple[tuple[str, ...], str]]:
    """Write a tree, and return the place of each sound image by its colour."""
    places = {}
    for number, ((folders, name), kind) in enumerate(tree.items()):
        path = root.joinpath(*folders) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes({SOUND: image(number), TEXT: b"P6 some text", EMPTY: b""}[kind])
        if kind == SOUND:
            places[number] = (folders, name)
    for folders in runs:
        put_run(root.joinpath(*folders))
        places = {number: place for number, place in places.items() if place != (folders, "config.json")}
    return places


def passed(names: tuple[str, ...]) -> bool:
    return any(name.startswith(".") or name.casefold() in SYSTEM_NAMES for name in names)


def in_run(folders: tuple[str, ...], runs: set[tuple[str, ...]]) -> bool:
    return any(folders[: len(run)] == run for run in runs)


@pytest.fixture(scope="module")
def root_of() -> Iterator[Callable[[], Path]]:
    with tempfile.TemporaryDirectory() as folder:
        numbers = iter(range(10**6))
        yield lambda: Path(folder) / str(next(numbers))


@given(tree=TREES, runs=st.sets(st.sampled_from([("runs", "gan"), ("cat", "gan"), ("gan",)])))
def test_of_any_tree_all_images_are_used_once_and_the_rest_is_counted(
    tree: Tree, runs: set[tuple[str, ...]], root_of: Callable[[], Path]
) -> None:
    root = root_of()
    places = grow(root, tree, runs)
    used = {colour for colour, (folders, name) in places.items() if not passed((*folders, name))}
    used -= {colour for colour, (folders, _) in places.items() if in_run(folders, runs)}
    if not used:
        with pytest.raises(UserError, match=r"has no (readable )?images?"):
            opened(root, labels="none", split="none")
        return
    dataset = opened(root, labels="none", split="none")
    shown = dataset.read(torch.arange(len(dataset)))["image"][:, 0, 4, 4].tolist()
    # The formats of the tree lose nothing, so that colours are names.
    assert sorted(shown) == sorted(used)
    rest = [(folders, name) for (folders, name), kind in tree.items() if kind != SOUND]
    rest = [place for place in rest if not passed((*place[0], place[1])) and not in_run(place[0], runs)]
    counted = re.findall(r"(\d+) (?:unusable|that are no images)", said(dataset))
    assert sum(map(int, counted)) == len(rest)


@given(tree=TREES, runs=st.sets(st.sampled_from([("runs", "gan"), ("cat", "gan"), ("gan",)])))
def test_of_any_tree_each_image_has_the_class_of_its_folder(
    tree: Tree, runs: set[tuple[str, ...]], root_of: Callable[[], Path]
) -> None:
    root = root_of()
    places = grow(root, tree, runs)
    try:
        names = classes_of(root)
        dataset = opened(root)
    except UserError:  # it is not clear what the classes are, or one has no image
        return
    fields = dataset.read(torch.arange(len(dataset)))
    for row, colour in enumerate(fields["image"][:, 0, 4, 4].tolist()):
        folders = places[colour][0]
        parts = bool(folders) and folders[0] == "train" and "train" not in names
        inner = folders[1:] if parts else folders
        assert (names[int(fields["label"][row])] == inner[0]) if names else not inner
    top = {path.name for path in scan(root).folders}
    assert set(names) <= top or "train" in top
