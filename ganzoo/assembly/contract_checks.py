"""What parts return is checked against their contracts while a recipe runs on the meta device."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from types import FrameType
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from ganzoo.assembly.parts import SelectedParts
from ganzoo.catalogue.registry import Part
from ganzoo.contract.augmentation import Augmentation
from ganzoo.contract.conditioner import Conditioner
from ganzoo.contract.head import Head, HeadInput
from ganzoo.contract.loss import Loss
from ganzoo.contract.networks import Discriminator, DiscriminatorOutput, Generator
from ganzoo.contract.penalty import Penalty, PenaltyOutput
from ganzoo.contract.recipe import PhaseOutput, Recipe
from ganzoo.contract.working_state import WorkingState
from ganzoo.errors import UserError

_RANDOM = {
    *(torch.rand, torch.randn, torch.randint, torch.randperm, torch.normal, torch.bernoulli, torch.multinomial),
    *(torch.rand_like, torch.randn_like, torch.randint_like),
    *(Tensor.normal_, Tensor.uniform_, Tensor.bernoulli_, Tensor.random_, Tensor.exponential_, Tensor.bernoulli),
}
_DRAWS = "ganzoo.randomness"  # the module whose code draws for everyone


@contextmanager
def contracts_checked(recipe: Recipe, parts: SelectedParts) -> Iterator[None]:
    """In the block, check what each part returns; raises :class:`UserError` that names the part and the rule."""
    with ExitStack() as stack:
        for module in recipe.modules():
            part = parts.owner(module)
            if part is None:
                continue
            for kind, check in _CHECKS.items():
                if isinstance(module, kind):
                    expected = parts.shapes_of(module)
                    stack.callback(module.register_forward_hook(_hook(part, check, expected)).remove)
            if isinstance(module, Head):
                stack.enter_context(_head_checked(module, part))
            if isinstance(module, Loss):
                stack.enter_context(_loss_checked(module, part))
        stack.enter_context(_OnlyDraws(parts))
        yield


def refuse_other_output(output: Any, phase: str, recipe: Part) -> None:
    """Raise :class:`UserError` if a phase returns anything but a :class:`PhaseOutput`."""
    if not isinstance(output, PhaseOutput):
        raise UserError(
            f"{recipe.label_with_package} breaks its contract: phase {phase!r} returns {_described(output)}, and must "
            "return a PhaseOutput"
        )


Check = Callable[[Any, tuple[Any, ...], Any, Mapping[str, Any]], str]
"""Returns what is wrong with the output of a module: a function of module, arguments, output and shapes."""


def _hook(part: Part, check: Check, shapes: Mapping[str, Any]) -> Callable[[nn.Module, tuple[Any, ...], Any], None]:
    def hook(module: nn.Module, arguments: tuple[Any, ...], output: Any) -> None:
        _refuse(part, check(module, arguments, output, shapes))

    return hook


def _refuse(part: Part, wrong: str) -> None:
    if wrong:
        raise UserError(f"{part.label_with_package} breaks its contract: {wrong}")


def _check_generator(module: Any, arguments: tuple[Any, ...], output: Any, shapes: Mapping[str, Any]) -> str:
    return _other_shape(output, (len(arguments[0]), *shapes["out"].shape)) if "out" in shapes else ""


def _check_discriminator(module: Any, arguments: tuple[Any, ...], output: Any, shapes: Mapping[str, Any]) -> str:
    if not isinstance(output, DiscriminatorOutput):
        return f"it returns {_described(output)}, and must return a DiscriminatorOutput"
    for name, value in (("logit", output.logit), ("features", output.features)):
        if not isinstance(value, Tensor) or value.dim() < 2 or len(value) != len(arguments[0]):
            return f"its {name} is {_described(value)}, and must have the shape ({len(arguments[0])}, …)"
    return ""


def _check_conditioner(module: Any, arguments: tuple[Any, ...], output: Any, shapes: Mapping[str, Any]) -> str:
    return _other_shape(output, (len(arguments[0]), *module.out_shape))


def _check_penalty(module: Any, arguments: tuple[Any, ...], output: Any, shapes: Mapping[str, Any]) -> str:
    return _other_terms(module, output.terms if isinstance(output, PenaltyOutput) else output, len(arguments[1]))


def _other_terms(module: Any, terms: Any, count: int) -> str:
    """Return what is wrong with terms by name, of which each must have one value for each of ``count`` examples."""
    if not isinstance(terms, Mapping):
        return f"it returns {_described(terms)}, and must return terms by name: {{'{type(module).__name__}': …}}"
    for name, term in terms.items():
        if wrong := _other_shape(term, (count,)):
            return f"term {name!r}: {wrong}; give one value for each example, the recipe takes the mean"
    return ""


def _check_augmentation(module: Any, arguments: tuple[Any, ...], output: Any, shapes: Mapping[str, Any]) -> str:
    return _other_shape(output, tuple(arguments[0].shape))


_CHECKS: Mapping[type, Check] = {
    Generator: _check_generator,
    Discriminator: _check_discriminator,
    Conditioner: _check_conditioner,
    Penalty: _check_penalty,
    Augmentation: _check_augmentation,
}


@contextmanager
def _head_checked(head: Head, part: Part) -> Iterator[None]:
    """In the block, check that the functions of a head return terms by name."""

    def checked(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*examples: HeadInput) -> Any:
            terms = function(*examples)
            if wrong := _other_terms(head, terms, len(examples[-1].features)):
                _refuse(part, f"{name}(): {wrong}")
            return terms

        return call

    with _replaced(head, {"discriminator": head.discriminator, "generator": head.generator}, checked):
        yield


@contextmanager
def _replaced(
    module: nn.Module,
    functions: Mapping[str, Callable[..., Any]],
    checked: Callable[[str, Callable[..., Any]], Callable[..., Any]],
) -> Iterator[None]:
    """In the block, replace functions of one object by checked ones."""
    for name, function in functions.items():
        module.__dict__[name] = checked(name, function)
    try:
        yield
    finally:
        for name in functions:
            del module.__dict__[name]


@contextmanager
def _loss_checked(loss: Loss, part: Part) -> Iterator[None]:
    """In the block, check that the functions of a loss return one value for each logit."""

    def checked(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(first: Tensor, second: Any) -> Any:
            output = function(first, second)
            if wrong := _other_shape(output, tuple(first.shape)):
                _refuse(part, f"{name}(): {wrong}; give one value for each logit, the recipe takes the mean")
            return output

        return call

    with _replaced(loss, {"discriminator": loss.discriminator, "generator": loss.generator}, checked):
        yield


class _OnlyDraws(TorchFunctionMode):
    """Refuses random numbers of losses, penalties and recipes that do not come from the draws of the step.

    Layers of networks may draw, as dropout does: torch's generator is seeded for them.
    """

    def __init__(self, parts: SelectedParts):
        super().__init__()
        self._parts = parts

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Call a function of torch, unless it is a draw that is not allowed."""
        if func in _RANDOM:
            drawing = _drawing(sys._getframe(1))
            owner = self._parts.owner(drawing) if drawing is not None else None
            if owner is not None:
                _refuse(
                    owner,
                    f"it draws random numbers with torch's {func.__name__}; take them from the draws that it receives "
                    "(draws.normal, draws.uniform, draws.integers), or a run could not be repeated",
                )
        return func(*args, **(kwargs or {}))


def _drawing(frame: FrameType | None) -> nn.Module | None:
    """Return the loss, penalty or recipe that draws by itself, if it is the innermost module on the stack."""
    while frame is not None:
        if frame.f_globals.get("__name__") == _DRAWS:
            return None
        module = frame.f_locals.get("self")
        if isinstance(module, nn.Module):
            return module if isinstance(module, WorkingState | Recipe) else None
        frame = frame.f_back
    return None


def _other_shape(output: Any, expected: tuple[int, ...]) -> str:
    if isinstance(output, Tensor) and tuple(output.shape) == expected and output.is_floating_point():
        return ""
    return f"it returns {_described(output)}, and must return numbers of shape {expected}"


def _described(output: Any) -> str:
    if not isinstance(output, Tensor):
        return f"a {type(output).__name__}"
    kind = "" if output.is_floating_point() else f" of {str(output.dtype).removeprefix('torch.')}"
    return f"a tensor{kind} of shape {tuple(output.shape)}"
