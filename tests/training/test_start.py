"""Networks that start from those of another model, and networks that stay as they are."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

import ganzoo
from ganzoo.assembly.dry_run import assemble
from ganzoo.catalogue import select
from ganzoo.catalogue.registry import installed
from ganzoo.errors import Refused, UserError
from ganzoo.storage.checkpoint_files import checkpoints
from ganzoo.storage.resume_compatibility import changed_choices
from ganzoo.testing import selections
from ganzoo.testing.command_lines import ganzoo as command
from ganzoo.testing.command_lines import problems
from ganzoo.testing.small_systems.systems import with_small_systems
from ganzoo.testing.trainers import everything, make_trainer, moved
from ganzoo.training.run import Run, train
from ganzoo.training.start import check_starts

choose = partial(selections.choose, dataset_size=8, steps=3, device="cpu", precision="fp32", batch_size=8)
SMALL = {"generator_widths": (16, 32), "discriminator_widths": (32, 16)}


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return train(choose("gan", **SMALL, seed=7, out=tmp_path_factory.mktemp("other") / "run"))


@pytest.fixture
def weights(other: Run) -> dict[str, Tensor]:
    return load_file(other.folder.model)


def networks(run: Run, prefix: str) -> dict[str, Tensor]:
    return {name: value for name, value in load_file(run.folder.model).items() if name.startswith(prefix)}


@pytest.mark.parametrize("slots", [("generator",), ("discriminator",), ("generator", "discriminator")])
@pytest.mark.parametrize("of_folder", [True, False], ids=["folder", "file"])
def test_a_network_starts_as_it_is_in_the_other_model(
    slots: tuple[str, ...], of_folder: bool, other: Run, weights: dict[str, Tensor]
) -> None:
    path = other.folder.path if of_folder else other.folder.model
    trainer = make_trainer(choose("gan", **SMALL, **{f"{slot}_from": path for slot in slots}))
    state = trainer.train_step.recipe.state_dict()
    alike = {name for name, value in weights.items() if torch.equal(state[name], value)}
    layers = {name for name in weights if ".weight" in name}
    assert alike & layers == {name for name in layers if name.startswith(slots)}
    average = trainer.train_step.ema.networks["generator"].state_dict()
    same = all(torch.equal(value, weights[f"generator.{name}"]) for name, value in average.items())
    assert same == ("generator" in slots)


@pytest.mark.parametrize("frozen", ["discriminator.layers.0", "generator.layers.1,discriminator.output"])
def test_what_is_frozen_stays_to_the_bit_and_the_rest_moves(frozen: str) -> None:
    trainer = make_trainer(choose("gan", **SMALL, freeze=frozen))
    before = dict(trainer.train_step.recipe.state_dict())
    before = {name: value.clone() for name, value in before.items()}
    for _ in range(3):
        trainer.advance()
    after = trainer.train_step.recipe.state_dict()
    kept = {name for name in before if name.startswith(tuple(f"{name}." for name in frozen.split(",")))}
    assert kept
    assert moved(before, after) == before.keys() - kept
    named = {name for name in everything(trainer) if name.startswith("optimizer of discriminator")}
    assert named


def test_statistics_of_a_frozen_batch_norm_stay_too() -> None:
    trainer = make_trainer(choose("gan", **SMALL, freeze="generator.layers.1"))
    before = trainer.train_step.recipe.get_buffer("generator.layers.1.1.running_mean").clone()
    trainer.prepare()
    trainer.advance()
    recipe = trainer.train_step.recipe
    assert torch.equal(recipe.get_buffer("generator.layers.1.1.running_mean"), before)
    assert not recipe.get_submodule("generator.layers.1").training
    assert recipe.get_submodule("generator.layers.0").training


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (
            {"freeze": "generator"},
            "phase 'generator' would train nothing, as --freeze keeps generator: leave a part of",
        ),
        (
            {"freeze": "discriminater"},
            "no network or layer here; did you mean 'discriminator'. Networks: generator, dis",
        ),
        ({"freeze": ""}, "--freeze names '', which is no network or layer here"),
        (
            {"freeze": "discriminator.output", "penalty": "clip"},
            "phase 'discriminator' changes discriminator.output.weight, which --freeze keeps as it is",
        ),
    ],
)
def test_what_cannot_be_frozen_is_told(flags: dict[str, str], sentence: str) -> None:
    with pytest.raises(Refused, match=sentence):
        assemble(choose("gan", registry=with_small_systems(), **flags))


def test_all_that_does_not_fit_is_told_at_once(other: Run, tmp_path: Path) -> None:
    flags = {"generator_widths": (16, 48), "discriminator": "dcgan", "out": tmp_path / "run"}
    starts = {"generator_from": other.folder.path, "discriminator_from": other.folder.path}
    with pytest.raises(Refused) as refused:
        train(choose("gan", **flags, **starts))
    generator, discriminator = refused.value.problems
    assert "--generator-from" in generator
    assert "layers.1.0.weight has shape (32, 16) and should have (48, 16)" in generator
    assert "and 4 more" in generator
    assert "is missing there" in discriminator
    assert not (tmp_path / "run").exists()


def test_a_model_without_such_a_network_is_told(other: Run) -> None:
    growing = choose("growing", registry=with_small_systems(), discriminator_from=other.folder.path)
    with pytest.raises(Refused, match=r"discriminator in .* does not fit"):
        check_starts(growing, assemble(growing))
    run = train(choose("growing", registry=with_small_systems(), steps=1, out=other.folder.path.parent / "growing"))
    asked = choose("gan", registry=with_small_systems(), generator_from=run.folder.path)
    with pytest.raises(Refused, match="has no generator, as its recipe has no such slot"):
        check_starts(asked, assemble(asked))


@pytest.mark.parametrize("damage", ["missing", "truncated", "changed", "no model"])
@pytest.mark.parametrize("flag", ["--generator-from", "--from"])
def test_a_damaged_model_gives_one_sentence(flag: str, damage: str, other: Run, tmp_path: Path) -> None:
    content = other.folder.model.read_bytes()
    path = tmp_path / "model.safetensors"
    written = {
        "truncated": content[: len(content) // 2],
        "changed": content[:-1] + bytes([content[-1] ^ 1]),
        "no model": b"GIF89a",
    }
    if damage != "missing":
        path.write_bytes(written[damage])
    result = command("train", "gan", flag, str(path), "--out", str(tmp_path / "run"), "--dry-run")
    (problem,) = problems(result)
    assert problem.startswith(f"{flag}: ")
    assert path.name in problem
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("name", ["x" * 5000, "a\0b"])
def test_a_name_that_no_file_has_gives_one_sentence(name: str) -> None:
    asked = choose("gan", generator_from=name)
    with pytest.raises(Refused, match=r"--generator-from: .*cannot be read"):
        check_starts(asked, assemble(asked))


def test_a_dry_run_finds_what_does_not_fit(other: Run) -> None:
    words = ("train", "gan", "--generator-from", str(other.folder.path), "--dry-run")
    refused = command(*words)
    assert refused.status == 2
    assert "does not fit" in refused.err
    small = ("--generator-widths", "16,32", "--dataset-size", "8")
    assert command(*words, *small).status == 0


def test_files_record_the_path_and_the_sha256_and_never_load_another_file(other: Run, tmp_path: Path) -> None:
    asked = {"generator_from": other.folder.path, "out": tmp_path / "run"}
    run = train(choose("gan", **SMALL, **asked))
    config = json.loads(run.folder.config.read_text())
    start = {"generator": {"path": str(other.folder.path), "sha256": other.sha256}}
    assert config["starts"] == start
    # A model is given away: it does not say where files of its author are.
    start["generator"]["path"] = other.folder.path.name
    assert ganzoo.load(run.folder.path).header.raw["starts"] == start
    again = select(installed(), "gan", {"out": tmp_path / "again"}, file=config)
    with pytest.raises(Refused, match=r"no file makes ganzoo read another: give --generator-from MODEL again"):
        train(again)
    afresh = select(installed(), "gan", {"out": tmp_path / "again", "generator-from": "none"}, file=config)
    assert "starts" not in json.loads(train(afresh).folder.config.read_text())
    same = select(installed(), "gan", {"out": tmp_path / "same", "generator-from": other.folder.path}, file=config)
    assert train(same).sha256 == run.sha256


def test_a_resumed_run_needs_no_other_model(other: Run, tmp_path: Path) -> None:
    model = tmp_path / "other.safetensors"
    model.write_bytes(other.folder.model.read_bytes())
    flags = {**SMALL, "steps": 4, "checkpoint_every": 2, "freeze": "generator.layers.0"}
    whole = train(choose("gan", **flags, generator_from=model, out=tmp_path / "whole"))
    cut = train(choose("gan", **flags, generator_from=model, out=tmp_path / "cut"))
    content = cut.folder.model.read_bytes()
    for file in (checkpoints(cut.folder.checkpoints)[0], cut.folder.model, model):
        file.unlink()
    resumed = train(choose("gan", **flags, out=tmp_path / "cut"), resume=True)
    assert resumed.sha256 == whole.sha256
    assert cut.folder.model.read_bytes() == content
    for file in checkpoints(cut.folder.checkpoints)[:1]:
        file.unlink()
    config = json.loads(cut.folder.config.read_text())
    assert config["starts"]["generator"]["sha256"] == other.sha256
    by_config = select(installed(), "gan", {"out": tmp_path / "cut"}, file=config)
    assert train(by_config, resume=True).sha256 == whole.sha256


def test_a_run_is_not_resumed_from_another_model(other: Run, tmp_path: Path) -> None:
    flags = {**SMALL, "steps": 2, "checkpoint_every": 2, "out": tmp_path / "run"}
    run = train(choose("gan", **flags))
    with pytest.raises(UserError, match="the run started its generator with new weights: leave out --generator-from"):
        train(choose("gan", **flags, generator_from=other.folder.path), resume=True)
    assert run.folder.model.exists()


def test_a_run_without_a_checkpoint_asks_for_the_model_again(other: Run, tmp_path: Path) -> None:
    run = train(choose("gan", **SMALL, generator_from=other.folder.path, out=tmp_path / "run", checkpoint_every=0))
    config = json.loads(run.folder.config.read_text())
    run.folder.model.unlink()
    for path in checkpoints(run.folder.checkpoints):
        path.unlink()
    with pytest.raises(Refused, match="give --generator-from MODEL again"):
        train(select(installed(), "gan", {"out": tmp_path / "run"}, file=config), resume=True)


def test_a_run_of_a_version_without_these_settings_is_the_same_training() -> None:
    config = choose("gan").to_json()
    earlier = {**config, "run": {name: value for name, value in config["run"].items() if name != "freeze"}}
    assert changed_choices(earlier, choose("gan")) == []
    with pytest.raises(Refused, match=r"freeze from none to generator\.layers\.0"):
        changed_choices(earlier, choose("gan", freeze="generator.layers.0"))


@pytest.mark.parametrize("starts", [[], {"generator": "runs/a"}, {"generator": {"path": "a", "sha256": "b"}}])
def test_damaged_records_are_refused(starts: object) -> None:
    config = {**choose("gan").to_json(), "starts": starts}
    with pytest.raises(UserError, match="the config file is damaged"):
        select(installed(), "gan", file=config)


def test_python_and_the_help_text_have_the_option(other: Run, tmp_path: Path, weights: dict[str, Tensor]) -> None:
    small = {**SMALL, "dataset_size": 8, "steps": 1, "device": "cpu", "progress": False, "ema": 0.0}
    run = ganzoo.train(
        "gan", **small, generator_from=str(other.folder.path), freeze="generator.layers.0", out=tmp_path / "run"
    )
    first = networks(run, "generator.layers.0")
    assert first
    assert all(torch.equal(value, weights[name]) for name, value in first.items())
    shown = command("train", "gan", "--help").out
    assert "--generator-from MODEL" in shown
    assert "--discriminator-from MODEL" in shown
    assert "--freeze" in shown
