"""The public functions of Python: few names, and the errors of the command line as ValueError."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import ganzoo as package
from ganzoo.catalogue import installed
from ganzoo.testing.command_lines import document

# The same in Python


def test_the_public_names_are_there_and_few() -> None:
    assert sorted(package.__all__) == ["evaluate", "hookimpl", "list", "load", "sample", "train", "use_plugin"]
    assert all(callable(getattr(package, name)) for name in package.__all__)
    assert set(package.__all__) <= set(dir(package))
    with pytest.raises(AttributeError, match="has no attribute 'trian'; it has"):
        package.trian  # noqa: B018


def test_list_in_python_tells_what_the_command_tells() -> None:
    told = {(kind, name) for kind, names in package.list().items() for name in names}
    assert told == {(entry["kind"], entry["name"]) for entry in document("list")}
    assert package.list("loss") == {"loss": list(installed().names("loss"))}
    with pytest.raises(ValueError, match="did you mean 'loss'"):
        package.list("los")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"loss": "hing"}, "did you mean 'hinge'"),
        ({"optimzer_lr": 1}, "did you mean '--optimizer-lr'"),
        ({"steps": 0}, "at least 1"),
        ({"generator_widths": 128}, "widths"),
        ({"batch_size": "many"}, "a whole number"),
        ({"preset": "publish"}, "did you mean 'published'"),
        ({"config": {"parts": []}}, "damaged"),
    ],
    ids=str,
)
def test_what_is_asked_wrongly_in_python_is_a_value_error(options: dict[str, Any], words: str, here: Path) -> None:
    with pytest.raises(ValueError, match=words):
        package.train("cgan", progress=False, **options)
