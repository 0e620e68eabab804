"""Images with a table."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import ganzoo
from ganzoo.batches.fingerprint import fingerprint_of
from ganzoo.batches.reading import check_fields
from ganzoo.catalogue.options import make
from ganzoo.errors import UserError
from ganzoo_datasets.table import TableDataset
from ganzoo_datasets.table_options import TableConfig

NAMES = ("a.png", "b.png", "c.png", "d.png")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four grey images, each of a grey of its own."""
    for number, name in enumerate(NAMES):
        Image.fromarray(np.full((12, 12, 3), 40 * number + 40, np.uint8)).save(tmp_path / name)
    return tmp_path


def write(folder: Path, *lines: str, name: str = "data.csv", encoding: str = "utf-8") -> None:
    (folder / name).write_text("\n".join(lines) + "\n", encoding=encoding)


def opened(root: Path, **options: Any) -> tuple[TableConfig, TableDataset]:
    config: TableConfig = make(TableConfig, {"size": 8, **options}, "dataset 'table'")
    return config, TableDataset(config, root)


def everything(root: Path, **options: Any) -> dict[str, torch.Tensor]:
    config, dataset = opened(root, **options)
    fields = dataset.read(torch.arange(len(dataset)))
    check_fields(fields, config.spec(root), len(dataset), "table")
    return fields


def names(root: Path, field: str, **options: Any) -> tuple[str, ...]:
    return opened(root, **options)[0].spec(root).fields[field].names


# What a table says


def test_columns_with_usual_names_need_no_option(folder: Path) -> None:
    write(folder, "file_name,class,caption", "b.png,dog,A big dog.", "a.png,cat,a cat", "d.png,dog,A dog; big!")
    config, dataset = opened(folder)
    fields = everything(folder)
    assert config.spec(folder).condition == "label+caption"
    assert names(folder, "label") == ("cat", "dog")
    assert fields["label"].tolist() == [1, 0, 1]
    assert fields["image"][:, 0, 0, 0].tolist() == [80, 40, 160]
    words = names(folder, "caption")
    assert words == ("<pad>", "a", "big", "dog", "cat")
    assert [[words[token] for token in row if token] for row in fields["caption"].tolist()] == [
        ["a", "big", "dog"],
        ["a", "cat"],
        ["a", "dog", "big"],
    ]
    assert "columns: image file_name; label class; caption caption" in dataset.notes()
    assert "classes: cat 1, dog 2" in dataset.notes()


def test_columns_are_named_whatever_they_are_called(folder: Path) -> None:
    write(folder, "id\tkind\tage\tred\tround", "a.png\tx\t30\t1\t-1", "b.png\ty\t80\t-1\t1", name="data.tsv")
    given = {"label": "Kind", "attributes": "red,round", "numbers": "age:0:100"}
    fields = everything(folder, **given)
    assert fields["attributes"].tolist() == [[1.0, 0.0], [0.0, 1.0]]
    assert fields["numbers"].tolist() == pytest.approx(np.array([[-0.4], [0.6]]))
    assert opened(folder, **given)[0].spec(folder).condition == "label+attributes+numbers"
    assert everything(folder, numbers="age")["numbers"].tolist() == [[30.0], [80.0]]


def test_numbers_far_from_one_are_told(folder: Path) -> None:
    write(folder, "image,age", "a.png,30", "b.png,80")
    (note,) = [note for note in opened(folder, numbers="age")[1].notes() if "30" in note]
    assert note.endswith("--dataset-numbers age:30:80")
    assert not [note for note in opened(folder, numbers="age:0:100")[1].notes() if "30" in note]


def test_columns_of_ones_are_attributes_where_nothing_else_is_the_condition(folder: Path) -> None:
    write(folder, "image,Smiling,Male", "a.png,1,-1", "b.png,-1,1")
    assert names(folder, "attributes") == ("Smiling", "Male")
    assert names(folder, "attributes", attributes="Male") == ("Male",)
    assert opened(folder, attributes="none")[0].spec(folder).condition == ""


@pytest.mark.parametrize("delimiter", [",", ";", "|", "\t", ", "])
def test_any_delimiter_and_the_marks_of_excel(folder: Path, delimiter: str) -> None:
    write(folder, f"image{delimiter}label", f'"a.png"{delimiter}"x, ""y"""', "", encoding="utf-8-sig")
    assert names(folder, "label") == ('x, "y"',)


