"""Fetching the files of a published dataset: one process at a time, checked, in place only when whole."""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from ganzoo.plugin import UserError, rename_durably, warn
from ganzoo_datasets.files import locked
from ganzoo_datasets.meter import metered
from ganzoo_datasets.sources import Archive, Source
from ganzoo_datasets.transfer import Part, transfer
from ganzoo_datasets.web import Unavailable

MIB = 2**20


def fetch(source: Source, names: Sequence[str], root: Path) -> None:
    """Put those of the archives ``names`` that are missing into the source's folder below ``root``.

    What a cut or killed transfer left is gone on with. Raises :class:`UserError` where no mirror gives them,
    saying which files to put where, or where they cannot be saved.
    """
    if not names:
        return
    folder = source.folder_in(root)
    try:
        with locked(folder):
            missing = _missing(names, folder)
            for name in missing:
                _fetch_one(source, name, folder)
    except Unavailable as problem:
        raise UserError(
            f"{source.title} is not complete in {folder} and cannot be downloaded ({problem}): "
            f"put {' and '.join(_missing(names, folder))} into the folder {folder.absolute()}, "
            "or name with --data-root the data folder that has them"
        ) from problem
    except OSError as problem:
        raise UserError(
            f"{source.title} cannot be saved in {folder} ({problem.strerror or problem}): "
            "name with --data-root a folder that can be written, or one that already has the files"
        ) from problem
    if missing:
        warn(f"saved {source.title} in {folder.absolute()}")


def _missing(names: Sequence[str], folder: Path) -> list[str]:
    return [name for name in names if not (folder / name).exists()]


def _fetch_one(source: Source, name: str, folder: Path) -> None:
    part, failures = Part(folder / name), []
    try:
        for mirror in source.mirrors:
            try:
                _fetch_from(mirror + name, source.archives[name], part, folder / name)
            except Unavailable as problem:
                failures.append(f"{urlsplit(mirror).netloc or mirror}: {problem}")
            else:
                return
    except OSError:
        # What is left of a file that does not fit would keep the disk full.
        with contextlib.suppress(OSError):
            part.discard()
        raise
    kept = [f"{part.size} bytes of {name} are kept for the next start"] if part.size else []
    raise Unavailable("; ".join([*failures, *kept]))


def _fetch_from(url: str, archive: Archive, part: Part, path: Path) -> None:
    whole = f"{archive.size / MIB:.1f} MiB"
    warn(f"going on with {url} at {part.size / MIB:.1f} of {whole}" if part.size else f"downloading {url} ({whole})")
    begun = time.monotonic()
    with metered(path.name, archive.size, part.size) as shown:
        _complete(url, archive, part, shown)
    rename_durably(part.path, path)
    part.discard()
    warn(f"{path.name} is whole, after {time.monotonic() - begun:.1f} s")


def _complete(url: str, archive: Archive, part: Part, shown: Callable[[int], None]) -> None:
    """Bring the part to the published content; what went wrong earlier, or elsewhere, is not held against ``url``."""
    for _ in range(2):
        transfer(url, part, archive.size, shown)
        with part.path.open("rb") as file:
            md5 = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
        if md5 == archive.md5:
            return
        part.discard()
        warn(f"threw away what came for {url}: it is not the published file")
    raise Unavailable(f"the md5 of the file there is {md5}, not {archive.md5}")
