"""What the tests share: small data in the real layout of every dataset, and the real data where it is at hand."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

import ganzoo
from ganzoo.catalogue import installed, select
from ganzoo.testing.checked_once import CheckedOnce
from ganzoo.testing.command_lines import listing
from ganzoo.testing.run_files import plain_animation, plain_picture
from ganzoo.testing.selections import choose
from ganzoo.testing.stand_ins import StandIns
from ganzoo.training.run import Run, train
from ganzoo.training.setup import build_trainer
from ganzoo.training.trainer import Trainer

# What a shell starts in the background ignores SIGINT, and what nohup starts SIGHUP; some tests send both.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(getattr(signal, "SIGHUP", signal.SIGTERM), signal.SIG_DFL)

# One thread a process: two test processes that each wait for two cores spend their time waiting.
torch.set_num_threads(1)

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
SHARED = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache of the tests' own, where judges are trained once for all of them, in whichever process they run."""
    temporary = tmp_path_factory.getbasetemp()
    folder = (temporary.parent if "PYTEST_XDIST_WORKER" in os.environ else temporary) / "cache"
    os.environ["GANZOO_CACHE"] = str(folder)
    return folder


@pytest.fixture
def record(request: pytest.FixtureRequest) -> Callable[..., None]:
    """A function that writes down what a test counted, as a line of JSON in the file that GANZOO_FIGURES names."""

    def write(**figures: object) -> None:
        if file := os.environ.get("GANZOO_FIGURES"):
            with Path(file).open("a", encoding="utf-8") as lines:
                lines.write(json.dumps({"test": request.node.nodeid, **figures}) + "\n")

    return write


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """No network: whatever is asked for goes to a proxy that is not there."""
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def stand_in_root(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A function that gives a data root for a dataset, with a stand-in where the dataset reads files."""
    return StandIns(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="session", autouse=True)
def no_waiting_for_the_disk() -> Iterator[None]:
    """A sync that asks for an open file and waits for no disk: no test ends with a power cut, and a disk is slow.

    Processes that tests start as people do sync as usual. When files are synced is tested where it matters.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", os.fstat)
        yield


@pytest.fixture(scope="session", autouse=True)
def checked_once() -> Iterator[None]:
    """Trainings of equal selections whose parts are tried once, before the first: a trial takes half of a training."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ganzoo.training.run.assemble", CheckedOnce())
        yield


@pytest.fixture(autouse=True)
def plain_pictures(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Curves and animations that are made at once, where making them takes half the time of a short training.

    Tests with ``@pytest.mark.curves`` make real ones. So do fixtures of a session or module, which are built before.
    """
    if request.node.get_closest_marker("curves") is None:
        monkeypatch.setattr("ganzoo.pictures.curves", plain_picture)
        monkeypatch.setattr("ganzoo.pictures.animate", plain_animation)


@pytest.fixture(autouse=True)
def short_estimates(monkeypatch: pytest.MonkeyPatch) -> None:
    """Estimates of a dry run from a step or two, where measuring takes seconds."""
    monkeypatch.setattr("ganzoo.studio.estimate.SECONDS", 0.0)


@pytest.fixture
def caught(monkeypatch: pytest.MonkeyPatch) -> list[Trainer]:
    """The trainers that :func:`ganzoo.training.run.train` builds, the newest last."""
    found: list[Trainer] = []

    def build(*given: Any) -> Trainer:
        found.append(build_trainer(*given))
        return found[-1]

    monkeypatch.setattr("ganzoo.training.run.build_trainer", build)
    return found


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A finished run of ``cgan``, which no test changes."""
    return train(choose("cgan", tmp_path_factory.mktemp("trained") / "run"))


@pytest.fixture(scope="session")
def trained_models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Runs by name, which no test changes: conditional, unconditional, and one of colour images."""
    folder = tmp_path_factory.mktemp("trained-models")
    usual = {"steps": 2, "batch_size": 16, "checkpoint_every": 0, "device": "cpu", "progress": False}
    colour = {"dataset": "shapes", "dataset_size": 16, "dataset_count": 100}
    made: dict[str, dict[str, Any]] = {"cgan": {}, "gan": {}, "colour": colour}
    for name, options in made.items():
        ganzoo.train(name.replace("colour", "cgan"), out=folder / name, **usual, **options)
    return {name: folder / name for name in made}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A headless browser, or a reason to skip."""
    library = pytest.importorskip("playwright.sync_api", reason="needs ganzoo[browser], which drives a browser")
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip(f"none of these browsers is installed: {', '.join(BROWSERS)}")
    with library.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A working folder with what a person may have lying about; whatever happens, nothing in it may change."""
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


@pytest.fixture
def mnist_root() -> Path:
    """The folder with the real MNIST."""
    if not (SHARED / "MNIST" / "raw" / "train-images-idx3-ubyte").exists():
        pytest.skip("the real MNIST is not at hand")
    return SHARED
