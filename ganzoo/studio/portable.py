"""A model as one function of its noise and its condition, for programs without ganzoo: ONNX and torch.export."""

from __future__ import annotations

import copy
import io
import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from typing import Any, NamedTuple, final

import torch
from torch import Tensor, nn

from ganzoo.contract.field_values import values_of
from ganzoo.contract.recipe import Recipe
from ganzoo.contract.sampling import SampleRequest
from ganzoo.errors import UserError
from ganzoo.randomness import ExampleDraws
from ganzoo.studio.model import Model
from ganzoo.studio.noise import Drawn, GivenDraws, Noise, noise_of
from ganzoo.text import first_line

TRIAL = 3  # examples with which the function is traced; another number than that of channels
CONDITION, OUTPUT = "condition", "output"


@final
class GeneratorFunction(nn.Module):
    """Maps noise (N, …), one tensor for each draw of the recipe, and a condition (N, …), if there is one, to examples.

    Only the networks that generate are in it.
    """

    def __init__(self, model: Model):
        super().__init__()
        self.recipe, self._output = _with_own_children(model.recipe), model.output_name
        self._conditional = model.condition is not None

    def forward(self, *inputs: Tensor) -> Tensor:
        """Return the examples (N, …)."""
        condition = inputs[-1] if self._conditional else None
        noise = inputs[:-1] if self._conditional else inputs
        made: Tensor = self.recipe.sample(
            SampleRequest(inputs[0].shape[0], condition, GivenDraws(noise), {}, self._output)
        )
        return made

    def keep_what(self, inputs: tuple[Tensor, ...]) -> None:
        """Remove the networks that do not run for ``inputs``, such as the discriminator."""
        used: set[nn.Module] = set()
        hooks = [module.register_forward_hook(lambda module, *_: used.add(module)) for module in self.recipe.modules()]
        with torch.no_grad():
            self(*inputs)
        for hook in hooks:
            hook.remove()
        for name, child in list(self.recipe.named_children()):
            if not used & set(child.modules()):
                self.recipe.add_module(name, nn.Module())


def _with_own_children(recipe: Recipe) -> Recipe:
    """Return a recipe with the same networks, of which one may take some away; a deep copy would need their memory."""
    other = copy.copy(recipe)
    other.__dict__["_modules"] = dict(recipe.named_children())
    return other


class Portable(NamedTuple):
    """A function with inputs to try it: ``names`` of the inputs, and what each of them is, as a sentence."""

    function: GeneratorFunction
    inputs: tuple[Tensor, ...]
    names: tuple[str, ...]
    meanings: Mapping[str, str]


def portable(model: Model) -> Portable:
    """Return the function of a model in evaluation mode on the CPU."""
    model.to("cpu")
    conditions = trial_conditions(model)
    noise = noise_of(model.recipe, TRIAL, conditions, seed=0, output=model.output_name)
    inputs = (*(drawn.values for drawn in noise.draws), *(() if conditions is None else (conditions,)))
    function = GeneratorFunction(model).eval()
    function.keep_what(inputs)
    meanings = _meanings(model, noise)
    return Portable(function, inputs, tuple(meanings), meanings)


def trial_conditions(model: Model) -> Tensor | None:
    """Return some conditions (TRIAL, …), or ``None`` for an unconditional model."""
    if model.condition is None:
        return None
    return values_of(model.condition).trial(TRIAL, ExampleDraws(0, CONDITION, range(TRIAL)))


def _meanings(model: Model, noise: Noise) -> dict[str, str]:
    several = len(noise.draws) > 1
    meanings = {
        f"noise{place}" if several else "noise": _distribution(drawn) for place, drawn in enumerate(noise.draws)
    }
    if model.condition is not None:
        meanings[CONDITION] = f"the condition: {model.condition.describe()}"
    return meanings


def _distribution(drawn: Drawn) -> str:
    shape = ", ".join(map(str, ("N", *drawn.values.shape[1:])))
    if drawn.is_normal:
        return f"({shape}) float32 from N(0, 1)"
    if drawn.is_uniform:
        return f"({shape}) float32, uniform from [0, 1)"
    high = int(drawn.values.max()) if drawn.values.numel() else 0
    return f"({shape}) whole numbers from 0, at least to {high}"


def exported(model: Model) -> tuple[torch.export.ExportedProgram, Portable]:
    """Return a model as a program of torch.export, for any number of examples, and what its inputs are.

    Raises :class:`UserError` if a part of the model cannot be traced.
    """
    made = portable(model)
    batch = torch.export.Dim("batch")
    try:
        with _quiet():
            program = torch.export.export(
                made.function, made.inputs, dynamic_shapes=(tuple({0: batch} for _ in made.inputs),), strict=False
            )
    except Exception as problem:  # whatever a part of a plugin does that cannot be traced
        raise UserError(f"this model cannot be exported: {first_line(problem)}") from problem
    return program, made


def as_pt2(model: Model) -> bytes:
    """Return a model as a file of ``torch.export.save``."""
    program, made = exported(model)
    buffer = io.BytesIO()
    described = "\n".join(f"{name}: {meaning}" for name, meaning in made.meanings.items())
    torch.export.save(program, buffer, extra_files={"inputs.txt": described})
    return buffer.getvalue()


def as_onnx(model: Model) -> bytes:
    """Return a model as an ONNX file for any number of examples, after a comparison with onnxruntime.

    Raises :class:`UserError` if it cannot be exported, if onnxruntime computes something else, or where the packages
    are not installed.
    """
    try:
        import onnx
        import onnxruntime
        import onnxscript  # noqa: F401 - what torch exports with
    except ImportError as problem:
        raise UserError(
            f"ONNX needs the packages onnx, onnxscript and onnxruntime ({first_line(problem)}): run pip install "
            "'ganzoo[onnx]', or choose --format pt2"
        ) from problem
    program, made = exported(model)
    try:
        with _quiet():
            written = torch.onnx.export(
                program, (), input_names=[*made.names], output_names=[OUTPUT], dynamo=True, verbose=False
            )
            assert written is not None
            proto = written.model_proto
    except Exception as problem:
        raise UserError(f"this model cannot be written as ONNX: {first_line(problem)}") from problem
    _name_axes(proto)
    for name, meaning in made.meanings.items():
        onnx.helper.set_model_props(proto, {**{one.key: one.value for one in proto.metadata_props}, name: meaning})
    onnx.checker.check_model(proto)
    content: bytes = proto.SerializeToString(deterministic=True)
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    _compare(session, made)
    return content


def _name_axes(proto: Any) -> None:
    """Call the first axis of inputs and outputs ``batch``, whatever the exporter called it."""
    for value in (*proto.graph.input, *proto.graph.output):
        axes = value.type.tensor_type.shape.dim
        if axes and not axes[0].dim_value:
            axes[0].dim_param = "batch"


def _compare(session: Any, made: Portable) -> None:
    """Raise :class:`UserError` if onnxruntime computes other examples than torch, for two numbers of examples."""
    for count in (TRIAL, 1):
        inputs = [given[:count] for given in made.inputs]
        with torch.no_grad():
            expected = made.function(*inputs)
        (found,) = session.run(None, {name: given.numpy() for name, given in zip(made.names, inputs, strict=True)})
        error = float((torch.from_numpy(found) - expected).abs().max())
        if not error < 1e-3 * max(1.0, float(expected.abs().max())):
            raise UserError(f"onnxruntime computes something else than torch (off by {error:.2g}); no file was written")


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporter's progress, and its warnings about itself, to itself."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
