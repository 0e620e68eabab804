"""What a plain torch module does, tried with a few random examples on the CPU: its noise, its shapes, its output."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from ganzoo.catalogue.data import Field
from ganzoo.contract.conditioner import Shape
from ganzoo.errors import UserError
from ganzoo.text import first_line

EXAMPLES = 3  # no usual size of anything else, so that a batch is not mistaken for it

# Operations after which probabilities are still probabilities, as autograd calls them; most change the shape alone.
_RESHAPING = {
    *(
        "Alias",
        "AsStrided",
        "Clamp",
        "Clone",
        "Expand",
        "Mean",
        "Permute",
        "ReshapeAlias",
        "Select",
        "Slice",
        "Squeeze",
        "T",
        "ToCopy",
    ),
    *("Transpose", "UnsafeView", "Unsqueeze", "View"),
}


def labels_for(classes: int) -> tuple[Tensor, ...]:
    """Return labels (B,) as the second argument of a module, or no argument without ``classes``."""
    return (torch.arange(EXAMPLES) % classes,) if classes else ()


def refuse_other_dtype(network: nn.Module, owner: str) -> None:
    """Raise :class:`UserError`, naming ``owner``, if ``network`` has weights that are not float32."""
    for name, weights in network.named_parameters():
        if weights.dtype != torch.float32:
            raise UserError(
                f"{owner} has {name} in {str(weights.dtype).removeprefix('torch.')}, and ganzoo trains in float32: "
                "give it after .float(); --precision chooses in which format steps are computed"
            )


def takes_map(network: nn.Module, noise: Shape, out: Field, classes: int, owner: str) -> bool:
    """Return whether ``network`` takes noise (B, Z, 1, 1), and not (B, Z).

    Raises :class:`UserError`, naming ``owner``, if it takes neither, or if it makes examples of another shape.
    """
    made: list[Shape] = []
    failed: list[str] = []
    for shape in (noise, (*noise, 1, 1)):
        try:
            with torch.no_grad():
                examples = network(torch.randn(EXAMPLES, *shape), *labels_for(classes))
        except Exception as problem:
            failed.append(f"with {_batch(shape)}: {first_line(problem)}")
            continue
        if not isinstance(examples, Tensor):
            raise UserError(f"{owner} returns {type(examples).__name__}, not a tensor of examples")
        if tuple(examples.shape) == (EXAMPLES, *out.shape):
            return shape != noise
        made.append(tuple(examples.shape))
    if made:
        shape = made[0]
        one = _times(shape[1:]) if shape[:1] == (EXAMPLES,) else f"{shape} for {EXAMPLES} inputs"
        raise UserError(
            f"{owner} makes examples of shape {one}, and the data has {out.describe()}: change the last layers of the "
            "network, or the size of the data"
        )
    raise UserError(
        f"{owner} takes no noise of {noise[0]} numbers ({'; '.join(failed)}): set latent_size (--latent-size) to the "
        "size that its first layer expects"
    )


def refuse_unfit_scores(network: nn.Module, shape: Shape, classes: int, owner: str) -> None:
    """Raise :class:`UserError`, naming ``owner``, unless ``network`` maps examples of ``shape`` to one logit each."""
    examples = torch.rand(EXAMPLES, *shape) * 2 - 1
    sigmoids: dict[object, str] = {}
    hooks = [
        module.register_forward_hook(_remember(sigmoids, name))
        for name, module in network.named_modules()
        if isinstance(module, nn.Sigmoid)
    ]
    try:
        with torch.enable_grad():
            scores = network(examples.requires_grad_(), *labels_for(classes))
    except Exception as problem:
        raise UserError(
            f"{owner} takes no examples of shape {_times(shape)}, which the data has ({first_line(problem)}): change "
            "the first layers of the network, or the size of the data"
        ) from problem
    finally:
        for hook in hooks:
            hook.remove()
    scores = logit_of(scores)
    if not isinstance(scores, Tensor) or scores.shape[:1] != (EXAMPLES,) or scores.numel() != EXAMPLES:
        found = f"shape {tuple(scores.shape)}" if isinstance(scores, Tensor) else f"type {type(scores).__name__}"
        raise UserError(
            f"{owner} returns scores of {found} for {EXAMPLES} examples: it must return one logit for each, "
            f"({EXAMPLES},), ({EXAMPLES}, 1) or ({EXAMPLES}, 1, 1, 1)"
        )
    last = _last_operation(scores)
    if type(last).__name__.startswith("SigmoidBackward"):
        name = sigmoids.get(last, "")
        what = f"the nn.Sigmoid {name!r}" if name else "the sigmoid at the end of its forward"
        raise UserError(f"{owner} ends in a sigmoid, and ganzoo's losses take logits: remove {what}")


def logit_of(scores: object) -> object:
    """Return the logit in the output of a discriminator, which may be a named tuple with more in it."""
    return scores if isinstance(scores, Tensor) else getattr(scores, "logit", scores)


def _remember(sigmoids: dict[object, str], name: str) -> Callable[[nn.Module, object, object], None]:
    def remember(module: nn.Module, inputs: object, output: object) -> None:
        sigmoids[getattr(output, "grad_fn", None)] = name or type(module).__name__

    return remember


def _last_operation(output: Tensor) -> object:
    """Return the last operation on the way to ``output`` that changes numbers, as a node of autograd's graph."""
    node = output.grad_fn
    while node is not None and type(node).__name__.split("Backward")[0] in _RESHAPING:
        node = node.next_functions[0][0]
    return node


def _times(shape: Shape) -> str:
    return "×".join(map(str, shape))


def _batch(shape: Shape) -> str:
    return f"(B, {', '.join(map(str, shape))})"
