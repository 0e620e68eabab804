"""Benchmark: what the codes of an InfoGAN mean: their error as a classifier of real images, and a walk over each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import common
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm

import ganzoo
from ganzoo.catalogue.data import Field
from ganzoo.contract.judge import Examples
from ganzoo.errors import UserError
from ganzoo.evaluation.reference_data import ReferenceData
from ganzoo.randomness import ExampleDraws
from ganzoo.studio.evaluation import choose_plan, usual_root
from ganzoo.studio.export import write_samples
from ganzoo.studio.model import Model

CHUNK = 500  # images classified at once
BATCHES = 40  # of real images whose statistics are taken
ROWS, COLUMNS = 10, 10  # of a walk
WALK = 2.0  # numbers are walked from -2 to 2, twice as far as training went, as in the paper


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--data-root", type=click.Path(path_type=Path), help="The folder of the data; that of the training.")
@click.option("--walks", type=click.Path(path_type=Path), help="A folder for pictures: a walk over each code.")
def main(run: Path, data_root: Path | None, walks: Path | None) -> None:
    """Measure the codes of a trained model, such as `ganzoo train infogan --dataset mnist`."""
    model = ganzoo.load(run)
    if "code" not in model.recipe.controls:
        raise UserError(f"{run} has no categorical code: train infogan")
    plan = choose_plan(model, model.registry, None, (), None, {})
    reference = ReferenceData(plan, data_root or usual_root(model), torch.device("cpu"))
    about = f"of {len(reference.real):,} images of {reference.name} ({reference.split})"
    as_trained = code_error(codes_of(model, reference.real), reference.real)
    click.echo(f"code error {100 * as_trained:.2f}% {about}, with batch norm's statistics of the training")
    take_statistics(model, reference.train)
    error = code_error(codes_of(model, reference.real), reference.real)
    click.echo(f"code error {100 * error:.2f}% {about}, with statistics of real training images")
    if walks is not None:
        for name, images in walked(model):
            write_samples(walks / f"{name}.png", images, model.output, None, None)


def codes_of(model: Model, examples: Examples) -> Tensor:
    """Return the most likely category (N,) of each example, by the head on the discriminator's features."""
    recipe: Any = model.recipe
    with torch.no_grad():
        features = [recipe.discriminator(chunk, None).features for chunk in examples.values.split(CHUNK)]
        codes: Tensor = recipe.head(torch.cat(features))["code"].argmax(1)
    return codes


def take_statistics(model: Model, examples: Examples) -> None:
    """Give batch norm in discriminator and head the mean statistics of real ``examples``; no label is used.

    Those of the training describe fakes more than real examples, as twice as many batches of fakes pass. The head sees
    fakes alone, so that a model reads the codes of real examples badly with them.
    """
    recipe: Any = model.recipe
    networks = (recipe.discriminator, recipe.head)
    norms = [layer for network in networks for layer in network.modules() if isinstance(layer, _BatchNorm)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a plain mean over all batches
        norm.train()
    with torch.no_grad():
        order = torch.randperm(len(examples), generator=torch.Generator().manual_seed(0))
        for chosen in order.split(CHUNK)[:BATCHES]:
            if len(chosen) > 1:  # batch norm has no statistics of a single example
                recipe.head(recipe.discriminator(examples.values[chosen], None).features)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
        norm.eval()


def code_error(codes: Tensor, examples: Examples) -> float:
    """Return the share of examples whose code is not that of their class, after the best matching of the two.

    Each code belongs to one class at most (Kuhn 1955); examples of codes without a class are wrong.

    >>> code_error(torch.tensor([2, 2, 0, 1, 1]), Examples(torch.zeros(5, 1), torch.tensor([0, 0, 1, 2, 1])))
    0.2
    """
    assert examples.labels is not None
    size = int(torch.stack([codes.max(), examples.labels.max()]).max()) + 1
    counts = (codes * size + examples.labels).bincount(minlength=size * size).view(size, size)
    matched = counts[linear_sum_assignment(-counts.numpy())].sum()
    return (len(codes) - int(matched)) / len(codes)


def walked(model: Model) -> Iterator[tuple[str, Tensor]]:
    """Yield for each code its name and images (100, …): a row has one noise, and its code changes."""
    recipe: Any = model.recipe
    z = recipe.latent.draw(ROWS, ExampleDraws(0, "walk", range(ROWS))).repeat_interleave(COLUMNS, 0)
    row_codes = torch.arange(ROWS).repeat_interleave(COLUMNS) % recipe.controls["code"].classes
    for name, field in recipe.controls.items():
        for place in range(field.size):
            values = _values(recipe.latent.read(z)[name], field, place)
            chosen = {"code": row_codes, name: values}  # a walk over numbers has a category in each row
            with torch.no_grad():
                images = recipe.generator(recipe.latent.place(z, chosen), None)
            yield name if field.size == 1 else f"{name}-{place + 1}", images


def _values(values: Tensor, field: Field, place: int) -> Tensor:
    """Return the values of a code for all images: categories in turn, or its number ``place`` in equal steps."""
    if field.classes:
        return torch.arange(COLUMNS).repeat(ROWS) % field.classes
    steps = torch.linspace(-WALK, WALK, COLUMNS).repeat(ROWS)
    return torch.where(torch.arange(field.size) == place, steps[:, None], torch.zeros_like(values))


if __name__ == "__main__":
    common.run(main)
