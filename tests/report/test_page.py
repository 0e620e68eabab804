"""The page: one file, nothing from the network, everything escaped, and small."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganzoo.health.diagnosis import Diagnosis
from ganzoo.report.curves import MAX_POINTS, panels
from ganzoo.report.page import page
from ganzoo.report.record import RunRecord, read_runs
from ganzoo.storage.run_folder import RunFolder
from ganzoo.testing.recorded_runs import recorded_run
from ganzoo.testing.strategies import examples

SCRIPT = "<script>alert(1)</script>"
HOSTILE = f"\"'><img src=x onerror=alert(1)>{SCRIPT}{{{{7*7}}}}</style>"


class Elements(HTMLParser):
    """Collects the elements of a page with their attributes, and its text."""

    def __init__(self, html: str):
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def harmless(html: str) -> Elements:
    """Return the elements of a page, after a look for what only a file could have brought in."""
    elements = Elements(html)
    tags = [tag for tag, _ in elements.found]
    assert (tags.count("script"), tags.count("style")) == (1, 1)
    assert not {"iframe", "object", "embed", "link", "base", "form"} & set(tags)
    for tag, attributes in elements.found:
        assert not [name for name in attributes if name.startswith("on") or name == "style"], (tag, attributes)
        for name in ("src", "href"):
            assert attributes.get(name, "data:") is not None and str(attributes.get(name, "data:")).startswith("data:")
    return elements


def test_the_page_allows_its_own_script_and_style_alone(tmp_path: Path) -> None:
    html = page(read_runs([recorded_run(tmp_path / "run")]))[0].decode()
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', html)
    assert policy is not None and policy[1].startswith("default-src 'none'; img-src data:;")
    for tag in ("style", "script"):
        inside = html.split(f"<{tag}>")[1].split(f"</{tag}>")[0]
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert f"{tag}-src &#39;sha256-{digest}&#39;" in html or f"{tag}-src 'sha256-{digest}'" in html


def test_a_page_shows_all_that_a_run_has(tmp_path: Path) -> None:
    html = page(read_runs([recorded_run(tmp_path / "run")]))[0].decode()
    elements = harmless(html)
    assert sum(tag == "img" for tag, _ in elements.found) == 3
    for words in (
        "10 of 10",
        "FD[plain]",
        "real examples",
        "losses",
        "watched values",
        "--loss",
        "--config config.json",
    ):
        assert words in elements.text
    sliders = [attributes for tag, attributes in elements.found if tag == "input"]
    assert [(slider["min"], slider["max"], slider["value"]) for slider in sliders] == [("0", "2", "2")]


def test_a_page_shows_what_was_said_of_a_training(tmp_path: Path) -> None:
    folder = recorded_run(tmp_path / "run")
    said = Diagnosis(5, "saturated", "the values are extreme", f"seen {HOSTILE}", "lower the learning rate")
    with (folder / "metrics.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps({"step": 5, "diagnosis": said.to_json()}) + "\n")
    elements = harmless(page(read_runs([folder]))[0].decode())
    assert "Diagnosis" in elements.text
    assert "at step 5 the values are extreme: seen" in elements.text


def test_hostile_names_are_text(tmp_path: Path) -> None:
    run = recorded_run(tmp_path / f"{SCRIPT.replace('/', '_')}'\"&")
    config = json.loads((run / "config.json").read_text(encoding="utf-8"))
    config["variant"] = config["run"]["judge"] = HOSTILE
    config["versions"][HOSTILE] = HOSTILE
    config["parts"][HOSTILE] = {"name": HOSTILE, "package": HOSTILE, "version": HOSTILE, "config": {HOSTILE: [HOSTILE]}}
    (run / "config.json").write_text(json.dumps(config), encoding="utf-8")
    row = {"step": 99, "terms": {HOSTILE: {HOSTILE: 1.0}}, "values": {HOSTILE: 2.0}, "scores": {HOSTILE: 3.0}}
    with (run / "metrics.jsonl").open("a", encoding="utf-8") as file:
        file.write(f"{json.dumps(row)}\n")
    (run / "samples" / "step-00000000.png").write_text(HOSTILE, encoding="utf-8")
    elements = harmless(page(read_runs([run, recorded_run(tmp_path / "other")]))[0].decode())
    assert elements.text.count("alert(1)") > 5


@given(st.text())
@examples(100)
def test_any_name_is_shown_as_it_is(name: str) -> None:
    records = [RunRecord(RunFolder(Path()), name, notes=[name]), RunRecord(RunFolder(Path()), name + name)]
    html = page(records)[0].decode()
    text = " ".join(harmless(html).text.split())
    assert " ".join(name.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}").split()) in (
        text.replace("\0", "\N{REPLACEMENT CHARACTER}")
    )


def test_runs_side_by_side_show_what_differs(tmp_path: Path) -> None:
    runs = [recorded_run(tmp_path / loss, loss=loss) for loss in ("bce", "hinge")]
    elements = harmless(page(read_runs(runs))[0].decode())
    for words in ("What differs", "--loss", "hinge", "discriminator adversarial", "D(G(z))"):
        assert words in elements.text
    assert sum(attributes.get("class") == "timeline" for _, attributes in elements.found) == 2


def test_runs_that_were_told_the_same_differ_in_nothing(tmp_path: Path) -> None:
    runs = [recorded_run(tmp_path / name) for name in ("a", "b")]
    assert "Nothing: the choices of these runs are the same." in page(read_runs(runs))[0].decode()


def test_a_run_has_the_same_colour_in_every_panel(tmp_path: Path) -> None:
    first, second = (recorded_run(tmp_path / name) for name in ("a", "b"))
    (first / "metrics.jsonl").write_text("", encoding="utf-8")
    assert {(line.name, line.colour) for panel in panels(read_runs([first, second])) for line in panel.lines} == {
        ("b", 1)
    }


def test_a_long_curve_becomes_one_of_means(tmp_path: Path) -> None:
    (record,) = read_runs([recorded_run(tmp_path / "run", steps=1001, pictures=0)])
    for panel in panels([record]):
        assert all(len(line.pieces) == 1 and len(line.pieces[0].split()) <= MAX_POINTS for line in panel.lines)


def test_the_line_of_real_examples_is_where_their_value_is(tmp_path: Path) -> None:
    (record,) = read_runs([recorded_run(tmp_path / "run")])
    distance, *_ = panels([record])
    assert (distance.title, distance.real_text) == ("FD[plain]", "0.5")
    heights = [
        float(point.split(",")[1]) for line in distance.lines for piece in line.pieces for point in piece.split()
    ]
    assert distance.real is not None and distance.real > max(heights), "0.5 is below the least distance, which is 1"


@pytest.mark.parametrize(("runs", "pictures"), [(1, 40), (10, 12)])
def test_a_page_stays_small_whatever_the_pictures_are(runs: int, pictures: int, tmp_path: Path) -> None:
    """The promise is 5 MB for ten runs; pictures of noise are the worst there are."""
    first = recorded_run(tmp_path / "0", steps=400, pictures=pictures, size=120, noise=True)
    others = []
    for number in range(1, runs):
        (tmp_path / str(number)).symlink_to(first)
        others.append(RunFolder(tmp_path / str(number)))
    (record,) = read_runs([first])
    records = [record, *(RunRecord(folder, folder.path.name, *_rest(record)) for folder in others)]
    html = page(records)[0]
    assert 10_000 < len(html) < 5_000_000


def _rest(record: RunRecord) -> tuple[object, ...]:
    return record.config, record.rows, record.pictures, record.evaluation, record.notes
