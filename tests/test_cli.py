"""What a person types and gets: answers, and one clear sentence where something was asked wrongly."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import ganzoo as package
from ganzoo.catalogue import KINDS, Component, installed, select
from ganzoo.catalogue.options import options_of
from ganzoo.catalogue.registry import Entry
from ganzoo.cli import main, run
from ganzoo.cli.output import print_table

ENTRIES = list(installed())
VARIANTS = installed().names("variant")
COMMANDS = ("list", "info", "plugins", "train", "sample", "evaluate", "convert", "bench", "doctor")


@dataclass(frozen=True)
class Answer:
    """What one command line gave."""

    status: int
    out: str
    err: str


def ganzoo(*words: str, debug: bool = False) -> Answer:
    """Run a command line in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = run(list(words), debug)
    return Answer(status, out.getvalue(), err.getvalue())


def problems(answer: Answer) -> list[str]:
    """Return what is told to be wrong, after a look at its form: one line, or a counted list of several."""
    assert answer.status == 2, answer
    assert answer.out == ""
    assert "Traceback" not in answer.err
    first, *more = answer.err.splitlines()
    assert first.startswith("ganzoo: ")
    if not more:
        return [first.removeprefix("ganzoo: ")]
    assert first == f"ganzoo: {len(more)} problems:"
    assert len(more) > 1
    assert all(line.startswith("  - ") for line in more)
    return [line.removeprefix("  - ") for line in more]


def problem(*words: str) -> str:
    (only,) = problems(ganzoo(*words))
    return only


def listing(folder: Path) -> dict[str, tuple[int, int]]:
    """Return everything below ``folder``, files with their size and the time of their last change."""

    def about(path: Path) -> tuple[int, int]:
        return (path.stat().st_size, path.stat().st_mtime_ns) if path.is_file() else (0, 0)

    return {str(path): about(path) for path in folder.rglob("*")}


