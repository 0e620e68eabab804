"""Inversion: what a model generated is found again, with its class; and what is edited is what was asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from ganzoo.errors import UserError
from ganzoo.studio.edit_picture import edit_picture, names_of
from ganzoo.studio.model import Model
from ganzoo.testing.models import some_condition, untrained

TINY = {"latent_size": 6, "generator_widths": (16,)}


def model_of(tmp_path: Path, variant: str = "cgan", **flags: Any) -> Model:
    model = untrained(tmp_path / "a.safetensors", variant, **{**TINY, **flags})
    with torch.random.fork_rng(), torch.no_grad():  # so that noise and class matter
        torch.manual_seed(0)
        for weight in model.recipe.generator.parameters():
            weight.add_(0.3 * torch.randn_like(weight))
    return model


@pytest.mark.parametrize("latent", ["normal", "uniform"])
def test_examples_of_the_model_are_found_again_with_their_classes(latent: str, tmp_path: Path) -> None:
    model = model_of(tmp_path, latent=latent)
    # Typical noise: of untypical noise, the prior would make another class.
    originals = model.sample(3, ["3", "8", "1"], seed=7, truncation=0.5)
    found = model.invert(originals)
    assert float(found.errors.max()) < 0.1 * float(originals.var())
    assert found.conditions is not None and found.conditions.tolist() == [3, 8, 1]
    assert torch.allclose(found.errors, (found.reconstructions - originals).flatten(1).square().mean(1))
    again = found.edited()
    assert torch.allclose(again, found.reconstructions, atol=1e-5)


def test_more_steps_and_starts_give_a_smaller_error(tmp_path: Path) -> None:
    model = model_of(tmp_path)
    originals = model.sample(4, ["3"], seed=7)
    short, usual = (model.invert(originals, "3", starts=count, steps=steps) for count, steps in ((1, 2), (4, 100)))
    assert float(usual.errors.mean()) < 0.5 * float(short.errors.mean())


def test_an_edit_changes_the_class_and_keeps_the_noise(tmp_path: Path) -> None:
    model = model_of(tmp_path)
    originals = model.sample(2, ["3"], seed=7)
    found = model.invert(originals, "3", steps=100)
    goal = model.sample(2, ["8"], seed=7)
    assert float((found.edited("8") - goal).square().mean()) < 0.5 * float((originals - goal).square().mean())
    moved = found.edited(direction=0, step=1.0)
    assert not torch.allclose(moved, found.reconstructions, atol=1e-3)
    assert torch.allclose(found.edited(direction=0, step=0.0), found.reconstructions, atol=1e-5)
    with pytest.raises(UserError, match="directions 0 to 5, not 6"):
        found.edited(direction=6)


@pytest.mark.parametrize(
    ("variant", "flags"),
    [
        ("gan", {}),
        ("gan", {"dataset": "ring", "dataset_size": None}),
        ("cgan", {"dataset": "shapes", "dataset_size": 16, "dataset_condition": "attributes"}),
        ("cgan", {"dataset": "shapes", "dataset_size": 16, "dataset_condition": "label+attributes"}),
        ("cgan", {"dataset": "shapes", "dataset_size": 16, "dataset_condition": "caption"}),
    ],
    ids=["none", "points", "attributes", "joined", "captions"],
)
def test_every_kind_of_condition(variant: str, flags: dict[str, Any], tmp_path: Path) -> None:
    model = model_of(tmp_path, variant, **flags)
    given = some_condition(model) or None
    originals = model.sample(2, given, seed=7)
    if given is not None:
        with pytest.raises(UserError, match="the condition of the original must be given"):
            model.invert(originals)
    found = model.invert(originals, given, steps=30)
    assert found.reconstructions.shape == originals.shape
    assert float(found.errors.mean()) < float(originals.var())


def test_integer_codes_are_kept_as_they_are(tmp_path: Path) -> None:
    model = untrained(tmp_path / "a.safetensors", "gan", latent="codes", head="code", latent_size=4)
    found = model.invert(model.sample(2, seed=7), steps=3)
    kinds = [drawn.values.dtype for drawn in found.noise.draws]
    assert torch.int64 in kinds and torch.float32 in kinds


def test_an_encoder_gives_a_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = model_of(tmp_path, "gan")
    originals = model.sample(2, seed=7)
    known = model.invert(originals, steps=150).noise.draws[0].values

    def encode(recipe: nn.Module, examples: Tensor, condition: Tensor | None, output: str = "") -> tuple[Tensor, ...]:
        return (known,)

    without = model.invert(originals, starts=1, steps=1)
    monkeypatch.setattr(type(model.recipe), "encode", encode)
    with_it = model.invert(originals, starts=1, steps=1)
    assert float(with_it.errors.mean()) < 0.5 * float(without.errors.mean())


def test_weights_have_gradients_afterwards_and_are_unchanged(tmp_path: Path) -> None:
    model = model_of(tmp_path, "gan")
    before = {name: value.clone() for name, value in model.recipe.state_dict().items()}
    model.invert(model.sample(1), steps=2)
    assert all(weight.requires_grad and weight.grad is None for weight in model.recipe.parameters())
    assert all(torch.equal(value, before[name]) for name, value in model.recipe.state_dict().items())


def test_the_same_again(tmp_path: Path) -> None:
    model = model_of(tmp_path)
    first, second = (model.invert(model.sample(1, "3"), steps=5) for _ in range(2))
    assert torch.equal(first.reconstructions, second.reconstructions)


def test_paths_and_pictures_are_taken(tmp_path: Path) -> None:
    model = model_of(tmp_path)
    picture = Image.new("L", (20, 20), 200)
    picture.save(tmp_path / "mine.png")
    for given in (tmp_path / "mine.png", picture, [str(tmp_path / "mine.png")]):
        assert model.invert(given, "3", steps=1).originals.shape == (1, 1, 8, 8)


def test_what_is_no_example_is_told(tmp_path: Path) -> None:
    model = model_of(tmp_path)
    for wrong in (torch.zeros(1, 1, 9, 9), torch.zeros(0, 1, 8, 8)):
        with pytest.raises(UserError, match=r"shape \(N, 1, 8, 8\)"):
            model.invert(wrong)
    with pytest.raises(UserError, match="at least one start"):
        model.invert(torch.zeros(1, 1, 8, 8), steps=0)


def test_the_picture_has_a_column_for_each_edit_and_the_error_of_each_row(tmp_path: Path) -> None:
    model = model_of(tmp_path)
    found = model.invert(model.sample(2, ["3", "8"]), ["3", "8"], steps=2)
    assert [name.split(":")[0] for name in names_of(found)] == ["3", "8"]
    assert all(f"{float(error):.3f}" in name for name, error in zip(names_of(found), found.errors, strict=True))
    widths = [edit_picture(found, labels, None, 0.0).width for labels in ((), ("1",), ("1", "2"))]
    assert widths[2] - widths[1] == widths[1] - widths[0] == 51
    assert edit_picture(found, ("1",), 0, 2.0).width == widths[2]
