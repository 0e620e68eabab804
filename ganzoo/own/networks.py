"""Plain torch modules as networks: generators that map noise to examples, discriminators that map these to logits."""

from __future__ import annotations

import copy
import functools
import inspect
from collections.abc import Callable
from typing import Any, final

import torch
from torch import Tensor, nn

from ganzoo.catalogue.component import Component, Need
from ganzoo.catalogue.data import Field
from ganzoo.catalogue.local import maker_of
from ganzoo.catalogue.options import Config
from ganzoo.contract.conditioner import Conditioner, Shape, Sites, Unconditioned
from ganzoo.contract.networks import Batchwise, Discriminator, DiscriminatorOutput, Generator, Initialiser
from ganzoo.errors import UserError
from ganzoo.own.probe import logit_of, refuse_other_dtype, refuse_unfit_scores, takes_map
from ganzoo.text import message_of


def row_major(x: Tensor) -> Tensor:
    """Return x with the usual strides, those of dimensions of size 1 included, by which torch chooses a layout.

    >>> row_major(torch.zeros(2, 1, 4, 4).to(memory_format=torch.channels_last)).stride()
    (16, 16, 4, 1)
    """
    return x.reshape(-1).view(x.shape)


class Plain(nn.Module):
    """A plain module as a network; ``network`` is the module."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Plain:
        # ganzoo converts networks to channels-last memory, in which ``x.view(len(x), -1)`` fails.
        super()._apply(lambda tensor: row_major(fn(tensor)), recurse)  # type: ignore[no-untyped-call]
        return self


@final
class PlainGenerator(Plain, Generator):
    """A module that maps noise (B, Z) or (B, Z, 1, 1), and labels (B,) if ``labelled``, to examples."""

    def __init__(self, network: nn.Module, labelled: bool, takes_map: bool):
        super().__init__(network)
        self._labelled, self._takes_map = labelled, takes_map

    def forward(self, z: Tensor, condition: Tensor | None) -> Tensor:
        """Map noise (B, Z) and its classes (B,) to examples."""
        z = z[:, :, None, None] if self._takes_map else z
        examples: Tensor = self.network(z, condition) if self._labelled else self.network(z)
        return examples


@final
class PlainDiscriminator(Plain, Discriminator, Batchwise):
    """A module that maps examples, and labels (B,) if ``labelled``, to one logit each.

    It is batchwise, as nobody knows whether its layers mix the examples of a batch.
    """

    def __init__(self, network: nn.Module, labelled: bool):
        super().__init__(network)
        self._labelled = labelled

    def forward(self, x: Tensor, condition: Tensor | None) -> DiscriminatorOutput:
        """Map examples (B, …) and their classes (B,) to logits (B, 1)."""
        x = row_major(x)
        scores: Any = logit_of(self.network(x, condition) if self._labelled else self.network(x))
        logit: Tensor = scores.reshape(len(x), 1)
        return DiscriminatorOutput(logit, logit)


@final
class InNetwork(Conditioner):
    """The conditioner of a network that takes labels itself: it acts at a site for which no network asks."""

    sites = frozenset({"network"})

    def __init__(self, config: Config, shape: Shape, condition: Field | None):
        super().__init__()
        self.out_shape = shape

    def forward(self, x: Tensor, condition: Tensor | None) -> Tensor:
        """Return x."""
        return x


@final
class AsGiven(Initialiser):
    """Keeps the weights of a network that a program has built."""

    def __init__(self, config: Config):
        pass

    def __call__(self, network: nn.Module) -> None:
        """Change nothing."""


LABELS = Component(
    kind="conditioner",
    name="in-network",
    summary="the network takes the labels itself",
    target=InNetwork,
    requires=(Need(("condition:class",), "its forward takes labels: choose data with class labels"),),
)
NO_LABELS = Component(
    kind="conditioner", name="no-labels", summary="the network takes no labels", target=Unconditioned
)  # fmt: skip
WEIGHTS = Component(kind="initialiser", name="as-given", summary="the weights of an object as it is", target=AsGiven)
HELPERS = (LABELS, NO_LABELS, WEIGHTS)


@final
class PlainNetwork:
    """The target of a plain module, of its class or of a partial of that; each call gives a new network.

    An object is copied, so that a training leaves it as it is.
    """

    def __init__(self, given: Any, label: str):
        self._given, self._label = given, label
        self.labelled = takes_labels(given, label)
        # So that an error in its code is attributed to it.
        self.__module__, self.__qualname__ = maker_of(given).__module__, maker_of(given).__qualname__

    @property
    def is_object(self) -> bool:
        """Whether it is an object, whose weights are kept, and not a class."""
        return isinstance(self._given, nn.Module)

    def __call__(self, config: Config, in_shape: Shape, sites: Sites, out: Field | None = None) -> Plain:
        """Return the module as a generator of ``out``, or without it as a discriminator; it is tried on the CPU."""
        device = torch.empty(0).device
        with torch.device("cpu"), torch.random.fork_rng(devices=[]):
            trial = self._new()
            refuse_other_dtype(trial, self._label)
            classes = sites.condition.classes if self.labelled and sites.condition is not None else 0
            maps = out is not None and takes_map(trial, in_shape, out, classes, self._label)
            if out is None:
                refuse_unfit_scores(trial, in_shape, classes, self._label)
        with torch.device("cpu"):
            network = self._new().to(device)
        if out is None:
            return PlainDiscriminator(network, self.labelled)
        return PlainGenerator(network, self.labelled, maps)

    def _new(self) -> nn.Module:
        if isinstance(self._given, nn.Module):
            return _copy(self._given, self._label)
        try:
            network: Any = self._given()
        except TypeError as problem:
            raise UserError(
                f"{self._label} cannot be built without arguments ({message_of(problem)}): give an object, or "
                "functools.partial of the class"
            ) from problem
        if not isinstance(network, nn.Module):
            raise UserError(f"{self._label} is built as {type(network).__name__}, not as a torch module")
        return network


def _copy(network: nn.Module, label: str) -> nn.Module:
    try:
        return copy.deepcopy(network).to("cpu")
    except Exception as problem:
        raise UserError(f"{label} cannot be copied ({message_of(problem)}): give its class instead") from problem


def takes_labels(given: Any, label: str) -> bool:
    """Return whether the forward of a module, or of its class, takes labels after its input.

    It does if it has a second parameter that is required or whose default is ``None``. Raises :class:`UserError` if
    more than two are required.
    """
    forward = given.forward if isinstance(given, nn.Module) else functools.partial(maker_of(given).forward, None)
    try:
        parameters = list(inspect.signature(forward).parameters.values())
    except (TypeError, ValueError):  # compiled code has no signature
        return False
    places = [item for item in parameters if item.kind in (item.POSITIONAL_ONLY, item.POSITIONAL_OR_KEYWORD)]
    required = [item.name for item in places if item.default is item.empty]
    if len(required) > 2:
        raise UserError(
            f"{label} has a forward of {len(required)} inputs ({', '.join(required)}): it may have one or two"
        )
    return len(places) > 1 and (places[1].default is None or places[1].default is inspect.Parameter.empty)
