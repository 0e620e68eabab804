"""Compiled and recorded steps give the training that eager steps give."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map

from ganzoo.assembly.dry_run import assemble
from ganzoo.catalogue import Selection, installed, select
from ganzoo.contract.recipe import PhaseOutput
from ganzoo.contract.step_context import StepContext
from ganzoo.errors import UserError
from ganzoo.randomness import KeyedStreams
from ganzoo.step.graph import WARM_UP, Graphed, Recorder
from ganzoo.step.precision import choose_precision
from ganzoo.step.processes import SingleProcess
from ganzoo.training.run import train
from ganzoo.training.setup import build_trainer
from ganzoo.training.trainer import Trainer

CPU = torch.device("cpu")
VARIANTS = installed().names("variant")


def choose(variant: str, **flags: object) -> Selection:
    return select(installed(), variant, {"batch_size": 8, "steps": 8, "dataset_size": 16, "precision": "fp32", **flags})


def make_trainer(selection: Selection) -> Trainer:
    precision = choose_precision(selection.run.precision, CPU)
    trainer = build_trainer(selection, assemble(selection), precision, SingleProcess(), print)
    trainer.train_step.recipe.train()
    return trainer


class Tape(TorchDispatchMode):
    """Notes every operation with what it was given; done again, it reads nothing but memory and generators.

    That is what a graph of a GPU does: numbers that Python computed are what they were when it was recorded.
    """

    def __init__(self) -> None:
        super().__init__()
        self.operations: list[tuple[Any, Any, Any, Any]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        assert func is not torch.ops.aten._local_scalar_dense.default, "the host waits for a value"
        result = func(*args, **(kwargs or {}))
        self.operations.append((func, args, kwargs or {}, result))
        return result

    def replay(self) -> None:
        made: dict[int, Tensor] = {}

        def now(value: Any) -> Any:
            return made.get(id(value), value) if isinstance(value, Tensor) else value

        with torch.no_grad():
            for func, args, kwargs, then in self.operations:
                result = func(*tree_map(now, args), **tree_map(now, kwargs))
                for old, new in zip(tree_flatten(then)[0], tree_flatten(result)[0], strict=True):
                    if isinstance(old, Tensor):
                        made[id(old)] = new


class TapeRecorder(Recorder):
    """Records on a tape. Recording does the work, which recording a graph does not: so it is undone."""

    def __init__(self, trainer: Trainer):
        self.trainer, self.tapes = trainer, list[Tape]()

    def warm_up(self, work: Callable[[], None]) -> None:
        work()

    def record(self, work: Callable[[], None], generators: Sequence[torch.Generator]) -> Callable[[], None]:
        memory = list(self._memory())
        before = [value.detach().clone() for value in memory]
        state = torch.default_generator.get_state()
        states = [generator.get_state() for generator in generators]
        self.tapes.append(Tape())
        with self.tapes[-1]:
            work()
        with torch.no_grad():
            for value, old in zip(memory, before, strict=True):
                value.copy_(old)
        torch.default_generator.set_state(state)
        for generator, old_state in zip(generators, states, strict=True):
            generator.set_state(old_state)
        return self.tapes[-1].replay

    def _memory(self) -> Any:
        train_step = self.trainer.train_step
        yield from train_step.recipe.state_dict().values()
        for network in train_step.ema.networks.values():
            yield from network.state_dict().values()
        for phase_optimizer in train_step.phase_optimizers:
            for state in phase_optimizer.optimizer.state.values():
                yield from (value for value in state.values() if isinstance(value, Tensor))
        yield from train_step.running_means.sums.values()


def recorded(selection: Selection, warn: Callable[[str], None] | None = None) -> tuple[Trainer, TapeRecorder]:
    trainer = make_trainer(selection)
    recorder = TapeRecorder(trainer)
    assert isinstance(trainer.train_step.streams, KeyedStreams)
    trainer.execution = Graphed(trainer.train_step, trainer.train_step.streams, recorder, warn)
    return trainer, recorder


def weights(trainer: Trainer) -> dict[str, Tensor]:
    state = trainer.train_step.recipe.state_dict()
    for name, network in trainer.train_step.ema.networks.items():
        state |= {f"{name} averaged {key}": value for key, value in network.state_dict().items()}
    return {name: value.detach().clone() for name, value in state.items()}


def with_rates_on_the_device(trainer: Trainer) -> Trainer:
    for phase_optimizer in trainer.train_step.phase_optimizers:
        phase_optimizer.make_recordable(CPU)
    trainer.train_step.ema.make_recordable(CPU)
    return trainer


def assert_same_training(selection: Selection) -> TapeRecorder:
    """Replayed steps are those of the same operations to the bit, and eager ones up to the rounding of rates."""
    eager, alike = make_trainer(selection), with_rates_on_the_device(make_trainer(selection))
    replayed, recorder = recorded(selection)
    for _ in range(selection.run.steps or 0):
        for trainer in (eager, alike, replayed):
            trainer.advance()
    expected, found = weights(alike), weights(replayed)
    assert [name for name, value in expected.items() if not torch.equal(value, found[name])] == []
    assert replayed.train_step.running_means.counts == eager.train_step.running_means.counts
    terms, values = eager.train_step.running_means.means()
    again, watched = replayed.train_step.running_means.means()
    assert again.keys() == terms.keys()
    assert all(again[phase] == pytest.approx(terms[phase], rel=1e-3) for phase in terms)
    assert watched == pytest.approx(values, rel=1e-2, abs=1e-3)
    return recorder


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_recorded_step_is_replayed_with_new_data_noise_and_rates(variant: str) -> None:
    recorder = assert_same_training(choose(variant, schedule="cosine"))
    assert len(recorder.tapes) == 1


@pytest.mark.parametrize("penalty", [name for name in installed().names("penalty") if name != "none"])
def test_penalties_are_recorded_too(penalty: str) -> None:
    assert_same_training(choose("cgan", penalty=penalty, loss="wasserstein", recipe_discriminator_updates=2))


def test_passes_and_low_precision_are_recorded_too() -> None:
    assert_same_training(choose("cgan", accumulate=2, precision="bf16"))


@pytest.mark.parametrize("optimizer", installed().names("optimizer"))
def test_every_optimizer_is_recorded(optimizer: str) -> None:
    if optimizer == "rmsprop":
        pytest.skip("torch records rmsprop on a GPU alone")
    assert_same_training(choose("gan", optimizer=optimizer, schedule="linear"))


def test_phases_that_are_not_always_due_have_recordings_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    selection = choose("gan", steps=14)
    eager, (replayed, recorder) = with_rates_on_the_device(make_trainer(selection)), recorded(selection)
    for trainer in (eager, replayed):
        object.__setattr__(trainer.train_step.phase_optimizers[1].phase, "every", 2)
        for _ in range(14):
            trainer.advance()
    assert len(recorder.tapes) == 2
    found = weights(replayed)
    assert all(torch.equal(value, found[name]) for name, value in weights(eager).items())


def test_a_step_that_asks_for_its_number_is_not_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = type(make_trainer(choose("gan")).train_step.recipe)
    original = recipe.generate  # type: ignore[attr-defined]

    def generate(self: Any, batch: Any, context: StepContext) -> PhaseOutput:
        outcome: PhaseOutput = original(self, batch, context)
        return PhaseOutput({name: term * (1 + context.step) for name, term in outcome.terms.items()})

    monkeypatch.setattr(recipe, "generate", generate)
    selection = choose("gan")
    strict, _ = recorded(selection)
    for _ in range(WARM_UP):
        strict.advance()
    with pytest.raises(UserError, match="cannot be recorded: phase 'generator' needs the number of the step"):
        strict.advance()
    said: list[str] = []
    lenient, _ = recorded(selection, said.append)
    for _ in range(8):
        lenient.advance()
    assert len(said) == 1
    assert "continuing with eager steps" in said[0]
    assert lenient.step == 8


def test_a_step_that_waits_for_a_value_is_not_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = type(make_trainer(choose("gan")).train_step.recipe)
    original = recipe.generate  # type: ignore[attr-defined]
    reading = [False]

    def generate(self: Any, batch: Any, context: StepContext) -> PhaseOutput:
        outcome: PhaseOutput = original(self, batch, context)
        if reading[0]:
            outcome.total().item()
        return outcome

    monkeypatch.setattr(recipe, "generate", generate)
    said: list[str] = []
    trainer, _ = recorded(choose("gan"), said.append)
    for _ in range(WARM_UP):
        trainer.advance()
    reading[0] = True
    with pytest.raises(UserError, match="cannot be recorded: the host waits for a value"):
        trainer.advance()
    assert said == [], "a device that failed while recording is in no state to go on"
    assert set(trainer.train_step.running_means.counts.values()) == {WARM_UP}, "what was not done is not counted"


def test_what_cannot_be_compiled_leaves_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def cannot(*arguments: object, **options: object) -> object:
        def compiled(*batch: object) -> object:
            raise RuntimeError("no C++ compiler found")

        return compiled

    monkeypatch.setattr(torch, "compile", cannot)
    with pytest.raises(UserError, match=r"phase .discriminator. cannot be compiled: no C\+\+ compiler found; use"):
        train(choose("gan", execution="compile", out=tmp_path / "run"))
    assert not (tmp_path / "run").exists()


def test_what_a_killed_compiler_left_is_compiled_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its library is in the compiler's cache, half-written, and would be taken for whole for ever."""
    half = tmp_path / "cache" / "half.so"
    half.parent.mkdir()
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(half.parent))

    def compile_with_cache(loss: Any, **options: object) -> Any:
        def compiled(*given: object) -> object:
            if half.exists():
                raise RuntimeError("no backend") from ImportError("file too short", path=str(half))
            return loss(*given)

        return compiled

    monkeypatch.setattr(torch, "compile", compile_with_cache)
    half.touch()
    assert train(choose("gan", execution="compile", steps=1, out=tmp_path / "run")).finished
    monkeypatch.setattr(Path, "unlink", lambda path, missing_ok: None)
    half.touch()
    with pytest.raises(UserError, match="cannot be compiled: no backend"):
        train(choose("gan", execution="compile", steps=1, out=tmp_path / "again"))