def lacks(text: str, words: tuple[str, ...]) -> list[str]:
    """Return the words that ``text`` should have and does not have."""
    return [word for word in words if word not in text]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A working folder with what a person may have lying about; whatever happens, nothing there may change."""
    (tmp_path / "notes.txt").write_text("some notes")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("years of work")
    (tmp_path / "empty").mkdir()
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "a.png").write_bytes(b"no picture at all")
    (tmp_path / "list.json").write_text("[1, 2]")
    (tmp_path / "elsewhere.json").write_text('{"run": {"out": "/somewhere/else"}}')
    (tmp_path / "sparse.json").touch()
    os.truncate(tmp_path / "sparse.json", 2**40)
    (tmp_path / "junk.json").write_bytes(b"\xff\xfe{")
    (tmp_path / "cgan.json").write_text(json.dumps(select(installed(), "cgan").to_json()))
    monkeypatch.chdir(tmp_path)
    before = listing(tmp_path)
    yield tmp_path
    assert listing(tmp_path) == before, "something was written"


# Answers


@pytest.mark.parametrize("words", [(command, flag) for command in ("", *COMMANDS) for flag in ("-h", "--help")])
def test_every_command_has_a_help_text(words: tuple[str, ...]) -> None:
    answer = ganzoo(*filter(None, words))
    assert (answer.status, answer.err) == (0, "")
    assert answer.out.startswith(f"Usage: {' '.join(['ganzoo', *filter(None, words[:1])])}")


def test_the_help_text_names_every_command() -> None:
    assert lacks(ganzoo("--help").out, COMMANDS) == []


def test_the_version() -> None:
    assert ganzoo("--version").out.split()[-1] == package.__version__ == version("ganzoo")


def test_no_words_at_all_show_what_could_be_asked() -> None:
    answer = ganzoo()
    assert answer.status == 2
    assert lacks(answer.out + answer.err, COMMANDS) == []


def document(*words: str) -> Any:
    """Return the one JSON document that a command prints, having looked that it prints nothing else."""
    answer = ganzoo(*words, "--json")
    assert (answer.status, answer.err) == (0, "")
    return json.loads(answer.out)


def test_list_tells_all_with_their_packages() -> None:
    told = document("list")
    assert [(entry["kind"], entry["name"]) for entry in told] == [(e.item.kind, e.item.name) for e in ENTRIES]
    assert all(entry.keys() == {"kind", "name", "summary", "package", "version"} for entry in told)
    lines = ganzoo("list").out.splitlines()
    assert [line.split("\t")[:3] for line in lines] == [[e["kind"], e["name"], e["summary"]] for e in told]
    assert [line.split("\t")[3] for line in lines] == [f"{e['package']} {e['version']}" for e in told]


@pytest.mark.parametrize("kind", KINDS)
def test_list_of_one_kind(kind: str) -> None:
    assert [entry["name"] for entry in document("list", kind)] == list(installed().names(kind))
    assert {line.split("\t")[0] for line in ganzoo("list", kind).out.splitlines()} == {kind}


def test_the_help_text_of_list_names_every_kind() -> None:
    assert lacks(" ".join(ganzoo("list", "--help").out.split()), tuple(KINDS)) == []


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.label)
def test_info_tells_everything_about_it(entry: Entry) -> None:
    (told,) = [item for item in document("info", entry.item.name) if item["kind"] == entry.item.kind]
    assert told["summary"] == entry.item.summary
    assert (told["package"], told["version"]) == (entry.provider.package, entry.provider.version)
    answer = ganzoo("info", entry.item.name)
    assert (answer.status, answer.err) == (0, "")
    words = [f"{entry.item.kind} {entry.item.name}", str(entry.provider), entry.item.summary, entry.item.source]
    if isinstance(entry.item, Component):
        words += [f"{item.flag}" for item in options_of(entry.item.config)]
        words += [item.help for item in options_of(entry.item.config)]
        words += [need.advice for need in entry.item.requires]
        words += [slot.name for slot in entry.item.slots]
        assert list(told["options"]) == [item.name for item in options_of(entry.item.config)]
    else:
        words += [*select(installed(), entry.item.name).parts, entry.item.figures, *entry.item.published]
        assert told["defaults"] == select(installed(), entry.item.name).to_json()
    assert lacks(answer.out, tuple(words)) == []


def test_plugins_tells_who_provides_what() -> None:
    told = document("plugins")
    assert {plugin["plugin"] for plugin in told if plugin["package"] == "ganzoo"} >= {
        "gan",
        "cgan",
        "dcgan",
        "datasets",
    }
    assert {name for plugin in told for name in plugin["provides"]} == {f"{e.item.kind} {e.item.name}" for e in ENTRIES}
    lines = ganzoo("plugins").out.splitlines()
    assert [line.split("\t")[0] for line in lines] == [plugin["plugin"] for plugin in told]


def test_a_table_on_a_terminal_has_headings() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    with contextlib.redirect_stdout(Terminal()) as out:
        print_table(("kind", "name"), [("loss", "hinge"), ("loss", "[bold]")])
    assert lacks(out.getvalue(), ("kind", "name", "hinge", "[bold]")) == []
    assert "\t" not in out.getvalue()


def test_doctor_looks_at_everything() -> None:
    answer = ganzoo("doctor")
    assert answer.status in (0, 1)
    words = (
        "ganzoo",
        "python",
        "torch",
        "cuda",
        "mps",
        "disk",
        *(p.provider.plugin for p in installed().plugins),
    )
    assert lacks(answer.out, words) == []
    assert (answer.status == 0) == ("no problems" in answer.out)


def test_doctor_finds_a_torchvision_of_another_build(monkeypatch: pytest.MonkeyPatch) -> None:
    def pretend(name: str) -> str:
        return "0.0" if name == "torchvision" else version(name)

    monkeypatch.setattr("ganzoo.tested.version", pretend)
    monkeypatch.setitem(sys.modules, "torchvision", None)
    answer = ganzoo("doctor")
    assert answer.status == 1
    assert lacks(answer.out, ("!!  torchvision", "install both together", "pip install")) == []
    assert "Traceback" not in answer.out + answer.err


def test_doctor_finds_a_missing_package(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr("ganzoo.tested.version", missing)
    answer = ganzoo("doctor")
    assert answer.status == 1
    assert lacks(answer.out, ("!!  rich", "pip install 'rich>=", "only --tensorboard needs it")) == []


@pytest.mark.parametrize(
    ("found", "mark", "told"),
    [
        ("0.1", "!!", "older than what is supported"),
        ("999.0", "ok", "newer than the tested"),
        ("a build of mine", "!!", "cannot be compared"),
    ],
)
def test_doctor_tells_a_version_outside_of_what_was_tested(
    found: str, mark: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ganzoo.tested.version", lambda name: found if name == "rich" else version(name))
    answer = ganzoo("doctor")
    (line,) = (line for line in answer.out.splitlines() if line[4:].startswith("rich "))
    assert line.startswith(mark)
    assert told in line
    assert ("pip install 'rich>=" in answer.out) == (mark == "!!")


# The help text of training


def shown(*words: str) -> str:
    answer = ganzoo("train", *words, "--help")
    assert (answer.status, answer.err) == (0, "")
    return answer.out


@pytest.mark.parametrize("variant", VARIANTS)
def test_help_shows_the_options_of_the_chosen_parts_by_component_and_package(variant: str) -> None:
    text = shown(variant)
    chosen = select(installed(), variant)
    assert lacks(text, tuple(f"--{item.flag}" for item in options_of(type(chosen.run)))) == []
    for part in chosen.parts.values():
        names = {part.slot.name, part.slot.kind}
        if part.slot.name != "recipe":
            assert any(f"--{name} NAME" in text for name in names)
            assert part.component.name in text.split("Parts:")[1].split("Training:")[0]
        title = f"{part.component.kind} {part.component.name} ({part.provider}):"
        for item in options_of(part.component.config):
            section = text.split(title)[1].split("\n\n")[0]
            assert any(f"--{name}-{item.flag}" in section for name in names), (title, item.flag)
            assert item.show(getattr(part.config, item.name)) in " ".join(section.split())


def test_help_without_a_variant_names_the_variants() -> None:
    text = re.sub(r"-\s+", "-", shown())  # lines may break behind a dash
    assert lacks(text, ("--config", "--dry-run", "--preset", *VARIANTS)) == []


@pytest.mark.parametrize(
    ("words", "there", "gone"),
    [
        ((), "--conditioner-size", "--generator-conditioner-size"),
        (("--conditioner", "multiply"), "--conditioner-deviation", "--conditioner-size"),
        (("--conditioner=multiply",), "--conditioner-deviation", "--conditioner-size"),
        (("--conditioner", "none"), "--conditioner", "--conditioner-"),
        (("--generator-conditioner", "multiply"), "--discriminator-conditioner-size", "--generator-conditioner-size"),
        (("--loss", "bce"), "--loss-real-target", "--loss-weight"),
        (("--penalty", "r1"), "--penalty-gamma", "--penalty-weight"),
        (("--penalty", "wgan-gp"), "--penalty-weight", "--penalty-gamma"),
        (("--generator", "dcgan"), "--generator-width ", "--generator-widths"),
        (("--dataset", "mnist"), "--dataset-split", "--dataset-path"),
        (("--dataset", "folder"), "--dataset-path", "--dataset-split"),
        (("--optimizer", "sgd"), "--optimizer-momentum", "--optimizer-betas"),
        (("--generator-optimizer", "sgd"), "--generator-optimizer-momentum", "--discriminator-optimizer-momentum"),
        (("--generator-optimizer", "sgd"), "--discriminator-optimizer-betas", "--generator-optimizer-betas"),
    ],
)
def test_other_parts_show_other_options(words: tuple[str, ...], there: str, gone: str) -> None:
    text = shown("cgan", *words).split("An option that several parts share")[0]
    assert there in text
    assert gone not in text


def test_help_shows_the_values_that_would_be_used(here: Path) -> None:
    def size(*words: str) -> str:
        return " ".join(shown("cgan", *words).split("--dataset-size N")[1].split())[:80]

    file = select(installed(), "cgan", {"dataset_size": 24}).to_json()
    assert "[16]" in size()
    assert "[32]" in size("--preset", "published")
    other = here.parent / f"{here.name}.json"
    other.write_text(json.dumps(file))
    assert "[24]" in size("--config", str(other))


def test_help_needs_no_data(here: Path) -> None:
    assert "--dataset-path" in shown("cgan", "--dataset", "folder", "--data-root", "nowhere")


@pytest.mark.parametrize(
    "words",
    [
        ("cgan", "--steps", "3", "--dry-run"),
        ("--steps", "3", "cgan", "--dry-run"),
        ("--steps=3", "cgan", "--dry-run"),
        ("--dry-run", "cgan"),
        ("--no-generator-norm", "cgan", "--dry-run"),
        ("--generator-norm", "--dry-run", "cgan"),
        ("--tensorboard", "cgan", "--dry-run"),
        ("--loss", "hinge", "--dry-run", "cgan"),
        ("--config", "cgan.json", "--dry-run"),
        ("--dry-run", "--config=cgan.json"),
        ("cgan", "--config", "cgan.json", "--loss", "bce", "--dry-run"),
        (
            "cgan",
            "--generator-optimizer",
            "sgd",
            "--generator-optimizer-momentum",
            ".5",
            "--optimizer-lr",
            "1",
            "--dry-run",
        ),
        ("cgan", "--optimizer-betas", "0,0.99", "--dry-run"),
        ("cgan", "--generator-widths", "8,8", "--discriminator-widths", "8", "--dry-run"),
    ],
    ids=" ".join,
)
def test_words_in_any_order_are_understood(words: tuple[str, ...], here: Path) -> None:
    answer = ganzoo("train", *words)
    assert (answer.status, answer.out) == (0, ""), answer.err


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_dry_run_says_that_all_fits_and_writes_nothing(variant: str, here: Path) -> None:
    assert ganzoo("train", variant, "--dry-run") == Answer(0, "", "everything fits\n")


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
    "train cgan --config /dev/zero": ("/dev/zero", "no file"),
    "train cgan --config sparse.json": ("sparse.json", "more than"),
    "train cgan --config elsewhere.json": ("'out'", "give --out"),
    "train --config nowhere.json": ("nowhere.json", "cannot be read"),
    "convert": ("which variant", "dcgan"),
    "convert notes.txt": ("which variant to convert to", "dcgan"),
    "convert --variant dcgan": ("OLD",),
    "convert notes.txt --variant dcgna": ("'dcgna'", "did you mean 'dcgan'"),
    "convert notes.txt --variant": ("which variant to convert to",),
    "convert nowhere --variant dcgan": ("nowhere", "torch.save"),
    "convert notes.txt --variant dcgan": ("notes.txt", "no checkpoint of PyTorch"),
    "convert empty --variant dcgan": ("empty", "no file"),
    "convert notes.txt --variant dcgan --out m.pt": ("m.pt", ".safetensors"),
    "convert notes.txt --variant dcgan --out full": ("full", ".safetensors"),
    "convert notes.txt --variant dcgan --generator-widht 3": ("'--generator-width'", "ganzoo convert OLD --variant"),
    "convert notes.txt --variant dcgan --generator-width 0": ("width", "at least 1"),
    "convert notes.txt --variant dcgan --steps 3": ("'--steps'",),
    "convert notes.txt --variant dcgan --latent norml": ("'norml'", "'normal'"),
    "convert notes.txt --variant cgan-conv --dataset-size 18": ("multiples of 4", "18×18"),
    "convert notes.txt --variant dcgan --take generator": ("--take generator=PART",),
    "sample": ("MODEL",),
    "sample nowhere": ("nowhere", "a run folder"),
    "sample nowhere.safetensors": ("nowhere.safetensors", "a run folder"),
    "sample empty": ("empty", "no model"),
    "sample full": ("full", "no model"),
    "sample notes.txt": ("notes.txt", "no model"),
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
        ("pictures", ("pictures", "no image")),
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


# Configuration files

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
SOUND = select(installed(), "cgan").to_json()


def places(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the way to everything inside a JSON document."""
    if path:
        yield path
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from places(inner, (*path, name))


