"""`metrics.jsonl`: whole lines, a damaged end that is mended, and rows that cannot be written."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from ganzoo.catalogue import installed, select
from ganzoo.errors import TrainingFailed, UserError
from ganzoo.storage.files import Journal, WriteFailed
from ganzoo.storage.metric_rows import read_diagnoses, read_reports, read_rows
from ganzoo.training.observers import Diagnosis, Observer
from ganzoo.training.run import Run, train

SMALL = {"dataset_size": 8, "batch_size": 8, "steps": 4, "log_every": 1, "sample_every": 2, "checkpoint_every": 1}


def trained(out: Path, watchers: Sequence[Observer] = (), resume: bool = False, **flags: object) -> Run:
    selection = select(installed(), "gan-minimal", {**SMALL, "device": "cpu", "out": out, **flags})
    return train(selection, watchers, resume)


# Diagnoses


def test_diagnoses_are_rows_that_a_resumed_run_keeps_up_to_its_checkpoint(tmp_path: Path) -> None:
    first = trained(tmp_path / "run", steps=2)
    told = [Diagnosis(step, "saturated", "the values are extreme", "1 %", "a lower rate") for step in (1, 2, 3)]
    with first.folder.metrics.open("a") as file:
        for diagnosis in told:
            file.write(json.dumps({"step": diagnosis.step, "diagnosis": diagnosis.to_json()}) + "\n")
    assert read_diagnoses(first.folder.metrics) == told
    trained(tmp_path / "run", resume=True, steps=4)
    assert read_diagnoses(first.folder.metrics) == told[:2]
    assert [row["step"] for row in read_reports(first.folder.metrics)] == [1, 2, 3, 4]


def test_text_of_a_diagnosis_is_safe_to_print(tmp_path: Path) -> None:
    record = {"step": 1, "name": "a\x1b[2J", "what": "b\nc", "noticed": "\x07", "advice": "d"}
    (tmp_path / "metrics.jsonl").write_text(json.dumps({"step": 1, "diagnosis": record}) + "\n")
    (diagnosis,) = read_diagnoses(tmp_path / "metrics.jsonl")
    assert str(diagnosis).isprintable()


# The metrics


def steps(run: Run) -> list[int]:
    return [json.loads(line)["step"] for line in run.folder.metrics.read_text().splitlines()]


TAILS = {
    "nothing": b"",
    "a torn row": b'{"step": 3, "seco',
    "a torn row of letters": '{"step": 3, "λ'.encode()[:-1],
    "NULs": b"\0" * 4096,
    "garbage": bytes(range(256)) * 3,
    "garbage of lines": b"\xff\xfe\n\n\0\n{}\n[]\n3\nnull\n" + b"[" * 100_000,
    "rows of others": b'{"step": "two"}\n{"step": 1}\n{"step": true, "terms": {}, "values": {}}\n{"terms": {}}\n',
    "rows of other kinds": b'{"step": 1, "terms": 3, "values": null}\n{"step": 1, "terms": {"a": 3}, "values": {}}\n'
    b'{"step": 1, "terms": {}, "values": {"a": [1]}}\n{"step": 1, "terms": {}, "values": {}, "scores": ["a"]}\n',
    "diagnoses that are none": b'{"step": 1, "diagnosis": {"step": 1, "name": "a"}}\n{"step": 1, "diagnosis": []}\n'
    b'{"step": true, "diagnosis": {"step": true, "name": "", "what": "", "noticed": "", "advice": ""}}\n'
    b'{"step": 1, "diagnosis": {"step": 2, "name": "", "what": "", "noticed": "", "advice": ""}}\n',
    "numbers beyond all reason": b'{"step": 1, "terms": {"a": {"b": 1e308, "c": -1e308}}, "values": {}}\n'
    b'{"step": -1' + b"0" * 400 + b', "terms": {}, "values": {}}\n',
    "later rows": b'{"step": 3, "terms": {}, "values": {}, "scores": {}}\n',
}


@pytest.mark.parametrize("tail", TAILS)
def test_a_damaged_end_of_the_metrics_is_mended(tail: str, tmp_path: Path) -> None:
    first = trained(tmp_path / "run", steps=2)
    whole = first.folder.metrics.read_bytes()
    with first.folder.metrics.open("ab") as file:
        file.write(TAILS[tail])
    assert steps(trained(tmp_path / "run", resume=True, steps=2)) == [1, 2]
    assert first.folder.metrics.read_bytes() == whole


def test_a_damaged_row_in_the_middle_costs_only_itself(tmp_path: Path) -> None:
    rows = [json.dumps({"step": step, "terms": {}, "values": {}}).encode() for step in range(3)]
    (tmp_path / "metrics.jsonl").write_bytes(b"\n".join([rows[0], b"\0\0" + rows[1], rows[2], b""]))
    assert [row["step"] for row in read_rows(tmp_path / "metrics.jsonl")] == [0, 2]


@pytest.mark.parametrize("put", [os.mkdir, os.mkfifo, lambda path: path.symlink_to("/dev/zero")])
def test_metrics_that_cannot_be_read_are_not_written_over(put: Callable[[Path], object], tmp_path: Path) -> None:
    run = trained(tmp_path / "run", steps=2)
    run.folder.metrics.unlink()
    put(run.folder.metrics)
    with pytest.raises(UserError, match=r"metrics.jsonl cannot be read: .*move it away"):
        trained(tmp_path / "run", resume=True, steps=2)


def test_a_line_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    """A disk that becomes full takes a part of a line, and then nothing."""
    journal = Journal(tmp_path / "lines")
    journal.append("first")

    class Full:
        room = 3

        def __init__(self, file: object):
            self.file = file

        def write(self, data: memoryview) -> int:
            if not self.room:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            taken, self.room = data[: self.room], 0
            return int(self.file.write(taken))  # type: ignore[attr-defined]

        def __getattr__(self, name: str) -> object:
            return getattr(self.file, name)

    usual = journal._file
    for _ in range(2):
        journal._file = Full(usual)  # type: ignore[assignment]
        with pytest.raises(WriteFailed, match="No space left on device"):
            journal.append("second")
        assert (tmp_path / "lines").read_text() == "first\n"
    journal._file = usual
    journal.append("third")
    journal.close()
    assert (tmp_path / "lines").read_text() == "first\nthird\n"


def test_a_row_is_there_as_soon_as_it_is_reported(tmp_path: Path) -> None:
    seen = []

    class Reader(Observer):
        def stepped(self, step: int) -> None:
            seen.append(len(read_rows(tmp_path / "run" / "metrics.jsonl")))

    trained(tmp_path / "run", [Reader()])
    assert seen == [0, 1, 2, 3]


def test_a_row_that_cannot_be_written_ends_the_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Journal, line: str) -> None:
        raise WriteFailed(errno.ENOSPC, os.strerror(errno.ENOSPC), str(tmp_path / "metrics.jsonl"))

    monkeypatch.setattr(Journal, "append", full)
    with pytest.raises(
        TrainingFailed, match=r"metrics.jsonl cannot be written \(No space left.*there is no checkpoint yet"
    ):
        trained(tmp_path / "run")
