"""Conditions of samples: labels, tensors, arrays and ranges."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import ganzoo
from ganzoo.catalogue import installed, select
from ganzoo.errors import UserError
from ganzoo.testing.command_lines import ganzoo as command
from ganzoo.testing.selections import choose
from ganzoo.training.run import Run, train


def test_an_unconditional_model_takes_no_label(tmp_path: Path) -> None:
    model = ganzoo.load(train(choose("gan", out=tmp_path / "run")).folder.path)
    with pytest.raises(UserError, match="unconditional"):
        model.sample(1, label=3)
    with pytest.raises(UserError, match="takes no images as input: leave out input"):
        ganzoo.sample(tmp_path / "run", 1, input=torch.zeros(1, 8, 8))


def test_conditions_may_be_tensors_arrays_and_ranges(tmp_path: Path) -> None:
    flags = {"dataset": "shapes", "dataset_condition": "attributes", "dataset_size": 16, "dataset_count": 20}
    run = train(select(installed(), "cgan", {**flags, "steps": 2, "batch_size": 4, "out": tmp_path / "run"}))
    model = ganzoo.load(run.folder.path)
    size = model.condition.size
    one = model.sample(2, label=torch.zeros(size))
    assert torch.equal(one, model.sample(2, label=np.zeros(size, np.float32)))
    assert torch.equal(one, model.sample(2, label=torch.zeros(2, size)))
    with pytest.raises(UserError, match="attributes with"):
        model.sample(2)


def test_labels_are_whole_numbers(trained: Run) -> None:
    model = ganzoo.load(trained.folder.path)
    assert torch.equal(model.sample(3, label=range(3)), model.sample(3, label=[0, 1, 2]))
    with pytest.raises(UserError, match=r"no class is called 7\.9"):
        model.sample(1, label=7.9)


@pytest.mark.parametrize(
    ("condition", "labels", "generator", "discriminator"),
    [
        ("label", ("circle", "square"), "film-noise", "projection"),
        ("attributes", ("red+large", "0.5," * 22 + "0.5"), "one-hot", "film"),
        ("caption", ("a red circle", "a small blue star"), "film", "one-hot"),
        (
            "label+attributes",
            ("label=circle; attributes=red", "label=star; attributes=small+top"),
            "conditional-batch-norm",
            "projection",
        ),
    ],
)
def test_words_of_the_command_line_reach_every_kind_of_site(
    condition: str, labels: tuple[str, str], generator: str, discriminator: str, tmp_path: Path
) -> None:
    """Conditions of every type change what is generated from the same noise, and several of them take turns."""
    flags: dict[str, object] = {
        "dataset": "shapes",
        "dataset_condition": condition,
        "dataset_size": 16,
        "dataset_count": 20,
        "generator_conditioner": generator,
        "discriminator_conditioner": discriminator,
        "generator_widths": (8, 8),
        "discriminator_widths": (8, 8),
    }
    if generator != "one-hot":
        flags["generator_conditioner_deviation"] = 1.0  # scales that begin as 1 would differ little after two steps
    run = train(select(installed(), "cgan", {**flags, "steps": 2, "batch_size": 4, "out": tmp_path / "run"}))

    def images(*words: str) -> np.ndarray[tuple[int, ...], np.dtype[np.int16]]:
        chosen = (part for word in words for part in ("--label", word))
        answer = command("sample", run.folder.path, *chosen, "--count", 2, "--out", tmp_path / "images.npz")
        assert answer.status == 0, answer
        with np.load(tmp_path / "images.npz") as arrays:
            return arrays["images"].astype(np.int16)

    first, second = (images(word) for word in labels)
    assert (first != second).any()
    assert np.abs(images(*labels) - np.stack([first[0], second[1]])).max() <= 1
