"""One self-contained page about one run, or about several side by side; everything from files is escaped."""

from __future__ import annotations

import base64
import functools
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ganzoo.report.choices import choices, differing, for_others
from ganzoo.report.curves import DRAWING, panels
from ganzoo.report.embedding import BUDGET, Unreadable, as_url, read_picture
from ganzoo.report.record import RunRecord, StepPicture
from ganzoo.report.scores import BETTER, duration, number, scores
from ganzoo.report.template import asset, render
from ganzoo.text import one_line

MAX_FRAMES, ALL_FRAMES = 24, 80  # pictures of one run, and of a page
ALONE, BESIDE = 800, 480  # pixels of the width of a picture
LONGEST_CONFIG = 100_000  # characters; those of trainings have some thousand
NOTHING: Mapping[str, Any] = {}


@dataclass(frozen=True)
class Frame:
    """A picture of samples in a page, and its step."""

    step: int
    url: str


@dataclass(frozen=True)
class Made:
    """A picture that was made for a page: of the samples of one run, or the reason why there is none."""

    png: bytes = b""
    image: Any = None
    reason: str = ""


@dataclass(frozen=True)
class Section:
    """What a page shows of one run alone."""

    name: str
    frames: Sequence[Frame]
    same_noise: str
    reason: str
    diagnoses: Sequence[str]
    choices: Mapping[str, str]
    facts: Mapping[str, str]
    environment: Mapping[str, str]
    config: str
    config_url: str


def page(records: Sequence[RunRecord], same_noise: Mapping[str, Made] = NOTHING) -> tuple[bytes, list[str]]:
    """Return the page as UTF-8, and sentences about what could not be read.

    ``same_noise`` has a picture for each run by its name, whose samples were made from the same noise.
    """
    notes = [f"{record.name}: {note}" for record in records for note in record.notes]
    chosen = [_some(record.pictures, _frames_of_each(len(records))) for record in records]
    most = BUDGET // max(1, sum(map(len, chosen)) + len(same_noise))
    widest = ALONE if len(records) == 1 else BESIDE
    sections = []
    for record, pictures in zip(records, chosen, strict=True):
        frames = list[Frame]()
        for picture in pictures:
            try:
                frames.append(Frame(picture.step, as_url(*read_picture(picture.path), most, widest)))
            except Unreadable as problem:
                notes.append(f"{record.name}: {problem}")
        sections.append(_section(record, frames, _drawn(same_noise.get(record.name), most, widest)))
    html = render(
        "report/page.html.jinja",
        title=", ".join(record.name for record in records),
        sections=sections,
        notes=notes,
        steps=sorted({frame.step for section in sections for frame in section.frames}),
        panels=panels(records),
        figures=_figures(records),
        differing=differing(records) if len(records) > 1 else {},
        drawing=DRAWING,
        **_assets(),
    )
    return html.encode("utf-8", "replace"), notes


def _frames_of_each(runs: int) -> int:
    return max(1, min(MAX_FRAMES, ALL_FRAMES // runs))


def _some(pictures: Sequence[StepPicture], most: int) -> Sequence[StepPicture]:
    """Return at most ``most`` pictures at equal distances, the last one among them.

    >>> from pathlib import Path
    >>> [one.step for one in _some([StepPicture(step, Path()) for step in range(10)], 4)]
    [0, 3, 6, 9]
    """
    if len(pictures) <= most:
        return pictures
    if most == 1:
        return pictures[-1:]
    return [pictures[round(place * (len(pictures) - 1) / (most - 1))] for place in range(most)]


def _drawn(made: Made | None, most: int, widest: int) -> tuple[str, str]:
    """Return the URL of a picture that was made, or the reason why there is none."""
    if made is None or not made.png:
        return "", made.reason if made is not None else ""
    return as_url(made.png, made.image, most, widest), ""


def _section(record: RunRecord, frames: Sequence[Frame], same_noise: tuple[str, str]) -> Section:
    config = json.dumps(for_others(record.config), indent=2) if record.config else ""
    config = config if len(config) <= LONGEST_CONFIG else ""
    encoded = base64.b64encode(config.encode("utf-8", "replace")).decode()
    return Section(
        record.name,
        frames,
        *same_noise,
        [str(diagnosis) for diagnosis in record.diagnoses],
        choices(record),
        facts(record),
        _environment(record),
        config,
        f"data:application/json;base64,{encoded}" if config else "",
    )


def facts(record: RunRecord) -> dict[str, str]:
    """Return how far a run came, and how long that took."""
    of = f" of {record.steps:,}" if record.steps is not None else ""
    speed = record.step / record.seconds if record.seconds else None
    return {
        "variant": record.variant or "–",
        "steps": f"{record.step:,}{of}",
        "training time": duration(record.seconds),
        "steps/s": number(speed),
    }


def _environment(record: RunRecord) -> dict[str, str]:
    found: dict[str, str] = {}
    for table in ("versions", "machine"):
        entries = record.config.get(table) if record.config else None
        if isinstance(entries, Mapping):
            found |= {one_line(name, 60): one_line(value, 120) for name, value in entries.items()}
    if record.config:
        for part in record.config["parts"].values():
            package = part.get("package")
            if isinstance(package, str) and package not in found:
                found[one_line(package, 60)] = one_line(part.get("version") or "–", 60)
    return found


def _figures(records: Sequence[RunRecord]) -> list[dict[str, Any]]:
    """Return a row for each figure: the last and the best value of each run, and the value of real examples."""
    found = [scores(record) for record in records]
    rows = []
    for label in dict.fromkeys(label for each in found for label in each):
        having = [each[label] for each in found if label in each]
        aim = next((BETTER[score.aim] for score in having if score.aim), "–")
        real = {score.real for score in having if score.real is not None}
        cells = [_cells(each[label].last, each[label].best) if label in each else ("–", "–") for each in found]
        rows.append(
            {"label": label, "better": aim, "real": " / ".join(map(number, sorted(real))) or "–", "cells": cells}
        )
    return rows


def _cells(last: tuple[int, float], best: tuple[int, float] | None) -> tuple[str, str]:
    return number(last[1]), f"{number(best[1])} (step {best[0]:,})" if best is not None else "–"


@functools.cache
def _assets() -> dict[str, Any]:
    """Return style and script, and their hashes, by which the page names them as all that a browser may use."""
    style, script = asset("report/page.css"), asset("report/page.js")
    return {
        "style": _Trusted(style),
        "script": _Trusted(script),
        "style_hash": _sha256(style),
        "script_hash": _sha256(script),
    }


def _sha256(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


class _Trusted(str):
    """Text of our own that a template writes as it is."""

    def __html__(self) -> str:
        return self
