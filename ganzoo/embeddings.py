"""Learnt maps from a condition of any kind to a vector: what most conditioners begin with."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from ganzoo.catalogue.data import Field

Embedding = nn.Embedding | nn.Linear | nn.EmbeddingBag


def embedding(condition: Field, size: int, deviation: float = 1.0, mean: float = 0.0) -> Embedding:
    """Return a learnt map from conditions (B, …) to (B, size), whose answers begin around ``mean``.

    A class looks up its row; a vector is mapped linearly; a caption is the mean of its words' rows. Raises
    ``ValueError`` for a condition of another kind.
    """
    if condition.kind not in _BUILDERS:
        raise ValueError(f"{condition.describe()} have no embedding; only {', '.join(_BUILDERS)} have one")
    layer = _BUILDERS[condition.kind](condition, size)
    if isinstance(layer, nn.Linear):
        # A vector has any number of ones in it, so the mean of its sum of rows is a bias.
        nn.init.normal_(layer.weight, 0.0, deviation)
        nn.init.constant_(layer.bias, mean)
    else:
        nn.init.normal_(layer.weight, mean, deviation)
    return layer


def _of_class(condition: Field, size: int) -> nn.Embedding:
    return nn.Embedding(condition.classes, size)


def _of_vector(condition: Field, size: int) -> nn.Linear:
    return nn.Linear(condition.size, size)


def _of_caption(condition: Field, size: int) -> nn.EmbeddingBag:
    return nn.EmbeddingBag(max(len(condition.names), 1), size, mode="mean", padding_idx=0)


_BUILDERS: dict[str, Callable[[Field, int], Embedding]] = {
    "class": _of_class,
    "vector": _of_vector,
    "tokens": _of_caption,
}
