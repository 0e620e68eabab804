"""Types of field that plugins declare are types like ganzoo's own."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import torch

from ganzoo.catalogue import DataSpec, Field, FieldType, installed
from ganzoo.catalogue.plugin_files import plugins_from
from ganzoo.contract.field_values import FieldValues, values_of
from ganzoo.errors import UserError
from ganzoo.randomness import FreshDraws
from ganzoo.testing.command_lines import ganzoo

FILE = """
from dataclasses import dataclass

import torch

from ganzoo.plugin import Component, DataConfig, Dataset, DataSpec, Field, FieldType, FieldValues, hookimpl


class Signals(FieldValues):
    stored = torch.int16

    def normalise(self, values):
        return values.float() / 32768

    def trial(self, count, draws):
        return draws.uniform(count, *self.field.shape)

    def fault(self, values):
        return "an empty signal" if bool((values == 0).all()) else ""


SIGNAL = FieldType("signal", ("C", "L"), "{sizes} signals", Signals, bounded=True)


@dataclass(frozen=True)
class WavesConfig(DataConfig):
    def spec(self, root):
        return DataSpec({"wave": Field(SIGNAL, (1, 16))}, target="wave")


class Waves(Dataset):
    def __init__(self, config, root):
        pass

    def __len__(self):
        return 64

    def read(self, indices):
        times = torch.arange(16) * (indices[:, None] + 1) / 16
        return {"wave": (times.sin() * 32767).to(torch.int16)[:, None]}


@hookimpl
def ganzoo_components():
    yield Component(kind="dataset", name="waves", summary="sine waves", target=Waves, config=WavesConfig)
"""
DECLARED = """

@hookimpl
def ganzoo_field_types():
    yield SIGNAL
"""
TRAIN = ("train", "gan", "--dataset", "waves", "--steps", "2", "--batch-size", "8", "--device", "cpu")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "waves.py"
    path.write_text(FILE + DECLARED)
    return path


def test_a_model_of_a_new_type_is_trained_and_sampled(file: Path, tmp_path: Path) -> None:
    run, plugin = tmp_path / "run", ("--plugin", str(file))
    for budget in ("1024", "0"):
        out = ("--out", str(run / budget), "--data-budget", budget)
        assert ganzoo(*TRAIN, *plugin, *out).status == 0
    sampled = ganzoo("sample", str(run / "0"), *plugin, "--count", "3", "--out", str(tmp_path / "made.npz"))
    assert sampled.status == 0, sampled.err
    answer = ganzoo("sample", str(run / "0"), "--count", "3", "--out", str(tmp_path / "other.npz"))
    assert answer.status == 2
    assert "no type of field is called 'signal'" in answer.err
    assert "Is a plugin missing?" in answer.err


def test_a_type_that_is_not_declared_is_refused(file: Path, tmp_path: Path) -> None:
    file.write_text(FILE, encoding="utf-8")
    answer = ganzoo(*TRAIN, "--plugin", str(file), "--out", str(tmp_path / "run"))
    assert answer.status == 2
    assert "the type of field 'signal', which its plugin must declare in ganzoo_field_types" in answer.err


@pytest.mark.parametrize(
    ("declared", "sentence"),
    [
        ('FieldType("image", (), "{sizes} images", Signals)', "field type 'image' is one of ganzoo's own"),
        ('FieldType("a", (), "{size} as", Signals)', "may contain {sizes} and {classes}, and no other braces"),
        ('FieldType("a", ("L",), "as", Signals, classes=True)', "has classes, and so its examples have no sizes"),
        ('FieldType("a", 3, "as", Signals)', "are letters in a tuple, not 3"),
        ('FieldType("a", (), "as", "nowhere")', "does not have the form 'package.module:Class'"),
    ],
)
def test_a_faulty_declaration_is_refused(declared: str, sentence: str, file: Path) -> None:
    file.write_text(FILE + DECLARED.replace("SIGNAL", declared), encoding="utf-8")
    with pytest.raises(UserError) as refusal, plugins_from([file]):
        pass
    assert sentence in str(refusal.value)


def test_what_handles_the_values_must_be_derived_from_field_values() -> None:
    with pytest.raises(UserError, match="must be a class derived from FieldValues"):
        values_of(Field(FieldType("odd", (), "odd things", "builtins:int")))
    with pytest.raises(UserError, match="nowhere:Values cannot be loaded"):
        values_of(Field(FieldType("odd", (), "odd things", "nowhere:Values")))


def test_a_spec_with_a_type_of_a_plugin_is_sent_to_workers() -> None:
    spec = DataSpec({"x": Field(FieldType("pair", ("F",), "pairs", "my_pairs:Pairs"), (2,))}, target="x")
    assert pickle.loads(pickle.dumps(spec)) == spec
    types = {**installed().field_types, "pair": spec.fields["x"].type}
    assert DataSpec.from_json(spec.to_json(), types) == spec


@pytest.mark.parametrize("name", installed().field_types)
def test_every_type_has_values_of_its_shape(name: str) -> None:
    kind = installed().field_types[name]
    if kind.name == "joined":
        return  # tests/fields/test_joined.py
    field = Field(kind, (4,) * len(kind.sizes), classes=3 if kind.classes else 0)
    values = values_of(field)
    assert isinstance(values, FieldValues)
    trial = values.trial(5, FreshDraws(torch.Generator().manual_seed(0), "cpu"))
    assert trial.shape == (5, *field.shape)
    assert torch.equal(values.unpack(trial.reshape(5, -1).float()), trial)
    assert values.tiled == ("H" in kind.sizes)
    assert values.draw(trial, 5).width > 0
