"""Parts that compare several examples, and how a batch is divided then."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
import torch
from torch import Tensor

from ganzoo.assembly.dry_run import assemble
from ganzoo.assembly.packs import broken_packs
from ganzoo.assembly.parts import SelectedParts, build_recipe
from ganzoo.catalogue import Selection
from ganzoo.errors import Refused
from ganzoo.plugin import WHOLE_BATCH, Batchwise
from ganzoo.testing import selections
from ganzoo.testing.small_systems.losses import Relativistic
from ganzoo.testing.small_systems.systems import with_small_systems
from ganzoo.testing.trainers import make_trainer
from ganzoo.training.run import train

choose = partial(
    selections.choose, registry=with_small_systems(), dataset_size=8, steps=1, device="cpu", precision="fp32"
)
packing = partial(choose, "gan", discriminator="packing")


def broken(selection: Selection, processes: int = 1) -> list[str]:
    parts = SelectedParts(selection.parts)
    build_recipe(selection, selection.data(), "meta", parts)
    return list(broken_packs(parts, selection.run, processes))


@pytest.mark.parametrize(
    ("pack", "size", "passes", "processes", "remedy"),
    [
        (2, 64, 1, 1, 0),
        (2, 64, 4, 8, 0),
        (2, 64, 8, 8, 128),
        (3, 64, 1, 1, 63),
        (3, 64, 2, 1, 60),
        (3, 2, 1, 1, 3),
        (4, 24, 1, 3, 0),
        (4, 30, 3, 1, 24),
        (1, 7, 7, 1, 0),
    ],
)
def test_a_batch_is_divided_between_two_packs_only(
    pack: int, size: int, passes: int, processes: int, remedy: int
) -> None:
    said = broken(packing(discriminator_pack=pack, batch_size=size, accumulate=passes), processes)
    assert len(said) == (remedy > 0)
    if remedy:
        assert said[0].startswith(f"discriminator 'packing' compares {pack} examples at a time, and a batch of {size}")
        assert said[0].endswith(f"give --batch-size {remedy}")
        assert not broken(packing(discriminator_pack=pack, batch_size=remedy, accumulate=passes), processes)


@pytest.mark.parametrize(("passes", "processes"), [(2, 1), (1, 2)])
def test_the_pack_of_a_whole_batch_is_never_divided(passes: int, processes: int) -> None:
    assert Relativistic.pack == WHOLE_BATCH
    assert not broken(choose("gan", loss="relativistic"))
    (said,) = broken(choose("gan", loss="relativistic", accumulate=passes), processes)
    assert said.startswith("loss 'relativistic' compares all examples of a batch, which cannot be divided")


def test_it_is_refused_before_training_with_all_problems_at_once(tmp_path: Path) -> None:
    flags = {"discriminator_pack": 3, "loss": "relativistic", "accumulate": 2, "out": tmp_path / "run"}
    with pytest.raises(Refused) as refused:
        train(packing(**flags))
    assert [problem.split(" compares")[0] for problem in refused.value.problems] == [
        "discriminator 'packing'",
        "loss 'relativistic'",
    ]
    assert not (tmp_path / "run").exists()


class Deviation(Batchwise):
    """Minibatch statistics: the deviation within four examples, as one more number of each."""

    pack = 4

    def forward(self, x: Tensor) -> Tensor:
        deviation = x.view(-1, self.pack, x.shape[1]).std(1).mean(1)
        return x + deviation[:, None, None].expand(-1, self.pack, 1).flatten(0, 1)


def test_a_layer_declares_its_pack_and_its_network_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ganzoo_gan.mlp.Dropout", lambda rate: Deviation())
    with pytest.raises(Refused, match="discriminator 'mlp' compares 4 examples at a time, and a batch of 6 has no"):
        assemble(choose("gan", batch_size=6))
    assemble(choose("gan", batch_size=8))


@pytest.mark.parametrize("pack", [1, 2, 4])
def test_a_pack_has_one_logit_for_each_of_its_examples(pack: int) -> None:
    trainer = make_trainer(packing(discriminator_pack=pack, batch_size=8))
    discriminator = trainer.train_step.recipe.get_submodule("discriminator")
    x = torch.randn(8, 1, 8, 8)
    logit, features, _ = discriminator(x, None)
    assert logit.shape == (8, 1)
    assert features.shape == (8, 64)
    assert all(len(set(rows)) == 1 for rows in logit.view(-1, pack).tolist())
    changed = x.clone()
    changed[0] += 1.0
    touched = (discriminator(changed, None).logit != logit).flatten().nonzero().flatten().tolist()
    assert touched == list(range(pack))
