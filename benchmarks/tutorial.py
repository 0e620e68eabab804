"""The baseline: training loops written the way tutorials write them, on the same networks and the same images.

Images are decoded one by one in the training process, everything is float32 and contiguous, no network is frozen,
Adam is as it comes, and every step reads its losses.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import click
import common
import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from training import choose

from ganzoo.assembly.dry_run import assemble
from ganzoo.assembly.parts import SelectedParts, build_recipe
from ganzoo.catalogue import Selection
from ganzoo.layers import Dropout
from ganzoo.step.device import choose_device

Losses = Mapping[str, float]
ORIGINAL = 28  # pixels that an image of MNIST has
ROUNDS = 40


class Pictures(Dataset[tuple[Tensor, int]]):
    """Images held as bytes, made into a picture and transformed when they are asked for."""

    def __init__(self, images: Tensor, labels: Tensor, transform: Any):
        self.images, self.labels, self.transform = images, labels, transform

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        picture = Image.fromarray(self.images[index].squeeze(0).numpy())
        return self.transform(picture), int(self.labels[index])


def usual_transform(size: int) -> Any:
    """Return what makes a tensor of ``size`` from a picture; raises ``ClickException`` where torchvision is missing."""
    try:
        from torchvision import transforms
    except ImportError as problem:
        raise click.ClickException(
            "the tutorial's loop needs torchvision, which is not installed: pip install 'ganzoo[benchmarks]'"
        ) from problem
    resize = [transforms.Resize(size)] if size != ORIGINAL else []
    return transforms.Compose([*resize, transforms.ToTensor(), transforms.Normalize((0.5,), (0.5,))])


def load(selection: Selection, size: int) -> DataLoader[tuple[Tensor, int]]:
    """Return a loader of the selection's dataset in images of ``size``, as a tutorial has it."""
    name = selection.parts["dataset"].component.name
    originals = choose(selection.variant, selection.preset, dataset=name, dataset_size=ORIGINAL)
    dataset = SelectedParts(originals.parts).build("dataset", root=selection.run.data_root)
    fields = dataset.read(torch.arange(len(dataset)))
    pictures = Pictures(fields["image"], fields["label"], usual_transform(size))
    return DataLoader(pictures, batch_size=selection.run.batch_size, shuffle=True, num_workers=0)


class Loop(ABC):
    """The networks of a selection with what a tutorial trains them with."""

    def __init__(self, selection: Selection):
        self.device = choose_device(selection.run.device)
        recipe: Any = build_recipe(selection, assemble(selection))
        self.generator = with_usual_dropout(recipe.generator).to(self.device)
        self.discriminator = with_usual_dropout(recipe.discriminator).to(self.device)
        self.conditional = recipe.condition is not None
        self.noise = recipe.latent.shape[0]
        adam: Any = selection.parts["generator-optimizer"].config
        self.optimizer_G = torch.optim.Adam(self.generator.parameters(), lr=adam.lr, betas=adam.betas)
        self.optimizer_D = torch.optim.Adam(self.discriminator.parameters(), lr=adam.lr, betas=adam.betas)
        self.size: int = recipe.output_field.shape[-1]
        self.loader = load(selection, self.size)
        self.batches = self._endless()

    @abstractmethod
    def step(self) -> Losses:
        """Train both networks once, and return what a tutorial prints."""

    def _endless(self) -> Iterator[tuple[Tensor, Tensor]]:
        while True:
            for images, labels in self.loader:
                yield images.to(self.device), labels.to(self.device)


class ConditionalLoop(Loop):
    """A conditional least-squares GAN: the generator is updated first, and the discriminator scores the same fakes."""

    loss = nn.MSELoss()

    def step(self) -> Losses:
        """Train both networks once."""
        images, labels = next(self.batches)
        valid = torch.ones(len(images), 1, device=self.device)
        invalid = torch.zeros(len(images), 1, device=self.device)

        self.optimizer_G.zero_grad()
        noise = torch.randn(len(images), self.noise, device=self.device)
        made_labels = torch.randint(0, 10, (len(images),), device=self.device)
        made = self.generator(noise, made_labels)
        score = self.discriminator(made, made_labels).logit
        loss_G = self.loss(score, valid)
        loss_G.backward()
        self.optimizer_G.step()

        self.optimizer_D.zero_grad()
        real_score = self.discriminator(images, labels).logit
        fake_score = self.discriminator(made.detach(), made_labels).logit
        loss_D = (self.loss(real_score, valid) + self.loss(fake_score, invalid)) / 2
        loss_D.backward()
        self.optimizer_D.step()

        return {
            "D loss": loss_D.item(),
            "G loss": loss_G.item(),
            "D(x)": real_score.mean().item(),
            "D(G(z)) before": score.mean().item(),
            "D(G(z)) after": fake_score.mean().item(),
        }