def test_a_table_without_a_header(folder: Path) -> None:
    write(folder, "a.png,cat", "b.png,dog")
    assert everything(folder, label="column 2")["label"].tolist() == [0, 1]


def test_images_are_found_in_a_folder_and_without_their_suffix(folder: Path) -> None:
    (folder / "all" / "train").mkdir(parents=True)
    for name in NAMES:
        (folder / name).rename(folder / "all" / "train" / name)
    write(folder, "id,label,image_id", "7,x,b", "8,y,c")
    assert everything(folder)["image"][:, 0, 0, 0].tolist() == [80, 120]
    write(folder, "image,label", r"train\b.png,x", name="data.csv")
    assert everything(folder, images="all")["image"][:, 0, 0, 0].tolist() == [80]


def test_rare_words_and_long_captions_are_cut(folder: Path) -> None:
    write(folder, "image,text", "a.png,red red red blue", "b.png,blue red green")
    fields = everything(folder, words=2, length=3)
    assert names(folder, "caption", words=2, length=3) == ("<pad>", "red", "blue")
    assert fields["caption"].tolist() == [[1, 1, 1], [2, 1, 0]]
    assert any("1 of 3 words that are rare" in note for note in opened(folder, words=2, length=3)[1].notes())


# Parts


def test_parts_are_named_or_numbered(folder: Path) -> None:
    write(folder, "image,label,split", "a.png,x,train", "b.png,y,Validation", "c.png,x,test", "d.png,y,train")
    config, dataset = opened(folder)
    assert len(dataset) == 2
    assert "images of train, not of val, test; --dataset-split chooses" in dataset.notes()
    assert config.for_test(folder).split == ("test",)
    assert everything(folder, split="test,val")["image"][:, 0, 0, 0].tolist() == [80, 120]
    assert len(everything(folder, split="all")["image"]) == 4
    assert len(everything(folder, part="none")["image"]) == 4
    assert names(folder, "label", split="val") == ("x", "y"), "all parts have the same classes"


@pytest.mark.parametrize(("split", "says"), [("val", "has the parts train, and no val"), ("test,val", "and no test")])
def test_a_part_that_is_not_there_is_refused(folder: Path, split: str, says: str) -> None:
    write(folder, "image,split", "a.png,train")
    with pytest.raises(UserError, match=says):
        opened(folder, split=split)


# CelebA's files


CELEBA = ("5_o_Clock_Shadow", "Smiling", "Male")


def celeba(root: Path, images: str, table: str, partition: str) -> None:
    """The files of CelebA, where people have them; the paths are those of the folder and the two tables."""
    for path in (images, str(Path(table).parent), str(Path(partition).parent)):
        (root / path).mkdir(parents=True, exist_ok=True)
    rows = [f"{number + 1:06}.jpg" for number in range(4)]
    for number, name in enumerate(rows):
        Image.fromarray(np.full((22, 18, 3), 40 * number + 40, np.uint8)).save(root / images / name, quality=95)
    values = ("-1  1 -1", " 1 -1  1", "-1 -1  1", " 1  1  1")
    if table.endswith("txt"):
        lines = ["4", f"{' '.join(CELEBA)} ", *(f"{name} {row}" for name, row in zip(rows, values, strict=True))]
        parts = [f"{name} {part}" for name, part in zip(rows, "0012", strict=True)]
    else:
        csv = [",".join((name, *row.split())) for name, row in zip(rows, values, strict=True)]
        lines = [f"image_id,{','.join(CELEBA)}", *csv]
        parts = ["image_id,partition", *(f"{name},{part}" for name, part in zip(rows, "0012", strict=True))]
    (root / table).write_text("\n".join([*lines, ""]), encoding="ascii")
    (root / partition).write_text("\n".join([*parts, ""]), encoding="ascii")


