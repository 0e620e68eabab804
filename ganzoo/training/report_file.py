"""The report of a run, which is written when its training ends; a report that cannot be written ends no training."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ganzoo.storage.files import write_atomically
from ganzoo.storage.run_folder import RunFolder
from ganzoo.text import described


@contextmanager
def reporting(folder: RunFolder, warn: Callable[[str], None]) -> Iterator[None]:
    """Write ``report.html`` after the block, also where it fails, but not where the user ends the process."""
    try:
        yield
    except Exception:
        _write(folder, warn)
        raise
    _write(folder, warn)


def _write(folder: RunFolder, warn: Callable[[str], None]) -> None:
    try:
        # Imported here: a training has other things to do before its end.
        from ganzoo.report.page import page
        from ganzoo.report.record import read_runs

        html, _ = page(read_runs([folder.path]))
        write_atomically(folder.report, html)
    except OSError as problem:
        warn(f"left out: {problem}")
    except Exception as problem:
        warn(f"left out: the report cannot be made: {described(problem)}")
