"""Write docs/api.md, the page of the Python API, from its docstrings."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from contract_page import entry

import ganzoo
from ganzoo.evaluation import Evaluation, Figure
from ganzoo.studio.model import Model
from ganzoo.training.run import Run

PAGE = Path(__file__).with_name("api.md")
INTRODUCTION = """# The Python API

What `import ganzoo` offers: the commands as functions, with the same options and the same errors. Made by `make docs`
from the docstrings; a test keeps it equal to them. [In a notebook](notebook.md) shows networks, losses and data of your
own, and [how to](how-to.md) has an example for each task.

```python
import ganzoo

run = ganzoo.train("cgan", dataset="digits", steps=2000, optimizer_lr=2e-4, out="runs/first")
model = ganzoo.load(run)
images = model.sample(20, label=3)  # (20, C, H, W), float32 in [-1, 1]
found = ganzoo.evaluate(run, judge="plain", metrics=["frechet"], samples=500)
print(found.figures[0].value)
```

Every option of the command line is a keyword with underscores: `--optimizer-lr 2e-4` is `optimizer_lr=2e-4`. What a
user can mend is a `ganzoo.errors.UserError`, raised before anything is written; a training that cannot go on raises
`ganzoo.errors.TrainingFailed`.
"""
RESULTS = (Run, Model, Evaluation, Figure)


def page() -> str:
    """Return the text of the page."""
    lines = [INTRODUCTION, "## Functions", ""]
    for name in ganzoo.__all__:
        lines += _function(f"ganzoo.{name}", getattr(ganzoo, name))
    lines += ["## What they return", ""]
    for result in RESULTS:
        lines += entry(result.__name__, result)
    return "\n".join(lines).rstrip() + "\n"


def _function(name: str, value: Any) -> Iterator[str]:
    if not inspect.isfunction(value):  # the marker of hooks, which the page of plugins explains
        return
    yield from entry(name, value)
    defaults = [
        f"`{parameter.name}` {parameter.default!r}"
        for parameter in inspect.signature(value).parameters.values()
        if isinstance(parameter.default, str | int | float | None)
    ]
    if defaults:
        yield f"Defaults: {', '.join(defaults)}."
        yield ""
