"""Published sources: complete, and downloaded into the place where the dataset reads them."""

from __future__ import annotations

import gzip
import hashlib
import os
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ganzoo.cli import main
from ganzoo.errors import UserError
from ganzoo.testing.idx_files import IMAGES, LABELS, idx, write_mnist
from ganzoo.testing.processes import Forked
from ganzoo.testing.stand_ins import resolve_target
from ganzoo.testing.web_server import Server, serve
from ganzoo_datasets import configs, ganzoo_components, transfer
from ganzoo_datasets.configs import IdxConfig, MnistConfig
from ganzoo_datasets.files import LOCK
from ganzoo_datasets.idx import IdxDataset
from ganzoo_datasets.sources import Archive, Source

COMPONENTS = {component.name: component for component in ganzoo_components()}
PUBLISHED = [name for name, component in COMPONENTS.items() if hasattr(component.config, "source")]
Images = np.ndarray[Any, Any]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(transfer, "PAUSE", 0.0)


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.close()


def leftovers(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if not path.is_dir() and path.name != LOCK]


def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


# Signals to the command line


def trains_on(source: Source, root: Path, out: Path) -> None:
    """Train on MNIST as if it came from ``source``."""
    os.environ["no_proxy"] = "127.0.0.1"
    MnistConfig.source = source
    main(["train", "gan", "--dataset", "mnist", "--data-root", str(root), "--steps", "1", "--out", str(out)])


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), pytest.param(signal.SIGTERM, 143, marks=pytest.mark.long)]
)
def test_a_training_that_downloads_ends_at_once_and_the_next_goes_on(
    number: signal.Signals, status: int, server: Server, tmp_path: Path
) -> None:
    images = np.random.default_rng(0).integers(0, 256, (500, 28, 28), dtype=np.uint8)
    source, go_on = served_mnist(server, "", images=images, labels=np.zeros(500, np.uint8)), threading.Event()
    name, root = "train-images-idx3-ubyte.gz", tmp_path / "data"
    server.script[f"/{name}"].append(partial(serve, held=lambda: go_on.wait(20)))
    log = tmp_path / "log"
    process = Forked(trains_on, source, root, tmp_path / "run", log=log)
    part = source.folder_in(root) / f".{name}.part"
    half = source.archives[name].size // 2
    try:
        until(lambda: part.exists() and part.stat().st_size >= half - 2**14)
        process.send_signal(number)
        assert process.wait(5) == status
    finally:
        process.kill()
        go_on.set()
    assert "Traceback" not in log.read_text(encoding="utf-8")
    assert not (tmp_path / "run").exists()
    assert part.stat().st_size == half
    assert len(IdxDataset(config_of(source), root)) == 500
    assert (f"/{name}", f"bytes={half}-") in server.asked


# The datasets


def served_mnist(server: Server, *paths: str, images: Images = IMAGES, labels: Images = LABELS) -> Source:
    """MNIST as the server has it, on the last mirror alone of those for each of ``paths``."""
    contents = {
        "train-images-idx3-ubyte.gz": gzip.compress(idx(images)),
        "train-labels-idx1-ubyte.gz": gzip.compress(idx(labels)),
    }
    server.files = {f"/{paths[-1]}{name}": data for name, data in contents.items()}
    return replace(
        configs.MnistConfig.source,
        mirrors=tuple(server.address + path for path in paths),
        archives={name: Archive(len(data), hashlib.md5(data).hexdigest()) for name, data in contents.items()},
    )


def config_of(source: Source) -> IdxConfig:
    @dataclass(frozen=True)
    class LocalConfig(MnistConfig):
        pass

    LocalConfig.source = source
    return LocalConfig(size=9)


def test_a_download_is_checked_saved_and_told(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "not" / "yet"
    config = config_of(served_mnist(server, "gone/", "here/"))
    fields = IdxDataset(config, root).read(torch.arange(5))
    assert np.array_equal(fields["image"].squeeze(1).numpy(), IMAGES)
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count(f"saved MNIST in {root / 'MNIST' / 'raw'}") == 1
    asked = len(server.asked)
    assert asked == 4
    IdxDataset(config, root)
    assert len(server.asked) == asked
    assert capsys.readouterr().err == ""
    assert not [path for path in leftovers(root) if path.suffix == ".part"]


def test_only_what_is_missing_is_downloaded(server: Server, tmp_path: Path) -> None:
    config = config_of(served_mnist(server, ""))
    folder = write_mnist(tmp_path, idx(IMAGES), b"")
    (folder / "train-labels-idx1-ubyte").unlink()
    assert len(IdxDataset(config, tmp_path)) == 5
    assert server.asked == [("/train-labels-idx1-ubyte.gz", "")]


def test_only_what_is_missing_is_asked_of_people(server: Server, tmp_path: Path) -> None:
    source = served_mnist(server, "")
    del server.files["/train-labels-idx1-ubyte.gz"]
    with pytest.raises(UserError, match=r"404 Not Found\): put train-labels-idx1-ubyte.gz into the folder") as caught:
        IdxDataset(config_of(source), tmp_path)
    assert str(source.folder_in(tmp_path)) in str(caught.value)


@pytest.mark.parametrize("name", PUBLISHED)
def test_offline_says_which_files_to_put_where(name: str, tmp_path: Path, offline: None) -> None:
    component = COMPONENTS[name]
    with pytest.raises(UserError, match="Connection refused") as caught:
        resolve_target(component.target)(component.config(), tmp_path)
    text = str(caught.value)
    files = ["cifar-10-binary.tar.gz"] if name == "cifar10" else ["train-images-idx3-ubyte.gz", "train-labels-idx1"]
    assert all(file in text for file in [*files, "--data-root", str(component.config.source.folder_in(tmp_path))])
    assert "\n" not in text
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("name", PUBLISHED)
def test_sources_are_complete(name: str) -> None:
    source = COMPONENTS[name].config.source
    assert all(mirror.startswith("https://") and mirror.endswith("/") for mirror in source.mirrors)
    assert all(re.fullmatch("[0-9a-f]{32}", archive.md5) for archive in source.archives.values())
    assert all(1000 < archive.size < 2**28 for archive in source.archives.values())
    assert len(source.archives) == (1 if name == "cifar10" else 4)
