"""The public functions of Python: few names, and the errors of the command line as ValueError."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils.data import Dataset

import ganzoo as package
from ganzoo.catalogue import installed
from ganzoo.contract.loss import Loss
from ganzoo.errors import UserError
from ganzoo.own.adopt import component_of
from ganzoo.own.data import Items
from ganzoo.testing.command_lines import document
from ganzoo.testing.observers import StopAt

# The same in Python


def test_the_public_names_are_there_and_few() -> None:
    assert sorted(package.__all__) == ["evaluate", "hookimpl", "list", "load", "sample", "train", "use_plugin"]
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


# Signals


QUICK: dict[str, Any] = {"steps": 4, "batch_size": 8, "dataset_size": 8, "device": "cpu", "progress": False}


def test_an_interrupt_ends_a_loop_over_seeds_after_the_save(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    begun = []

    def loop() -> None:
        for seed in range(3):
            begun.append(seed)
            out = tmp_path / f"{seed}"
            package.train("gan-minimal", seed=seed, out=out, observers=[StopAt(2)] if seed == 1 else (), **QUICK)

    with pytest.raises(KeyboardInterrupt):
        loop()
    assert begun == [0, 1]
    assert [path.name for path in (tmp_path / "1" / "checkpoints").iterdir()] == ["step-00000002.safetensors"]
    assert f"stopped after 2 steps and saved; out={str(tmp_path / '1')!r} with resume=True" in capsys.readouterr().err
    whole = package.train("gan-minimal", seed=1, out=tmp_path / "whole", **QUICK)
    assert package.train("gan-minimal", seed=1, out=tmp_path / "1", resume=True, **QUICK).sha256 == whole.sha256


def test_another_signal_reaches_the_program_after_the_save(tmp_path: Path) -> None:
    heard: list[bool] = []
    before = signal.signal(signal.SIGTERM, lambda *_: heard.append((tmp_path / "run" / "model.safetensors").exists()))
    try:
        stop = StopAt(2, signal.SIGTERM)
        run = package.train("gan-minimal", out=tmp_path / "run", observers=stop, **QUICK)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert heard == [True]
    assert (run.finished, run.steps, run.signal) == (False, 2, signal.SIGTERM)


# A word where a list is meant


@pytest.mark.parametrize("metrics", ["modes", ["modes"], ("modes",), {"modes"}])
def test_one_metric_is_one_word(metrics: Any, tmp_path: Path) -> None:
    ring = {"dataset": "ring", "steps": 1, "batch_size": 8, "progress": False, "device": "cpu"}
    run = package.train("gan", out=tmp_path / "run", **ring)
    found = package.evaluate(run, metrics=metrics, samples=100)
    assert {figure.metric for figure in found.figures} == {"modes"}


def test_the_letters_of_a_word_are_no_observers(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"'tensorboard' cannot observe .* observer='tensorboard'"):
        package.train("gan-minimal", observers="tensorboard", out=tmp_path / "run", **QUICK)


def test_a_word_of_a_class_is_one_capability_and_one_class() -> None:
    class Mine(Loss):
        provides = "loss:mine"

        def discriminator(self, real: Any, fake: Any) -> Any:
            return real

        def generator(self, fake: Any, real: Any) -> Any:
            return fake

    class One(Dataset[Any]):
        classes = "cat"

        def __len__(self) -> int:
            return 2

        def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
            return torch.zeros(1, 8, 8), 0

    assert component_of("loss", "mine", Mine).provides == ("loss:mine",)
    assert Items(One(), "one").classes == ("cat",)
