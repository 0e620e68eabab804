"""The transfer to another domain (PixelDTGAN): its terms by hand, and what does not belong together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import softplus

from ganzoo.assembly.dry_run import assemble
from ganzoo.assembly.parts import build_recipe
from ganzoo.catalogue.check import check
from ganzoo.contract.judge import Examples
from ganzoo.contract.step_context import StepContext
from ganzoo.errors import Refused, UserError
from ganzoo.plugin import Config
from ganzoo.randomness import KeyedStreams
from ganzoo.storage.run_folder import RunFolder
from ganzoo.testing.selections import choose
from ganzoo.testing.trainers import everything, make_trainer, moved
from ganzoo.training.checkpoints import resume, write_checkpoint
from ganzoo_images.metric_options import PairedConfig
from ganzoo_images.neighbours import Neighbours
from ganzoo_images.paired import Paired

SMALL: dict[str, Any] = {
    "dataset_count": 20,
    "generator_width": 3,
    "generator_bottleneck": 4,
    "discriminator_width": 3,
    "discriminator_norm": "none",
    "pair_discriminator_width": 3,
    "pair_discriminator_norm": "none",
}


def built(**flags: Any) -> Any:
    selection = choose("pixeldt", **{**SMALL, **flags})
    return build_recipe(selection, check(selection)).train()


def pairs(equal: bool = False) -> dict[str, dict[str, Tensor]]:
    generator = torch.Generator().manual_seed(0)
    given, true = (torch.rand(4, 3, 8, 8, generator=generator) * 2 - 1 for _ in range(2))
    return {"dataset": {"input": given, "target": true[:1].repeat(4, 1, 1, 1) if equal else true}}


def discriminated(recipe: Any, batch: dict[str, dict[str, Tensor]]) -> tuple[Tensor, Any]:
    """What the converter made, and the output of the discriminators' phase."""
    context = StepContext(0, 10, "discriminator", 0, KeyedStreams(0), handed={})
    context.receive(recipe.generate(batch, context).handed)
    made = context.handed("made")
    assert made is not None
    return made, recipe.discriminate(batch, context)


def gradients(total: Tensor, recipe: Any) -> list[Tensor]:
    parameters = [*recipe.discriminator.parameters(), *recipe.pair_discriminator.parameters()]
    return list(torch.autograd.grad(total, parameters))


def test_each_kind_of_image_has_a_third_of_the_weight() -> None:
    recipe, batch = built(), pairs()
    made, output = discriminated(recipe, batch)
    given, true = batch["dataset"].values()
    other = true[[1, 0, 3, 2]]
    score = recipe.discriminator
    real = [softplus(-score(true, None).logit), softplus(-score(other, None).logit), softplus(score(made, None).logit)]

    def belongs(image: Tensor) -> Tensor:
        logit: Tensor = recipe.pair_discriminator(torch.cat([given, image], dim=1), None).logit
        return logit

    associated = [softplus(-belongs(true)), softplus(belongs(other)), softplus(belongs(made))]
    expected = sum(term.mean() for term in (*real, *associated)) / 3
    assert isinstance(expected, Tensor)
    for one, by_hand in zip(gradients(output.total(), recipe), gradients(expected, recipe), strict=True):
        assert torch.allclose(one, by_hand, atol=1e-6)


def test_an_image_that_equals_the_true_one_is_not_called_unrelated() -> None:
    """In well-known code a batch is shifted by one, whatever it then shows."""
    recipe, batch = built(), pairs(equal=True)
    _, output = discriminated(recipe, batch)
    given, true = batch["dataset"].values()
    alone = recipe.loss.discriminator(
        recipe.pair_discriminator(torch.cat([given, true], dim=1), None).logit,
        recipe.pair_discriminator(torch.cat([given, recipe.generator(given, None)], dim=1), None).logit,
    )
    assert torch.allclose(output.terms["association"], alone.mean() / 3)


def test_the_converter_has_the_mean_of_both_losses() -> None:
    recipe, batch = built(recipe_distance_weight=0), pairs()
    terms = recipe.generate(batch, StepContext(0, 10, "generator", 0, KeyedStreams(0), handed={})).terms
    made = recipe.generator(batch["dataset"]["input"], None)
    assert torch.allclose(terms["adversarial"], softplus(-recipe.discriminator(made, None).logit).mean() / 2)
    assert set(terms) == {"adversarial", "association"}


def test_batches_hold_pairs_of_examples() -> None:
    assemble(choose("pixeldt", **SMALL, batch_size=8, accumulate=2))
    with pytest.raises(UserError, match="no whole number of such packs"):
        assemble(choose("pixeldt", **SMALL, batch_size=6, accumulate=2))


def test_images_of_two_sizes_are_refused() -> None:
    with pytest.raises((Refused, UserError), match="use images of one size"):
        assemble(choose("pixeldt", dataset="low-resolution"))


def test_a_resumed_training_is_the_same_to_the_bit(tmp_path: Path) -> None:
    selection, folder = choose("pixeldt", tmp_path, **SMALL), RunFolder(tmp_path)
    whole, again = make_trainer(selection), make_trainer(selection)
    for step in range(4):
        if step == 2:
            write_checkpoint(folder.checkpoints, whole, selection)
        whole.advance()
    resume(folder, again, selection, print)
    for _ in range(2):
        again.advance()
    assert moved(everything(whole), everything(again)) == set()


def test_the_neighbour_is_the_true_image_of_the_nearest_training_input() -> None:
    inputs, true = torch.randn(5, 1, 8, 8), torch.rand(5, 3, 8, 8)

    class Context:
        train = Examples(true.flip(0), None, inputs.flip(0))

    shown = Examples(torch.zeros(5, 3, 8, 8), None, inputs + 0.01, true + 0.1)
    found = Neighbours(Config()).measure(shown, shown, Context())  # type: ignore[arg-type]
    right = Paired(PairedConfig()).measure(Examples(true, None, inputs, true + 0.1), shown, Context())  # type: ignore[arg-type]
    assert found["neighbour l1"] == pytest.approx(right["l1"])
    assert found["neighbour ssim"] == pytest.approx(right["ssim"])
