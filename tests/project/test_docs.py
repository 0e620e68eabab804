"""What the documents say is so: every command and example in them runs, and what is generated is up to date."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import ganzoo
from ganzoo.catalogue import KINDS
from ganzoo.catalogue.options import options_of
from ganzoo.catalogue.settings import RunSettings
from ganzoo.cli import cli
from ganzoo.cli import run as command
from ganzoo.explore.server import Server
from ganzoo.studio.machine import Machine
from ganzoo.testing.older_files import model_in_format_1

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "docs"))

import generate  # noqa: E402
import promises  # noqa: E402

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
GUIDE = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")
SERVE = Server.serve
QUICK = ["--steps", "2", "--batch-size", "8"]
QUICK_JUDGE = ["--judge-width", "4", "--judge-features", "16", "--judge-least-steps", "20", "--samples", "400"]

UNJUDGED = {"read-attributes", "edits", "motion", "story-truth"}  # metrics that take no options of a judge


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def commands(page: Path) -> Iterator[list[str]]:
    for block in blocks(page, "console"):
        for line in block.splitlines():
            if line.startswith("$ ganzoo "):
                yield shlex.split(line.removeprefix("$ ganzoo "), comments=True)


# The examples of the first need its commands; those of the second run to their end in test_traps.py.
TESTED_ELSEWHERE = ("how-to.md", "traps.md")
TOGETHER = [block.strip() for block in blocks(ROOT / "docs" / "speed.md", "sh")]


def quick(words: list[str]) -> list[str]:
    # A run that goes on does so by a step, with the batches that it has.
    # In a given time it would make many; here two of them fit into any time.
    train = ["--steps", "3"] if "--resume" in words else QUICK[2:] if "--time" in words else QUICK
    # A page that says how many samples compares without a judge that learns.
    evaluate = QUICK_JUDGE[-2:] if "--samples" in words else QUICK_JUDGE
    evaluate = ["--samples", "8"] if UNJUDGED & {*words} else evaluate
    more = {"train": train, "evaluate": evaluate}.get(words[0], [])
    # A judge that learns nothing, where the page leaves the choice to the data.
    more = [*more, "--judge", "plain"] if "--evaluate-every" in words else more
    return [*words, *more] if "--help" not in words else words


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stand_in_root: Callable[[str], Path]) -> Path:
    """A folder like a reader's: ``data`` with MNIST in it, ``photos``, and what the first command of all has left."""
    (tmp_path / "data").symlink_to(stand_in_root("mnist"))
    (tmp_path / "photos").symlink_to(stand_in_root("folder"))
    (tmp_path / "captions").symlink_to(stand_in_root("table"))
    (tmp_path / "pictures").symlink_to(stand_in_root("caption-files"))
    (tmp_path / "clips").symlink_to(stand_in_root("clips"))
    monkeypatch.setattr("ganzoo_editing.reader.STEPS", 4)
    monkeypatch.chdir(tmp_path)
    known = Machine("a processor", 1, 1, "torch", "cpu", {"fp32": 1e10, "bf16": 1e10}, 1e9)
    monkeypatch.setattr("ganzoo.studio.machine.measure_machine", lambda device: known)
    monkeypatch.setattr("ganzoo.studio.time_budget.most_steps", lambda found, seconds: 2)
    monkeypatch.setattr(Server, "serve", visited)
    ganzoo.train("cgan", conditioner="multiply", steps=2, progress=False)
    (tmp_path / "old.safetensors").write_bytes(model_in_format_1(Path("runs/cgan/model.safetensors")))
    for name, code in re.findall(r"<!-- one file: (\S+) -->\n```python\n(.*?)^```", GUIDE, re.DOTALL | re.MULTILINE):
        (tmp_path / name).write_text(code, encoding="utf-8")
    (tmp_path / "my.toml").write_text(blocks(ROOT / "docs" / "config.md", "toml")[0], encoding="utf-8")
    torch.save(old_checkpoint(), tmp_path / "old.pkl", _use_new_zipfile_serialization=False)
    return tmp_path


