"""What every first-party dataset promises and delivers."""

from __future__ import annotations

import pickle
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from ganzoo.batches.fingerprint import fingerprint_of
from ganzoo.batches.reading import check_fields
from ganzoo.catalogue import Component
from ganzoo.catalogue.options import make, options_of
from ganzoo.contract.dataset import Dataset
from ganzoo.testing.stand_ins import resolve_target
from ganzoo_datasets import ganzoo_components

COMPONENTS = {component.name: component for component in ganzoo_components()}


def settings_of(component: Component) -> list[dict[str, Any]]:
    """The defaults, and each word or limit of each option on its own, but never more than a few thousand examples."""
    options = options_of(component.config)
    small = {"count": 200} if "count" in {item.name for item in options} else {}
    found: list[dict[str, Any]] = [small]
    for item in options:
        if item.name != "count":
            values = [*item.choices, *(limit for limit in (item.low, item.high) if limit is not None)]
            found += [{**small, item.name: value} for value in values]
    return found


CASES = [(name, values) for name, component in COMPONENTS.items() for values in settings_of(component)]


# What every dataset promises


@pytest.mark.parametrize("name", COMPONENTS)
def test_is_recognised_again_in_another_folder(name: str, roots: dict[str, Path], tmp_path: Path) -> None:
    component = COMPONENTS[name]
    config = make(component.config, settings_of(component)[0], name)
    elsewhere = shutil.copytree(roots[name], tmp_path / "elsewhere")
    first, again = (
        fingerprint_of(resolve_target(component.target)(config, root), name) for root in (roots[name], elsewhere)
    )
    assert first == again
    assert first.marked > 0


@pytest.mark.parametrize(("name", "values"), CASES, ids=[f"{name}-{values}" for name, values in CASES])
def test_delivers_what_its_spec_promises(name: str, values: dict[str, Any], roots: dict[str, Path]) -> None:
    component = COMPONENTS[name]
    config = make(component.config, values, name)
    spec = config.spec(roots[name])
    dataset = resolve_target(component.target)(config, roots[name])
    assert isinstance(dataset, Dataset)
    assert len(dataset) > 0
    indices = torch.randperm(len(dataset), generator=torch.Generator().manual_seed(1))[:50]
    fields = dataset.read(indices)
    check_fields(fields, spec, len(next(iter(fields.values()))), name)
    for key, field in spec.fields.items():
        assert fields[key].shape == (len(indices), *field.shape)
        assert fields[key].device.type == "cpu"
        if field.kind == "image":
            assert fields[key].max() > 100
            assert fields[key].float().std() > 10
        if field.kind == "tokens":
            assert fields[key].min() >= 0
            assert fields[key].max() < len(field.names)
    twin = pickle.loads(pickle.dumps(resolve_target(component.target)(config, roots[name]))).read(indices)
    assert all(torch.equal(fields[key], twin[key]) for key in fields)
    one = dataset.read(indices[7:8])
    assert all(torch.equal(fields[key][7:8], one[key]) for key in fields)
    assert all(len(values) == 0 for values in dataset.read(indices[:0]).values())


@pytest.mark.parametrize("name", COMPONENTS)
def test_declaration_is_sound(name: str) -> None:
    component = COMPONENTS[name]
    assert not list(component.faults())
    assert issubclass(resolve_target(component.target), Dataset)
    assert all(item.help for item in options_of(component.config))


def test_declaring_and_specifying_imports_nothing_heavy(roots: dict[str, Path]) -> None:
    code = (
        "import sys, pathlib, ganzoo_datasets\n"
        f"roots = { {name: str(root) for name, root in roots.items()} }\n"
        "for component in ganzoo_datasets.ganzoo_components():\n"
        "    if component.name != 'huggingface':\n"  # its own library reads the columns of the data
        "        component.config().spec(pathlib.Path(roots[component.name]))\n"
        "print(*sorted({'torch', 'torchvision', 'numpy', 'sklearn', 'PIL', 'filelock'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_reading_never_unpickles(roots: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("unpickled")

    for function in ("load", "loads", "Unpickler"):
        monkeypatch.setattr(pickle, function, refuse)
    for name, component in COMPONENTS.items():
        resolve_target(component.target)(component.config(), roots[name]).read(torch.arange(3))


class Reader(torch.utils.data.Dataset[dict[str, torch.Tensor]]):
    def __init__(self, dataset: Dataset):
        self.dataset = dataset

    def __getitem__(self, indices: torch.Tensor) -> dict[str, torch.Tensor]:
        return self.dataset.read(indices)


@pytest.mark.parametrize("name", COMPONENTS)
def test_reads_the_same_in_worker_processes(name: str, roots: dict[str, Path]) -> None:
    dataset = resolve_target(COMPONENTS[name].target)(COMPONENTS[name].config(), roots[name])
    batches = [torch.tensor([5, 3, 5]), torch.tensor([0])]
    loader = torch.utils.data.DataLoader(Reader(dataset), sampler=batches, batch_size=None, num_workers=1)
    for indices, fields in zip(batches, loader, strict=True):
        expected = dataset.read(indices)
        assert all(torch.equal(fields[field], expected[field]) for field in expected)
