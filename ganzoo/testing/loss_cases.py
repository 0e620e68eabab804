"""Every loss that is installed, in each of its forms."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

from ganzoo.assembly.parts import resolve
from ganzoo.catalogue import installed
from ganzoo.catalogue.options import make, options_of
from ganzoo.contract.loss import Loss


def loss_of(name: str, **options: Any) -> Loss:
    """Return an installed loss, with the options that are given.

    A state of it is ½ everywhere, so that no term of the loss is left out by a state that begins at 0.
    """
    component = installed().component("loss", name)
    loss: Loss = resolve(component)(make(component.config, options, name))
    for state in loss.buffers():
        state.fill_(0.5)
    return loss


def loss_forms() -> Mapping[str, tuple[str, Mapping[str, Any]]]:
    """Return name and options of each form of each loss: of each word of its options, by the flags that choose it."""
    return dict(_forms())


def _forms() -> Iterator[tuple[str, tuple[str, Mapping[str, Any]]]]:
    for name in installed().names("loss"):
        worded = {
            option.name: option.choices or (False, True)
            for option in options_of(installed().component("loss", name).config)
            if option.choices or option.type is bool
        }
        for words in itertools.product(*worded.values()):
            options = dict(zip(worded, words, strict=True))
            yield " ".join([name, *(f"{key}={word}" for key, word in options.items())]), (name, options)