LAYOUTS = {
    "torchvision": ("img_align_celeba", "list_attr_celeba.txt", "list_eval_partition.txt"),
    "original": ("Img/img_align_celeba", "Anno/list_attr_celeba.txt", "Eval/list_eval_partition.txt"),
    "kaggle": ("img_align_celeba/img_align_celeba", "list_attr_celeba.csv", "list_eval_partition.csv"),
}


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_the_files_of_celeba_as_people_have_them(tmp_path: Path, layout: tuple[str, str, str]) -> None:
    celeba(tmp_path, *layout)
    (tmp_path / "identity_CelebA.txt").write_text("000001.jpg 2880\n", encoding="ascii")
    config, dataset = opened(tmp_path)
    fields = everything(tmp_path)
    assert config.spec(tmp_path).fields["attributes"].names == CELEBA
    assert config.spec(tmp_path).condition == "attributes"
    assert fields["attributes"].tolist() == [[0, 1, 0], [1, 0, 1]]
    assert len(everything(tmp_path, split="val")["image"]) == 1
    assert config.for_test(tmp_path).split == ("test",)
    assert "images of train, not of val, test; --dataset-split chooses" in dataset.notes()
    assert everything(tmp_path, attributes="Smiling")["attributes"].tolist() == [[1.0], [0.0]]


# Errors name the line


@pytest.mark.parametrize(
    ("lines", "options", "says"),
    [
        (("image,label", "a.png,x", "b.png"), {}, r"data.csv, line 3: it has 1 of 2 cells"),
        (("image,label", "a.png,x,y",), {}, r"line 2: it has 3 of 2 cells"),
        (("image,label", "a.png,x", "", "b.png,"), {}, r"line 4: the column 'label' is empty"),
        (("image,label", "a.png,x", ",y"), {}, r"line 3: the column 'image' is empty"),
        (("image,label", 'a.png,"x', "b.png,y"), {}, r"line 2: unexpected end of data: correct the quotes"),
        (("image,big", "a.png,1", "b.png,2"), {"attributes": "big"}, r"line 3: the attribute 'big' is '2'"),
        (("image,age", "a.png,1", "b.png,nan"), {"numbers": "age"}, r"line 3: the column 'age' has 'nan'"),
        (("image,age", "a.png,old"), {"numbers": "age:0:1"}, r"line 2: the column 'age' has 'old'"),
        (("image,split", "a.png,train", "b.png,holdout"), {}, r"line 3: no part is called 'holdout'"),
        (("image,label", "a.png,x", "e.png,y"), {}, r"line 3: .*e.png does not exist: --dataset-images names"),
        (("image,label", "x.png,x", "y.png,y"), {}, r"line 2: x.png is not in .* nor is any image of the next lines"),
        (("image,label",), {}, r"line 1: there is no row below it"),
        (("name,kind", "x,y"), {}, r"has no column of images among name, kind: name it with --dataset-image"),
        (("image,label", "a.png,x"), {"label": "lable"}, r"no column 'lable' .*; did you mean 'label'"),
        (("image,x,x", "a.png,1,1"), {"label": "x"}, r"has 2 columns called 'x'"),
        (("image,age", "a.png,1"), {"numbers": "age:9:1"}, r"is NAME or NAME:LOW:HIGH, not 'age:9:1'"),
        (("",), {}, r"data.csv is empty: its first line must name the columns"),
        (("image,label", "a.png,x"), {"split": "test"}, r"has no parts: leave out --dataset-split"),
    ],
    ids=lambda value: value[-1] if isinstance(value, tuple) else "",
)  # fmt: skip
def test_what_is_wrong_in_a_table_is_told_with_its_line(
    folder: Path, lines: tuple[str, ...], options: dict[str, Any], says: str
) -> None:
    write(folder, *lines)
    with pytest.raises(UserError, match=says):
        opened(folder, **options)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"image,label\na.png,x\nb.png,caf\xe9\n", "line 3: the bytes e9 are no UTF-8: save it as UTF-8"),
        ("image,label\na.png,x\n".encode("utf-16"), "is text in UTF-16: save it as UTF-8"),
        (b"image,label\na.png,\0\n", "line 2: this is no text"),
        (b"image,label\na.png,x\n" + b"y" * 2**21, "line 3: this is no text"),
        (
            b"\x89PNG\r\n\x1a\n\0\0\0",
            "line 1: the bytes 89 are no UTF-8",
        ),
        (b"", "is empty"),
    ],
    ids=["latin", "utf-16", "nul", "endless", "png", "empty"],
)
def test_files_that_are_no_tables_are_refused(folder: Path, content: bytes, says: str) -> None:
    (folder / "data.csv").write_bytes(content)
    with pytest.raises(UserError, match=says):
        opened(folder)