def test_graphs_are_refused_where_there_are_none(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"--execution graph records graphs of an NVIDIA GPU.*use --execution eager"):
        train(choose("gan", execution="graph", device="cpu", out=tmp_path / "run"))
    assert not (tmp_path / "run").exists()


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (path / "metrics.jsonl").read_text().splitlines()]


COMPILED = [
    ("gan", {"penalty": "wgan-gp", "loss": "wasserstein", "dataset_size": 8}),
    ("cgan-conv", {"penalty": "r1", "dataset_size": 8}),
]
ALL_COMPILED = [(variant, {}) for variant in VARIANTS] + [
    ("cgan", {"penalty": name}) for name in installed().names("penalty")
]


def assert_compiled_is_the_same(variant: str, flags: dict[str, Any], folder: Path) -> None:
    fixed = {"steps": 4, "log_every": 1, **flags}
    for execution in ("eager", "compile"):
        train(choose(variant, execution=execution, out=folder / execution, **fixed))
    for step, (expected, found) in enumerate(zip(rows(folder / "eager"), rows(folder / "compile"), strict=True)):
        # Adam makes whole steps of gradients that are nothing but rounding, so that trainings part slowly.
        tolerance = 1e-2 if step else 1e-4
        for phase, terms in expected["terms"].items():
            assert found["terms"][phase] == pytest.approx(terms, rel=tolerance, abs=1e-5)
    torch._dynamo.reset()


@pytest.mark.parametrize(("variant", "flags"), COMPILED)
def test_compiled_steps_give_the_same_training(variant: str, flags: dict[str, Any], tmp_path: Path) -> None:
    assert_compiled_is_the_same(variant, flags, tmp_path)


@pytest.mark.long
@pytest.mark.parametrize(("variant", "flags"), ALL_COMPILED)
def test_every_variant_and_penalty_compiles(variant: str, flags: dict[str, Any], tmp_path: Path) -> None:
    assert_compiled_is_the_same(variant, flags, tmp_path)
