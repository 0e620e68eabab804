"""What the files of a run say, without torch; a damaged file is a note, and the others are read."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from ganzoo.errors import UserError
from ganzoo.health.diagnosis import Diagnosis, is_moderate
from ganzoo.storage.files import MAX_DOCUMENT_BYTES, open_file, read_file
from ganzoo.storage.metric_rows import read_diagnoses, read_reports
from ganzoo.storage.older_models import description
from ganzoo.storage.resume_compatibility import is_run_config
from ganzoo.storage.run_folder import RunFolder
from ganzoo.text import one_line

T = TypeVar("T")
PICTURE = re.compile(r"step-(\d{1,15})\.png")


@dataclass(frozen=True)
class StepPicture:
    """The file of a picture of samples, and the step at which it was made."""

    step: int
    path: Path


@dataclass(frozen=True)
class RunRecord:
    """What is known of a run: its config, reports, pictures, diagnoses, and the evaluation of its best model.

    ``name`` is the shortest name that no other run of the same page has. ``notes`` are sentences about files that
    cannot be read.
    """

    folder: RunFolder
    name: str
    config: Mapping[str, Any] = field(default_factory=dict)
    rows: Sequence[Mapping[str, Any]] = ()
    pictures: Sequence[StepPicture] = ()
    evaluation: Mapping[str, Any] = field(default_factory=dict)
    notes: Sequence[str] = ()
    diagnoses: Sequence[Diagnosis] = ()

    @property
    def variant(self) -> str:
        """The name of the variant, or nothing where the config cannot be read."""
        return one_line(self.config.get("variant", ""), 80) if self.config else ""

    @property
    def step(self) -> int:
        """The last step that is reported."""
        return max((row["step"] for row in self.rows), default=0)

    @property
    def steps(self) -> int | None:
        """The number of steps of the whole training, or ``None`` where the config does not say it."""
        steps = self.config.get("run", {}).get("steps") if self.config else None
        return steps if type(steps) is int else None

    @property
    def seconds(self) -> float | None:
        """The training time, or ``None`` where no row says it."""
        known = [row["seconds"] for row in self.rows if is_moderate(row.get("seconds"))]
        return known[-1] if known else None


def read_runs(paths: Sequence[Path]) -> list[RunRecord]:
    """Return the records of run folders, each folder once; raises :class:`UserError` for what is no run folder."""
    folders = list({os.path.realpath(path): path for path in paths}.values())
    for folder in folders:
        _refuse_unless_run(folder)
    names = _short_names(folders)
    return [_read(folder, name) for folder, name in zip(folders, names, strict=True)]


def _refuse_unless_run(path: Path) -> None:
    run = RunFolder(path)
    if not os.path.isdir(path):
        what = "is a file" if os.path.exists(path) else "does not exist"
        raise UserError(f"run {path} {what}: give the folder of a training, such as runs/cgan")
    # Unlike the methods of Path, os.path has an answer for a folder that may not be read.
    if not any(map(os.path.lexists, (run.config, run.metrics, run.samples))):
        raise UserError(f"{path} is not the folder of a training: it has none of its files, such as config.json")


def _short_names(folders: Sequence[Path]) -> list[str]:
    """Return the end of each path that distinguishes it from the others.

    >>> _short_names([Path("/a/runs/gan"), Path("/b/runs/gan"), Path("/b/runs/cgan")])
    ['a/runs/gan', 'b/runs/gan', 'cgan']
    """
    parts = [Path(os.path.realpath(folder)).parts for folder in folders]

    def short(own: tuple[str, ...]) -> str:
        others = [other for other in parts if other != own]
        length = next((n for n in range(1, len(own)) if all(other[-n:] != own[-n:] for other in others)), len(own))
        return "/".join(own[-length:])

    return [one_line(short(own), 120) for own in parts]


def _read(path: Path, name: str) -> RunRecord:
    folder, notes = RunFolder(path), list[str]()
    return RunRecord(
        folder,
        name,
        _tried(_read_config, folder.config, {}, notes),
        _tried(_read_rows, folder.metrics, [], notes),
        _tried(_find_pictures, folder.samples, [], notes),
        _tried(_read_evaluation, folder.best, {}, notes),
        notes,
        _tried(read_diagnoses, folder.metrics, [], []),
    )


def _tried(read: Callable[[Path], T], path: Path, otherwise: T, notes: list[str]) -> T:
    """Return what ``read`` finds; where it fails, note it and return ``otherwise``."""
    try:
        return read(path)
    except OSError as problem:
        notes.append(f"{path.name} cannot be read: {one_line(problem.strerror or problem)}")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        notes.append(f"{path.name} is damaged, and left out")
    return otherwise


def _read_config(path: Path) -> Mapping[str, Any]:
    config = json.loads(read_file(path, MAX_DOCUMENT_BYTES))
    if not is_run_config(config):
        raise ValueError("it is not the config of a run")
    return dict(config)


def _read_rows(path: Path) -> list[dict[str, Any]]:
    # A training that is resumed may report a step again: the later row counts.
    by_step = {row["step"]: row for row in read_reports(path)}
    return [by_step[step] for step in sorted(by_step)]


def _find_pictures(folder: Path) -> list[StepPicture]:
    if not folder.exists():
        return []
    named = [(PICTURE.fullmatch(path.name), path) for path in folder.iterdir()]
    return sorted((StepPicture(int(match[1]), path) for match, path in named if match), key=lambda one: one.step)


def _read_evaluation(path: Path) -> Mapping[str, Any]:
    """Return the evaluation in the header of the best model, or nothing where there is no such model."""
    if not os.path.lexists(path):
        return {}
    with open_file(path) as file:
        found = description(file)["trained"].get("evaluation", {})
    return {"figures": [], **found} if isinstance(found, dict) and isinstance(found.get("figures", []), list) else {}
