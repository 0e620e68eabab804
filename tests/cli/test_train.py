"""`ganzoo train`: words in any order, and one clear sentence for every invalid request."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from ganzoo.catalogue import installed
from ganzoo.testing.command_lines import ganzoo, lacks, problem, problems
from ganzoo.testing.selections import each_variant

VARIANTS = installed().names("variant")


@pytest.mark.parametrize("variant", each_variant("recipe"))
def test_a_dry_run_says_that_all_fits_and_writes_nothing(variant: str, here: Path) -> None:
    answer = ganzoo("train", variant, "--dry-run", "--batch-size", "4")
    assert (answer.status, answer.out) == (0, "")
    assert answer.err.startswith("everything fits\nparameters: ")


# What was asked wrongly, told before torch is imported


@pytest.mark.parametrize(
    ("kind", "wrong", "right"),
    [
        ("loss", "hing", "hinge"),
        ("dataset", "minst", "mnist"),
        ("conditioner", "mulitply", "multiply"),
        ("penalty", "wgan_gp", "wgan-gp"),
        ("generator", "mpl", "mlp"),
        ("discriminator", "strided-", "strided"),
        ("optimizer", "adma", "adam"),
        ("schedule", "cosin", "cosine"),
        ("latent", "unifrom", "uniform"),
        ("initialiser", "xaviar", "xavier"),
    ],
)
def test_an_unknown_name_suggests_the_nearest_and_tells_what_is_installed(
    kind: str, wrong: str, right: str, here: Path
) -> None:
    every = ", ".join(installed().names(kind))
    expected = f"no {kind} is called {wrong!r}; did you mean {right!r}? Installed: {every}"
    assert problem("train", "cgan", f"--{kind}", wrong) == expected
    assert problem("train", "cgan", f"--{kind}={wrong}", "--help") == expected


def test_an_unknown_variant_suggests_the_nearest(here: Path) -> None:
    expected = f"no variant is called 'cgann'; did you mean 'cgan'? Installed: {', '.join(VARIANTS)}"
    for words in (("train", "cgann"), ("train", "cgann", "--help"), ("train", "--steps", "3", "cgann")):
        assert problem(*words) == expected


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("--optimzer-lr", "--optimizer-lr"),
        ("--generator-optimiser-lr", "--generator-optimizer-lr"),
        ("--conditionner", "--conditioner"),
        ("--batchsize", "--batch-size"),
        ("--step", "--steps"),
        ("--dryrun", "--dry-run"),
    ],
)
def test_an_unknown_option_suggests_the_nearest(wrong: str, right: str, here: Path) -> None:
    for words in ((wrong, "1"), (f"{wrong}=1",), (wrong,)):
        told = problem("train", "cgan", *words)
        assert told.startswith(f"no option is called {wrong!r}; did you mean {right!r}?")


WRONG: dict[str, tuple[str, ...]] = {
    "lst": ("'lst'", "you mean 'list'"),
    "trian cgan": ("'trian'", "you mean 'train'"),
    "--verbose list": ("'--verbose'",),
    "list losss": ("no kind is called 'losss'", "did you mean 'loss'", "variant, recipe"),
    "list --jsn": ("'--jsn'", "'--json'"),
    "list variant loss": ("loss",),
    "info": ("NAME",),
    "info hing": ("nothing is called 'hing'", "did you mean 'hinge'"),
    "info qqqqqq": ("nothing is called 'qqqqqq'", "ganzoo list"),
    "plugins all": ("all",),
    "doctor now": ("now",),
    "train": ("which variant", "cgan-conv"),
    "train --steps 3": ("which variant", "cgan-conv"),
    "train --loss hinge": ("which variant", "cgan-conv"),
    "train --out cgan": ("which variant", "cgan-conv"),
    "train --out cgan --dry-run": ("which variant", "cgan-conv"),
    "train cgan gan": ("gan",),
    "train cgan --loss": ("--loss", "needs a value"),
    "train cgan --steps": ("--steps", "needs a value"),
    "train cgan --loss-weight 1": ("'--loss-weight'",),
    "train cgan --steps 0": ("steps", "at least 1", "0"),
    "train cgan --steps -3": ("steps", "at least 1", "-3"),
    "train cgan --steps=-3": ("steps", "at least 1", "-3"),
    "train cgan --steps 1.5": ("steps", "a whole number", "1.5"),
    "train cgan --steps 1e3": ("steps", "a whole number", "1e3"),
    "train cgan --steps many": ("steps", "a whole number", "many"),
    "train cgan --epochs 0": ("epochs", "at least 1", "0"),
    "train cgan --batch-size 0": ("batch-size", "at least 1", "0"),
    "train cgan --batch-size -1": ("batch-size", "at least 1", "-1"),
    "train cgan --seed -1": ("seed", "at least 0", "-1"),
    "train cgan --ema 1": ("ema", "at most", "1"),
    "train cgan --steps 3 --epochs 3": ("--steps and --epochs", "one of them"),
    "train cgan --device gpu": ("device", "auto, cpu, cuda, mps", "gpu"),
    "train cgan --preset publishd": ("publishd", "published"),
    "train cgan --optimizer-lr fast": ("lr", "a number", "fast"),
    "train cgan --optimizer-lr -1": ("lr", "at least 0", "-1"),
    "train cgan --optimizer-lr nan": ("lr", "number", "nan"),
    "train cgan --optimizer-lr inf": ("lr", "number", "inf"),
    "train cgan --optimizer-betas 0.5": ("betas", "2 values", "0.5"),
    "train cgan --optimizer-betas 0.5,1.5": ("betas", "at most", "1.5"),
    "train cgan --generator-widths 8,0": ("widths", "at least 1", "8,0"),
    "train cgan --generator-output relu": ("output", "tanh, sigmoid", "relu"),
    "train cgan --dataset-size 7": ("size", "at least 8", "7"),
    "train cgan --loss bce --loss-real-target 0.1 --loss-fake-target 0.2": ("loss 'bce'", "must be above"),
    "train cgan --latent uniform --latent-lowest 2": ("latent 'uniform'", "must be below"),
    "train cgan --config nowhere.json": ("nowhere.json", "cannot be read"),
    "train cgan --config empty": ("empty", "cannot be read"),
    "train cgan --config notes.txt": ("notes.txt", "JSON"),
    "train cgan --config junk.json": ("junk.json", "JSON"),
    "train cgan --config list.json": ("list.json", "JSON object"),
    "train cgan --config /dev/zero": ("/dev/zero", "not a regular file"),
    "train cgan --config sparse.json": ("sparse.json", "more than"),
    "train cgan --config elsewhere.json": ("'out'", "give --out"),
    "train --config nowhere.json": ("nowhere.json", "cannot be read"),
    "convert": ("which variant", "dcgan"),
    "convert notes.txt": ("which variant to convert to", "dcgan"),
    "convert --variant dcgan": ("OLD",),
    "convert notes.txt --variant dcgna": ("'dcgna'", "did you mean 'dcgan'"),
    "convert notes.txt --variant": ("which variant to convert to",),
    "convert nowhere --variant dcgan": ("nowhere", "torch.save"),
    "convert notes.txt --variant dcgan": ("notes.txt", "not a checkpoint"),
    "convert empty --variant dcgan": ("empty", "not a regular file"),
    "convert notes.txt --variant dcgan --out m.pt": ("m.pt", ".safetensors"),
    "convert notes.txt --variant dcgan --out full": ("full", ".safetensors"),
    "convert notes.txt --variant dcgan --generator-widht 3": ("'--generator-width'", "ganzoo convert OLD --variant"),
    "convert notes.txt --variant dcgan --generator-width 0": ("width", "at least 1"),
    "convert notes.txt --variant dcgan --steps 3": ("'--steps'",),
    "convert notes.txt --variant dcgan --latent norml": ("'norml'", "'normal'"),
    "convert notes.txt --variant cgan-conv --dataset-size 18": ("multiples of 4", "18 high and 18 wide"),
    "convert notes.txt --variant dcgan --take generator": ("--take generator=PART",),
    "sample": ("MODEL",),
    "sample nowhere": ("nowhere", "a run folder"),
    "sample nowhere.safetensors": ("nowhere.safetensors", "a run folder"),
    "sample empty": ("empty/model.safetensors", "does not exist"),
    "sample full": ("full/model.safetensors", "does not exist"),
    "sample notes.txt": ("notes.txt", "not a model"),
    "sample notes.txt --count 0": ("--count", "0"),
    "sample notes.txt --count many": ("--count", "many"),
    "sample notes.txt --seed -1": ("--seed", "-1"),
    "sample notes.txt --device gpu": ("--device", "gpu"),
    "sample notes.txt --lable 3": ("'--lable'", "'--label'"),
}


@pytest.fixture
def untrained(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a mistake is not seen, nobody should have to wait for a training to end."""

    def never(*arguments: Any) -> None:
        raise AssertionError("it would have trained")

    monkeypatch.setattr("ganzoo.training.run.train", never)


