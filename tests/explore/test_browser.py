"""The pages in a real browser: sliders, buttons, images, the width of a phone, and no word to the network."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from ganzoo.catalogue import installed
from ganzoo.explore.server import Server
from ganzoo.explore.site import Site
from ganzoo.testing.models import untrained
from ganzoo.testing.recorded_runs import recorded_run

HOSTILE = "z<img src=x onerror=\"document.title='harmed'\">"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs of a conditional model, of one with attributes, and of one that has a hostile name and no model."""
    folder = tmp_path_factory.mktemp("runs")
    untrained(recorded_run(folder / "a") / "model.safetensors", "cgan")
    attributes = {"dataset": "shapes", "dataset_size": 16, "dataset_count": 20, "dataset_condition": "attributes"}
    untrained(recorded_run(folder / "b") / "model.safetensors", "cgan", **attributes)
    recorded_run(folder / HOSTILE.replace("/", ""))
    return folder


@pytest.fixture(scope="module")
def served(runs: Path) -> Iterator[str]:
    server = Server(Site(runs, installed()).answer)
    worker = threading.Thread(target=server.serve)
    worker.start()
    yield server.url
    server.end()
    worker.join()


@pytest.fixture
def shown(browser: Any, served: str) -> Iterator[Any]:
    """A tab as a phone shows it in the dark, which must not complain, nor ask anybody else."""
    tab = browser.new_page(viewport={"width": 390, "height": 844}, color_scheme="dark")
    complaints, asked = [], []
    tab.on("console", lambda message: complaints.append(message.text))
    tab.on("pageerror", lambda problem: complaints.append(str(problem)))
    tab.on("request", lambda request: asked.append(request.url))
    tab.wrong = complaints
    yield tab
    assert complaints == []
    assert [url for url in asked if not url.startswith((served, "data:", f"blob:{served[:16]}"))] == []
    assert "harmed" not in tab.title()
    tab.close()


def opened(shown: Any, url: str) -> str:
    """Open the page of a model and return the address of its first picture."""
    shown.goto(url)
    return changed(shown, "")


def changed(shown: Any, before: str) -> str:
    """Wait for a picture other than ``before``, and return its address."""
    picture = shown.locator("#picture:not([hidden])")
    picture.wait_for()
    # Not wait_for_function(), which the policy of the page forbids, as it makes code of text.
    deadline = time.monotonic() + 30
    while (now := str(picture.get_attribute("src"))) == before or not picture.evaluate("one => one.naturalWidth"):
        assert time.monotonic() < deadline, shown.inner_text("#message")
        shown.wait_for_timeout(20)
    return now


def pixels(shown: Any) -> str:
    """Return the picture as it is drawn."""
    drawn = "one => { const canvas = document.createElement('canvas'); canvas.width = one.naturalWidth; "
    drawn += (
        "canvas.height = one.naturalHeight; canvas.getContext('2d').drawImage(one, 0, 0); return canvas.toDataURL() }"
    )
    return str(shown.locator("#picture").evaluate(drawn))


@pytest.mark.parametrize(
    "slider",
    [
        '[data-table="dimensions"][data-number="3"]',
        '[data-table="directions"][data-number="0"]',
        "#truncation",
        "#share",
    ],
)
def test_a_slider_changes_the_picture(slider: str, shown: Any, served: str) -> None:
    first = opened(shown, f"{served}0/0/")
    before = pixels(shown)
    shown.focus(slider)
    shown.keyboard.press("End")
    changed(shown, first)
    assert pixels(shown) != before


def test_buttons_choose_a_class_and_take_it_back(shown: Any, served: str) -> None:
    first = opened(shown, f"{served}0/0/")
    every = pixels(shown)
    shown.get_by_role("button", name="7", exact=True).click()
    second = changed(shown, first)
    assert (shown.input_value(".word input"), pixels(shown) != every) == ("7", True)
    assert shown.locator("[aria-pressed=true]").all_inner_texts() == ["7"]
    shown.get_by_role("button", name="7", exact=True).click()
    changed(shown, second)
    assert pixels(shown) == every


def test_attributes_are_chosen_together(shown: Any, served: str) -> None:
    first = opened(shown, f"{served}1/0/")
    buttons = shown.locator(".buttons button")
    assert shown.input_value(".word input") == buttons.nth(0).get_attribute("value")
    buttons.nth(1).click()
    changed(shown, first)
    assert shown.input_value(".word input") == "+".join(
        str(buttons.nth(number).get_attribute("value")) for number in (0, 1)
    )


def test_a_reset_gives_the_first_picture_again(shown: Any, served: str) -> None:
    first = opened(shown, f"{served}0/0/")
    before = pixels(shown)
    shown.focus('[data-table="dimensions"][data-number="0"]')
    shown.keyboard.press("End")
    second = changed(shown, first)
    shown.locator('.reset[data-of="dimensions"]').click()
    changed(shown, second)
    assert pixels(shown) == before


def test_more_shows_more_coordinates(shown: Any, served: str) -> None:
    opened(shown, f"{served}0/0/")
    last = shown.locator('[data-table="dimensions"][data-number="99"]')
    assert not last.is_visible()
    more = shown.locator("section", has=last).locator(".more")
    while more.is_visible():
        more.click()
    assert last.is_visible()


def test_a_wrong_word_is_told_and_the_picture_stays(shown: Any, served: str) -> None:
    first = opened(shown, f"{served}0/0/")
    shown.fill(".word input", "<b>seven</b>")
    shown.locator("#message.wrong").wait_for()
    assert "no class is called '<b>seven</b>'" in shown.inner_text("#message")
    assert shown.get_attribute("#picture", "src") == first
    # A browser notes an answer that is a refusal.
    assert [text for text in shown.wrong if "400" not in text] == []
    shown.wrong.clear()


def test_an_image_is_searched_for(shown: Any, served: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ganzoo.explore.explorer.ITERATIONS", 2)
    first = opened(shown, f"{served}0/0/")
    buffer = io.BytesIO()
    Image.new("L", (9, 12), 200).save(buffer, "PNG")
    shown.set_input_files("#image", {"name": "mine.png", "mimeType": "image/png", "buffer": buffer.getvalue()})
    shown.locator("#found").wait_for()
    second = changed(shown, first)
    assert 0 < float(shown.inner_text("#error")) < 4
    assert shown.evaluate("document.getElementById('pair').naturalWidth") > 90
    shown.get_by_role("button", name="Back to random noise").click()
    changed(shown, second)


def test_the_runs_of_the_folder_lead_to_their_models(shown: Any, served: str) -> None:
    shown.goto(served)
    assert shown.locator(".runs figure").count() == 3
    assert HOSTILE.replace("/", "") in shown.inner_text("#runs")
    shown.locator("a", has_text="Explore its model").first.click()
    changed(shown, "")
    shown.locator("a", has_text="All runs").click()
    shown.locator(".runs").wait_for()


@pytest.mark.parametrize("path", ["", "0/0/"])
def test_it_fits_a_phone_and_follows_the_colours_of_the_device(path: str, shown: Any, served: str) -> None:
    shown.goto(served + path)
    assert shown.evaluate("document.documentElement.scrollWidth <= innerWidth")
    dark = shown.evaluate("getComputedStyle(document.body).backgroundColor")
    shown.emulate_media(color_scheme="light")
    assert shown.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)" != dark
