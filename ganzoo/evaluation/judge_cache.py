"""Judges: trained once for a dataset, kept in a file, and named by what they learnt."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import torch
from filelock import FileLock
from torch import Tensor

from ganzoo.assembly.parts import SelectedParts
from ganzoo.catalogue.formats import FORMAT
from ganzoo.catalogue.registry import Part, part_to_json
from ganzoo.contract.judge import Examples, Judge, JudgeOutput, Track, untracked
from ganzoo.errors import UserError
from ganzoo.evaluation.metric_context import ask
from ganzoo.evaluation.reference_data import ReferenceData, fingerprint
from ganzoo.randomness import key
from ganzoo.storage.files import make_folder, write_whole
from ganzoo.storage.sealed import read_sealed, refuse_other_tensors, seal

KEY = "ganzoo-judge"
CACHE = "GANZOO_CACHE"
DIGITS = 8  # of the sha256 that a judge is named by


@dataclass(frozen=True)
class TrainedJudge:
    """A judge that has learnt: its ``name``, and its ``accuracy`` on real examples that it had not seen.

    ``accuracy`` is ``None`` for a judge that knows no classes.
    """

    judge: Judge
    name: str
    accuracy: float | None
    learnt_from: int
    identity: str


@final
class NoJudge(Judge):
    """Stands where no metric asks for a judge."""

    def learn(self, real: Examples, generator: torch.Generator, track: Track) -> None:
        """Learn nothing."""

    def forward(self, values: Tensor) -> JudgeOutput:
        """Raise ``TypeError``: whoever asks had said that nobody would have to be asked."""
        raise TypeError("it asks for a judge, and must declare so: set judged, or require 'judge:classes'")


def no_judge(reference: ReferenceData) -> TrainedJudge:
    """Return what stands in the place of a judge where no metric needs one."""
    identity = hashlib.sha256(f"{fingerprint(reference.train)}/{reference.fingerprint}".encode()).hexdigest()
    return TrainedJudge(NoJudge(), "", None, 0, identity)


def cache_folder() -> Path:
    """Return the folder for what is computed once: ``$GANZOO_CACHE``, or ``ganzoo`` in the user's cache."""
    given = os.environ.get(CACHE)
    usual = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ganzoo"
    return Path(given) if given else usual


def new_judge(part: Part, reference: ReferenceData, device: torch.device) -> Judge:
    """Return a judge that has learnt nothing, with weights that are always the same."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(key(0, "judge/weights"))
        judge: Judge = SelectedParts({"judge": part}).build(
            "judge", field=reference.spec.target_field, condition=reference.classes
        )
    return judge.to(device)


def trained_judge(
    part: Part, reference: ReferenceData, device: torch.device, track: Track, say: Callable[[str], None]
) -> TrainedJudge:
    """Return the judge for a dataset: from its file, or trained now and written there.

    Where it cannot be kept, that is said, and it judges all the same. Raises :class:`UserError` where its own code
    fails.
    """
    about = {
        "format": FORMAT,
        "judge": part_to_json(part),
        "dataset": {"name": reference.name, "config": reference.choices},
        "examples": fingerprint(reference.judge_train),
    }
    identity = hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()
    folder = cache_folder() / "judges"
    path = folder / f"{reference.name}-{part.component.name}-{identity[:DIGITS]}.safetensors"
    judge = new_judge(part, reference, device)
    with _one_at_a_time(path.with_suffix(".lock")):
        if os.path.exists(path):  # unlike the method of a path, it is silent about folders that cannot be read
            try:
                return _read(path, judge, part, reference, identity, about)
            except UserError as problem:
                say(f"{problem}; the judge is trained anew")
        trained, content = _train(judge, part, reference, identity, about, track)
        try:
            make_folder(folder)
            write_whole(path, content)
        except OSError as problem:
            say(f"the judge is used, and not kept: {problem}; set {CACHE} to a folder for judges")
        return trained


@contextmanager
def _one_at_a_time(lock: Path) -> Iterator[None]:
    """Let the second of two runs that need the same judge wait, and find what the first has trained.

    Where nothing can be written, nobody can be waited for.
    """
    with ExitStack() as held:
        with suppress(OSError):
            make_folder(lock.parent)
            held.enter_context(FileLock(lock))
        yield


def _read(
    path: Path, judge: Judge, part: Part, reference: ReferenceData, identity: str, wanted: Mapping[str, Any]
) -> TrainedJudge:
    tensors, about = read_sealed(path, KEY, "judge")
    try:
        if any(about.get(name) != value for name, value in wanted.items()):
            raise UserError("it is another judge")
        refuse_other_tensors(tensors, judge.state_dict())
        _refuse_strange(about.get("accuracy"), about.get("learnt_from"))
    except UserError as problem:
        raise UserError(f"{path} cannot be used: {problem}") from problem
    judge.load_state_dict(tensors)
    return _appointed(judge, part, reference, about, identity)


def _refuse_strange(accuracy: Any, learnt_from: Any) -> None:
    share = accuracy is None or (isinstance(accuracy, int | float) and 0 <= accuracy <= 1)
    if not share or not isinstance(learnt_from, int):
        raise UserError("what it says about its learning is damaged")


def _train(
    judge: Judge,
    part: Part,
    reference: ReferenceData,
    identity: str,
    about: dict[str, Any],
    track: Track,
) -> tuple[TrainedJudge, bytes]:
    with part.attributed():
        judge.learn(reference.judge_train, torch.Generator().manual_seed(key(0, "judge/learning")), track)
        judge.eval()
        accuracy = accuracy_of(judge, reference.judge_test)
    learnt = {**about, "accuracy": accuracy, "learnt_from": len(reference.judge_train)}
    content, digest = seal(judge.state_dict(), KEY, learnt)
    return _appointed(judge, part, reference, {**learnt, "sha256": digest}, identity), content


def _appointed(
    judge: Judge, part: Part, reference: ReferenceData, about: dict[str, Any], identity: str
) -> TrainedJudge:
    name = f"{reference.name}-{part.component.name}:{str(about['sha256'])[:DIGITS]}"
    return TrainedJudge(judge.eval(), name, about["accuracy"], about["learnt_from"], identity)


def accuracy_of(judge: Judge, examples: Examples) -> float | None:
    """Return the share of examples that ``judge`` takes for what they are; ``None`` where it knows no classes."""
    said = ask(judge, examples, untracked)
    if examples.labels is None or not said.logits.shape[1]:
        return None
    return int((said.classes == examples.labels).sum()) / len(examples)
