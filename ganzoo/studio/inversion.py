"""Inversion: the noise and the condition from which a model generates a given example, found by optimisation."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ganzoo.contract.field_values import values_of
from ganzoo.contract.recipe import Recipe
from ganzoo.contract.tracking import track
from ganzoo.errors import UserError
from ganzoo.studio.noise import Noise, generate, noise_of

if TYPE_CHECKING:
    from ganzoo.studio.model import Model

STARTS, STEPS = 4, 200
TRIED = 64  # random starts of each example, of which the best ones are optimised
CLASSES = 100  # of which the condition is found; of more, one must be given
GROUP = 16  # examples that are inverted together
RATE, BETAS = 0.1, (0.9, 0.99)
PRIOR = 0.02  # weight of the mean square of the noise, so that it stays as probable as that of a sample


@dataclass(frozen=True)
class Inversion:
    """How a model generates given examples (N, …): ``noise`` and ``conditions`` (N, …), found for each of them.

    ``reconstructions`` (N, …) are what the model generates, and ``errors`` (N,) the mean squared differences from the
    ``originals``, over all numbers of an example; images are in [-1, 1].
    """

    model: Model
    originals: Tensor
    noise: Noise
    conditions: Tensor | None
    reconstructions: Tensor
    errors: Tensor

    def edited(self, label: Any = None, direction: int | None = None, step: float = 0.0, change: str = "") -> Tensor:
        """Return the examples (N, …) under another condition, or after a ``step`` along a direction of the generator.

        A ``change`` keeps all of a condition but the attributes that it names: ``smiling+hat=0``. Raises
        :class:`UserError` for a condition or a direction that the model does not have.
        """
        from ganzoo.studio.walk import Start
        from ganzoo.studio.walk import direction as find

        count, noise = len(self.originals), self.noise
        conditions = self.conditions if label is None else self.model.conditions(count, label)
        if change:
            conditions = changed(self.model, change, conditions)
        if direction is not None:
            along = find(Start(self.model, count, conditions), noise, direction)
            noise = noise.with_latent(noise.latent + step * along)
        with torch.no_grad():
            made = generate(self.model.recipe, noise, count, conditions, output=self.model.output_name)
        return made.cpu()


def changed(model: Model, change: str, conditions: Tensor | None = None) -> Tensor:
    """Return conditions (N, …) of ``model`` after a ``change`` of attributes; without any, one with zeros alone.

    Raises :class:`UserError` for a model whose conditions have no attributes, and for a name that is none of them.
    """
    field = model.condition
    if field is None:
        raise UserError("this model is unconditional: it has nothing to change")
    return values_of(field).changed(torch.zeros(1, *field.shape) if conditions is None else conditions, change)


def invert(
    model: Model, examples: Tensor, label: Any = None, starts: int = STARTS, steps: int = STEPS, seed: int = 0
) -> Inversion:
    """Return how a model generates ``examples`` (N, …), as networks receive them: images in [-1, 1].

    ``label`` is their condition, one or one for each in turn; without it, the condition is found too: by the encoder of
    conditions, if the model has one, or by trying each class. For
    every example, the best of many random noises, and that of the model's encoder, if it has one, are optimised by
    Adam, and the best result is kept. Raises :class:`UserError` for a model without noise, and for a condition that
    must be given.
    """
    if tuple(examples.shape[1:]) != model.output.shape or not len(examples):
        raise UserError(f"the examples must have the shape (N, {', '.join(map(str, model.output.shape))})")
    if starts < 1 or steps < 1:
        raise UserError("an inversion needs at least one start and one step")
    originals = examples.float().cpu()
    candidates = _candidates(model, label, originals)
    found = [
        _inverted(
            model,
            originals[first : first + GROUP],
            candidates[first : first + GROUP] if candidates is not None else None,
            (starts, steps, seed),
        )
        for first in track(range(0, len(originals), GROUP), "inverting examples", -(-len(originals) // GROUP))
    ]
    by_draw = zip(*(noise.draws for noise, _ in found), strict=True)
    noise = Noise(tuple(same[0].changed(torch.cat([one.values for one in same])) for same in by_draw))
    conditions = torch.cat([one for _, one in found if one is not None]) if model.condition is not None else None
    with torch.no_grad():
        made = generate(model.recipe, noise, len(originals), conditions, output=model.output_name).cpu()
    return Inversion(model, originals, noise, conditions, made, _errors(made, originals))


def _candidates(model: Model, label: Any, originals: Tensor) -> Tensor | None:
    """Return the conditions (N, K, …) that each example may have; ``None`` for an unconditional model.

    They are the given ones, those that the model recognises, or all classes.
    """
    field, count = model.condition, len(originals)
    if label is not None or field is None:
        conditions = model.conditions(count, label)
        return None if conditions is None else conditions[:, None]
    with torch.no_grad():
        device = next(model.recipe.parameters()).device
        recognised = model.recipe.recognise(originals.to(device), model.output_name).cpu()
    if len(recognised):
        return recognised[:, None]
    if not 0 < field.classes <= CLASSES:
        raise UserError(f"the condition of the original must be given: {values_of(field).needed()}")
    return torch.arange(field.classes).repeat(count, 1)


def _inverted(
    model: Model, examples: Tensor, candidates: Tensor | None, how: tuple[int, int, int]
) -> tuple[Noise, Tensor | None]:
    """Return the noise and the conditions of some examples (N, …), optimised together, each with one row."""
    starts, steps, seed = how
    tries = _tries(model, examples, candidates, max(TRIED, starts), seed)
    many = 1 if candidates is None else candidates.shape[1]
    # One try of each class too: a class whose first tries are bad may still be the right one.
    tries = _best(tries, starts, many)
    short = steps // 5 if tries.each > starts else 0
    if short:
        tries = _best(_optimised(model, tries, short), starts)
    tries = _best(_optimised(model, tries, steps - short), 1)
    return tries.noise, tries.conditions


@dataclass(frozen=True)
class _Tries:
    """``each`` tries for every example, those of an example behind each other; the lower a score, the better."""

    each: int
    examples: Tensor
    noise: Noise
    conditions: Tensor | None
    scores: Tensor

    def rows(self, chosen: Tensor) -> _Tries:
        """Return the tries at the places ``chosen`` (N, each) of the whole."""
        rows = chosen.flatten()
        conditions = self.conditions[rows] if self.conditions is not None else None
        return _Tries(chosen.shape[1], self.examples[rows], self.noise.rows(rows), conditions, self.scores[rows])


def _best(tries: _Tries, count: int, classes: int = 0) -> _Tries:
    """Return the best ``count`` tries of each example, and the best one of each of its classes, which take turns."""
    places = torch.arange(len(tries.scores)).view(-1, tries.each)
    ordered = tries.scores[places].argsort(1)
    chosen = places.gather(1, ordered[:, :count])
    if classes > 1:
        turns = [places[:, one::classes] for one in range(classes)]
        of_class = [turn.gather(1, tries.scores[turn].argmin(1, keepdim=True)) for turn in turns]
        chosen = torch.cat([chosen, *of_class], dim=1)
    return tries.rows(chosen)


def _tries(model: Model, examples: Tensor, candidates: Tensor | None, tried: int, seed: int) -> _Tries:
    """Return random tries for each example, the candidates in turn, and before them those of an encoder."""
    count, many = len(examples), 1 if candidates is None else candidates.shape[1]
    tried = -(-tried // many) * many
    turns = torch.arange(tried) % many
    conditions = candidates[:, turns] if candidates is not None else None
    first = conditions[0] if conditions is not None else None
    noise = noise_of(model.recipe, tried, first, seed, output=model.output_name)
    noise.refuse_none()
    drawn = [values.values.expand(count, *values.values.shape) for values in noise.draws]  # (N, T, …)
    encoded = _encoded(model, examples, candidates)
    if encoded:
        drawn = [torch.cat(pair, dim=1) for pair in zip(encoded, drawn, strict=True)]
        conditions = torch.cat([candidates, conditions], 1) if conditions is not None else None  # type: ignore[list-item]
    each = drawn[0].shape[1]
    rows = Noise(tuple(old.changed(values.flatten(0, 1)) for old, values in zip(noise.draws, drawn, strict=True)))
    flat = conditions.flatten(0, 1) if conditions is not None else None
    targets = examples.repeat_interleave(each, 0)
    with torch.no_grad():
        made = generate(model.recipe, rows, len(targets), flat, output=model.output_name).cpu()
    return _Tries(each, targets, rows, flat, _errors(made, targets))


def _encoded(model: Model, examples: Tensor, candidates: Tensor | None) -> list[Tensor]:
    """Return what the model's encoder makes of each example under each condition, (N, K, …), or nothing."""
    device, count = next(model.recipe.parameters()).device, len(examples)
    many = 1 if candidates is None else candidates.shape[1]
    conditions = candidates.flatten(0, 1).to(device) if candidates is not None else None
    with torch.no_grad():
        encoded = model.recipe.encode(examples.repeat_interleave(many, 0).to(device), conditions, model.output_name)
    return [values.cpu().unflatten(0, (count, many)) for values in encoded]


