"""The pages of an exploration, and what answers their questions; it knows nothing of a network."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

from ganzoo.cards import picture_url
from ganzoo.catalogue.registry import Registry
from ganzoo.errors import UserError
from ganzoo.explore.places import model_of, runs_in
from ganzoo.explore.wish import read_wish
from ganzoo.report.curves import DRAWING, panels
from ganzoo.report.embedding import BUDGET, Unreadable, as_url, read_picture
from ganzoo.report.page import facts
from ganzoo.report.record import RunRecord, read_runs
from ganzoo.report.template import asset, render

if TYPE_CHECKING:
    from ganzoo.explore.explorer import Explorer, Found
    from ganzoo.studio.model import Model

WIDEST = 480  # pixels of a run's picture
KEPT = 4  # models that stay loaded
SHOWN_WORDS = 200  # buttons of a condition


@dataclass(frozen=True)
class Answer:
    """What a browser gets."""

    content: bytes
    type: str
    status: HTTPStatus = HTTPStatus.OK


@final
class Site:
    """Answers questions about what lies at ``path``, a model or a folder, whose models are loaded on ``device``.

    It is ``alone`` if there is one model, and no page of runs. The paths of questions are ``""`` for the runs, ``3/0/``
    for output 0 of the model of run 3, and behind that ``picture``, ``image`` and ``input``.
    """

    def __init__(self, path: Path, registry: Registry, device: str = "cpu"):
        self._path, self._registry, self._device = path, registry, device
        self._models: dict[Path, Model] = {}
        self._explorers: dict[tuple[Path, int], Explorer] = {}
        self.alone = not path.is_dir() or (self._runs() == [path] and model_of(path) is not None)

    def prepare(self) -> None:
        """Read the model, if there is only one, so that what is wrong with it is told at once."""
        if self.alone:
            self._model(0)

    def answer(self, method: str, path: str, content: bytes) -> Answer:
        """Return the answer to a question; raises :class:`UserError` for a question without one."""
        if path in _FILES and method == "GET":
            name, kind = _FILES[path]
            return Answer("\n".join(map(asset, name)).encode(), kind)
        if path == "" and method == "GET":
            return _html(self._model_page(0, 0, "0/0/") if self.alone else self._index())
        run, _, rest = path.partition("/")
        output, _, what = rest.partition("/")
        if not (_is_number(run) and _is_number(output)):
            return Answer(b"there is no such page", "text/plain", HTTPStatus.NOT_FOUND)
        if method == "GET" and what == "":
            return _html(self._model_page(int(run), int(output), ""))
        questions: dict[str, Callable[[Explorer, bytes], Answer]] = {
            "picture": _picture,
            "image": _found,
            "input": _taken,
        }
        if method != "POST" or what not in questions:
            return Answer(b"there is no such page", "text/plain", HTTPStatus.NOT_FOUND)
        return questions[what](self._explorer(int(run), int(output)), content)

    def _runs(self) -> Sequence[Path]:
        return runs_in(self._path)

    def _file(self, number: int) -> Path:
        """Return the model of a run by its number; raises :class:`UserError` if it has none."""
        if not self._path.is_dir():
            return self._path
        runs = self._runs()
        if number >= len(runs):
            raise UserError(f"there are {len(runs)} runs, and no run {number}: go back to all runs")
        file = model_of(runs[number])
        if file is None:
            raise UserError(f"the run {runs[number].name} has no model yet: it is written when the training ends")
        return file

    def _model(self, number: int) -> Model:
        file = self._file(number)
        if file not in self._models:
            from ganzoo.step.device import choose_device
            from ganzoo.studio.model import Model

            model = Model.read(file, self._registry).to(choose_device(self._device))
            _drop_oldest(self._models, KEPT)
            self._models[file] = model
        return self._models[file]

    def _explorer(self, number: int, output: int) -> Explorer:
        from ganzoo.explore.explorer import Explorer

        model, place = self._model(number), (self._file(number), output)
        if place not in self._explorers:
            if output >= len(model.outputs):
                raise UserError(f"this model has {len(model.outputs)} outputs, and no output {output}")
            _drop_oldest(self._explorers, KEPT)
            self._explorers[place] = Explorer(model.for_output(model.outputs[output]))
        return self._explorers[place]

    def _model_page(self, number: int, output: int, here: str) -> str:
        """Return the page of a model, whose questions go to paths behind ``here``."""
        explorer, model = self._explorer(number, output), self._model(number)
        return render(
            "explore/model.html.jinja",
            title=self._file(number).parent.name if self._path.is_dir() else self._file(number).name,
            offer=explorer.offer(),
            outputs=model.outputs if len(model.outputs) > 1 else (),
            number=number,
            output=output,
            here=here,
            root="" if here else "../../",
            alone=self.alone,
            shown_words=SHOWN_WORDS,
            run=self._about([self._file(number).parent]) if self._path.is_dir() else None,
        )

    def _index(self) -> str:
        runs = self._runs()
        return render("explore/index.html.jinja", title=self._path.name or str(self._path), about=self._about(runs))

    def _about(self, runs: Sequence[Path]) -> dict[str, Any]:
        """Return what the files of runs say, for a template."""
        records = read_runs(runs)
        notes = [f"{record.name}: {note}" for record in records for note in record.notes]
        return {
            "runs": [_summary(record, BUDGET // len(records), notes) for record in records],
            "notes": notes,
            "panels": panels(records),
            "drawing": DRAWING,
        }


_FILES = {
    "style.css": (("report/page.css", "explore/explore.css"), "text/css"),
    "model.js": (("explore/model.js",), "text/javascript"),
    "index.js": (("explore/index.js",), "text/javascript"),
}


def _summary(record: RunRecord, most: int, notes: list[str]) -> dict[str, Any]:
    """Return the name, the facts and the newest picture of a run; what cannot be read is noted."""
    url, step = "", 0
    for picture in record.pictures[-1:]:
        try:
            url, step = as_url(*read_picture(picture.path), most, WIDEST), picture.step
        except Unreadable as problem:
            notes.append(f"{record.name}: {problem}")
    ready = model_of(record.folder.path) is not None
    return {"name": record.name, "facts": facts(record), "url": url, "step": step, "ready": ready}


def _picture(explorer: Explorer, content: bytes) -> Answer:
    return Answer(explorer.draw(read_wish(content)), "image/png")


def _found(explorer: Explorer, content: bytes) -> Answer:
    """Search for an image, which stands behind the length of a wish in 8 digits and the wish."""
    length = content[:8]
    if not length.isdigit():
        raise UserError("the page sent no image")
    end = 8 + int(length)
    found: Found = explorer.find(content[end:], read_wish(content[8:end]))
    return _json({"picture": picture_url(found.picture), "error": found.error})


def _taken(explorer: Explorer, content: bytes) -> Answer:
    explorer.take(content)
    return _json({})


def _json(value: Any) -> Answer:
    return Answer(json.dumps(value).encode(), "application/json")


def _html(page: str) -> Answer:
    return Answer(page.encode("utf-8", "replace"), "text/html")


def _is_number(word: str) -> bool:
    return word.isascii() and word.isdecimal() and len(word) < 6


def _drop_oldest(kept: dict[Any, Any], most: int) -> None:
    while len(kept) >= most:
        kept.pop(next(iter(kept)))
