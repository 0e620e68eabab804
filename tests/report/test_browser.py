"""The page in a real browser: the slider, the button, the width of a phone, and no word to the network."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ganzoo.report.page import page
from ganzoo.report.record import read_runs
from ganzoo.testing.recorded_runs import recorded_run

HOSTILE = "<img src=x onerror=\"document.title='harmed'\"><script>document.title='harmed'</script>"


@pytest.fixture
def opened(browser: Any, tmp_path: Path) -> Iterator[Any]:
    """A page of two runs, the second with hostile names, as a phone shows it in the dark."""
    runs = [recorded_run(tmp_path / "first"), recorded_run(tmp_path / "second", pictures=2, seed=3)]
    config = (runs[1] / "config.json").read_text(encoding="utf-8")
    hostile = HOSTILE.replace('"', '\\"')
    (runs[1] / "config.json").write_text(config.replace('"cgan"', f'"{hostile}"'), encoding="utf-8")
    (tmp_path / "page.html").write_bytes(page(read_runs(runs))[0])
    shown = browser.new_page(viewport={"width": 390, "height": 844}, color_scheme="dark")
    shown.complaints, shown.asked = [], []
    shown.on("console", lambda message: shown.complaints.append(message.text))
    shown.on("pageerror", lambda problem: shown.complaints.append(str(problem)))
    shown.on("request", lambda request: shown.asked.append(request.url))
    shown.goto((tmp_path / "page.html").as_uri())
    yield shown
    assert shown.complaints == []
    assert [url for url in shown.asked if not url.startswith(("data:", "file:"))] == []
    assert "harmed" not in shown.title()
    shown.close()


def visible(shown: Any) -> list[str]:
    """Return the steps of the pictures that are seen, one for each run."""
    found: list[str] = shown.eval_on_selector_all(
        ".timeline img", "all => all.filter(one => one.offsetParent).map(one => one.dataset.step)"
    )
    return found


def test_the_slider_moves_every_run(opened: Any) -> None:
    assert visible(opened) == ["10", "10"]
    opened.fill("#slider", "0")
    assert visible(opened) == ["0", "0"]
    opened.focus("#slider")
    opened.keyboard.press("ArrowRight")
    # The second run has no picture of step 5: it shows its newest one.
    assert visible(opened) == ["5", "0"]
    assert opened.inner_text("#step") == "step 5"


def test_the_button_plays_to_the_end(opened: Any) -> None:
    # In one go: a busy machine may need longer for a second question than the page for all its steps.
    pressed = "() => { const [play, step] = ['play', 'step'].map((id) => document.getElementById(id)); play.click(); "
    pressed += "return [play.textContent, step.textContent]; }"
    assert opened.evaluate(pressed) == ["Pause", "step 0"]
    opened.get_by_role("button", name="Play").wait_for()
    assert visible(opened) == ["10", "10"]


def test_it_fits_a_phone_and_follows_the_colours_of_the_device(opened: Any) -> None:
    assert opened.evaluate("document.documentElement.scrollWidth <= innerWidth")
    dark = opened.evaluate("getComputedStyle(document.body).backgroundColor")
    opened.emulate_media(color_scheme="light")
    assert opened.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)" != dark


def test_every_picture_is_drawn(opened: Any) -> None:
    opened.fill("#slider", "0")
    assert opened.eval_on_selector_all(".timeline img", "all => all.every(one => one.complete && one.naturalWidth)")