def visited(server: Server) -> None:
    """Serve a page until somebody has read it."""

    def visit() -> None:
        try:
            with urllib.request.urlopen(server.url, timeout=60) as answer:
                assert b"ganzoo explore" in answer.read()
        finally:
            server.end()

    visitor = threading.Thread(target=visit)
    visitor.start()
    SERVE(server)
    visitor.join()


def old_checkpoint() -> dict[str, Any]:
    """A DCGAN's generator for colour images of 64 pixels, as tutorials write and save it."""
    layers: list[nn.Module] = []
    before = 100
    for stride, after in ((1, 128), (2, 64), (2, 32), (2, 16)):
        enlarge = nn.ConvTranspose2d(before, after, 4, stride, stride - 1, bias=False)
        layers += [enlarge, nn.BatchNorm2d(after), nn.ReLU(True)]
        before = after
    main = nn.Sequential(*layers, nn.ConvTranspose2d(before, 3, 4, 2, 1, bias=False), nn.Tanh())
    return {"epoch": 20, "g_model_state_dict": nn.DataParallel(nn.ModuleDict({"main": main})).state_dict()}


@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if any(commands(page)) and page.name not in TESTED_ELSEWHERE],
    ids=lambda page: page.name,
)
def test_the_commands_of_a_page_run_one_after_the_other(page: Path, workplace: Path) -> None:
    for words in commands(page):
        line, _, file = (words, "", "") if ">" not in words else (words[:-2], *words[-2:])
        with contextlib.redirect_stdout(Path(file).open("w", encoding="utf-8")) if file else contextlib.nullcontext():
            assert command(quick(line)) == 0, " ".join(words)


