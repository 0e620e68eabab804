"""Downloads of published datasets: by one process at a time, verified, and put in place only when complete.

Own code rather than pooch 1.9, which restarts every transfer from byte 0, checks no size, takes no lock between
processes and limits neither bytes nor time.
"""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from ganzoo.plugin import NotAtHand, UserError, may_write, rename_durably, warn
from ganzoo_datasets.files import locked
from ganzoo_datasets.progress import progress_of
from ganzoo_datasets.sources import Archive, Source
from ganzoo_datasets.transfer import PartialFile, transfer
from ganzoo_datasets.web import Unavailable

MIB = 2**20


def fetch(source: Source, names: Sequence[str], root: Path) -> None:
    """Download those of the archives ``names`` that are missing to the folder of ``source`` below ``root``.

    Interrupted transfers are resumed. Raises :class:`UserError` where no mirror delivers them, with the files to put
    into the folder by hand, or where they cannot be saved; and :class:`NotAtHand` where nothing may be written.
    """
    if not names:
        return
    folder = source.folder_in(root)
    if not may_write():
        raise NotAtHand(f"{source.title} is not in {folder}, and is downloaded when a training begins")
    try:
        with locked(folder):
            missing = _missing(names, folder)
            for name in missing:
                _fetch_one(source, name, folder)
    except Unavailable as problem:
        raise UserError(
            f"{source.title} is not complete in {folder} and cannot be downloaded ({problem}): "
            f"put {' and '.join(_missing(names, folder))} into the folder {folder.absolute()}, "
            "or name the data folder that has them with --data-root"
        ) from problem
    except OSError as problem:
        raise UserError(
            f"{source.title} cannot be saved in {folder} ({problem.strerror or problem}): "
            "name a writable folder, or one that already has the files, with --data-root"
        ) from problem
    if missing:
        warn(f"saved {source.title} in {folder.absolute()}")


def _missing(names: Sequence[str], folder: Path) -> list[str]:
    return [name for name in names if not (folder / name).exists()]


def _fetch_one(source: Source, name: str, folder: Path) -> None:
    partial, failures = PartialFile(folder / name), []
    try:
        for mirror in source.mirrors:
            try:
                _fetch_from(mirror + name, source.archives[name], partial, folder / name)
            except Unavailable as problem:
                failures.append(f"{urlsplit(mirror).netloc or mirror}: {problem}")
            else:
                return
    except OSError:
        # The partial file would keep a full disk full.
        with contextlib.suppress(OSError):
            partial.discard()
        raise
    kept = [f"{partial.size} bytes of {name} are kept for the next attempt"] if partial.size else []
    raise Unavailable("; ".join([*failures, *kept]))


def _fetch_from(url: str, archive: Archive, partial: PartialFile, path: Path) -> None:
    size = f"{archive.size / MIB:.1f} MiB"
    warn(f"resuming {url} at {partial.size / MIB:.1f} of {size}" if partial.size else f"downloading {url} ({size})")
    start = time.monotonic()
    with progress_of(path.name, archive.size, partial.size) as report:
        _complete(url, archive, partial, report)
    rename_durably(partial.path, path)
    partial.discard()
    warn(f"{path.name} is complete, after {time.monotonic() - start:.1f} s")


def _complete(url: str, archive: Archive, partial: PartialFile, report: Callable[[int], None]) -> None:
    """Complete the partial file from ``url`` and verify it; raises :class:`Unavailable` where it is another file.

    The first bytes may be from an earlier attempt or another mirror, so ``url`` has a second chance with its own.
    """
    for _ in range(2):
        transfer(url, partial, archive.size, report)
        with partial.path.open("rb") as file:
            md5 = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
        if md5 == archive.md5:
            return
        partial.discard()
        warn(f"discarded the download of {url}: it is not the published file")
    raise Unavailable(f"the md5 of the file is {md5}, not {archive.md5}")