@pytest.mark.usefixtures("untrained")
@pytest.mark.parametrize("line", WRONG)
def test_what_is_wrong_is_told_in_one_line(line: str, here: Path) -> None:
    assert lacks(problem(*line.split()), WRONG[line]) == []


@pytest.mark.usefixtures("untrained")
@pytest.mark.parametrize(
    "words",
    [("info", ""), ("list", ""), ("train", ""), ("train", "cgan", "--loss", ""), ("train", "cgan", "--steps", "")],
)
def test_an_empty_word_is_told_in_one_line(words: tuple[str, ...], here: Path) -> None:
    assert problem(*words)


@pytest.mark.usefixtures("untrained")
@pytest.mark.parametrize("word", ["two\nlines", "tab\there", "ünïcödé", "\udcff", "a" * 5000, "%s", "{x}", "[red]"])
@pytest.mark.parametrize(
    "before",
    [(), ("info",), ("list",), ("train",), ("train", "cgan", "--loss"), ("train", "cgan", "--config"), ("sample",)],
    ids=" ".join,
)
def test_a_strange_word_is_told_in_one_line(before: tuple[str, ...], word: str, here: Path) -> None:
    assert problem(*before, word)


def test_several_unknown_names_are_told_at_once(here: Path) -> None:
    found = problems(ganzoo("train", "cgan", "--loss", "hing", "--dataset", "minst", "--generator-optimizer", "adma"))
    assert [told.split(";")[0] for told in sorted(found)] == [
        "no dataset is called 'minst'",
        "no loss is called 'hing'",
        "no optimizer is called 'adma'",
    ]


