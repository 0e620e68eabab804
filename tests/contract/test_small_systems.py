"""Systems of the literature, each made of the contract alone: right in every way in which a training can be done."""

from __future__ import annotations

import json
import re
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ganzoo.assembly.dry_run import assemble
from ganzoo.catalogue import Selection, select
from ganzoo.catalogue.formats import MODEL_KEY
from ganzoo.contract.working_state import scalar_states
from ganzoo.errors import Refused, UserError
from ganzoo.storage.checkpoint_files import checkpoints, read
from ganzoo.storage.run_folder import RunFolder
from ganzoo.storage.sealed import read_sealed
from ganzoo.studio.model import Model
from ganzoo.testing import selections
from ganzoo.testing.odd_parts import PlainLoss
from ganzoo.testing.run_files import rows_of
from ganzoo.testing.small_systems.losses import Balance
from ganzoo.testing.small_systems.systems import SYSTEMS, with_small_systems
from ganzoo.testing.tapes import recorded
from ganzoo.testing.trainers import everything, make_trainer, moved
from ganzoo.training.checkpoints import resume, write_checkpoint
from ganzoo.training.run import train
from ganzoo.training.start import check_starts
from ganzoo.training.trainer import Trainer
from ganzoo_heads.classifier import Classifier
from ganzoo_heads.codes import CodeHead, Codes
from ganzoo_heads.configs import CodeHeadConfig, CodesConfig

REGISTRY = with_small_systems()
choose = partial(selections.choose, registry=REGISTRY, dataset_size=16, steps=8, device="cpu", precision="fp32")

