"""A check that what a loss or a penalty returns for one example does not depend on the others, unless it says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from ganzoo.assembly.parts import SelectedParts
from ganzoo.assembly.replaced import replaced
from ganzoo.catalogue.selection import Selection
from ganzoo.contract.loss import Loss
from ganzoo.contract.networks import ConditionedDiscriminator, ConditionedGenerator, DiscriminatorOutput
from ganzoo.contract.penalty import GeneratorPenalty, Penalties, Penalty, Regulariser
from ganzoo.contract.recipe import Recipe
from ganzoo.randomness import WHOLE, Distribution, Draws, FreshDraws, Share, seeded

EXAMPLES = 8
LARGEST = 32  # of a size of one example, so that the check costs little for data of any size
HALVES = (Share(0, 2), Share(1, 2))

Shapes = dict[Loss | Regulariser, tuple[int, ...]]
"""The shape of what losses and penalties receive for one example: of its logits, the example itself, or its noise."""


@contextmanager
def shapes_recorded(recipe: Recipe) -> Iterator[Shapes]:
    """In the block, record the shape for one example whenever a loss or a penalty of ``recipe`` is called."""
    shapes: Shapes = {}

    def recording(part: Loss | Regulariser, function: Callable[..., Any], place: int) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            given = (*arguments, *named.values())[place]
            shapes[part] = tuple(min(size, LARGEST) for size in given.shape[1:])
            return function(*arguments, **named)

        return call

    with ExitStack() as stack:
        for part in recipe.modules():
            if isinstance(part, Loss):
                stack.enter_context(replaced(part, {"discriminator": recording(part, part.discriminator, 0)}))
            if isinstance(part, Regulariser):
                stack.enter_context(replaced(part, {"forward": recording(part, part.forward, 1)}))
        yield shapes


def undeclared_dependence(selection: Selection, parts: SelectedParts, shapes: Shapes) -> Iterator[str]:
    """Yield a sentence for each part whose values for a batch are others than those for its halves.

    The parts are built once more, on the CPU, and get random numbers. A part that declares no ``pack`` is
    meant, and none that draws random numbers in another way than from its draws, for each example.
    """
    for recorded, shape in shapes.items():
        part = parts.owner(recorded)
        if part is None or recorded.pack != 1:
            continue
        with torch.device("cpu"), seeded(0):
            again = SelectedParts(selection.parts).build(part.slot.name)
        if function := _dependent(again, shape):
            yield (
                f"{part.label_with_package} breaks its contract: what {function} returns for one example depends on "
                "the others of its batch; set pack = WHOLE_BATCH in its class, or compute each value from its own "
                "example alone"
            )


def _dependent(part: Loss | Regulariser, shape: tuple[int, ...]) -> str:
    """Return which values depend on other examples, or nothing."""
    values = next(values for kind, values in _VALUES.items() if isinstance(part, kind))
    try:
        whole, again = (_values(values, part, shape, WHOLE, seed) for seed in (0, 1))
        first, second = (_values(values, part, shape, share, 0) for share in HALVES)
    except Exception:  # the phases ran; what numbers of this kind or count do to the part is none of its faults
        return ""
    compared = (name for name in whole if name in first and name in second)
    alone = (name for name in compared if _alike(whole[name], again[name]))  # the others draw by themselves
    return next((name for name in alone if not _alike(whole[name], torch.cat([first[name], second[name]]))), "")


def _values(
    values: Callable[[Any, tuple[int, ...], Draws], Mapping[str, Tensor]],
    part: Loss | Regulariser,
    shape: tuple[int, ...],
    share: Share,
    seed: int,
) -> Mapping[str, Tensor]:
    """Return the values for a share of a batch; ``seed`` is that of torch's generator, from which nothing should be."""
    with torch.device("cpu"), torch.enable_grad(), seeded(seed):
        return values(part, (EXAMPLES // share.count, *shape), _RowDraws(share))


def _of_loss(loss: Loss, shape: tuple[int, ...], draws: Draws) -> Mapping[str, Tensor]:
    real, fake = draws.normal(*shape), draws.normal(*shape)
    return {"discriminator()": loss.discriminator(real, fake), "generator()": loss.generator(fake, lambda: real)}


def _of_penalty(penalty: Penalty, shape: tuple[int, ...], draws: Draws) -> Mapping[str, Tensor]:
    real, fake = draws.normal(*shape), draws.normal(*shape)
    with seeded(0):
        discriminator = _EachAlone(real[0].numel())
    given = (ConditionedDiscriminator(discriminator, None), real, fake, draws)
    return _terms(penalty, given)


def _of_generator_penalty(penalty: GeneratorPenalty, shape: tuple[int, ...], draws: Draws) -> Mapping[str, Tensor]:
    z = draws.normal(*shape)
    with seeded(0):
        generator = _PlainGenerator(z[0].numel())
    return _terms(penalty, (ConditionedGenerator(generator, None, (8,)), z, draws))


def _terms(penalty: Regulariser, given: tuple[Any, ...]) -> Mapping[str, Tensor]:
    terms = Penalties([penalty])(*given, every=penalty.every).terms
    return {f"forward(), term {name!r},": term for name, term in terms.items()}


_VALUES: Mapping[type, Callable[[Any, tuple[int, ...], Draws], Mapping[str, Tensor]]] = {
    Loss: _of_loss,
    Penalty: _of_penalty,
    GeneratorPenalty: _of_generator_penalty,
}


class _PlainGenerator(nn.Module):
    """A small generator."""

    def __init__(self, size: int):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(size, 8), nn.Tanh(), nn.Linear(8, 8))

    def forward(self, z: Tensor, condition: Tensor | None) -> Tensor:
        """Map (B, …) to (B, 8)."""
        examples: Tensor = self.layers(z.flatten(1))
        return examples


class _EachAlone(nn.Module):
    """A small discriminator that scores each example alone."""

    def __init__(self, size: int):
        super().__init__()
        self.features, self.logit = nn.Linear(size, 8), nn.Linear(8, 1)

    def forward(self, x: Tensor, condition: Tensor | None) -> DiscriminatorOutput:
        """Map (B, …) to logits (B, 1)."""
        features = self.features(x.flatten(1)).tanh()
        return DiscriminatorOutput(self.logit(features), features)


class _RowDraws(Draws):
    """The rows of a share of the random numbers of a batch; others than one row for each example are refused."""

    def __init__(self, share: Share):
        self._count, self._draws = EXAMPLES // share.count, FreshDraws(torch.Generator().manual_seed(0), share=share)

    def draw(self, distribution: Distribution, shape: tuple[int, ...]) -> Tensor:
        """Draw numbers with a row for each example; raises ``ValueError`` for others, which no share has."""
        if shape[:1] != (self._count,):
            raise ValueError(f"numbers of shape {shape} are not of {self._count} examples")
        return self._draws.draw(distribution, shape)


def _alike(one: Tensor, other: Tensor) -> bool:
    finite = one.detach().abs().nan_to_num(0.0, 0.0, 0.0)
    scale = float(finite.max()) if one.numel() else 0.0
    return one.shape == other.shape and torch.allclose(one, other, rtol=1e-4, atol=1e-4 * scale, equal_nan=True)
