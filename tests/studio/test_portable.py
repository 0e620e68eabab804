"""Models for programs without ganzoo: they compute what ganzoo samples, for any number of examples."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

import ganzoo
from ganzoo.catalogue import installed
from ganzoo.contract.field_values import values_of
from ganzoo.errors import UserError
from ganzoo.randomness import ExampleDraws
from ganzoo.studio import portable
from ganzoo.studio.hub_folder import model_card, write_hub_folder
from ganzoo.studio.model import Model
from ganzoo.studio.noise import noise_of
from ganzoo.studio.portable import as_onnx, as_pt2
from ganzoo.testing.models import untrained
from ganzoo.testing.selections import each_case

HOW_TO = (Path(__file__).parents[2] / "docs" / "how-to.md").read_text(encoding="utf-8")
SHAPES = {"dataset": "shapes", "dataset_size": 16}
CASES: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    **{name: (name, {"dataset_size": 16}) for name in installed().names("variant")},
    "attributes": ("cgan", SHAPES | {"dataset_condition": "attributes"}),
    "joined": ("cgan", SHAPES | {"dataset_condition": "label+attributes"}),
    "captions": ("cgan", SHAPES | {"dataset_condition": "caption"}),
    "points": ("cgan", {"dataset": "ring", "dataset_size": None}),
    "uniform": ("gan", {"latent": "uniform"}),
}
COUNT = 5  # another number of examples than that with which a model is traced


def inputs_of(model: Model) -> tuple[torch.Tensor, ...]:
    """The noise and the conditions of the first examples of seed 3."""
    draws = ExampleDraws(0, "conditions", range(COUNT))
    conditions = values_of(model.condition).trial(COUNT, draws) if model.condition is not None else None
    noise = noise_of(model.recipe, COUNT, conditions, seed=3)
    return (*(drawn.values for drawn in noise.draws), *(() if conditions is None else (conditions,)))


def sampled(model: Model, inputs: tuple[torch.Tensor, ...]) -> torch.Tensor:
    return model.sample(COUNT, inputs[-1] if model.condition is not None else None, seed=3)


@pytest.mark.parametrize("case", each_case(CASES, "recipe"))
def test_a_program_of_torch_export_computes_the_samples(case: str, tmp_path: Path) -> None:
    variant, flags = CASES[case]
    model = untrained(tmp_path / "a.safetensors", variant, **flags)
    inputs = inputs_of(model)
    described = {"inputs.txt": ""}
    program = torch.export.load(io.BytesIO(as_pt2(model)), extra_files=described)
    made = program.module()(*inputs)
    assert torch.allclose(made, sampled(model, inputs), atol=1e-4)
    assert not [name for name in program.state_dict if "discriminator" in name]
    assert len(described["inputs.txt"].splitlines()) == len(inputs)


def test_the_model_itself_stays_whole(tmp_path: Path) -> None:
    model = untrained(tmp_path / "a.safetensors", "cgan")
    before = list(model.recipe.state_dict())
    as_pt2(model)
    assert list(model.recipe.state_dict()) == before


@pytest.mark.parametrize(
    "case", ["cgan", *(pytest.param(case, marks=pytest.mark.long) for case in CASES if case != "cgan")]
)
def test_onnxruntime_computes_the_samples(case: str, tmp_path: Path) -> None:
    for name in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(name, reason="ganzoo[onnx] is not installed")
    import onnxruntime

    variant, flags = CASES[case]
    model = untrained(tmp_path / "a.safetensors", variant, **flags)
    inputs = inputs_of(model)
    session = onnxruntime.InferenceSession(as_onnx(model), providers=["CPUExecutionProvider"])
    names = [one.name for one in session.get_inputs()]
    (made,) = session.run(None, {name: given.numpy() for name, given in zip(names, inputs, strict=True)})
    assert torch.allclose(torch.from_numpy(made), sampled(model, inputs), atol=1e-4)
    assert {one.shape[0] for one in (*session.get_inputs(), *session.get_outputs())} == {"batch"}
    assert set(names) <= set(session.get_modelmeta().custom_metadata_map)


def test_an_onnx_file_that_computes_something_else_is_refused(tmp_path: Path) -> None:
    class Wrong:
        def run(self, names: object, inputs: dict[str, Any]) -> list[Any]:
            return [made.function(*map(torch.from_numpy, inputs.values())).detach().numpy() + 0.01]

    made = portable.portable(untrained(tmp_path / "a.safetensors", "cgan"))
    with pytest.raises(UserError, match=r"something else than torch \(off by 0.01\)"):
        portable._compare(Wrong(), made)


def test_without_its_packages_onnx_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(UserError, match=r"pip install 'ganzoo\[onnx\]'"):
        as_onnx(untrained(tmp_path / "a.safetensors", "gan"))


def test_a_part_that_cannot_be_traced_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = untrained(tmp_path / "a.safetensors", "gan")
    sample = type(model.recipe).sample

    def reading(recipe: Any, request: Any) -> torch.Tensor:
        made = sample(recipe, request)
        return made if float(made.sum()) > 0 else -made

    monkeypatch.setattr(type(model.recipe), "sample", reading)
    with pytest.raises(UserError, match="cannot be exported"):
        as_pt2(model)


def test_the_snippet_of_the_docs_needs_no_ganzoo_and_computes_the_samples(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (snippet,) = re.findall(r"<!-- without ganzoo -->\n```python\n(.*?)^```", HOW_TO, re.DOTALL | re.MULTILINE)
    assert "ganzoo" not in snippet
    body = [line for line in snippet.splitlines() if line and not line.startswith(("import", "from"))]
    assert len(body) <= 12
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs" / "digits").mkdir(parents=True)
    model = untrained(tmp_path / "runs" / "digits" / "model.safetensors", "cgan", dataset_size=16)
    names: dict[str, Any] = {}
    exec(snippet, names)
    z, labels = inputs_of(model)
    made = names["generate"](z, labels).view(COUNT, 1, 16, 16)
    assert torch.allclose(made, sampled(model, (z, labels)), atol=1e-5)


# The folder for the hub


def test_the_library_of_the_hub_reads_the_folder_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    file = tmp_path / "a.safetensors"
    model = untrained(file, "cgan")
    write_hub_folder(tmp_path / "folder", model, file)
    card = hub.ModelCard.load(tmp_path / "folder" / "README.md")
    assert (card.data.library_name, card.data.tags[:2]) == ("ganzoo", ["gan", "cgan"])
    assert card.data.pipeline_tag == "unconditional-image-generation"
    weights = load_file(tmp_path / "folder" / "model.safetensors")
    assert all(torch.equal(value, weights[name]) for name, value in load_file(file).items())
    again = ganzoo.load(tmp_path / "folder")
    assert torch.equal(again.sample(3, 2), model.sample(3, 2))
    assert sorted(path.name for path in (tmp_path / "folder").iterdir()) == [
        *("README.md", "config.json", "model.safetensors", "samples.png"),
    ]


def test_what_a_file_says_stays_text_in_the_card(tmp_path: Path) -> None:
    model = untrained(tmp_path / "a.safetensors", "gan")
    odd = '"]\n---\nlicense: mit\n<script>|`'
    header = type(model.header)(**{**vars(model.header), "variant": odd, "trained": {"steps": 3, odd: odd}})
    card = model_card(Model(model.recipe, header))
    _, front, rest = card.split("---\n", 2)
    assert "license" not in [line.split(":")[0] for line in front.splitlines()]
    assert "<script>" not in rest.split("## Training")[1].split("\n| variant")[0]


def test_a_folder_that_is_not_empty_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "a.safetensors"
    model = untrained(file, "gan")
    (tmp_path / "folder").mkdir()
    write_hub_folder(tmp_path / "folder", model, file)  # an empty one is used
    before = {path.name: path.read_bytes() for path in (tmp_path / "folder").iterdir()}
    with pytest.raises(UserError, match="not empty"):
        write_hub_folder(tmp_path / "folder", model, file)
    assert {path.name: path.read_bytes() for path in (tmp_path / "folder").iterdir()} == before
