"""Every form of every loss trains: all weights move, and all numbers stay finite."""

from __future__ import annotations

import pytest

from ganzoo.catalogue import installed
from ganzoo.testing.loss_cases import loss_forms
from ganzoo.testing.trainers import everything, moved, trainer_of

FORMS = loss_forms()
POINTS = {"dataset": "ring", "batch_size": 16, "generator_widths": (8,), "optimizer_lr": 1e-2}


@pytest.mark.parametrize("form", FORMS)
def test_it_trains_on_the_ring(form: str) -> None:
    name, options = FORMS[form]
    needs = installed().component("loss", name).requires
    network = {"discriminator": "autoencoder", "discriminator_code": 1} if needs else {}
    flags = {f"loss_{key}": value for key, value in options.items()}
    with trainer_of("gan", **POINTS, **network, discriminator_widths=(8,), loss=name, **flags) as trainer:
        before = everything(trainer)
        for _ in range(2):
            trainer.advance()
        after = everything(trainer)
    # A loss that sees differences of logits only leaves the last bias as it is.
    parameters = {key for key, _ in trainer.train_step.recipe.named_parameters()} - {"discriminator.output.bias"}
    assert parameters <= moved(before, after)
    assert all(value.isfinite().all() for value in after.values())


@pytest.mark.parametrize("network", ["autoencoder", "autoencoder-conv"])
@pytest.mark.parametrize("loss", ["ebgan", "began"])
def test_losses_of_an_energy_train_with_a_condition(loss: str, network: str) -> None:
    flags = {"loss": loss, "discriminator": network, "conditioner": "concat", "head": "pulling-away", "dataset_size": 8}
    with trainer_of("gan", **flags, batch_size=4, generator_widths=(8,), dataset="digits") as trainer:
        before = everything(trainer)
        trainer.advance()
        changed = moved(before, everything(trainer))
    assert {name for name, _ in trainer.train_step.recipe.named_parameters()} <= changed
    assert ("loss.k" in changed) == ("loss.M" in changed) == (loss == "began")


def test_k_and_m_are_logged_with_both_errors() -> None:
    with trainer_of("began", dataset_size=8, batch_size=4, log_every=1) as trainer:
        trainer.advance()
        values = trainer.train_step.recipe.loss.state_dict()
    assert set(values) == {"k", "M"}
    assert 0 <= float(values["k"]) <= 1
    assert float(values["M"]) > 0
