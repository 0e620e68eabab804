"""The pages of an exploration: runs that are whole, damaged and hostile, and questions that have no answer."""

from __future__ import annotations

import json
from http import HTTPStatus
from pathlib import Path

import pytest

from ganzoo.catalogue import installed
from ganzoo.errors import UserError
from ganzoo.explore.places import runs_in
from ganzoo.explore.site import Site
from ganzoo.testing.models import untrained
from ganzoo.testing.recorded_runs import recorded_run

HOSTILE = "<script>document.title='harmed'</script>"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two runs, the second with a model."""
    recorded_run(tmp_path / "runs" / "run-2")
    (tmp_path / "runs" / "run-2" / "best.safetensors").unlink()
    untrained(recorded_run(tmp_path / "runs" / "run-10") / "model.safetensors", "cgan")
    return tmp_path / "runs"


def page(site: Site, path: str = "") -> str:
    answer = site.answer("GET", path, b"")
    assert (answer.status, answer.type) == (HTTPStatus.OK, "text/html")
    return answer.content.decode()


def test_the_runs_of_a_folder_are_shown_in_natural_order(folder: Path) -> None:
    shown = page(Site(folder, installed()))
    assert shown.index("run-2") < shown.index("run-10")
    assert shown.count("data:image/png") == 2
    assert shown.count("<svg") > 2
    assert 'href="1/0/"' in shown and 'href="0/0/"' not in shown


def test_the_model_of_a_run_has_a_page_and_pictures(folder: Path) -> None:
    site = Site(folder, installed())
    shown = page(site, "1/0/")
    assert all(f'data-table="dimensions" data-number="{number}"' in shown for number in (0, 99))
    assert 'data-table="directions" data-number="0"' in shown and 'value="7"' in shown
    picture = site.answer("POST", "1/0/picture", json.dumps({"label": "7"}).encode())
    assert picture.type == "image/png" and picture.content.startswith(b"\x89PNG")


def test_a_single_model_needs_no_page_of_runs(folder: Path) -> None:
    for path in (folder / "run-10", folder / "run-10" / "model.safetensors"):
        site = Site(path, installed())
        assert site.alone
        site.prepare()
        assert 'id="explore" data-here="0/0/"' in page(site)


def test_a_run_without_a_model_shows_its_curves(folder: Path) -> None:
    site = Site(folder / "run-2", installed())
    assert not site.alone and "<svg" in page(site)
    with pytest.raises(UserError, match="no model yet"):
        site.answer("GET", "0/0/", b"")


def test_what_is_hostile_is_told_and_never_part_of_the_page(folder: Path) -> None:
    damaged = folder / "run-2"
    (damaged / "config.json").write_text(
        (damaged / "config.json").read_text(encoding="utf-8").replace('"cgan"', json.dumps(HOSTILE)), encoding="utf-8"
    )
    (damaged / "metrics.jsonl").write_text('{"step": []}\n', encoding="utf-8")
    (damaged / "samples" / "step-00000099.png").write_bytes(b"GIF89a no picture")
    (damaged / "model.safetensors").write_bytes(b"\x80\x04cos\nsystem\n")
    recorded_run(folder / "<img src=x onerror=alert(1)>")
    site = Site(folder, installed())
    shown = page(site)
    assert "run-2: step-00000099.png is not a picture" in shown
    assert HOSTILE not in shown and "<img src=x" not in shown and "&lt;script&gt;" in shown
    number = [path.name for path in runs_in(folder)].index("run-2")
    with pytest.raises(UserError, match=r"model\.safetensors"):
        site.answer("GET", f"{number}/0/", b"")


def test_no_link_out_of_the_folder_is_followed(folder: Path, tmp_path: Path) -> None:
    recorded_run(tmp_path / "elsewhere" / "run")
    (folder / "link").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    assert [path.name for path in runs_in(folder)] == ["run-2", "run-10"]


def test_a_folder_without_runs_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    with pytest.raises(UserError, match="has no runs"):
        Site(tmp_path, installed())


@pytest.mark.parametrize(
    ("method", "path"),
    [
        *(("GET", path) for path in ("-", "x/", "1", "1/", "1/0", "1/0/picture", "../", "1/../", "²/0/", "style.css/")),
        *(("POST", path) for path in ("", "style.css", "1/0/", "1/0/nothing", "1/0/__init__", "1/0/../picture")),
    ],
)
def test_what_there_is_not_is_not_found(method: str, path: str, folder: Path) -> None:
    answer = Site(folder, installed()).answer(method, path, b"{}")
    assert answer.status == HTTPStatus.NOT_FOUND or path == "1/0"  # which lacks its last sign, and is the same page


@pytest.mark.parametrize("path", ["9/0/", "1/1/", "0/0/"])
def test_numbers_that_there_are_not_are_refused(path: str, folder: Path) -> None:
    with pytest.raises(UserError):
        Site(folder, installed()).answer("GET", path, b"")


@pytest.mark.parametrize("content", [b"", b"x", b"00000002{}", b"00000099{}", b"99999999", "²".encode()])
def test_an_image_that_is_none_is_refused(content: bytes, folder: Path) -> None:
    with pytest.raises(UserError):
        Site(folder, installed()).answer("POST", "1/0/image", content)


def test_a_run_that_appears_is_shown(folder: Path) -> None:
    site = Site(folder, installed())
    page(site)
    recorded_run(folder / "run-11")
    assert "run-11" in page(site)


def test_style_and_scripts_are_served(folder: Path) -> None:
    site = Site(folder, installed())
    kinds = {"style.css": "text/css", "model.js": "text/javascript", "index.js": "text/javascript"}
    assert {name: site.answer("GET", name, b"").type for name in kinds} == kinds
