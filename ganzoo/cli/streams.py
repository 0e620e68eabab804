"""Standard output and standard error that handle write errors: a full disk, a closed pipe."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys
from typing import Any, final

import click

STDOUT, STDERR = 1, 2
CLOSED_PIPE = {errno.EINVAL} if sys.platform == "win32" else set()  # errors of a closed pipe besides BrokenPipeError


@final
class _Results(io.FileIO):
    """Standard output: a write error is reported once, and not again by Python at exit."""

    lost = False

    def write(self, data: Any) -> int:
        """Write, or raise ``click.ClickException``, or ``BrokenPipeError`` where the reader has closed the pipe."""
        if self.lost:
            return len(data)
        try:
            return super().write(data)
        except OSError as problem:
            self.lost = True
            if isinstance(problem, BrokenPipeError) or problem.errno in CLOSED_PIPE:
                raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE)) from problem
            raise click.ClickException(f"the output cannot be written: {problem.strerror or problem}") from problem


@final
class _Messages(io.FileIO):
    """Standard error: write errors are ignored, for a training must not end because of a lost message."""

    def write(self, data: Any) -> int:
        """Write, or do nothing where that fails."""
        try:
            return super().write(data)
        except OSError:
            return len(data)


def prepare_streams() -> None:
    """Make both streams handle write errors as described above, and replace characters that their encoding lacks.

    Libraries in C, and programs that a plugin starts, write to the file descriptor of standard output. It is redirected
    to standard error, because the result of a command may be a JSON document.
    """
    # Standard error first: if it was closed, its number must be taken before another file gets it.
    sys.stderr = _prepared(sys.stderr, _Messages)
    sys.stdout = _prepared(sys.stdout, _Results)


def _prepared(stream: Any, kind: type[io.FileIO]) -> Any:
    if stream is None:  # closed before Python started
        return open(os.devnull, "w", encoding="utf-8")
    if not isinstance(stream, io.TextIOWrapper):
        return stream
    raw = getattr(stream.buffer, "raw", stream.buffer)  # `python -u` does not buffer
    if type(raw) is not io.FileIO:  # the console of Windows is not a file
        stream.reconfigure(errors="replace")
        return stream
    number = stream.fileno()
    if number == STDOUT:
        number = os.dup(STDOUT)
        with contextlib.suppress(OSError):  # standard error was closed, and its substitute has another number
            os.dup2(STDERR, STDOUT)
    buffered = io.BufferedWriter(kind(number, "w", closefd=False))
    at_once = stream.line_buffering or stream.write_through
    return io.TextIOWrapper(buffered, stream.encoding, "replace", line_buffering=at_once)