def test_a_column_with_a_value_for_each_row_is_no_class(folder: Path) -> None:
    write(folder, "image,label", *(f"a.png,{number}" for number in range(1500)))
    with pytest.raises(UserError, match="'label' has 1,500 different values in 1,500 rows, so it is no class"):
        opened(folder)


def test_a_folder_with_no_table_or_several(folder: Path) -> None:
    with pytest.raises(UserError, match=r"has no table .*: name one with --dataset-file"):
        opened(folder)
    write(folder, "image", "a.png", name="one.csv")
    write(folder, "image", "b.png", name="two.csv")
    write(folder, "Read this", name="README.txt")
    with pytest.raises(UserError, match=r"has several tables \(one.csv, two.csv\)"):
        opened(folder)
    with pytest.raises(UserError, match=r"one.cvs is not a file; did you mean 'one.csv'"):
        opened(folder, file="one.cvs")
    assert everything(folder, file="two.csv")["image"][:, 0, 0, 0].tolist() == [80]


def test_rows_are_left_out_where_asked_for_and_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "b.png").write_bytes((folder / "b.png").read_bytes()[:40])
    write(folder, "image,label", "gone.png,x", "a.png,x", "b.png,y", "c.png,y")
    with pytest.raises(UserError, match=r"line 2: .*gone.png does not exist"):
        opened(folder)
    _, dataset = opened(folder, missing="skip")
    assert len(dataset) == 2
    assert "rows left out: 1 without an image; 1 unusable" in dataset.notes()
    assert "left out 1 of 3 files" in capsys.readouterr().err


# The same data again


def test_other_labels_are_other_data(folder: Path) -> None:
    write(folder, "image,label", "a.png,x", "b.png,y", "c.png,y")
    before = fingerprint_of(opened(folder)[1], "table")
    write(folder, "image,label", "a.png,y", "b.png,y ", "c.png,x")
    now = fingerprint_of(opened(folder)[1], "table")
    assert before.digest != now.digest
    assert "2 of them are others" in before.change(now)


# Parquet


def test_parquet_says_the_same_as_csv(folder: Path) -> None:
    pa = pytest.importorskip("pyarrow", reason="ganzoo[parquet] is not installed")
    import pyarrow.parquet as pq

    columns = {"image": ["a.png", "b.png", "c.png"], "label": ["x", "y", "x"], "good": [True, False, True],
               "age": [1.5, 2.0, 3.0]}  # fmt: skip
    pq.write_table(pa.table(columns), folder / "data.parquet")
    options = {"attributes": "good", "numbers": "age"}
    stored = everything(folder, **options)
    (folder / "data.parquet").rename(folder / "data.bin")
    rows = zip(*columns.values(), strict=True)
    write(folder, ",".join(columns), *(",".join(str(value) for value in row) for row in rows))
    written = everything(folder, **options)
    assert stored.keys() == written.keys()
    assert all(torch.equal(stored[name], written[name]) for name in stored)
    pq.write_table(pa.table({"image": ["a.png", "b.png"], "label": ["x", None]}), folder / "data.parquet")
    with pytest.raises(UserError, match=r"data.parquet, row 2: the column 'label' is empty"):
        opened(folder, file="data.parquet")
    (folder / "data.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(UserError, match=r"data.parquet is no sound Parquet file"):
        opened(folder, file="data.parquet")


def test_without_pyarrow_a_parquet_file_says_what_to_install(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    (folder / "data.parquet").write_bytes(b"PAR1")
    with pytest.raises(UserError, match=r"pip install 'ganzoo\[parquet\]'"):
        opened(folder)


# A training


def test_attributes_of_a_table_are_the_condition_of_a_training(
    stand_in_root: Callable[[str], Path], tmp_path: Path
) -> None:
    run = ganzoo.train(
        "cgan", dataset="table", data_root=stand_in_root("table"), dataset_size=8, steps=2, batch_size=8,
        out=tmp_path / "run", progress=False,
    )  # fmt: skip
    images = ganzoo.sample(run, 2, label={"label": "star", "caption": "a small red star"})
    assert images.shape == (2, 3, 8, 8)
