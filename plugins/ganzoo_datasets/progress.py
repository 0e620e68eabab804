"""The progress of a download: a bar on a terminal, else nothing."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

REFRESHES = 4  # of the bar per second


@contextlib.contextmanager
def progress_of(name: str, size: int, have: int) -> Iterator[Callable[[int], None]]:
    """Yield a function that shows how many of the ``size`` bytes of ``name`` have arrived, starting with ``have``."""
    # Imported here, as most runs download nothing.
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    console = Console(stderr=True, markup=False, emoji=False)
    if not console.is_terminal:
        yield lambda _: None
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=None),
        DownloadColumn(binary_units=True),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, expand=True, refresh_per_second=REFRESHES) as bar:
        task = bar.add_task(name, total=size, completed=have)
        yield lambda done: bar.update(task, completed=done)
