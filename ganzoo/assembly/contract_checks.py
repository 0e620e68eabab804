"""What parts return is checked against their contracts while a recipe runs in the dry run."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

from torch import Tensor

from ganzoo.assembly.broken_contract import BrokenContract, refuse
from ganzoo.assembly.parts import SelectedParts
from ganzoo.assembly.replaced import replaced
from ganzoo.assembly.state_checks import State, wrong_change
from ganzoo.catalogue.registry import Part
from ganzoo.contract.augmentation import Augmentation
from ganzoo.contract.conditioner import Conditioner
from ganzoo.contract.head import Head
from ganzoo.contract.latent import Latent
from ganzoo.contract.loss import Loss
from ganzoo.contract.networks import Discriminator, DiscriminatorOutput, Generator
from ganzoo.contract.penalty import GeneratorPenalty, Penalty, PenaltyOutput, Regulariser
from ganzoo.contract.recipe import PhaseOutput, Recipe

_KEEPS_STATE = (Loss, Regulariser, Augmentation, Head, Latent)  # or must not; a network may, as batch norm does


@contextmanager
def contracts_checked(recipe: Recipe, parts: SelectedParts) -> Iterator[None]:
    """In the block, check each call of a part; raises :class:`UserError` that names the part and the rule."""
    with ExitStack() as stack:
        for built in {id(one): one for one in (*recipe.modules(), *parts.built)}.values():
            part = parts.owner(built)
            for interface, checks in _CHECKS.items():
                if part is not None and isinstance(built, interface):
                    calls = {
                        name: _checked(built, part, getattr(interface, name), check, parts.shapes_of(built))
                        for name, check in checks.items()
                    }
                    stack.enter_context(replaced(built, calls))
        yield


def refuse_other_output(output: Any, phase: str, recipe: Part) -> None:
    """Raise :class:`BrokenContract` if a phase returns anything but a :class:`PhaseOutput`."""
    if not isinstance(output, PhaseOutput):
        wrong = f"phase {phase!r} returns {_described(output)}, and must return a PhaseOutput"
        raise BrokenContract(recipe, phase, wrong)


Check = Callable[[Any, tuple[Any, ...], Any, Mapping[str, Any]], str]
"""Returns what is wrong with the output of a function of a part: of the part, its arguments, the output, and shapes."""


def _checked(
    built: Any, part: Part, declared: Callable[..., Any], check: Check, shapes: Mapping[str, Any]
) -> Callable[..., Any]:
    """Return the function of a part that its interface has ``declared``, with all checks around it."""
    name = declared.__name__
    function = getattr(built, name)

    def call(*arguments: Any, **named: Any) -> Any:
        refuse(part, name, _other_parameters(function, declared, arguments, named))
        before = State(built) if isinstance(built, _KEEPS_STATE) else None
        output = function(*arguments, **named)
        refuse(part, name, check(built, (*arguments, *named.values()), output, shapes))
        if before is not None:
            refuse(part, name, wrong_change(built, name, before, State(built)))
        return output

    return call


def _other_parameters(
    function: Callable[..., Any], declared: Callable[..., Any], arguments: tuple[Any, ...], named: Mapping[str, Any]
) -> str:
    """Return what is wrong if a call fits what an interface has ``declared``, and not the ``function`` of a part."""
    own, wanted = inspect.signature(function), inspect.signature(declared)
    if _fits(own, arguments, named) or not _fits(wanted, (None, *arguments), named):
        return ""
    _, *parameters = wanted.parameters
    taken = ", ".join(own.parameters) or "no arguments"
    return f"{declared.__name__}() takes {taken}, and must take {', '.join(parameters)}"


def _fits(signature: inspect.Signature, arguments: tuple[Any, ...], named: Mapping[str, Any]) -> bool:
    try:
        signature.bind(*arguments, **named)
    except TypeError:
        return False
    return True


def _check_generator(module: Any, arguments: tuple[Any, ...], output: Any, shapes: Mapping[str, Any]) -> str:
    return _other_shape(output, (len(arguments[0]), *shapes["out"].shape)) if "out" in shapes else ""


def _check_discriminator(module: Any, arguments: tuple[Any, ...], output: Any, shapes: Mapping[str, Any]) -> str:
    if not isinstance(output, DiscriminatorOutput):
        return f"it returns {_described(output)}, and must return a DiscriminatorOutput"
    examples = arguments[0]
    for name, value in (("logit", output.logit), ("features", output.features)):
        if not isinstance(value, Tensor) or value.dim() < 2 or len(value) != len(examples):
            return f"its {name} is {_described(value)}, and must have the shape ({len(examples)}, …)"
    if output.reconstruction is not None and _other_shape(output.reconstruction, tuple(examples.shape)):
        found = _described(output.reconstruction)
        return f"its reconstruction is {found}, and must have the shape of the examples, {tuple(examples.shape)}"
    return ""


def _check_conditioner(module: Any, arguments: tuple[Any, ...], output: Any, shapes: Mapping[str, Any]) -> str:
    return _other_shape(output, (len(arguments[0]), *module.out_shape))


def _check_penalty(module: Any, arguments: tuple[Any, ...], output: Any, shapes: Mapping[str, Any]) -> str:
    return _other_terms(module, output.terms if isinstance(output, PenaltyOutput) else output, len(arguments[1]))


def _check_head(name: str) -> Check:
    def check(head: Any, arguments: tuple[Any, ...], output: Any, shapes: Mapping[str, Any]) -> str:
        wrong = _other_terms(head, output, len(arguments[-1].features))
        return f"{name}(): {wrong}" if wrong else ""

    return check


def _check_loss(name: str) -> Check:
    def check(loss: Any, arguments: tuple[Any, ...], output: Any, shapes: Mapping[str, Any]) -> str:
        wrong = _other_shape(output, tuple(arguments[0].shape))
        return f"{name}(): {wrong}; give one value for each logit, the recipe takes the mean" if wrong else ""

    return check


def _check_statistics(module: Any, arguments: tuple[Any, ...], output: Any, shapes: Mapping[str, Any]) -> str:
    if isinstance(output, Mapping) and all(isinstance(value, Tensor) for value in output.values()):
        return ""
    return "statistics() must return tensors by name"


def _check_latent(name: str) -> Check:
    def check(latent: Any, arguments: tuple[Any, ...], output: Any, shapes: Mapping[str, Any]) -> str:
        count = arguments[0] if isinstance(arguments[0], int) else len(arguments[0])
        wrong = _other_shape(output, (count, *latent.shape))
        return f"{name}(): {wrong}, by its shape {latent.shape}" if wrong else ""

    return check


def _check_augmentation(module: Any, arguments: tuple[Any, ...], output: Any, shapes: Mapping[str, Any]) -> str:
    return _other_shape(output, tuple(arguments[0].shape))


def _other_terms(module: Any, terms: Any, count: int) -> str:
    """Return what is wrong with terms by name, of which each must have one value for each of ``count`` examples."""
    if not isinstance(terms, Mapping):
        return f"it returns {_described(terms)}, and must return terms by name: {{'{type(module).__name__}': …}}"
    for name, term in terms.items():
        if wrong := _other_shape(term, (count,)):
            return f"term {name!r}: {wrong}; give one value for each example, the recipe takes the mean"
    return ""


def _other_shape(output: Any, expected: tuple[int, ...]) -> str:
    if isinstance(output, Tensor) and tuple(output.shape) == expected and output.is_floating_point():
        return ""
    return f"it returns {_described(output)}, and must return numbers of shape {expected}"


def _described(output: Any) -> str:
    if not isinstance(output, Tensor):
        return f"a {type(output).__name__}"
    kind = "" if output.is_floating_point() else f" of {str(output.dtype).removeprefix('torch.')}"
    return f"a tensor{kind} of shape {tuple(output.shape)}"


def _any(module: Any, arguments: tuple[Any, ...], output: Any, shapes: Mapping[str, Any]) -> str:
    return ""


_CHECKS: Mapping[type, Mapping[str, Check]] = {
    Generator: {"forward": _check_generator},
    Discriminator: {"forward": _check_discriminator},
    Conditioner: {"forward": _check_conditioner},
    Loss: {
        "discriminator": _check_loss("discriminator"),
        "generator": _check_loss("generator"),
        "score": _any,
        "statistics": _check_statistics,
        "before_step": _any,
        "after_update": _any,
    },
    Penalty: {"forward": _check_penalty, "before_step": _any, "after_update": _any, "constrain": _any},
    GeneratorPenalty: {"forward": _check_penalty, "before_step": _any, "after_update": _any, "constrain": _any},
    Augmentation: {
        "forward": _check_augmentation,
        "statistics": _check_statistics,
        "before_step": _any,
        "after_update": _any,
    },
    Head: {
        "discriminator": _check_head("discriminator"),
        "generator": _check_head("generator"),
        "statistics": _check_statistics,
    },
    Latent: {"draw": _check_latent("draw"), "place": _check_latent("place"), "read": _any},
    Recipe: {"before_step": _any, "after_update": _any, "sample": _any},
}
"""What is checked of each kind of part, by function; ``_any`` output will do, but its parameters and state matter."""
