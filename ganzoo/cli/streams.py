"""Standard output and standard error where nobody can take what is written: a full disk, a closed pipe."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from typing import Any, final

import click

STDOUT, STDERR = 1, 2


@final
class _Results(io.FileIO):
    """Standard output: that results are lost is told once; then Python has nothing to complain about at exit."""

    lost = False

    def write(self, data: Any) -> int:
        """Write, or raise ``click.ClickException``, or ``BrokenPipeError`` where the reader has what it wanted."""
        if self.lost:
            return len(data)
        try:
            return super().write(data)
        except BrokenPipeError:
            self.lost = True
            raise
        except OSError as problem:
            self.lost = True
            raise click.ClickException(f"the output cannot be written: {problem.strerror or problem}") from problem


@final
class _Remarks(io.FileIO):
    """Standard error: what nobody can hear is no reason to end a training."""

    def write(self, data: Any) -> int:
        """Write, if that can be."""
        try:
            return super().write(data)
        except OSError:
            return len(data)


def prepare_streams() -> None:
    """Make standard output and standard error fail as said above, and replace letters that their encoding lacks.

    What writes to standard output past Python, as libraries and programs that a plugin starts do, is sent to standard
    error, for results may be a JSON document.
    """
    # Standard error first: where it was closed, something must have its number before another file gets it.
    sys.stderr = _prepared(sys.stderr, _Remarks)
    sys.stdout = _prepared(sys.stdout, _Results)


def _prepared(stream: Any, kind: type[io.FileIO]) -> Any:
    if stream is None:  # closed before Python began
        return open(os.devnull, "w", encoding="utf-8")
    if not isinstance(stream, io.TextIOWrapper):
        return stream
    raw = getattr(stream.buffer, "raw", stream.buffer)  # Python itself may have been asked not to buffer
    if type(raw) is not io.FileIO:  # the console of Windows is no file
        stream.reconfigure(errors="replace")
        return stream
    number = stream.fileno()
    if number == STDOUT:
        number = os.dup(STDOUT)
        with contextlib.suppress(OSError):  # standard input is closed as well, and gave its number
            os.dup2(STDERR, STDOUT)
    buffered = io.BufferedWriter(kind(number, "w", closefd=False))
    at_once = stream.line_buffering or stream.write_through
    return io.TextIOWrapper(buffered, stream.encoding, "replace", line_buffering=at_once)