class ConvolutionalLoop(Loop):
    """A convolutional GAN with cross-entropy: the discriminator is updated first, and the generator has new noise.

    Where the networks are conditional, fakes are of the classes of the batch.
    """

    loss = nn.BCEWithLogitsLoss()

    def __init__(self, selection: Selection):
        super().__init__(selection)
        self.real_target: float = selection.parts["loss"].config.real_target  # type: ignore[attr-defined]
        self.weight: float = selection.parts["recipe"].config.discriminator_weight  # type: ignore[attr-defined]

    def step(self) -> Losses:
        """Train both networks once."""
        images, labels = next(self.batches)
        classes = labels if self.conditional else None
        smoothed = torch.full((len(images), 1), self.real_target, device=self.device)
        valid = torch.ones(len(images), 1, device=self.device)
        invalid = torch.zeros(len(images), 1, device=self.device)

        self.optimizer_D.zero_grad()
        real_score = self.discriminator(images, classes).logit
        made = self.generator(torch.randn(len(images), self.noise, device=self.device), classes)
        fake_score = self.discriminator(made.detach(), classes).logit
        loss_D = self.weight * (self.loss(real_score, smoothed) + self.loss(fake_score, invalid))
        loss_D.backward()
        self.optimizer_D.step()

        self.optimizer_G.zero_grad()
        made = self.generator(torch.randn(len(images), self.noise, device=self.device), classes)
        score = self.discriminator(made, classes).logit
        loss_G = self.loss(score, valid)
        loss_G.backward()
        self.optimizer_G.step()

        return {
            "D loss": loss_D.item(),
            "G loss": loss_G.item(),
            "D(x)": real_score.sigmoid().mean().item(),
            "D(G(z)) before": fake_score.sigmoid().mean().item(),
            "D(G(z)) after": score.sigmoid().mean().item(),
        }


def with_usual_dropout(network: nn.Module) -> nn.Module:
    """Return ``network`` with torch's dropout in the place of ganzoo's, which is faster."""
    for name, layer in list(network.named_modules()):
        if isinstance(layer, Dropout):
            network.set_submodule(name, nn.Dropout(layer.p))
    return network


PUBLISHED = {"preset": "published", "dataset_size": ORIGINAL, "ema": 0.999}
LOOPS: Mapping[str, tuple[type[Loop], Mapping[str, Any]]] = {
    "cgan": (ConditionalLoop, {"dataset": "mnist", **PUBLISHED}),
    "dcgan": (ConvolutionalLoop, {"dataset": "mnist", "dataset_size": 32}),
    "cgan-conv": (ConvolutionalLoop, {"dataset": "mnist", **PUBLISHED}),
}
"""For each variant, the loop that a tutorial has for it, and the flags that choose its networks and data.

Networks are those that were published; ganzoo averages its generator besides, as it does without being asked.
"""


@click.command()
@common.data_root
@common.device
@common.out
@common.share
def main(data_root: Path, device: str, out: Path | None, share: float) -> None:
    """Measure the tutorial's loops, and how much of a step is spent on reading images."""
    results = []
    for variant, steps in (("cgan", 20), ("dcgan", 5)):
        make, flags = LOOPS[variant]
        loop = make(choose(variant, **flags, data_root=data_root, device=device))
        turns = {
            "step": common.turn(loop.step, loop.device),
            "reading": common.turn(partial(next, loop.batches), loop.device),
        }
        found = common.interleaved(turns, steps, common.share_of(ROUNDS, share))
        seconds = {name: common.median(values) for name, values in found.items()}
        results.append({"training": variant, "size": loop.size, "batch": loop.loader.batch_size, **seconds})
    common.publish(results, choose_device(device), out)


if __name__ == "__main__":
    common.run(main)
