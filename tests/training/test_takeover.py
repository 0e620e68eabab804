"""A training that starts with all that fits of another model's weights."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

import ganzoo
from ganzoo.catalogue.data import DataSpec, Field
from ganzoo.errors import Refused, UserError
from ganzoo.testing import selections
from ganzoo.testing.command_lines import ganzoo as command
from ganzoo.testing.observers import StopAt
from ganzoo.testing.trainers import make_trainer
from ganzoo.training.run import Run, train
from ganzoo.training.takeover import Rows, plan
from ganzoo.training.trainer import Trainer

SMALL = {"generator_widths": (16, 32), "discriminator_widths": (32, 16)}
choose = partial(selections.choose, steps=2, device="cpu", precision="fp32", batch_size=8, **SMALL)


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return train(choose("cgan", seed=7, conditioner="multiply", out=tmp_path_factory.mktemp("other") / "run"))


@pytest.fixture
def weights(other: Run) -> dict[str, Tensor]:
    return load_file(other.folder.model)


def from_other(other: Run, variant: str = "cgan", **flags: object) -> Trainer:
    return make_trainer(choose(variant, **{"conditioner": "multiply", "from": other.folder.path, **flags}))


def taken(trainer: Trainer, weights: dict[str, Tensor]) -> set[str]:
    state = trainer.train_step.recipe.state_dict()
    return {n for n, value in weights.items() if n in state and torch.equal(state[n], value)}


def trained(names: set[str]) -> set[str]:
    """The names of what is not the same from the start, whatever the seed."""
    return {name for name in names if name.endswith("weight")}


def test_the_same_networks_start_as_they_are_there(other: Run, weights: dict[str, Tensor]) -> None:
    trainer = from_other(other)
    assert taken(trainer, weights) == set(weights)
    average = trainer.train_step.ema.networks["generator"].state_dict()
    assert all(torch.equal(value, weights[f"generator.{name}"]) for name, value in average.items())
    assert trainer.started == [f"starting from {other.folder.path}: 19 of 19 tensors, 100 % of the weights"]


def test_another_image_size_takes_the_layers_that_fit(other: Run, weights: dict[str, Tensor]) -> None:
    trainer = from_other(other, dataset_size=12)
    anew = {name for name in weights if name not in taken(trainer, weights)}
    assert trained(anew) == {
        "generator.output.0.weight", "discriminator.layers.0.weight", "discriminator.input.embedding.weight",
    }  # fmt: skip
    first, second = trainer.started
    assert "of 19 tensors" in first
    assert "start anew, with another shape there: generator.output.0.weight" in second


def test_another_variant_takes_what_has_the_same_name_and_shape(other: Run, weights: dict[str, Tensor]) -> None:
    trainer = from_other(other, "gan", conditioner=None)
    assert {"generator.layers.0.0.weight", "discriminator.output.weight"} <= taken(trainer, weights)
    assert any("2 are not needed here: " in line and "input.embedding.weight" in line for line in trainer.started)


def test_nothing_that_fits_is_refused(other: Run, tmp_path: Path) -> None:
    flags = {"generator_widths": (5, 7), "discriminator_widths": (7, 5), "conditioner": "none", "latent_size": 3}
    with pytest.raises(Refused, match=r"no weights in .* have the name and the shape of a layer here"):
        train(choose("gan", **{"from": other.folder.path, "out": tmp_path / "run", "dataset_size": 12, **flags}))
    assert not (tmp_path / "run").exists()


class Conditional(nn.Module):
    """A table of the classes, a layer that is no table, and a classifier."""

    def __init__(self, classes: int):
        super().__init__()
        self.embedding = nn.Embedding(classes, 3)
        self.layer = nn.Linear(5, 5)
        self.head = nn.Linear(4, classes)


def classes(*names: str) -> dict[str, DataSpec]:
    fields = {"image": Field("image", (1, 8, 8)), "label": Field("class", classes=len(names), names=names)}
    return {"dataset": DataSpec(fields, target="image", condition="label")}


@pytest.mark.parametrize(
    ("now", "before", "rows"),
    [
        ("cde", "abcde", Rows([0, 1, 2], [2, 3, 4])),
        ("abcdefg", "gcxyz", Rows([2, 6], [1, 0])),
        ("edxyz", "abcde", Rows([0, 1], [4, 3])),
    ],
    ids=["fewer", "more", "as many"],
)
def test_a_table_takes_the_rows_of_the_classes_that_both_know(now: str, before: str, rows: Rows) -> None:
    recipe, source = Conditional(len(now)), Conditional(len(before)).state_dict()
    fresh = {name: value.clone() for name, value in recipe.state_dict().items()}
    takeover = plan(recipe, classes(*now), source, classes(*before))
    assert takeover.rows == {"embedding.weight": rows}
    takeover.apply(recipe, source)
    for number, name in enumerate(now):
        table, row = (source, before.index(name)) if name in before else (fresh, number)
        assert torch.equal(recipe.embedding.weight[number], table["embedding.weight"][row]), name
    assert torch.equal(recipe.layer.weight, source["layer.weight"])
    same = len(now) == len(before)
    assert torch.equal(recipe.head.weight, source["head.weight"] if same else fresh["head.weight"])
    assert takeover.reshaped == (() if same else ("head.weight", "head.bias"))


def test_tables_of_other_classes_start_anew_or_are_taken_in_order() -> None:
    """With no name in common there is nothing to go by but the shape."""
    source = Conditional(3).state_dict()
    assert "embedding.weight" in plan(Conditional(3), classes(*"xyz"), source, classes(*"abc")).whole
    assert "embedding.weight" in plan(Conditional(4), classes(*"wxyz"), source, classes(*"abc")).reshaped


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_a_plain_file_is_enough(dtype: torch.dtype, weights: dict[str, Tensor], tmp_path: Path) -> None:
    path = tmp_path / "plain.safetensors"
    cast = {name: value.to(dtype) if value.is_floating_point() else value for name, value in weights.items()}
    save_file(cast, path)
    trainer = make_trainer(choose("cgan", **{"conditioner": "multiply", "from": path}))
    assert taken(trainer, {name: value.to(weights[name].dtype) for name, value in cast.items()}) == set(weights)


@pytest.mark.parametrize("bad", ["not finite", "empty", "no file of tensors", "half"])
def test_a_plain_file_that_is_of_no_use_gives_one_sentence(
    bad: str, weights: dict[str, Tensor], tmp_path: Path
) -> None:
    path = tmp_path / "plain.safetensors"
    if bad == "not finite":
        weights["generator.output.0.bias"][0] = torch.nan
    save_file({} if bad == "empty" else weights, path)
    if bad == "half":
        path.write_bytes(path.read_bytes()[:5000])
    if bad == "no file of tensors":
        path.write_bytes(b"PK\3\4 a zip file")
    answer = command("train", "cgan", "--from", str(path), "--out", str(tmp_path / "run"), "--dry-run")
    assert answer.status == 2
    assert len(answer.err.splitlines()) == 1, answer.err
    assert "--from: " in answer.err


def test_a_run_that_started_from_another_is_resumed_without_it(other: Run, tmp_path: Path) -> None:
    flags = {"conditioner": "multiply", "steps": 4, "from": other.folder.path}
    whole = train(choose("cgan", tmp_path / "whole", **flags))
    train(choose("cgan", tmp_path / "run", **flags), [StopAt(2)])
    again = ganzoo.train("cgan", out=tmp_path / "run", resume=True, progress=False)
    assert again.sha256 == whole.sha256
    with pytest.raises(UserError, match=r"the run started its networks from .*: leave out --from"):
        train(choose("cgan", tmp_path / "run", **{**flags, "from": again.folder.path, "steps": 5}), resume=True)


def test_python_has_it_as_start_and_a_single_network_goes_first(
    other: Run, weights: dict[str, Tensor], tmp_path: Path
) -> None:
    small = {**SMALL, "dataset_size": 8, "steps": 1, "batch_size": 8, "device": "cpu", "ema": 0.0, "progress": False}
    second = ganzoo.train("cgan", conditioner="multiply", **small, out=tmp_path / "second")
    run = ganzoo.train(
        "cgan", conditioner="multiply", **small, out=tmp_path / "run",
        start=other, discriminator_from=second.folder.path, freeze=("generator.layers", "discriminator.layers"),
    )  # fmt: skip
    made, of_second = load_file(run.folder.model), load_file(second.folder.model)
    assert torch.equal(made["generator.layers.0.0.weight"], weights["generator.layers.0.0.weight"])
    assert torch.equal(made["discriminator.layers.0.weight"], of_second["discriminator.layers.0.weight"])
    assert "--from MODEL" in command("train", "gan", "--help").out
