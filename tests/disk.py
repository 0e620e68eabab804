"""A disk that writes down what is done to it, or refuses: for the tests of what a training leaves behind."""

from __future__ import annotations

import builtins
import io
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, final

import pytest
from PIL import Image

from ganzoo.storage.files import PARTIAL_SUFFIX
from ganzoo.storage.sealed import read_sealed

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
TEMPORARY = getattr(os, "O_TMPFILE", 0)  # Linux: a file without a name; with O_EXCL it can never be given one
Operation = tuple[str, Path]  # make, open, write, sync, rename (to where), remove, cut


@final
class Disk:
    """What this process does to files below ``folder``, and from which operation on it is refused.

    ``refused`` is (which operation, counted from 1; the error's number; whether all that follow are refused as well).
    Room on a full disk is made by removing and cutting, so these are never refused for lack of it.
    """

    def __init__(self, folder: Path, refused: tuple[int, int, bool] | None = None, freeing: Sequence[int] = ()):
        self.folder, self.refused, self._freeing = folder.resolve(), refused, freeing
        self.done: list[Operation] = []
        self._counted = self.failed = 0
        self._opened: dict[int, Path] = {}

    def __call__(self, name: str, path: Path) -> None:
        """Note an operation, or refuse it."""
        if not path.is_relative_to(self.folder):
            return
        self.done.append((name, path))
        if self.refused is None:
            return
        number, error, lasting = self.refused
        if name in ("remove", "cut") and error in self._freeing:
            return
        self._counted += 1
        if self._counted == number or (lasting and self._counted > number):
            self.failed += 1
            raise OSError(error, os.strerror(error), str(path))

    def attach(self, patch: pytest.MonkeyPatch) -> None:
        """Stand between Python and the system."""
        plain = {
            name: getattr(os, name) for name in ("open", "fsync", "replace", "rename", "mkdir", "unlink", "remove")
        }

        def opening(path: Any, flags: int, *more: Any, **named: Any) -> int:
            where = _resolved(path)
            if flags & WRITING and not _nameless(flags):
                self("open", where)
            descriptor: int = plain["open"](path, flags, *more, **named)
            self._opened[descriptor] = where
            return descriptor

        def syncing(descriptor: int) -> None:
            self("sync", self._opened.get(descriptor, Path("/")))
            plain["fsync"](descriptor)

        def renaming(name: str) -> Callable[..., None]:
            def rename(source: Any, target: Any, **named: Any) -> None:
                self("rename", _resolved(target))
                plain[name](source, target, **named)

            return rename

        def one(name: str, what: str) -> Callable[..., None]:
            def act(path: Any, *more: Any, **named: Any) -> None:
                if what != "make" or not os.path.isdir(path):
                    self(what, _resolved(path))
                plain[name](path, *more, **named)

            return act

        usual = io.open
        disk = self

        class File(io.FileIO):
            where: Path

            def write(self, data: Any) -> int:
                disk("write", self.where)
                return super().write(data)

            def truncate(self, size: int | None = None) -> int:
                disk("cut", self.where)
                return super().truncate(size)

        def open_file(file: Any, mode: str = "r", buffering: int = -1, *more: Any, **named: Any) -> Any:
            if isinstance(file, int) or not set(mode) & set("wax+"):
                return usual(file, mode, buffering, *more, **named)
            where = _resolved(file)
            self("open", where)
            raw = File(file, mode.replace("b", "").replace("t", ""))
            raw.where = where
            self._opened[raw.fileno()] = where
            if buffering == 0:
                return raw
            buffered = io.BufferedWriter(raw)
            return buffered if "b" in mode else io.TextIOWrapper(buffered, *more, **named)

        patch.setattr(os, "open", opening)
        patch.setattr(os, "fsync", syncing)
        for name in ("replace", "rename"):
            patch.setattr(os, name, renaming(name))
        for name, what in (("mkdir", "make"), ("unlink", "remove"), ("remove", "remove")):
            patch.setattr(os, name, one(name, what))
        patch.setattr(io, "open", open_file)
        patch.setattr(builtins, "open", open_file)


@pytest.fixture(autouse=True)
def plain_curves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing curves takes longer than training here, and is tested elsewhere; they are written all the same."""
    monkeypatch.setattr("ganzoo.pictures.curves", lambda rows: Image.new("RGB", (60, 40)))


def _nameless(flags: int) -> bool:
    """Return whether a file opened so is gone when it is closed: libraries try a file system with such a one."""
    return bool(TEMPORARY) and flags & TEMPORARY == TEMPORARY and bool(flags & os.O_EXCL)


def _resolved(path: Any) -> Path:
    # The folder's links are followed, the file's own is not: that is what a rename does.
    whole = Path(os.path.abspath(os.fsdecode(path)))
    return Path(os.path.realpath(whole.parent)) / whole.name


def unsound(run: Path, leftovers: bool = False) -> list[str]:
    """Return what is wrong with the files of a run: each must be whole, and ``leftovers`` none."""
    return [
        f"{path.relative_to(run)}: {fault}"
        for path in run.rglob("*")
        if path.is_file() and (fault := _fault(path, leftovers))
    ]


def _fault(path: Path, leftovers: bool) -> str:
    if path.name.endswith(PARTIAL_SUFFIX):
        return "" if leftovers else "left over"
    try:
        if path.suffix == ".safetensors":
            content = path.read_bytes()
            header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
            (key,) = header["__metadata__"]
            read_sealed(path, key, "file")
        elif path.suffix in (".png", ".gif"):
            with Image.open(path) as image:
                image.load()
        elif path.suffix == ".json":
            json.loads(path.read_text())
        elif path.suffix == ".jsonl":
            text = path.read_text()
            assert not text or text.endswith("\n"), "a torn line"
            assert all(isinstance(json.loads(line), dict) for line in text.splitlines())
    except Exception as problem:
        return str(problem) or type(problem).__name__
    return ""