@st.composite
def almost_sound(draw: st.DrawFn) -> Any:
    """A config file that is sound but for one to three places."""
    document = json.loads(json.dumps(SOUND))
    for path in draw(st.lists(st.sampled_from(list(places(SOUND))), min_size=1, max_size=3)):
        inner = document
        for name in path[:-1]:
            inner = inner[name] if isinstance(inner, dict) and name in inner else {}
        fate = draw(st.sampled_from(["replace", "replace", "delete", "rename"])) if isinstance(inner, dict) else ""
        if fate and path[-1] in inner:
            old = inner.pop(path[-1])
            if fate == "replace":
                inner[path[-1]] = draw(
                    json_values | st.sampled_from([0, -1, 1.5, "", "mlp", "hinge", "none", [1], 2**70])
                )
            elif fate == "rename":
                inner[path[-1] + "x"] = old
    return document


file_contents = (
    st.binary(max_size=30)
    | st.text(max_size=30).map(lambda text: text.encode("utf-8", "surrogatepass"))
    | json_values.map(lambda value: json.dumps(value).encode())
)
documents = almost_sound().map(lambda value: json.dumps(value).encode())


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A working folder for many examples."""
    folder = tmp_path_factory.mktemp("scratch")
    with contextlib.chdir(folder):
        yield folder


def taken_or_refused(folder: Path, content: bytes, *words: str) -> None:
    (folder / "some.json").write_bytes(content)
    before = listing(folder)
    answer = ganzoo("train", *words, "--config", "some.json", "--dry-run")
    assert answer == Answer(0, "", "everything fits\n") or problems(answer)
    assert listing(folder) == before


@settings(max_examples=100, deadline=None)
@given(content=file_contents, named=st.booleans())
def test_any_file_is_taken_for_a_config_file_or_refused_in_words(scratch: Path, content: bytes, named: bool) -> None:
    taken_or_refused(scratch, content, *(["cgan"] if named else []))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(content=documents, named=st.booleans())
def test_an_almost_sound_config_file_is_taken_or_refused_in_words(scratch: Path, content: bytes, named: bool) -> None:
    taken_or_refused(scratch, content, *(["cgan"] if named else []))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", ("JSON",)),
        ("null", ("JSON object",)),
        ("{", ("JSON",)),
        ('{"variant": 3}', ("variant",)),
        ('{"variant": null}', ("which variant",)),
        ('{"variant": ""}', ("which variant",)),
        ("{}", ("which variant",)),
        ('{"variant": "cgann"}', ("did you mean 'cgan'",)),
        ('{"variant": "cgan", "parts": 3}', ("damaged", "'parts'")),
        ('{"variant": "cgan", "run": []}', ("damaged", "'run'")),
        ('{"variant": "cgan", "parts": {"loss": 3}}', ("damaged", "'loss'")),
        ('{"variant": "cgan", "parts": {"loss": {"name": "hing"}}}', ("did you mean 'hinge'",)),
        ('{"variant": "cgan", "parts": {"los": {"name": "hinge"}}}', ("slot 'los'", "did you mean 'loss'")),
        ('{"variant": "cgan", "parts": {"recipe": {"name": "cycle"}}}', ("'cycle'",)),
        ('{"variant": "cgan", "parts": {"generator": {"name": "mlp", "config": {"widths": 5}}}}', ("'widths'", "5")),
        (
            '{"variant": "cgan", "parts": {"generator": {"name": "mlp", "config": {"withs": [5]}}}}',
            ("'withs'", "widths"),
        ),
        ('{"variant": "cgan", "run": {"steps": 0}}', ("'steps'", "at least 1")),
        ('{"variant": "cgan", "run": {"stepz": 1}}', ("'stepz'", "did you mean 'steps'")),
        ('{"variant": "cgan", "run": {"steps": 1, "epochs": 1}}', ("--steps and --epochs",)),
        ('{"variant": "cgan", "format": 99}', ("format", "99")),
        ("[" * 100_000, ("JSON",)),
        ('{"variant": "cgan", "run": {"steps": ' + "9" * 5000 + "}}", ()),
        ('{"variant": "cgan", "run": {"seed": NaN}}', ("seed",)),
    ],
    ids=lambda value: value[:60] if isinstance(value, str) else None,
)
def test_a_config_file_that_is_wrong_is_told_in_one_line(
    content: str, words: tuple[str, ...], tmp_path: Path, here: Path
) -> None:
    file = here.parent / f"{here.name}.json"
    file.write_text(content)
    assert lacks(problem("train", "--config", str(file), "--dry-run"), words) == []


# What goes wrong otherwise


def exits(*words: str) -> int:
    with pytest.raises(SystemExit) as caught:
        main(list(words))
    assert isinstance(caught.value.code, int)
    return caught.value.code


@pytest.mark.parametrize(
    "words", [("--debug", "train", "cgann"), ("train", "--debug", "cgann"), ("info", "hing", "--debug")]
)
def test_debug_shows_the_traceback(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert exits(*words) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("Traceback")
    assert "did you mean" in captured.err.splitlines()[-1]


def test_debug_changes_nothing_where_all_goes_well(capsys: pytest.CaptureFixture[str]) -> None:
    assert exits("--debug", "list", "loss") == exits("list", "loss") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[: len(lines) // 2] == lines[len(lines) // 2 :]


def failing(problem: BaseException) -> Any:
    def fail() -> None:
        raise problem

    return fail


def test_an_interrupt_is_told_and_gives_130(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ganzoo.cli.listing.installed", failing(KeyboardInterrupt()))
    answer = ganzoo("list")
    assert (answer.status, answer.out, answer.err.strip()) == (130, "", "interrupted")


@pytest.mark.parametrize(("text", "told"), [("disk\n\n  on fire", "disk on fire"), ("", "RuntimeError")])
def test_what_nobody_foresaw_is_told_in_one_line_and_gives_1(
    text: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ganzoo.cli.listing.installed", failing(RuntimeError(text)))
    assert ganzoo("list") == Answer(1, "", f"ganzoo: failed: {told} (--debug shows the traceback)\n")
    assert "Traceback" in ganzoo("list", debug=True).err


def test_a_reader_that_goes_away_is_no_error() -> None:
    process = subprocess.Popen([sys.executable, "-m", "ganzoo", "list"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.close()
    _, err = process.communicate()
    assert (process.returncode, err) == (0, b"")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
@pytest.mark.parametrize(
    "words", [("list",), ("info", "wgan-gp"), ("train", "cgan", "--help"), ("train", "cgan", "--los", "ü")]
)
def test_a_pipe_that_cannot_take_every_letter_is_no_error(encoding: str, words: tuple[str, ...]) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    done = subprocess.run([sys.executable, "-m", "ganzoo", *words], capture_output=True, env=environment, check=False)
    assert done.returncode == (2 if "--los" in words else 0), done.stderr
    assert b"Traceback" not in done.stderr


def test_the_module_is_the_command() -> None:
    done = subprocess.run([sys.executable, "-m", "ganzoo", "list"], capture_output=True, text=True, check=False)
    script = subprocess.run(
        [Path(sys.executable).parent / "ganzoo", "list"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (script.returncode, script.stdout, script.stderr)
    assert done.returncode == 0


# The same in Python


def test_the_public_names_are_there_and_few() -> None:
    assert sorted(package.__all__) == ["evaluate", "hookimpl", "list", "load", "sample", "train"]
    assert all(callable(getattr(package, name)) for name in package.__all__)
    assert set(package.__all__) <= set(dir(package))
    with pytest.raises(AttributeError, match="has no attribute 'trian'; it has"):
        package.trian  # noqa: B018


def test_list_in_python_tells_what_the_command_tells() -> None:
    told = {(kind, name) for kind, names in package.list().items() for name in names}
    assert told == {(entry["kind"], entry["name"]) for entry in document("list")}
    assert package.list("loss") == {"loss": list(installed().names("loss"))}
    with pytest.raises(ValueError, match="did you mean 'loss'"):
        package.list("los")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"loss": "hing"}, "did you mean 'hinge'"),
        ({"optimzer_lr": 1}, "did you mean '--optimizer-lr'"),
        ({"steps": 0}, "at least 1"),
        ({"generator_widths": 128}, "widths"),
        ({"batch_size": "many"}, "a whole number"),
        ({"preset": "publish"}, "did you mean 'published'"),
        ({"config": {"parts": []}}, "damaged"),
    ],
    ids=str,
)
def test_what_is_asked_wrongly_in_python_is_a_value_error(options: dict[str, Any], words: str, here: Path) -> None:
    with pytest.raises(ValueError, match=words):
        package.train("cgan", progress=False, **options)
