"""What is in a folder of the user: sub-folders, files, and what is passed over with the reason; opens no image."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ganzoo.plugin import UserError, is_run_folder

HIDDEN, SYSTEM = "hidden", "of the system"
RUN, LOOP = "with runs of ganzoo", "linked that are there already"
# What operating systems, storage devices and tools put among the files of people, besides hidden names.
SYSTEM_NAMES = frozenset(
    {
        "__macosx",
        "__pycache__",
        "$recycle.bin",
        "@eadir",
        "@recycle",
        "@recently-snapshot",
        "#recycle",
        "#snapshot",
        "desktop.ini",
        "ehthumbs.db",
        "ehthumbs_vista.db",
        "lost+found",
        "network trash folder",
        "recycler",
        "system volume information",
        "temporary items",
        "thumbs.db",
    }
)


@dataclass
class Found:
    """Sub-folders and files, sorted by path; ``passed`` has the reason for each path that is not looked at."""

    folders: list[Path] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
    passed: dict[Path, str] = field(default_factory=dict)


def scan(folder: Path) -> Found:
    """Return what is directly in ``folder``; raises :class:`UserError` where it cannot be read.

    Passed over are hidden names, what systems put everywhere, the runs of trainings and folders with nothing but runs,
    and links to a folder above, which would make a cycle.
    """
    found, links = Found(), list[Path]()
    for entry in _entries(folder):
        path = Path(entry.path)
        if reason := _reason(entry.name):
            found.passed[path] = reason
        elif entry.is_dir(follow_symlinks=False):
            found.folders.append(path)
        elif entry.is_symlink() and os.path.isdir(entry.path):
            links.append(path)
        else:
            found.files.append(path)
    # Resolving visits every folder above: with thousands of nested folders it would take many minutes.
    here = folder.resolve() if links else folder
    for path in links:
        if here.is_relative_to(path.resolve()):
            found.passed[path] = LOOP
        else:
            found.folders.append(path)
    runs = {path for path in found.folders if is_run_folder(path) or _has_only_runs(path)}
    found.passed |= dict.fromkeys(sorted(runs), RUN)
    found.folders = sorted(path for path in found.folders if path not in runs)
    found.files.sort()
    return found


def scan_below(folder: Path) -> Found:
    """Return what is in ``folder`` and all folders below; each folder once, whatever links lead there."""
    found = Found()
    waiting, seen = [folder], {_identity(folder)}
    while waiting:
        here = scan(waiting.pop())
        found.files += here.files
        found.passed |= here.passed
        for path in here.folders:
            # Two links together may make a cycle.
            if (place := _identity(path)) in seen:
                found.passed[path] = LOOP
            else:
                seen.add(place)
                waiting.append(path)
                found.folders.append(path)
    found.folders.sort()
    found.files.sort()
    return found


def _reason(name: str) -> str:
    """Return why a file or folder of this name is passed over, or nothing."""
    if name.startswith("."):
        return HIDDEN
    return SYSTEM if name.casefold() in SYSTEM_NAMES else ""


def _has_only_runs(folder: Path) -> bool:
    """Return whether there is a run below ``folder``, and no file outside of runs."""
    waiting, runs = [folder], 0
    while waiting:
        for entry in _entries(waiting.pop()):
            if _reason(entry.name):
                continue
            if not entry.is_dir(follow_symlinks=False):
                return False
            path = Path(entry.path)
            if is_run_folder(path):
                runs += 1
            else:
                waiting.append(path)
    return runs > 0


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            yield from entries
    except OSError as problem:
        raise UserError(f"{folder} cannot be read ({problem.strerror or problem}): make it readable") from problem


def _identity(folder: Path) -> tuple[int, int]:
    """Return what identifies a folder, whatever link it was reached by."""
    try:
        about = folder.stat()
    except OSError as problem:
        raise UserError(f"{folder} cannot be read ({problem.strerror or problem}): make it readable") from problem
    return about.st_dev, about.st_ino
