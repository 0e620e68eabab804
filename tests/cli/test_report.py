"""``ganzoo report`` and ``ganzoo compare``: pages and tables of runs, whatever their folders hold."""

from __future__ import annotations

import base64
import errno
import json
import re
import shutil
from pathlib import Path

import pytest

from ganzoo.testing.command_lines import document, problem
from ganzoo.testing.command_lines import ganzoo as command
from ganzoo.testing.recorded_runs import recorded_run
from ganzoo.testing.recording_disk import Disk

SMALL = ("--steps", "2", "--batch-size", "8", "--dataset-size", "8", "--device", "cpu")


@pytest.fixture
def two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    monkeypatch.chdir(tmp_path)
    return recorded_run(Path("one")).name, recorded_run(Path("two"), loss="hinge").name


def test_a_page_stands_where_it_is_asked_for(two: tuple[str, str]) -> None:
    assert command("report", "one").err == f"report: {Path('one/report.html')}\n"
    assert command("report", "one", "--out", "x.html").status == 0
    assert Path("x.html").read_bytes() == Path("one/report.html").read_bytes()
    assert command("report", *two).err.splitlines()[-1] == "report: report.html"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nowhere",), "does not exist"),
        (("one", "--out", "x.png"), "ends with .html"),
        (("one", "--out", "one/samples.html"), "is a folder"),
        (("one", "--out", "nowhere/x.html"), "does not exist"),
    ],
)
def test_what_cannot_be_a_page_is_refused(words: tuple[str, ...], said: str, two: tuple[str, str]) -> None:
    Path("one/samples.html").mkdir()
    assert said in problem("report", *words)


def test_a_run_whose_model_is_missing_is_told_on_the_page(two: tuple[str, str]) -> None:
    assert command("report", *two).status == 0
    assert "model.safetensors does not exist" in Path("report.html").read_text(encoding="utf-8")


def test_samples_of_the_same_noise_are_the_same(trained_models: dict[str, Path], tmp_path: Path) -> None:
    copy = shutil.copytree(trained_models["cgan"], tmp_path / "copy")
    out = tmp_path / "page.html"
    assert command("report", trained_models["cgan"], copy, trained_models["colour"], "--out", out).status == 0
    html = out.read_text(encoding="utf-8").split("Final models, same noise")[1].split("</section>")[0]
    first, second, other = re.findall(r'<img src="(data:[^"]+)"', html)
    assert first == second != other


def test_the_page_repeats_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert command("train", "gan-minimal", *SMALL, "--out", "run").status == 0
    html = Path("run/report.html").read_text(encoding="utf-8")
    found = re.search(r'download="config.json" href="data:application/json;base64,([^"]+)"', html)
    assert found is not None
    Path("config.json").write_bytes(base64.b64decode(found[1]))
    assert command("train", "--config", "config.json", "--out", "again").status == 0
    assert Path("again/model.safetensors").read_bytes() == Path("run/model.safetensors").read_bytes()


def test_a_training_writes_its_report_at_its_end(trained_models: dict[str, Path]) -> None:
    html = (trained_models["cgan"] / "report.html").read_text(encoding="utf-8")
    assert "2 of 2" in html and "samples of cgan at step 2" in html


@pytest.mark.parametrize("failing", [OSError(errno.ENOSPC, "No space left on device"), RuntimeError("no template")])
def test_a_report_that_fails_is_told_and_the_training_succeeds(
    failing: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(records: object) -> None:
        raise failing

    monkeypatch.setattr("ganzoo.report.page.page", fails)
    answer = command("train", "gan-minimal", *SMALL, "--out", tmp_path / "run")
    assert (answer.status, "ganzoo: left out: " in answer.err) == (0, True)
    assert (tmp_path / "run" / "model.safetensors").exists()
    assert not (tmp_path / "run" / "report.html").exists()


def test_a_training_that_fails_leaves_a_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*given: object) -> None:
        raise RuntimeError("a part fails")

    monkeypatch.setattr("ganzoo.training.trainer.Trainer.advance", fails)
    assert command("train", "gan-minimal", *SMALL, "--out", tmp_path / "run").status == 1
    assert "0 of 2" in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("operation", [1, 2, 3, 4])
def test_a_full_disk_leaves_the_page_before(operation: int, two: tuple[str, str], tmp_path: Path) -> None:
    Path("page.html").write_text("the page before", encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        Disk(tmp_path, (operation, errno.ENOSPC, True), (errno.ENOSPC,)).attach(patch)
        answer = command("report", "one", "--out", "page.html")
    said = "ganzoo: failed: page.html cannot be written (No space left on device)"
    assert (answer.status, answer.err.startswith(said), len(answer.err.splitlines())) == (1, True, 1)
    assert Path("page.html").read_text(encoding="utf-8") == "the page before"
    assert not list(Path().glob(".*.part"))


def test_an_interrupt_leaves_nothing(two: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*given: object) -> None:
        raise KeyboardInterrupt

    for moment in ("ganzoo.report.page.read_picture", "ganzoo.storage.files._put_in_place"):
        with monkeypatch.context() as patch:
            patch.setattr(moment, interrupt)
            answer = command("report", "one")
        assert (answer.status, answer.err) == (130, "interrupted\n")
        assert [path.name for path in Path("one").iterdir() if "report" in path.name] == []


def test_a_table_shows_what_differs_and_the_figures(two: tuple[str, str]) -> None:
    rows = dict(line.split("\t", 1) for line in command("compare", *two).out.splitlines())
    assert rows["--loss"] == "bce\thinge"
    assert rows["FD[plain], best"] == "1 (step 6)\t1 (step 6)"
    assert rows["FD[plain], real examples"] == "0.5\t0.5"
    assert rows["steps"] == "10\t10"
    assert "--seed" not in rows


def test_many_runs_have_a_row_each(two: tuple[str, str]) -> None:
    runs = [recorded_run(Path(f"seed-{seed}"), seed=seed, pictures=0).name for seed in range(12)]
    rows = [line.split("\t") for line in command("compare", *runs).out.splitlines()]
    assert [row[:2] for row in rows] == [[f"seed-{seed}", str(seed)] for seed in range(12)]


def test_the_document_has_all_choices(two: tuple[str, str]) -> None:
    found = document("compare", *two)
    assert found["differs"]["--loss"] == {"one": "bce", "two": "hinge"}
    first, _ = found["runs"]
    assert first["figures"]["FD[plain]"] == {
        "last": 17, "last_step": 10, "best": 1, "best_step": 6, "real": 0.5, "aim": "low",
    }  # fmt: skip
    assert first["choices"]["--seed"] == "0"


def test_damage_is_told_and_the_rest_is_compared(two: tuple[str, str]) -> None:
    Path("one/config.json").write_text("{", encoding="utf-8")
    for words in (("report", "one"), ("compare", *two)):
        answer = command(*words)
        assert (answer.status, "ganzoo: one: config.json is damaged" in answer.err) == (0, True)
    assert document("compare", *two)["runs"][0]["notes"] == ["config.json is damaged, and left out"]


def test_what_the_json_says_is_json(two: tuple[str, str]) -> None:
    row = {"step": 99, "seconds": float("inf"), "terms": {}, "values": {}, "scores": {"x": float("nan")}}
    with Path("one/metrics.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")
    answer = command("compare", "one", "--json")
    assert json.loads(answer.out, parse_constant=pytest.fail)["runs"][0]["steps"] == 99
