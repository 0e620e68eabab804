"""Kinds of component: ganzoo's own, and how a plugin declares another one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
TARGET = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")


def name_faults(kind: str, name: Any, summary: Any) -> Iterator[str]:
    """Yield every error in the name and the summary of a declaration."""
    if not isinstance(name, str) or not NAME.fullmatch(name):
        yield f"{kind} name {name!r} must be lower-case words joined by dashes"
    if not isinstance(summary, str) or not summary.strip() or len(summary.splitlines()) != 1:
        yield f"{kind} {name!r} needs a summary of one line"


@dataclass(frozen=True)
class Kind:
    """A kind of component: its name, a clause that says what it is, and the class that its targets implement.

    ``interface`` is ``package.module:Class`` or the class itself; without one, a target is any function. Recipes have
    slots of any kind, and plugins may declare kinds of their own. ``is_network`` says that its parts are networks,
    whose weights may come from another model (``--<slot>-from MODEL``). A kind is ``changeable`` if its parts keep no
    state, so that a run may be resumed with another one.
    """

    name: str
    summary: str
    interface: str | type = ""
    is_network: bool = False
    changeable: bool = False

    kind = "kind"

    def faults(self) -> Iterator[str]:
        """Yield every error in the declaration itself."""
        yield from name_faults("kind", self.name, self.summary)
        if not isinstance(self.interface, type) and self.interface and not TARGET.fullmatch(str(self.interface)):
            yield f"interface {self.interface!r} of kind {self.name!r} does not have the form 'package.module:Class'"


_OWN = (
    Kind("variant", "a GAN with a name: a component for each slot of a recipe, and options"),
    Kind(
        "recipe",
        "the training procedure: its networks, and the phases of a training step",
        "ganzoo.contract.recipe:Recipe",
    ),
    Kind("generator", "the network that generates examples", "ganzoo.contract.networks:Generator", is_network=True),
    Kind(
        "discriminator",
        "the network that scores real and generated examples",
        "ganzoo.contract.networks:Discriminator",
        is_network=True,
    ),
    Kind(
        "head", "further outputs of a discriminator, such as a classifier of the condition", "ganzoo.contract.head:Head"
    ),
    Kind(
        "conditioner",
        "how a condition (a class, attributes, a caption) enters a network",
        "ganzoo.contract.conditioner:Conditioner",
    ),
    Kind("loss", "the loss function", "ganzoo.contract.loss:Loss"),
    Kind(
        "penalty", "a regulariser of the discriminator; several are joined by commas", "ganzoo.contract.penalty:Penalty"
    ),
    Kind(
        "generator-penalty",
        "a regulariser of the generator; several are joined by commas",
        "ganzoo.contract.penalty:GeneratorPenalty",
    ),
    Kind(
        "augmentation",
        "random changes of the examples that the discriminator sees",
        "ganzoo.contract.augmentation:Augmentation",
    ),
    Kind("network", "a network of another kind, such as an encoder", "torch.nn:Module", is_network=True),
    Kind("latent", "the distribution of the noise", "ganzoo.contract.latent:Latent"),
    Kind("initialiser", "the initial values of the weights", "ganzoo.contract.networks:Initialiser"),
    Kind("optimizer", "the rule that updates the weights"),
    Kind(
        "schedule",
        "the learning rate over the training steps",
        "ganzoo.contract.optimization:Schedule",
        changeable=True,
    ),
    Kind("dataset", "the real examples", "ganzoo.contract.dataset:Dataset"),
    Kind("metric", "a measure of how good generated examples are", "ganzoo.contract.metric:Metric"),
    Kind("judge", "the classifier or feature extractor that the metrics use", "ganzoo.contract.judge:Judge"),
    Kind(
        "observer",
        "what also watches a training: it writes or shows something, and changes nothing",
        "ganzoo.training.observers:Observer",
    ),
)
KINDS: Mapping[str, Kind] = MappingProxyType({kind.name: kind for kind in _OWN})
"""Ganzoo's own kinds by name, in the order in which they are listed."""
