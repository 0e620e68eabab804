"""Wrong captions for images: what a discriminator must tell from the right ones."""

from __future__ import annotations

import torch
from torch import Tensor

from ganzoo.plugin import Draws
from ganzoo_words.encoder import same_captions


def wrong_captions(captions: Tensor, labels: Tensor | None, draws: Draws) -> tuple[Tensor, Tensor]:
    """Return for each caption (B, L) the number (B,) of another one in the batch, and whether there is one (B,).

    It has other words and, where there are ``labels`` (B,), another class: a shift of the batch, as circulating code
    has it, may give an image a caption that is true of it. Source: Reed et al. 2016, arXiv 1605.05396, section 4.2.
    """
    other = ~same_captions(captions)
    if labels is not None:
        other = other & (labels[:, None] != labels[None])
    scores = draws.uniform(len(captions), len(captions)).masked_fill(~other, -1.0)
    found: tuple[Tensor, Tensor] = scores.argmax(dim=1), torch.any(other, dim=1)
    return found
