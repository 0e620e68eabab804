"""Trained judges: trained once for a dataset, cached in a file, and named by a hash of their weights."""

from __future__ import annotations

import hashlib
import inspect
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
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
from ganzoo.contract.metric import ClassShares
from ganzoo.errors import UserError
from ganzoo.evaluation.metric_context import judge_in_chunks
from ganzoo.evaluation.reference_data import ReferenceData, fingerprint
from ganzoo.paths import user_path
from ganzoo.randomness import key, seeded
from ganzoo.storage.files import make_folder, write_atomically
from ganzoo.storage.sealed import read_sealed, refuse_other_tensors, seal

KEY = "ganzoo-judge"
CACHE = "GANZOO_CACHE"  # the environment variable with the cache folder
DIGITS = 8  # of a sha256 in the name of a judge


@dataclass(frozen=True)
class TrainedJudge:
    """A trained judge: its ``name``, and its ``accuracy`` (0 to 1) on real examples that it was not trained on.

    ``accuracy`` is ``None`` for a judge without classes, and for one with classes :class:`ClassShares`, unless an
    earlier version trained it. ``learnt_from`` is the number of training examples, and
    ``identity`` a sha256 of everything that determines the training.
    """

    judge: Judge
    name: str
    accuracy: float | None
    learnt_from: int
    identity: str


@final
class NoJudge(Judge):
    """Replaces the judge if no metric needs one."""

    def learn(self, real: Examples, generator: torch.Generator, track: Track) -> None:
        """Do nothing."""

    def forward(self, values: Tensor) -> JudgeOutput:
        """Raise ``TypeError``: a metric that uses a judge must declare it."""
        raise TypeError("it uses a judge, and must declare that: set judged, or require 'judge:classes'")


def no_judge(reference: ReferenceData) -> TrainedJudge:
    """Return the replacement of a judge for metrics that need none."""
    identity = hashlib.sha256(f"{fingerprint(reference.train)}/{reference.fingerprint}".encode()).hexdigest()
    return TrainedJudge(NoJudge(), "", None, 0, identity)


