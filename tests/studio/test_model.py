"""Sampling a trained model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import ganzoo
from ganzoo.cli import run as command
from ganzoo.errors import UserError
from ganzoo.training.run import Run


def test_many_samples_are_made_in_parts_and_differ(trained: Run) -> None:
    made = ganzoo.load(trained.folder.path).sample(600, label=1)
    assert len(torch.unique(made.flatten(1), dim=0)) == 600


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--label", "12"], "class 12 is out of range: there are the classes 0 to 9"),
        (["--label", "-1"], "out of range"),
        (["--label", "tne"], "no class is called 'tne'"),
        (["--out", "a.jpg"], "use .png, .npz, or a folder"),
        (["--truncation", "nan"], "nan is not in the range"),
        (["--count", "0"], "0 is not in the range"),
    ],
)
def test_bad_sampling_requests(
    trained: Run, words: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert command(["sample", str(trained.folder.path), *words]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error
    assert not list(tmp_path.iterdir())


# Noise of the user's own


def test_noise_of_ones_own_takes_the_place_of_random_numbers(trained: Run) -> None:
    model = ganzoo.load(trained)
    assert model.noise_shape is not None
    z = torch.randn(5, *model.noise_shape, generator=torch.Generator().manual_seed(3))
    made = model.sample(z=z, label=2)
    assert len(made) == 5
    assert torch.equal(made, model.sample(z=z, label=2, seed=9)), "no random number is left"
    assert not torch.equal(made, model.sample(z=-z, label=2))
    assert torch.allclose(made[:2], model.sample(2, z=z[:2], label=2), atol=1e-5)
    assert torch.equal(made, ganzoo.sample(trained, z=z, label=2))


@pytest.mark.parametrize(
    ("z", "count", "expected"),
    [
        (torch.zeros(5, 3), None, "z must be a tensor of shape \\(count, "),
        ("zeros", None, "not str"),
        (torch.zeros(0, 100), None, "z must be a tensor"),
    ],
)
def test_noise_that_does_not_fit_is_refused(z: Any, count: int | None, expected: str, trained: Run) -> None:
    with pytest.raises(UserError, match=expected):
        ganzoo.load(trained).sample(count, z=z)


def test_noise_and_another_count_are_refused(trained: Run) -> None:
    model = ganzoo.load(trained)
    with pytest.raises(UserError, match="z has 5 rows, and count is 6"):
        model.sample(6, z=torch.zeros(5, *(model.noise_shape or ())))


def test_truncation_brings_samples_together_and_1_changes_nothing(trained: Run) -> None:
    model = ganzoo.load(trained.folder.path)
    whole, less, none = (model.sample(30, 1, truncation=factor) for factor in (1.0, 0.5, 0.0))
    assert torch.equal(whole, model.sample(30, 1))
    assert float(whole.std(0).mean()) > float(less.std(0).mean()) > 100 * float(none.std(0).mean())
