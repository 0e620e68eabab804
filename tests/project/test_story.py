"""The notebook that tells the whole story: it was executed, its cells run, and what they show is shown."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest

import ganzoo
from ganzoo.studio.model import Model

STORY = Path(__file__).parents[2] / "examples" / "story.ipynb"
NOTEBOOK = json.loads(STORY.read_text(encoding="utf-8"))
CELLS = [cell for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code"]
SHOWN = ("_repr_html_", "_repr_png_")


def test_it_was_executed_and_has_ten_cells() -> None:
    assert [cell["execution_count"] for cell in CELLS] == list(range(1, 11))
    outputs = [output for cell in CELLS for output in cell["outputs"]]
    assert {output["output_type"] for output in outputs} <= {"display_data", "execute_result", "stream"}
    kinds = {kind for output in outputs for kind in output.get("data", ())}
    assert {"text/html", "image/png"} <= kinds
    assert "<progress" in json.dumps(CELLS[1]["outputs"]), "the bar of the notebook"
    assert STORY.stat().st_size < 1_000_000


def test_it_names_no_machine() -> None:
    assert not re.search(r"/(?:work|home/\w+|root|tmp)/", STORY.read_text(encoding="utf-8"))


def run_cell(source: str, names: dict[str, Any]) -> Any:
    """Run a cell and return the value of its last expression, or ``None``."""
    tree = ast.parse(source)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "cell", "exec"), names)
    return eval(compile(ast.Expression(last.value), "cell", "eval"), names) if isinstance(last, ast.Expr) else None


def test_its_cells_run_one_after_the_other(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    train, invert = ganzoo.train, Model.invert
    short = {"steps": 2, "batch_size": 8, "log_every": 1, "sample_every": 2}
    monkeypatch.setattr(ganzoo, "train", lambda *given, **named: train(*given, **{**named, **short}), raising=False)
    monkeypatch.setattr(Model, "invert", lambda *given, **named: invert(*given, **{**named, "steps": 1}))
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    values = [run_cell("".join(cell["source"]), names) for cell in CELLS]
    shown = [any(getattr(value, name, None) is not None for name in SHOWN) for value in values]
    assert [number for number, each in enumerate(shown, 1) if each] == [3, 5, 6, 7, 8, 9, 10]
    assert len(names["history"]) == 2


@pytest.mark.long
def test_a_kernel_executes_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    client = pytest.importorskip("nbclient", reason="needs nbclient and ipykernel")
    pytest.importorskip("ipykernel", reason="needs nbclient and ipykernel")
    nbformat = pytest.importorskip("nbformat", reason="needs nbclient and ipykernel")
    monkeypatch.chdir(tmp_path)
    notebook = nbformat.from_dict(NOTEBOOK)
    client.NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
    assert "<progress" in json.dumps(notebook.cells[4].outputs)