def _errors(made: Tensor, examples: Tensor) -> Tensor:
    return (made - examples).flatten(1).square().mean(1)


def _optimised(model: Model, tries: _Tries, steps: int) -> _Tries:
    """Return the tries after ``steps`` steps of Adam; none of them affects another one."""
    noise, count = tries.noise, len(tries.examples)
    device = next(model.recipe.parameters()).device
    noise = noise.to(device)
    leaves = [drawn.values.clone().requires_grad_(drawn.is_continuous) for drawn in noise.draws]
    optimizer = torch.optim.Adam([leaf for leaf in leaves if leaf.requires_grad], lr=RATE, betas=BETAS)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps, eta_min=RATE / 20)
    targets = tries.examples.to(device)
    conditions = tries.conditions.to(device) if tries.conditions is not None else None

    def made_of() -> tuple[Noise, Tensor]:
        now = Noise(tuple(drawn.changed(leaf) for drawn, leaf in zip(noise.draws, leaves, strict=True)))
        return now, generate(model.recipe, now, count, conditions, output=model.output_name, chunk=count)

    with frozen(model.recipe):
        for _ in range(steps):
            now, made = made_of()
            loss = (_errors(made, targets) + PRIOR * _size(now)).sum()
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            schedule.step()
            for drawn, leaf in zip(noise.draws, leaves, strict=True):
                if drawn.is_uniform:  # a number that left its range would get no gradient back into it
                    leaf.data.clamp_(0, 1)
    with torch.no_grad():
        now, made = made_of()
    found = now.each(lambda drawn: drawn.changed(drawn.values.detach().cpu()))
    # The size decides too: a wrong class can give a good reconstruction, from noise that no sample would have.
    scores = (_errors(made, targets) + PRIOR * _size(now)).detach().cpu()
    return _Tries(tries.each, tries.examples, found, tries.conditions, scores)


def _size(noise: Noise) -> Tensor:
    """Return the mean square (K,) of the noise, over its variance: it is about 1 for noise of samples."""
    squares = [
        drawn.values.flatten(1).square() if drawn.is_normal else 12 * (drawn.values.flatten(1) - 0.5).square()
        for drawn in noise.draws
        if drawn.is_continuous
    ]
    return torch.cat(squares, dim=1).mean(1)


@contextmanager
def frozen(recipe: Recipe) -> Iterator[None]:
    """In the block, the weights get no gradients; afterwards, those that got some before do again."""
    weights = [weight for weight in recipe.parameters() if weight.requires_grad]
    for weight in weights:
        weight.requires_grad_(False)
    try:
        yield
    finally:
        for weight in weights:
            weight.requires_grad_(True)
