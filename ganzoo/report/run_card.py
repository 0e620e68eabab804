"""A run in a notebook: how far it came, its last figures, its newest picture, and what is wrong with it."""

from __future__ import annotations

from pathlib import Path

from ganzoo.cards import card
from ganzoo.errors import UserError
from ganzoo.report.embedding import Unreadable, as_url, read_picture
from ganzoo.report.page import facts
from ganzoo.report.record import RunRecord, read_runs
from ganzoo.report.scores import number, scores
from ganzoo.text import one_line

MOST, WIDEST = 500_000, 640  # bytes and pixels of the picture


def run_card(path: Path) -> str:
    """Return the card of the run in a folder; one that is gone or damaged is told."""
    try:
        (record,) = read_runs([path])
    except UserError as problem:
        return card(f"Run {path}", note=one_line(problem))
    about = {**facts(record), "kept in": str(path)}
    figures = [(label, number(score.last[1]), number(score.real)) for label, score in scores(record).items()]
    wrong = [*record.notes, *map(str, record.diagnoses)]
    headings = ("figure", "last", "real examples")
    return card(f"Run {record.name}", about, headings, figures, _newest_picture(record), "; ".join(wrong))


def _newest_picture(record: RunRecord) -> str:
    try:
        return as_url(*read_picture(record.pictures[-1].path), MOST, WIDEST) if record.pictures else ""
    except Unreadable:
        return ""