@pytest.mark.long
@pytest.mark.parametrize("line", TOGETHER, ids=["torchrun", "with restarts"])
def test_commands_for_several_processes_run(line: str, workplace: Path) -> None:
    words = shlex.split(line)
    assert words[0] == "torchrun"
    start = [sys.executable, "-m", "torch.distributed.run", "--standalone", *words[1:], *QUICK, "--device", "cpu"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(start, capture_output=True, text=True, check=False, timeout=240, env=environment)
    assert done.returncode == 0, done.stderr[-3000:]
    assert (workplace / "runs" / "two" / "model.safetensors").exists()


def test_the_python_example_runs(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train = ganzoo.train

    def quickly(*arguments: Any, **options: Any) -> Any:
        return train(*arguments, **{**options, "steps": 2, "progress": False})

    monkeypatch.setattr(ganzoo, "train", quickly, raising=False)
    (example,) = blocks(ROOT / "README.md", "python")
    names: dict[str, Any] = {}
    exec(example, names)
    assert tuple(names["images"].shape) == (16, 1, 28, 28)
    assert names["images"].abs().max() <= 1


def test_the_example_of_the_api_runs(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train = ganzoo.train
    short = {"steps": 2, "batch_size": 8, "progress": False}
    monkeypatch.setattr(ganzoo, "train", lambda *given, **named: train(*given, **{**named, **short}), raising=False)
    (example,) = blocks(ROOT / "docs" / "api.md", "python")
    names: dict[str, Any] = {}
    exec(example, names)
    assert len(names["images"]) == 20
    assert names["found"].samples == 500


def test_the_config_file_of_the_page_is_used_in_python(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train = ganzoo.train
    monkeypatch.setattr(ganzoo, "train", lambda *given, **named: train(*given, **{**named, "steps": 2}), raising=False)
    (example,) = blocks(ROOT / "docs" / "config.md", "python")
    names: dict[str, Any] = {}
    exec(example, names)
    assert (names["run"].steps, names["run"].folder.path) == (2, Path("runs/from-python"))


def test_the_cells_of_the_notebook_run_one_after_the_other(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train = ganzoo.train

    def quickly(*arguments: Any, **options: Any) -> Any:
        return train(*arguments, **{**options, "steps": 2, "progress": False})

    monkeypatch.setattr(ganzoo, "train", quickly, raising=False)
    names: dict[str, Any] = {}
    for cell in blocks(ROOT / "docs" / "notebook.md", "python"):
        exec(cell, names)
    assert tuple(names["images"].shape) == (16, 1, 16, 16)
    assert [figure.metric for figure in names["found"].figures] == ["frechet"]


def test_the_examples_of_how_to_run_after_its_commands(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = ROOT / "docs" / "how-to.md"
    test_the_commands_of_a_page_run_one_after_the_other(page, workplace)
    train = ganzoo.train

    def quickly(*arguments: Any, **options: Any) -> Any:
        length = {"steps": 4} if options.get("resume") else {"steps": 2, "batch_size": 8}
        return train(*arguments, **{**options, **length, "progress": False})

    monkeypatch.setattr(ganzoo, "train", quickly, raising=False)
    names: dict[str, Any] = {}
    for example in blocks(page, "python"):
        exec(example, names)
    assert names["run"].steps == 4


def test_the_two_commands() -> None:
    first, second = (block.strip() for block in blocks(ROOT / "README.md", "sh"))
    assert first.endswith("ganzoo train cgan --conditioner multiply --steps 5000")
    assert second in (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()


def test_the_reference_is_what_the_declarations_say() -> None:
    page = generate.contract_page
    assert page.PAGE.read_text(encoding="utf-8") == page.page(), "run `make docs`"
    assert generate.REFERENCE.read_text(encoding="utf-8") == generate.reference(), "run `make docs`"
    which = generate.which_page
    assert which.PAGE.read_text(encoding="utf-8") == which.page(generate.own_registry()), "run `make docs`"
    systems = generate.systems_page
    assert systems.PAGE.read_text(encoding="utf-8") == systems.page(generate.own_registry()), "run `make docs`"
    page_of_networks = generate.networks_page.page(generate.own_registry())
    assert generate.networks_page.PAGE.read_text(encoding="utf-8") == page_of_networks, "run `make docs`"
    assert generate.api_page.PAGE.read_text(encoding="utf-8") == generate.api_page.page(), "run `make docs`"


def test_every_option_of_a_training_is_in_the_reference() -> None:
    told = generate.REFERENCE.read_text(encoding="utf-8")
    settings = {option.flag for option in options_of(RunSettings)}
    assert [flag for flag in settings if f"`--{flag}`" not in told and f"`--{flag} " not in told] == []
    assert [name for name in cli.commands if f"### ganzoo {name}\n" not in told] == []


def test_the_promises_are_told_as_they_are_and_their_tests_are_there() -> None:
    assert promises.PAGE.read_text(encoding="utf-8") == promises.page(promises.read()), "run `make docs`"
    for promise in promises.PROMISES:
        for name in (promise.quick, promise.long):
            for test in name.split():
                file, _, function = test.partition("::")
                text = (ROOT / file).read_text(encoding="utf-8")
                assert f"def {function}(" in text or not function, test
                assert "pytest.mark.long" in text or name != promise.long, test


def test_help_names_every_kind(capsys: pytest.CaptureFixture[str]) -> None:
    command(["list", "--help"])
    shown = capsys.readouterr().out
    assert all(kind in shown for kind in KINDS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        assert target.startswith("https://") or (page.parent / target).exists(), target


def test_the_project_names_no_machine() -> None:
    """Paths of one machine and hosts of a package index do not belong into the project."""
    words = re.compile(r"/(?:work|home/\w+|root)/|pypi\.|files\.pythonhosted")
    for folder in ("ganzoo", "plugins", "examples", "docs", "tests", ".ci"):
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in {".py", ".md", ".toml", ".cfg", ""} and path.is_file() and path != Path(__file__):
                assert not words.search(path.read_text(encoding="utf-8")), path