each_system = pytest.mark.parametrize("system", SYSTEMS)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run of another model, from which networks may start."""
    out = tmp_path_factory.mktemp("other") / "run"
    return train(choose("gan", generator_norm=False, steps=2, seed=5, out=out)).folder.path


def selected(system: str, model: Path | None = None, **flags: object) -> Selection:
    about = SYSTEMS[system]
    starts = {f"{slot}_from": model for slot in about.starts}
    return choose(about.variant, **{**about.flags, **starts, **flags})


def state(trainer: Trainer) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in trainer.train_step.recipe.state_dict().items()}


def trained(selection: Selection) -> Trainer:
    trainer = make_trainer(selection)
    for _ in range(selection.run.steps or 0):
        trainer.advance()
    return trainer


def furthest(one: dict[str, Tensor], other: dict[str, Tensor]) -> float:
    assert one.keys() == other.keys()
    return max(float((one[name].double() - other[name].double()).abs().max()) for name in one)


@each_system
def test_a_divided_batch_makes_the_same_updates(system: str, model: Path) -> None:
    # Not with Adam, which makes the rounding of a gradient near zero as large as the gradient.
    flags: dict[str, object] = {"steps": 3, "optimizer": "sgd", "optimizer_lr": 0.05, "ema": 0.0}
    whole, passes = (trained(selected(system, model, **flags, accumulate=count)) for count in (1, 4))
    assert furthest(state(whole), state(passes)) <= 1e-6


@each_system
def test_recorded_steps_are_the_eager_ones(system: str, model: Path) -> None:
    selection = selected(system, model, steps=12)
    alike, (replayed, recorder) = make_trainer(selection), recorded(selection)
    for phase_optimizer in alike.train_step.phase_optimizers:
        phase_optimizer.make_recordable(torch.device("cpu"))
    alike.train_step.ema.make_recordable(torch.device("cpu"))
    for _ in range(12):
        alike.advance()
        replayed.advance()
    assert recorder.tapes
    assert furthest(state(alike), state(replayed)) == 0.0


@each_system
def test_a_resumed_training_is_the_same_to_the_bit(system: str, model: Path, tmp_path: Path) -> None:
    selection, folder = selected(system, model, out=tmp_path), RunFolder(tmp_path)
    whole, again, told = make_trainer(selection), make_trainer(selection), list[str]()
    for step in range(6):
        if step == 3:
            write_checkpoint(folder.checkpoints, whole, selection)
        whole.advance()
    resume(folder, again, selection, told.append)
    assert (again.step, told) == (3, [])
    for _ in range(3):
        again.advance()
    assert moved(everything(whole), everything(again)) == set()


@pytest.mark.long
@each_system
def test_a_resumed_run_is_the_same_to_the_bit(system: str, model: Path, tmp_path: Path) -> None:
    selection = selected(system, model, out=tmp_path / "run", steps=6, checkpoint_every=2)
    whole = train(selection)
    checkpoints(whole.folder.checkpoints)[0].unlink()
    again = train(selection, resume=True)
    assert again.sha256 == whole.sha256
    assert again.steps == 6


def test_what_only_the_training_needs_is_in_checkpoints_and_in_no_model(tmp_path: Path) -> None:
    run = train(selected("all of these", out=tmp_path / "run", steps=4, checkpoint_every=2))
    saved = read(checkpoints(run.folder.checkpoints)[0])[0]
    assert {"network/loss.k", "network/penalties.penalties.2.scores_of_real"} <= saved.keys()
    assert float(saved["network/loss.k"]) > 0.0
    model = read_sealed(run.folder.model, MODEL_KEY, "model")[0]
    assert {name.split(".")[0] for name in model} == {"generator", "discriminator"}


def test_a_state_moves_once_for_each_update() -> None:
    trainer = make_trainer(selected("BEGAN", steps=3, accumulate=2))
    loss = trainer.train_step.recipe.get_submodule("loss")
    assert isinstance(loss, Balance)
    trainer.advance()
    means = trainer.train_step.running_means.means()[1]
    assert float(loss.k) == pytest.approx(0.1 * (2.0 * means["L(x)"] - means["L(G(z))"]), abs=1e-6)


@pytest.mark.parametrize(
    ("system", "names"), [("BEGAN", {"k"}), ("ADA", {"p"}), ("all of these", {"k", "scores_of_real", "scores_of_fake"})]
)
def test_states_are_reported(system: str, names: set[str], tmp_path: Path) -> None:
    run = train(selected(system, out=tmp_path / "run", steps=3, log_every=1, checkpoint_every=3))
    rows = rows_of(run.folder.path)
    assert all(names <= row["values"].keys() for row in rows)
    saved = read(checkpoints(run.folder.checkpoints)[0])[0]
    states = {name.rpartition(".")[2]: float(value) for name, value in saved.items() if value.dim() == 0}
    assert {name: rows[-1]["values"][name] for name in names} == {name: states[name] for name in names}


def test_states_of_one_name_are_told_apart() -> None:
    recipe = nn.ModuleDict({"one": PlainLoss(), "other": PlainLoss(), "norm": nn.BatchNorm1d(1)})
    assert scalar_states(recipe) == {"one.k": 1.0, "other.k": 1.0}
    assert scalar_states(nn.Linear(1, 1)) == {}


def test_weights_are_clipped_after_each_update() -> None:
    trainer = trained(selected("WGAN", steps=2))
    weights = dict(trainer.train_step.recipe.named_parameters())
    largest = {name: float(value.detach().abs().max()) for name, value in weights.items()}
    assert max(value for name, value in largest.items() if name.startswith("discriminator")) == pytest.approx(0.05)
    assert max(value for name, value in largest.items() if name.startswith("generator")) > 0.05


def test_a_skipped_update_leaves_every_state_as_it_was() -> None:
    trainer = make_trainer(selected("all of these", on_non_finite="skip"))
    trainer.advance()
    before = state(trainer)
    with torch.no_grad():
        trainer.train_step.recipe.get_parameter("discriminator.output.bias").fill_(float("nan"))
    trainer.advance()
    after = state(trainer)
    assert torch.equal(before["loss.k"], after["loss.k"])
    assert torch.equal(before["penalties.penalties.2.scores_of_real"], after["penalties.penalties.2.scores_of_real"])


def test_a_phase_is_due_in_its_window_and_shares_an_optimizer() -> None:
    trainer = make_trainer(selected("SRGAN's stages, StyleGAN2's lazy penalty", recipe_pretraining=3))
    made = []
    for _ in range(7):
        trainer.train_step.running_means.clear()
        trainer.advance()
        made.append(set(trainer.train_step.running_means.means()[0]))
    adversarial = {"generator", "discriminator"}
    assert made == [{"pretraining"}] * 3 + [{*adversarial, "lazy-penalty"}, adversarial] * 2
    optimizers = {phase.name: phase.optimizer for phase in trainer.train_step.phase_optimizers}
    assert optimizers["pretraining"] is optimizers["generator"]
    assert optimizers["lazy-penalty"] is optimizers["discriminator"]


def test_several_penalties_have_options_each() -> None:
    selection = choose("gan", penalty="r1,r2", penalty_r1_gamma=0.5, penalty_gamma=3.0)
    assert {name: part.config.gamma for name, part in selection.parts.items() if name.startswith("penalty")} == {
        "penalty-r1": 0.5,
        "penalty-r2": 3.0,
    }
    again = select(REGISTRY, "gan", file=json.loads(json.dumps(selection.to_json())))
    assert again.parts == selection.parts
    fewer = select(REGISTRY, "gan", {"penalty": "r2"}, file=selection.to_json())
    assert fewer.parts["penalty"].config.gamma == 3.0


def test_codes_can_be_chosen_and_are_drawn_otherwise(tmp_path: Path) -> None:
    run = train(selected("InfoGAN", out=tmp_path / "run", steps=2))
    model = Model.read(run.folder.model, REGISTRY)
    assert model.condition is None
    chosen = model.sample(6, controls={"code": [0, 3], "style": [[0.5, -1.0]]})
    assert torch.equal(chosen, model.sample(6, controls={"code": ["0", "3"], "style": "0.5,-1"}))
    assert not torch.equal(chosen, model.sample(6, controls={"code": 3, "style": (0.5, -1.0)}))
    assert not torch.equal(chosen, model.sample(6))
    assert torch.equal(model.sample(6), model.sample(6))
    with pytest.raises(UserError, match=r"no control 'cod'; did you mean 'code'.* Controls: code, style"):
        model.sample(1, controls={"cod": 1})
    for chosen, words in (
        ({"style": "0.5"}, "control 'style': '0.5' has 1 numbers, and 2 are needed"),
        ({"style": "wide"}, "control 'style': 'wide' is not 2 numbers: give them with commas between them"),
        ({"code": 5}, "control 'code': class 5 is out of range: there are the classes 0 to 4"),
    ):
        with pytest.raises(UserError, match=words):
            model.sample(1, controls=chosen)


def test_a_head_sees_features_of_a_declared_width() -> None:
    recipe = make_trainer(selected("ACGAN")).train_step.recipe
    assert recipe.get_parameter("head.layer.weight").shape == (10, 256)


@pytest.mark.parametrize("how", [{"accumulate": 2}])
def test_a_loss_of_the_whole_batch_is_refused_where_the_batch_is_divided(how: dict[str, object]) -> None:
    trained(choose("gan", loss="relativistic", steps=1))
    with pytest.raises(Refused, match=r"loss .relativistic. compares all .* leave out --accumulate"):
        assemble(choose("gan", loss="relativistic", **how))


@each_system
def test_everything_fits_in_the_dry_run(system: str, model: Path) -> None:
    selection = selected(system, model)
    check_starts(selection, assemble(selection))


@pytest.mark.parametrize(
    ("penalty", "sentence"),
    [("r1,r1", "names a penalty twice: r1,r1"), ("r1,r3", "no penalty is called 'r3'")],
)
def test_several_penalties_are_checked(penalty: str, sentence: str) -> None:
    with pytest.raises(Refused, match=sentence):
        choose("gan", penalty=penalty)


def test_a_slot_of_one_part_takes_no_more() -> None:
    with pytest.raises(Refused, match="--loss takes one loss, not several: bce,hinge"):
        choose("gan", loss="bce,hinge")


@pytest.mark.parametrize(
    ("terms", "sentence"),
    [
        (lambda head, fake: head._error(fake), "must return terms by name"),
        (lambda head, fake: {"class": head._error(fake).sum()}, "one value for each example"),
    ],
    ids=["a tensor", "a sum"],
)
def test_what_a_head_returns_is_checked(terms: Any, sentence: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Classifier, "generator", terms)
    with pytest.raises(Refused, match=f"head 'classifier' of .* breaks its contract: generator.*{sentence}"):
        assemble(selected("ACGAN"))


def test_a_head_needs_a_declared_width() -> None:
    with pytest.raises(ValueError, match="the discriminator declares no feature_width"):
        CodeHead(CodeHeadConfig(), 0, None, Codes(CodesConfig()))


def test_controls_need_a_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(Codes, "place")
    with pytest.raises(UserError, match=r"latent 'codes' of .* has controls, and no place\(\)"):
        assemble(selected("InfoGAN"))


def test_a_part_that_could_offer_what_is_missing_is_named() -> None:
    with pytest.raises(Refused, match=r"^head 'code' needs 'codes', which latent 'normal' does not offer: use --lat"):
        assemble(choose("gan", head="code"))


def test_a_head_that_sees_a_condition_names_the_conditioners_that_fit() -> None:
    with pytest.raises(Refused) as caught:
        assemble(choose("gan", head="classifier"))
    (problem,) = caught.value.problems
    assert problem.startswith("discriminator is conditioned by head 'classifier' but generator is not ('none'), so ")
    named = re.search(r"choose --generator-conditioner \((.*) would do\), or leave out head 'classifier'", problem)
    assert named
    for conditioner in named[1].split(", "):
        assemble(choose("gan", head="classifier", generator_conditioner=conditioner))


@pytest.mark.parametrize("system", [name for name, system in SYSTEMS.items() if system.uncompiled])
def test_what_is_not_compiled_is_refused_by_the_dry_run(system: str) -> None:
    with pytest.raises(Refused, match=f"--execution compile needs {SYSTEMS[system].uncompiled}"):
        assemble(selected(system, execution="compile"))
