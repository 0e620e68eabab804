"""Configuration files on the command line: accepted, or refused in one line."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ganzoo.catalogue import installed, select
from ganzoo.testing.command_lines import ganzoo, lacks, listing, problem, problems
from ganzoo.testing.strategies import examples

# Configuration files

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
SOUND = select(installed(), "cgan").to_json()


def places(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the way to everything inside a JSON document."""
    if path:
        yield path
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from places(inner, (*path, name))


@st.composite
def almost_sound(draw: st.DrawFn) -> Any:
    """A config file that is sound but for one to three places."""
    document = json.loads(json.dumps(SOUND))
    for path in draw(st.lists(st.sampled_from(list(places(SOUND))), min_size=1, max_size=3)):
        inner = document
        for name in path[:-1]:
            inner = inner[name] if isinstance(inner, dict) and name in inner else {}
        fate = draw(st.sampled_from(["replace", "replace", "delete", "rename"])) if isinstance(inner, dict) else ""
        if fate and path[-1] in inner:
            old = inner.pop(path[-1])
            if fate == "replace":
                inner[path[-1]] = draw(
                    json_values | st.sampled_from([0, -1, 1.5, "", "mlp", "hinge", "none", [1], 2**70])
                )
            elif fate == "rename":
                inner[path[-1] + "x"] = old
    return document


file_contents = (
    st.binary(max_size=30)
    | st.text(max_size=30).map(lambda text: text.encode("utf-8", "surrogatepass"))
    | json_values.map(lambda value: json.dumps(value).encode())
)
documents = almost_sound().map(lambda value: json.dumps(value).encode())


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A working folder for many examples."""
    folder = tmp_path_factory.mktemp("scratch")
    with contextlib.chdir(folder):
        yield folder


def taken_or_refused(folder: Path, content: bytes, *words: str) -> None:
    (folder / "some.json").write_bytes(content)
    before = listing(folder)
    answer = ganzoo("train", *words, "--config", "some.json", "--dry-run")
    assert (answer.status, answer.err[:16]) == (0, "everything fits\n") or problems(answer)
    assert listing(folder) == before


@examples(100)
@given(content=file_contents, named=st.booleans())
def test_any_file_is_taken_for_a_config_file_or_refused_in_words(scratch: Path, content: bytes, named: bool) -> None:
    taken_or_refused(scratch, content, *(["cgan"] if named else []))


@settings(examples(150), suppress_health_check=[HealthCheck.too_slow])
@given(content=documents, named=st.booleans())
def test_an_almost_sound_config_file_is_taken_or_refused_in_words(scratch: Path, content: bytes, named: bool) -> None:
    taken_or_refused(scratch, content, *(["cgan"] if named else []))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", ("JSON",)),
        ("null", ("JSON object",)),
        ("{", ("JSON",)),
        ('{"variant": 3}', ("variant",)),
        ('{"variant": null}', ("which variant",)),
        ('{"variant": ""}', ("which variant",)),
        ("{}", ("which variant",)),
        ('{"variant": "cgann"}', ("did you mean 'cgan'",)),
        ('{"variant": "cgan", "parts": 3}', ("damaged", "'parts'")),
        ('{"variant": "cgan", "run": []}', ("damaged", "'run'")),
        ('{"variant": "cgan", "parts": {"loss": 3}}', ("damaged", "'loss'")),
        ('{"variant": "cgan", "parts": {"loss": {"name": "hing"}}}', ("did you mean 'hinge'",)),
        ('{"variant": "cgan", "parts": {"los": {"name": "hinge"}}}', ("slot 'los'", "did you mean 'loss'")),
        ('{"variant": "cgan", "parts": {"recipe": {"name": "cycle"}}}', ("'cycle'",)),
        ('{"variant": "cgan", "parts": {"generator": {"name": "mlp", "config": {"widths": 5}}}}', ("'widths'", "5")),
        (
            '{"variant": "cgan", "parts": {"generator": {"name": "mlp", "config": {"withs": [5]}}}}',
            ("'withs'", "widths"),
        ),
        ('{"variant": "cgan", "steps": 5}', ("'steps'", "table [run]", "Entries: variant, preset, run")),
        ('{"variant": "cgan", "batch-size": 5}', ("'batch-size'", "table [run]")),
        ('{"variant": "cgan", "loss": "hinge"}', ("'loss'", "table [parts]")),
        ('{"variant": "cgan", "prest": "x"}', ("'prest'", "did you mean 'preset'")),
        ('{"variant": "cgan", "parts": {"loss": {"nam": "bce"}}}', ("'nam'", "'loss'", "Entries: name, config")),
        ('{"variant": "cgan", "parts": {"loss": "hing"}}', ("did you mean 'hinge'",)),
        ('{"variant": "cgan", "run": {"steps": 0}}', ("'steps'", "at least 1")),
        ('{"variant": "cgan", "run": {"stepz": 1}}', ("'stepz'", "did you mean 'steps'")),
        ('{"variant": "cgan", "run": {"steps": 1, "epochs": 1}}', ("--steps and --epochs",)),
        ('{"variant": "cgan", "format": 99}', ("format", "99")),
        ("[" * 100_000, ("JSON",)),
        ('{"variant": "cgan", "run": {"steps": ' + "9" * 5000 + "}}", ()),
        ('{"variant": "cgan", "run": {"seed": NaN}}', ("seed",)),
    ],
    ids=lambda value: value[:60] if isinstance(value, str) else None,
)
def test_a_config_file_that_is_wrong_is_told_in_one_line(
    content: str, words: tuple[str, ...], tmp_path: Path, here: Path
) -> None:
    file = here.parent / f"{here.name}.json"
    file.write_text(content)
    assert lacks(problem("train", "--config", str(file), "--dry-run"), words) == []


# TOML, and files that contain only some choices

PARTIAL = """
variant = "cgan"

