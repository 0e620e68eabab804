"""Trainings with classes and objects in place of names: what is written, and what is asked for again."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, nn

import ganzoo
from ganzoo.catalogue import installed
from ganzoo.cli import run as command
from ganzoo.contract.dataset import Dataset as ContractDataset
from ganzoo.contract.metric import Aim, Metric
from ganzoo.errors import UserError
from ganzoo.plugin import DataConfig, DataSpec, Field, Generator, Penalty, Sites, option
from ganzoo.storage.model_file import read_model
from ganzoo.storage.sealed import read_sealed, write_sealed
from ganzoo.testing.own_parts import (
    NOISE,
    QUICK,
    Labelled,
    LabelledDiscriminator,
    LabelledGenerator,
    OwnHinge,
    Scored,
    as_picture,
    convolutional_discriminator,
    convolutional_generator,
    pictures,
)
from ganzoo.training.run import Run


def own() -> dict[str, Any]:
    """Return new parts for a conditional GAN; their weights are the same each time."""
    torch.manual_seed(3)
    return {
        "generator": LabelledGenerator(),
        "discriminator": LabelledDiscriminator,
        "loss": OwnHinge(2.0),
        "dataset": Labelled(as_picture),
        "optimizer": functools.partial(torch.optim.RMSprop, lr=1e-4),
    }


NETWORKS = ("generator", "discriminator", "loss")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return ganzoo.train("cgan", **own(), **QUICK, out=tmp_path_factory.mktemp("own") / "run", checkpoint_every=2)


def test_the_config_names_them_as_local_and_nothing_else(finished: Run) -> None:
    text = finished.folder.config.read_text()
    parts = json.loads(text)["parts"]
    named = {slot: part["name"] for slot, part in parts.items() if part["package"] == "local"}
    assert named == {
        "generator": "labelled-generator",
        "discriminator": "labelled-discriminator",
        "loss": "own-hinge",
        "dataset": "labelled",
        "generator-optimizer": "rm-sprop",
        "discriminator-optimizer": "rm-sprop",
    }
    assert parts["dataset"]["config"] == {"count": 24, "range": "auto"}
    assert " at 0x" not in text
    assert "0x7f" not in text


def test_a_class_gets_its_weights_from_the_seed_and_an_object_keeps_its_own(tmp_path: Path) -> None:
    options = {**QUICK, "steps": 1, "optimizer_lr": 0.0, "ema": 0.0, "dataset": Labelled(), "initialiser": None}
    parts = {"generator": LabelledGenerator(), "discriminator": LabelledDiscriminator}
    loaded = [
        ganzoo.load(ganzoo.train("cgan", **parts, **options, seed=seed, out=tmp_path / f"{number}"))
        for number, seed in enumerate((0, 0, 1))
    ]
    recipes: list[Any] = [model.recipe for model in loaded]
    heads = [recipe.discriminator.network.head.weight for recipe in recipes]
    assert torch.equal(heads[0], heads[1])
    assert not torch.equal(heads[0], heads[2])
    for recipe in recipes:
        assert torch.equal(recipe.generator.network.main[0].weight, parts["generator"].main[0].weight)  # type: ignore[union-attr,index]


def test_the_model_of_a_run_needs_nothing_more(finished: Run) -> None:
    model = ganzoo.load(finished)
    assert model.sample(4).shape == (4, 1, 8, 8)
    assert torch.equal(ganzoo.sample(finished, 4, seed=1), model.sample(4, seed=1))


def test_a_file_asks_for_its_own_parts_by_slot(finished: Run) -> None:
    path = finished.folder.path
    with pytest.raises(UserError, match=r"no code: .*ganzoo\.load\(path, generator=…, discriminator=…, loss=…\)"):
        ganzoo.load(path)
    parts = own()
    with pytest.raises(UserError, match=r"\(path, loss=…\)"):
        ganzoo.load(path, generator=parts["generator"], discriminator=parts["discriminator"])
    model = ganzoo.load(path, **{name: parts[name] for name in NETWORKS})
    assert torch.equal(model.sample(4), ganzoo.load(finished).sample(4))
    assert torch.equal(ganzoo.load(finished.folder.model, **parts).sample(4), model.sample(4))


def test_what_is_given_must_fit_the_weights(finished: Run) -> None:
    parts = {name: own()[name] for name in NETWORKS}
    with pytest.raises(UserError, match=r"cannot be used"):
        ganzoo.load(finished.folder.path, **{**parts, "generator": convolutional_generator()})
    with pytest.raises(UserError, match="takes no noise of 16 numbers"):
        ganzoo.load(finished.folder.path, **{**parts, "generator": nn.Linear(3, 3)})
    with pytest.raises(
        UserError, match="generater is no class or object for one of its parts, which are augmentation, conditioner, "
    ):
        ganzoo.load(finished.folder.path, generater=parts["generator"])
    with pytest.raises(UserError, match="loss is no class or object"):
        ganzoo.load(finished.folder.path, **{**parts, "loss": "bce"})


def test_the_command_line_says_how_to_go_on(finished: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(["sample", str(finished.folder.path)]) == 2
    said = capsys.readouterr().err
    assert "it was trained in Python with parts of a program (generator 'labelled-generator' and" in said
    assert "ganzoo.load(path, generator=…, discriminator=…, loss=…)" in said


def test_a_config_with_parts_of_a_program_says_how_to_go_on(
    finished: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(["train", "cgan", "--config", str(finished.folder.config), "--out", str(tmp_path / "run")]) == 2
    said = capsys.readouterr().err
    assert "loss 'own-hinge' is no plugin but part of a program" in said
    assert "in Python, give it again as generator_optimizer=…" in said
    config = json.loads(finished.folder.config.read_text())
    again = ganzoo.train("cgan", **own(), config=config, out=tmp_path / "run", progress=False)
    assert again.sha256 == finished.sha256


def test_a_model_whose_own_part_has_no_name_is_damaged(finished: Run, tmp_path: Path) -> None:
    tensors, about = read_sealed(finished.folder.model, "ganzoo", "model")
    about = {name: value for name, value in about.items() if name not in ("format", "sha256", "seal")}
    del about["parts"]["loss"]["name"]
    write_sealed(tmp_path / "model.safetensors", tensors, "ganzoo", about)
    with pytest.raises(UserError, match="parts of a program"):
        ganzoo.load(tmp_path / "model.safetensors")


def test_a_model_file_contains_no_code(finished: Run) -> None:
    tensors, about = read_sealed(finished.folder.model, "ganzoo", "model")
    assert "own_parts" not in json.dumps(about)
    assert all(isinstance(value, Tensor) for value in tensors.values())


def test_it_resumes_to_the_same_weights(finished: Run, tmp_path: Path) -> None:
    options = {**QUICK, "out": tmp_path / "run", "checkpoint_every": 2}
    again = ganzoo.train("cgan", **own(), **options)
    assert again.sha256 == finished.sha256
    for path in sorted((tmp_path / "run" / "checkpoints").iterdir())[1:]:
        path.unlink()
    resumed = ganzoo.train("cgan", **own(), **options, resume=True)
    assert resumed.sha256 == finished.sha256
    with pytest.raises(UserError, match="started with another loss"):
        ganzoo.train("cgan", **{**own(), "loss": "hinge"}, **options, resume=True)
    with pytest.raises(UserError, match="dataset 'labelled' is other data than this run was trained on"):
        ganzoo.train("cgan", **{**own(), "dataset": Labelled(lambda array: array // 2)}, **options, resume=True)


def test_streamed_data_gives_the_same_weights(finished: Run, tmp_path: Path) -> None:
    for workers in (0, 1):
        out = tmp_path / f"{workers}"
        streamed = ganzoo.train("cgan", **own(), **QUICK, data_budget=0, workers=workers, out=out, checkpoint_every=2)
        assert streamed.sha256 == finished.sha256


class OwnFlat(Penalty):
    uses_fakes = False

    def forward(self, discriminator: Any, real: Tensor, fake: Tensor, draws: Any) -> dict[str, Tensor]:
        return {}


def test_own_penalties_stand_beside_others(tmp_path: Path) -> None:
    out, penalties = tmp_path / "run", [OwnFlat(), "r1"]
    run = ganzoo.train("gan", dataset=pictures(), penalty=penalties, penalty_r1_gamma=2.0, **QUICK, out=out)
    assert ganzoo.load(run).sample(2).shape == ganzoo.load(out, penalty=penalties).sample(2).shape
    with pytest.raises(UserError, match=r"give them again with ganzoo\.load\(path, penalty=…\)"):
        ganzoo.load(out)


@pytest.mark.parametrize("variant", ["gan", "dcgan"])
def test_networks_without_labels_are_unconditional(variant: str, tmp_path: Path) -> None:
    networks = {"generator": convolutional_generator(), "discriminator": convolutional_discriminator()}
    run = ganzoo.train(variant, **networks, dataset=pictures(), **QUICK, out=tmp_path / "run")
    model = ganzoo.load(run)
    assert model.condition is None
    assert model.sample(2).shape == (2, 1, 8, 8)


def test_one_own_network_against_one_of_the_zoo(tmp_path: Path) -> None:
    run = ganzoo.train("cgan", generator=LabelledGenerator, dataset=Labelled(), **QUICK, out=tmp_path / "run")
    assert ganzoo.load(run.folder.path, generator=LabelledGenerator).sample(2, label=1).shape == (2, 1, 8, 8)


def test_colour_passes_networks_that_flatten_with_view(tmp_path: Path) -> None:
    module = Scored(lambda logit: logit.view(logit.size(0), -1))
    module.main = convolutional_discriminator(channels=3)
    colour = torch.rand(24, 3, 8, 8)
    run = ganzoo.train(
        "gan", generator=convolutional_generator(3), discriminator=module, dataset=colour, **QUICK, out=tmp_path / "r",
        penalty="r1",
    )  # fmt: skip
    assert run.finished


class Sited(Generator):
    """A generator as a plugin has it, which asks for a conditioner."""

    provides = ("site:input-vector",)

    def __init__(self, in_shape: tuple[int, ...], out: Field, sites: Sites):
        super().__init__()
        self.input = sites.at("input", in_shape)
        self.layer = nn.Linear(self.input.out_shape[0], out.size)
        self.shape = out.shape

    def forward(self, z: Tensor, condition: Tensor | None) -> Tensor:
        images: Tensor = self.layer(self.input(z, condition)).tanh()
        return images.view(-1, *self.shape)


@dataclass(frozen=True)
class DotsConfig(DataConfig):
    width: int = option(2, "numbers of a point", low=1)

    def spec(self, root: Path) -> DataSpec:
        return DataSpec({"point": Field("point", (self.width,))}, "point")


class Dots(ContractDataset):
    Config = DotsConfig

    def __init__(self, config: DotsConfig, root: Path):
        self.width = config.width

    def __len__(self) -> int:
        return 40

    def read(self, indices: Tensor) -> dict[str, Tensor]:
        return {"point": indices[:, None].float().expand(-1, self.width) / 40}


def test_classes_as_a_plugin_has_them(tmp_path: Path) -> None:
    run = ganzoo.train("cgan", generator=Sited, conditioner="multiply", dataset=Labelled(), **QUICK, out=tmp_path / "a")
    weights = ganzoo.load(run.folder.path, generator=functools.partial(Sited)).recipe.state_dict()
    assert "generator.input.embedding.weight" in weights
    run = ganzoo.train("gan", dataset=Dots, dataset_width=3, **QUICK, out=tmp_path / "b")
    assert ganzoo.load(run.folder.path).sample(2).shape == (2, 3)


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "images of another size": (
        {"generator": LabelledGenerator(28), "discriminator": LabelledDiscriminator()},
        "generator 'labelled-generator' makes examples of shape 1×28×28, and the data has 1×8×8 images",
    ),
    "a sigmoid": (
        {"discriminator": Scored(torch.sigmoid), "generator": convolutional_generator()},
        "discriminator 'scored' ends in a sigmoid",
    ),
    "labels in one network alone": (
        {"generator": LabelledGenerator(), "discriminator": convolutional_discriminator()},
        "generator is conditioned by 'in-network' but discriminator is not",
    ),
    "labels that the data has not": (
        {"generator": LabelledGenerator(), "discriminator": LabelledDiscriminator(), "dataset": pictures()},
        "needs class labels, .*its forward takes labels",
    ),
    "another size of noise": (
        {"generator": LabelledGenerator(), "discriminator": LabelledDiscriminator(), "latent_size": NOISE + 1},
        "takes no noise of 17 numbers",
    ),
    "a loader": ({"dataset": torch.utils.data.DataLoader(Labelled())}, "give its dataset"),
}


@pytest.mark.parametrize(("options", "words"), REFUSED.values(), ids=REFUSED)
def test_what_does_not_fit_is_refused_before_anything_is_written(
    options: dict[str, Any], words: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=words):
        ganzoo.train("cgan", **{"dataset": Labelled(), **QUICK, **options}, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


class Wrong(OwnHinge):
    def generator(self, fake: Tensor, real: Any) -> Tensor:
        raise KeyError("forgotten")


def test_an_error_in_own_code_names_it(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"in loss 'wrong' of package local: 'forgotten'"):
        ganzoo.train("gan", loss=Wrong, dataset=pictures(), **QUICK, out=tmp_path / "run")


class Brightness(Metric):
    figures: ClassVar[Mapping[str, Aim]] = {"brightness": "neither"}
    judged = False

    def measure(self, generated: Any, real: Any, context: Any) -> Mapping[str, float]:
        return {"brightness": float(generated.values.mean())}


def test_a_run_is_evaluated_on_own_data_with_an_own_metric(finished: Run) -> None:
    for data in ({}, {"dataset": Labelled(as_picture, count=30)}):
        found = ganzoo.evaluate(finished, **data, metrics=[Brightness], judge="plain", samples=8)
        assert [figure.name for figure in found.figures] == ["brightness"]
        assert found.figures[0].floor is not None
        assert found.dataset == "labelled"
    with pytest.raises(UserError, match="name another --dataset"):
        ganzoo.evaluate(finished, dataset=pictures(size=9), metrics=[Brightness], judge="plain", samples=8)


def test_a_training_is_evaluated_with_an_own_metric(tmp_path: Path) -> None:
    run = ganzoo.train(
        "cgan", **own(), **QUICK, out=tmp_path / "run", evaluate_every=3, evaluate_samples=8, judge="plain",
        metric=[Brightness],
    )  # fmt: skip
    rows = [json.loads(line) for line in run.folder.metrics.read_text().splitlines()]
    assert any("brightness" in str(row) for row in rows)
    assert json.loads(run.folder.config.read_text())["run"]["metric"] == ["brightness"]


def test_a_stored_model_has_a_registry_with_what_was_given(finished: Run) -> None:
    stored = read_model(finished.folder.model, installed(), own())
    assert stored.registry.entry("generator", "labelled-generator").provider.package == "local"
    assert stored.header.parts["generator-conditioner"]["package"] == "ganzoo"


def test_a_generator_without_a_bound_is_told_of_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    class Unbounded(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(16, 64)

        def forward(self, z: Tensor) -> Tensor:
            return 5 + self.layer(z).view(-1, 1, 8, 8)

    ganzoo.train(
        "gan", generator=Unbounded, latent_size=16, dataset_size=8, steps=3, sample_every=1, batch_size=4,
        progress=False, out=tmp_path / "run",
    )  # fmt: skip
    told = capsys.readouterr().err
    assert told.count("and images lie in [-1, 1]: end it with nn.Tanh") == 1