def cache_folder() -> Path:
    """Return the cache folder: ``$GANZOO_CACHE``, or ``ganzoo`` in the user's cache folder."""
    given = os.environ.get(CACHE)
    return user_path(given or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache", "ganzoo"))


def code_digest(built: object) -> str:
    """Return a digest of the module in which the class of a part is written: a change of the code is another part.

    A version alone does not change while a plugin is being written. Code without a file has an empty digest.
    """
    try:
        file = inspect.getsourcefile(type(built))
        return hashlib.sha256(Path(file).read_bytes()).hexdigest() if file else ""
    except (OSError, TypeError):
        return ""


def new_judge(part: Part, reference: ReferenceData, device: torch.device) -> Judge:
    """Return an untrained judge, whose initial weights are always the same."""
    # On the processor: its generator is the one that is seeded, whatever torch's default device is.
    with torch.device("cpu"), seeded(key(0, "judge/weights")):
        judge: Judge = SelectedParts({"judge": part}).build(
            "judge", field=reference.spec.target_field, condition=reference.classes
        )
    return judge.to(device)


def trained_judge(
    part: Part, reference: ReferenceData, device: torch.device, track: Track, say: Callable[[str], None]
) -> TrainedJudge:
    """Return the trained judge for a dataset: from its cache file, or trained now and written there.

    If the file cannot be written, that is reported through ``say``, and the judge is used all the same. Raises
    :class:`UserError` if the judge's own code fails.
    """
    judge = new_judge(part, reference, device)
    about = {
        "format": FORMAT,
        "judge": part_to_json(part),
        "code": code_digest(judge),
        "dataset": {"name": reference.name, "config": reference.choices},
        "examples": fingerprint(reference.judge_train),
    }
    identity = hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()
    folder = cache_folder() / "judges"
    path = folder / f"{reference.name}-{part.component.name}-{identity[:DIGITS]}.safetensors"
    with _exclusive(path.with_suffix(".lock")):
        if os.path.exists(path):  # Path.exists would raise if the folder cannot be read
            try:
                return _read(path, judge, part, reference, identity, about)
            except UserError as problem:
                say(f"{problem}; the judge is trained again")
        trained, content = _train(judge, part, reference, identity, about, track)
        try:
            make_folder(folder)
            write_atomically(path, content)
        except OSError as problem:
            say(f"the judge is used, but not cached: {problem}; set {CACHE} to a writable folder")
        return trained


@contextmanager
def _exclusive(lock: Path) -> Iterator[None]:
    """Run the block in one process at a time, so that a second process finds the judge that the first has trained.

    If the lock file cannot be written, there is no waiting.
    """
    with ExitStack() as stack:
        with suppress(OSError):
            make_folder(lock.parent)
            stack.enter_context(FileLock(lock))
        yield


def _read(
    path: Path, judge: Judge, part: Part, reference: ReferenceData, identity: str, expected: Mapping[str, Any]
) -> TrainedJudge:
    tensors, about = read_sealed(path, KEY, "judge")
    try:
        if any(about.get(name) != value for name, value in expected.items()):
            raise UserError("it is another judge")
        refuse_other_tensors(tensors, judge.state_dict())
        _refuse_damaged_record(*(about.get(name) for name in ("accuracy", "learnt_from", "right", "tested")))
    except UserError as problem:
        raise UserError(f"{path} cannot be used: {problem}") from problem
    judge.load_state_dict(tensors)
    return _trained(judge, part, reference, about, identity)


def _are_counts(right: Any, tested: Any) -> bool:
    """Return whether two lists are as many numbers of right examples and of all examples, or both are missing."""
    if right is None and tested is None:
        return True
    lists = isinstance(right, list) and isinstance(tested, list) and len(right) == len(tested)
    return lists and all(type(n) is type(m) is int and 0 <= n <= m < 2**53 for n, m in zip(right, tested, strict=True))


def _refuse_damaged_record(accuracy: Any, learnt_from: Any, right: Any, tested: Any) -> None:
    is_share = accuracy is None or (isinstance(accuracy, int | float) and 0 <= accuracy <= 1)
    if not is_share or not isinstance(learnt_from, int) or not _are_counts(right, tested):
        raise UserError("the record of its training is damaged")


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
    record = {**about, **_accuracy_to_json(accuracy), "learnt_from": len(reference.judge_train)}
    content, digest = seal(judge.state_dict(), KEY, record)
    return _trained(judge, part, reference, {**record, "sha256": digest}, identity), content


def _trained(judge: Judge, part: Part, reference: ReferenceData, about: dict[str, Any], identity: str) -> TrainedJudge:
    name = f"{reference.name}-{part.component.name}:{str(about['sha256'])[:DIGITS]}"
    return TrainedJudge(judge.eval(), name, _accuracy_from_json(about), about["learnt_from"], identity)


def accuracy_of(judge: Judge, examples: Examples) -> ClassShares | None:
    """Return the share of examples that ``judge`` classifies correctly; ``None`` for a judge without classes."""
    if examples.labels is None or not len(examples):
        return None
    output = judge_in_chunks(judge, examples, untracked)
    classes = output.logits.shape[1]
    return ClassShares.counted(output.classes, examples.labels, classes) if classes else None


def _accuracy_to_json(accuracy: ClassShares | None) -> dict[str, Any]:
    if accuracy is None:
        return {"accuracy": None}
    return {"accuracy": float(accuracy), "right": accuracy.right, "tested": accuracy.all}


def _accuracy_from_json(about: Mapping[str, Any]) -> float | None:
    """Return the recorded accuracy; judges of earlier versions have no record of single classes."""
    match about:
        case {"right": [*right], "tested": [*tested]} if len(right) == len(tested):
            return ClassShares(right, tested)
    accuracy: float | None = about["accuracy"]
    return accuracy


def weak_classes(judge: TrainedJudge, names: Sequence[str]) -> list[str]:
    """Return the classes that a judge recognises no better than by chance, or that it was not tested on."""
    if not isinstance(judge.accuracy, ClassShares):
        return []
    shares = judge.accuracy.of_classes
    return [name for name, share in zip(names, shares, strict=False) if share is None or share <= 1 / len(shares)]