def test_several_bad_values_are_told_at_once(here: Path) -> None:
    found = problems(ganzoo("train", "cgan", "--steps", "0", "--optimizer-lr", "fast", "--optimzer-eps", "1"))
    assert len(found) == 3


def test_several_things_that_do_not_fit_are_told_at_once(here: Path) -> None:
    found = problems(ganzoo("train", "dcgan", "--dataset", "ring", "--generator-conditioner", "concat", "--dry-run"))
    assert len(found) == 3
    assert all("--" in told for told in found), "each says what to do instead"


# What was asked wrongly, told after torch is imported and before anything is written


@pytest.mark.parametrize("device", ["cuda", "mps"])
def test_a_device_that_is_not_there(device: str, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # torch looks into this function when it imports what networks on the meta device need; so that comes first.
    assert ganzoo("train", "cgan", "--dry-run").status == 0
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    told = problem("train", "cgan", "--device", device, "--out", "new", "--steps", "1")
    assert lacks(told, (repr(device), "--device cpu")) == []


@pytest.mark.parametrize("out", ["full", ".", "notes.txt", "notes.txt/new", "notes.txt/deep/new"])
def test_a_run_folder_that_is_taken(out: str, here: Path) -> None:
    told = problem("train", "gan", "--out", out, "--steps", "1")
    assert lacks(told, ("run folder", out, "choose another --out")) == []


def test_a_run_folder_that_would_lie_in_a_file_is_told_so(here: Path) -> None:
    told = problem("train", "gan", "--out", "notes.txt/new", "--steps", "1")
    assert lacks(told, ("notes.txt", "is a file")) == []


@pytest.mark.parametrize("out", ["new", "deep/new", "empty", "empty/new"])
def test_a_run_folder_that_cannot_be_written(out: str, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For root every folder is writable, so the question is answered here."""
    allowed = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: not mode & os.W_OK and allowed(path, mode))
    told = problem("train", "gan", "--out", out, "--steps", "1")
    assert lacks(told, ("run folder", out, "not writable", "choose another --out")) == []


def test_a_run_folder_that_fails_while_it_is_made(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, *arguments: Any, **more: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "mkdir", full)
    told = problem("train", "gan", "--out", "new", "--steps", "1", "--batch-size", "2")
    assert lacks(told, ("run folder", "new", "No space left on device")) == []


@pytest.mark.parametrize(
    ("root", "words"),
    [
        ("nowhere", ("nowhere", "does not exist", "--data-root")),
        ("notes.txt", ("notes.txt", "is not a folder", "--data-root")),
        ("empty", ("empty", "no images")),
        ("full", ("full", "no images")),
        ("pictures", ("pictures", "no readable image")),
    ],
)
def test_a_data_folder_without_images(root: str, words: tuple[str, ...], here: Path) -> None:
    answer = ganzoo("train", "gan", "--dataset", "folder", "--data-root", root, "--out", "new", "--steps", "1")
    # Left-out files may be told on lines of their own, before.
    told = [line for line in answer.err.splitlines() if not line.startswith("ganzoo: left out")]
    assert (answer.status, answer.out, len(told)) == (2, "", 1)
    assert lacks(told[0], words) == []


@pytest.mark.parametrize("dataset", ["mnist", "fashion-mnist", "kmnist", "cifar10"])
@pytest.mark.parametrize("root", ["nowhere", "empty"])
def test_data_that_cannot_be_downloaded(dataset: str, root: str, here: Path, offline: None) -> None:
    answer = ganzoo("train", "gan", "--dataset", dataset, "--data-root", root, "--out", "new", "--steps", "1")
    told = [line for line in answer.err.splitlines() if "downloading" not in line]
    assert (answer.status, answer.out, len(told)) == (2, "", 1)
    assert lacks(told[0], ("refused", str(here / root), "--data-root")) == []
    left = [path for path in (here / root).rglob("*") if path.is_file()]
    assert [path.name for path in left] == [".download.lock"], "others may wait for it, so it stays"
    left[0].unlink()
    for folder in [*left[0].parents][: len(left[0].relative_to(here / root).parts) - 1]:
        folder.rmdir()
    if root == "nowhere":
        (here / root).rmdir()


def test_a_batch_larger_than_the_data(here: Path) -> None:
    told = problem("train", "cgan", "--batch-size", "5000", "--out", "new", "--steps", "1")
    assert lacks(told, ("5000", "1797", "--batch-size 1797")) == []


@pytest.mark.parametrize("size", [10**16, 10**20])
@pytest.mark.parametrize("flag", ["--batch-size", "--latent-size", "--generator-widths", "--conditioner-size"])
def test_a_size_beyond_all_reason_is_told_in_one_line(flag: str, size: int, here: Path) -> None:
    answer = ganzoo("train", "cgan", flag, str(size), "--dry-run")
    assert answer.status == 0 or problems(answer)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("dcgan", "--dataset", "ring"), "needs images"),
        (("dcgan", "--dataset-size", "34"), "set the dataset's size to 32"),
        (("cgan", "--generator-conditioner", "none"), "set both with --conditioner"),
        (("cgan", "--discriminator-conditioner", "label-plane"), "image-shaped"),
        (("cgan-conv", "--dataset-size", "30"), "multiples of 4"),
    ],
    ids=str,
)
def test_what_does_not_fit_is_refused_by_training_as_by_a_dry_run(
    words: tuple[str, ...], expected: str, here: Path
) -> None:
    dry, wet = ganzoo("train", *words, "--dry-run"), ganzoo("train", *words, "--steps", "1", "--out", "new")
    assert dry == wet
    assert all(expected in told for told in problems(dry))


def test_samples_do_not_become_training_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for number in range(8):
        Image.new("L", (8, 8), 9 * number).save(f"{number}.png")
    data = ("--dataset", "folder", "--data-root", ".", "--dataset-size", "8", "--dataset-channels", "grey")
    found = ganzoo("train", "gan", *data, "--steps", "1", "--batch-size", "8", "--device", "cpu")
    out = Path("runs") / "gan" / "samples.png"
    assert found.err.splitlines()[-1] == f"sample it: ganzoo sample {out.parent} --out {out}"
    assert ganzoo("sample", out.parent, "--out", out).status == 0
    assert "folder: 8 1×8×8 images" in ganzoo("evaluate", out.parent, "--judge", "plain", "--samples", "9").err
