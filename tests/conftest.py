"""What the tests share: small data in the real layout of every dataset, and the real data where it is at hand."""

from __future__ import annotations

import importlib
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from ganzoo.catalogue import installed

# What a shell starts in the background ignores SIGINT, and what nohup starts SIGHUP; some tests send both.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(getattr(signal, "SIGHUP", signal.SIGTERM), signal.SIG_DFL)

# One thread a process: two test processes that each wait for two cores spend their time waiting.
torch.set_num_threads(1)

SHARED = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache of the tests' own, where judges are trained once for all of them."""
    folder = tmp_path_factory.getbasetemp() / "cache"
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
    roots: dict[str, Path] = {}

    def root(name: str) -> Path:
        if name not in roots:
            roots[name] = tmp_path_factory.mktemp(name)
            write = installed().component("dataset", name).stand_in
            if write:
                module, function = write.split(":")
                getattr(importlib.import_module(module), function)(roots[name])
        return roots[name]

    return root


@pytest.fixture
def mnist_root() -> Path:
    """The folder with the real MNIST."""
    if not (SHARED / "MNIST" / "raw" / "train-images-idx3-ubyte").exists():
        pytest.skip("the real MNIST is not at hand")
    return SHARED
