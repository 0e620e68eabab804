"""What there is to explore at a path: a model, a run, or the runs in a folder."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from ganzoo.errors import UserError
from ganzoo.storage.run_folder import RunFolder
from ganzoo.text import natural_key

DEPTH, MOST_FOLDERS, MOST_RUNS = 3, 2_000, 60  # of a folder: how deep runs lie, and how many are looked at and shown


def is_run(path: Path) -> bool:
    """Return whether a folder has a file of a training."""
    run = RunFolder(path)
    return any(map(os.path.lexists, (run.config, run.metrics, run.samples)))


def runs_in(path: Path) -> Sequence[Path]:
    """Return the run folders in a folder, or the folder itself, in natural order; no link is followed.

    Raises :class:`UserError` if there is none.
    """
    if is_run(path):
        return [path]
    found: list[Path] = []
    for number, folder in enumerate(_folders(path, DEPTH)):
        if is_run(folder):
            found.append(folder)
        if number == MOST_FOLDERS or len(found) == MOST_RUNS:
            break
    if not found:
        raise UserError(f"the folder {path} has no runs: give a model, a run, or a folder with runs, such as runs")
    return found


def _folders(path: Path, depth: int) -> Iterator[Path]:
    """Yield the folders below ``path`` that belong to no run."""
    try:
        with os.scandir(path) as entries:
            names = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return  # a folder that may not be read has no runs to show
    for name in sorted(names, key=natural_key):
        folder = path / name
        yield folder
        if depth > 1 and not is_run(folder):
            yield from _folders(folder, depth - 1)


def model_of(run: Path) -> Path | None:
    """Return the model of a run, or else the best one so far; ``None`` where there is none yet."""
    folder = RunFolder(run)
    return next((file for file in (folder.model, folder.best) if file.is_file()), None)