[run]
steps = 7
batch-size = 16

[parts]
loss = "hinge"

[parts.optimizer]
config = { lr = 1e-4, betas = [0.0, 0.99] }

[parts.penalty]
name = "r1"
config = { gamma = 0.5 }
"""


def resolved(*words: str) -> dict[str, Any]:
    """Return what a command line selects."""
    found: list[Any] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ganzoo.assembly.dry_run.assemble", lambda selection: found.append(selection.to_json()))
        patch.setattr("ganzoo.training.start.check_starts", lambda *_: None)
        patch.setattr("ganzoo.cli.estimates.tell_estimate", lambda *_: None)
        assert ganzoo("train", *words, "--dry-run").status == 0
    return json.loads(json.dumps(found[0]))  # type: ignore[no-any-return]


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_file_in_toml_sets_what_it_says_and_nothing_else(mark: str, tmp_path: Path) -> None:
    (tmp_path / "my.toml").write_text(mark + PARTIAL, encoding="utf-8")
    flags = ("--steps", "7", "--batch-size", "16", "--loss", "hinge", "--optimizer-lr", "1e-4")
    flags = (*flags, "--optimizer-betas", "0,0.99", "--penalty", "r1", "--penalty-gamma", "0.5")
    assert resolved("--config", str(tmp_path / "my.toml")) == resolved("cgan", *flags)


def test_the_line_overrules_a_file_in_toml_which_overrules_the_variant(tmp_path: Path) -> None:
    (tmp_path / "my.toml").write_text(PARTIAL, encoding="utf-8")
    found = resolved("--config", str(tmp_path / "my.toml"), "--steps", "9", "--optimizer-lr", "0.5")
    assert (found["run"]["steps"], found["run"]["batch_size"]) == (9, 16)
    assert found["parts"]["generator-optimizer"]["config"]["lr"] == 0.5
    assert found["parts"]["generator-optimizer"]["config"]["betas"] == [0, 0.99]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"variant = ", ("TOML",)),
        (b"\xff\xfe", ("TOML",)),
        (b"[run]\nsteps = 3\n", ("which variant",)),
        (b'variant = "cgan"\nsteps = 3\n', ("'steps'", "table [run]")),
        (b'variant = "cgan"\n[run]\nstepz = 3\n', ("'stepz'", "did you mean 'steps'", "It has steps, epochs")),
        (b'variant = "cgan"\n[run]\nsteps = 2020-01-01\n', ("'steps'", "a whole number")),
        (b'variant = "cgan"\nparts = "hinge"\n', ("damaged", "'parts'")),
        (b'variant = "cgan"\n[parts.optimizer.config]\nrl = 1\n', ("'rl'", "It has lr")),
        (b'variant = "cgan"\n[parts.optimiser]\nname = "adam"\n', ("slot 'optimiser'", "Slots: ")),
        (b"a = " + b"[" * 100_000, ("TOML",)),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_a_file_in_toml_that_is_wrong_is_told_in_one_line(
    content: bytes, words: tuple[str, ...], tmp_path: Path, here: Path
) -> None:
    file = here.parent / f"{here.name}.toml"
    file.write_bytes(content)
    found = problems(ganzoo("train", "--config", str(file), "--dry-run"))
    assert lacks(" ".join(found), words) == []


def test_a_name_in_a_file_leads_to_the_same_as_one_on_the_line(tmp_path: Path) -> None:
    (tmp_path / "my.toml").write_text('[parts]\nconditioner = "add"\n', encoding="utf-8")
    assert resolved("cgan", "--config", str(tmp_path / "my.toml")) == resolved("cgan", "--conditioner", "add")
