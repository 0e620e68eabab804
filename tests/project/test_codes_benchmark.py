"""The benchmark of codes measures what it says."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner

from ganzoo.contract.judge import Examples
from ganzoo.studio.model import Model
from ganzoo.testing.selections import choose
from ganzoo.training.run import train

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "benchmarks"))

import codes  # noqa: E402


def labelled(*labels: int) -> Examples:
    return Examples(torch.zeros(len(labels), 1), torch.tensor(labels))


@pytest.mark.parametrize(
    ("found", "labels", "error"),
    [
        ((2, 2, 0, 1), (0, 0, 1, 2), 0.0),  # other names for the same classes
        ((2, 2, 0, 1, 1), (0, 0, 1, 2, 1), 0.2),
        ((1, 1, 1, 1), (0, 1, 2, 2), 0.5),  # one code belongs to one class
        ((0, 1, 2, 3), (0, 0, 0, 0), 0.75),  # and one class to one code
    ],
)
def test_codes_are_matched_with_classes(found: tuple[int, ...], labels: tuple[int, ...], error: float) -> None:
    assert codes.code_error(torch.tensor(found), labelled(*labels)) == error


def test_a_model_is_measured_and_walked(tmp_path: Path) -> None:
    flags = {"generator_widths": (4, 6), "discriminator_widths": (4, 6), "generator_dense": 8, "discriminator_dense": 8}
    run = train(choose("infogan", tmp_path / "run", steps=2, device="cpu", **flags))
    shown = CliRunner().invoke(codes.main, [str(run.folder.path), "--walks", str(tmp_path / "walks")])
    assert shown.exit_code == 0, shown.output
    assert shown.output.count("code error") == 2 and "images of digits" in shown.output
    assert sorted(path.name for path in (tmp_path / "walks").iterdir()) == ["code.png", "style-1.png", "style-2.png"]


def test_a_row_of_a_walk_changes_one_code(tmp_path: Path) -> None:
    flags = {"generator_widths": (4, 6), "discriminator_widths": (4, 6), "generator_dense": 8, "discriminator_dense": 8}
    run = train(choose("infogan", tmp_path / "run", steps=2, device="cpu", **flags))
    model = Model.read(run.folder.model, run.registry)
    seen: list[torch.Tensor] = []
    model.recipe.get_submodule("generator").register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    names = [name for name, _ in codes.walked(model)]
    assert names == ["code", "style-1", "style-2"]
    latent = model.recipe.latent  # type: ignore[attr-defined]
    for name, z in zip(names, seen, strict=True):
        rows = z.view(codes.ROWS, codes.COLUMNS, -1)
        changing = (rows != rows[:, :1]).any(1).any(0).nonzero().flatten().tolist()
        start = z.shape[1] - 2
        own = {"code": range(start - 10, start), "style-1": [start], "style-2": [start + 1]}[name]
        assert changing == list(own)
        assert len(latent.read(rows[0])["code"].unique()) == (10 if name == "code" else 1)


def test_statistics_are_those_of_real_examples(tmp_path: Path) -> None:
    """Batch norm in evaluation mode then does what it does to a batch of real examples in training."""
    flags = {"generator_widths": (4, 6), "discriminator_widths": (4, 6), "generator_dense": 8, "discriminator_dense": 8}
    run = train(choose("infogan", tmp_path / "run", steps=2, device="cpu", **flags))
    model = Model.read(run.folder.model, run.registry)
    recipe: Any = model.recipe
    real = Examples(torch.rand(64, 1, 8, 8).mul(2).sub(1), torch.zeros(64, dtype=torch.long))

    def outputs() -> torch.Tensor:
        with torch.no_grad():
            return recipe.head(recipe.discriminator(real.values, None).features)["code"]

    as_trained = outputs()
    codes.take_statistics(model, real)
    taken = outputs()
    recipe.discriminator.train()
    recipe.head.train()
    torch.testing.assert_close(taken, outputs(), rtol=0.05, atol=0.02)
    assert (as_trained - taken).abs().max() > 0.05
