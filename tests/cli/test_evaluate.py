"""`ganzoo evaluate`: documents, tables, comparisons, and invalid requests."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

import ganzoo
from ganzoo.catalogue import installed, select
from ganzoo.errors import UserError
from ganzoo.testing.command_lines import ganzoo as answer
from ganzoo.testing.command_lines import lacks
from ganzoo.testing.evaluations import QUICK
from ganzoo.testing.observers import StopAt
from ganzoo.training.run import train

DIGITS = 300  # examples to make of digits: more than a judge has features


def test_a_line_of_scores_keeps_the_name_of_the_judge(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flags = {"steps": 2, "batch_size": 8, "evaluate_every": 1, "evaluate_samples": 300, "judge": "plain"}
    ganzoo.train("cgan", out=tmp_path / "run", device="cpu", metric="frechet", **flags)
    assert "FD[digits-plain:" in capsys.readouterr().err


def test_a_damaged_best_model_is_told_of_when_a_run_goes_on(tmp_path: Path) -> None:
    chosen = select(installed(), "cgan", {**EVALUATED, "out": tmp_path / "run", "steps": 7, "checkpoint_every": 2})
    train(chosen, [StopAt(4)])
    (tmp_path / "run" / "best.safetensors").write_bytes(b"nothing")
    with pytest.raises(UserError, match=r"the best model so far, cannot be read .* move it away"):
        train(chosen, resume=True)


def test_evaluate_prints_one_document(trained_models: dict[str, Path]) -> None:
    flags = [word for name, value in QUICK.items() for word in (f"--{name}", str(value))]
    asked = ("--metric", "frechet", "--metric", "accuracy,kernel", "--samples", str(DIGITS), "--json")
    found = answer("evaluate", str(trained_models["cgan"]), *asked, *flags, "--kernel-subsets=3")
    assert found.status == 0
    about = json.loads(found.out)
    assert [figure["name"] for figure in about["figures"]] == ["FD", "accuracy", "KD"]
    assert about["samples"] == DIGITS and about["real"] == 1797 and about["judge"]["accuracy"] > 0.85
    label = about["figures"][0]["label"]
    assert label == f"FD[{about['judge']['name']}]"


def test_evaluate_says_in_a_table_what_real_examples_get(trained_models: dict[str, Path]) -> None:
    found = answer(
        "evaluate", str(trained_models["cgan"]), "--judge", "plain", "--metric", "frechet", "--samples", "400"
    )
    assert found.status == 0
    (line,) = found.out.splitlines()
    label, value, floor, better = line.split("\t")
    assert label.startswith("FD[digits-plain:") and float(value) > float(floor) > 0 and better == "lower"
    assert "400 samples compared with 1797 real examples of digits (all)" in found.err


def test_evaluate_describes_a_folder_and_compares_with_its_test_part(tmp_path: Path) -> None:
    for number in range(120):
        path = tmp_path / "photos" / ("train" if number < 60 else "test") / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (8, 8), 2 * number).save(path)
    (tmp_path / "photos" / "test" / "notes.txt").write_text("text", encoding="utf-8")
    data = {"dataset": "folder", "data_root": tmp_path / "photos", "dataset_size": 8, "dataset_channels": "grey"}
    run = {"steps": 1, "batch_size": 8, "checkpoint_every": 0, "progress": False, "device": "cpu"}
    ganzoo.train("gan", out=tmp_path / "run", **data, **run)
    asked = ("evaluate", str(tmp_path / "run"), "--judge", "plain", "--metric", "manifold", "--samples", "60")
    found = answer(*asked)
    assert found.status == 0, found
    assert not lacks(
        found.err,
        (
            "folder (train): 60 1×8×8 images\n  images of train, not of test; --dataset-split chooses\n",
            "folder (test): 60 1×8×8 images\n",
            "  left out: 1 that are no images (.txt 1)\n",
            "models are compared with the test part of dataset 'folder'; --dataset-split",
            "60 samples compared with 60 real examples of folder (test)",
        ),
    )
    chosen = answer(*asked, "--dataset-split", "train")
    assert "60 samples compared with 60 real examples of folder (all)" in chosen.err
    assert "folder: 60 1×8×8 images" in chosen.err and "the test part" not in chosen.err
    document = answer(*asked, "--json")
    assert json.loads(document.out)["split"] == "test"
    assert "images of" not in document.err


def test_evaluate_compares_with_what_it_printed_before(trained_models: dict[str, Path], tmp_path: Path) -> None:
    asked = ("--judge", "plain", "--metric", "frechet", "--samples")
    before = tmp_path / "before.json"
    before.write_text(answer("evaluate", str(trained_models["gan"]), *asked, "400", "--json").out)
    same = answer("evaluate", str(trained_models["cgan"]), *asked, "400", "--against", str(before))
    assert same.status == 0 and len(same.out.split("\t")) == 5
    other = answer("evaluate", str(trained_models["cgan"]), *asked, "500", "--against", str(before))
    assert (other.status, other.out) == (2, "") and "number of samples" in other.err


@pytest.mark.parametrize(
    ("model", "words", "said"),
    [
        ("gan", "--metric accuracy", "'accuracy' needs a model that generates a given class"),
        ("gan", "--metric frechett", "did you mean 'frechet'?"),
        ("gan", "--judge cn", "did you mean 'cnn'?"),
        ("gan", "--dataset digit", "did you mean 'digits'?"),
        ("gan", "--judge gaussians", "judge 'gaussians' needs points"),
        ("gan", "--metric frechet --judge-wdth 3", "did you mean '--judge-width'?"),
        ("gan", "--metric frechet --judge-width", "needs a value"),
        ("gan", "--metric frechet --judge-width x", "whole number"),
        (
            "gan",
            "--metric frechet --judge plain --samples 200",
            "is not meaningful with 200 samples: generate at least 257",
        ),
        ("gan", "--metric memorisation", "examples that no model trains on"),
        ("colour", "--dataset digits", "the model generates 3×16×16 images, and dataset 'digits' has 1×16×16 images"),
        ("cgan", "--dataset ring", "the model generates 1×16×16 images, and dataset 'ring' has points in 2 dimensions"),
        ("cgan", "--dataset mnist --data-root nowhere", "1×28×28 images: set --dataset-size"),
        ("cgan", "--dataset fashion-mnist --dataset-size 16", "has 10 classes (t-shirt, trouser, pullover, dress, …)"),
        (
            "cgan",
            "--judge plain --metric accuracy",
            "dataset 'digits' with judge 'plain' and this model does not",
        ),
        ("gan", "--against nothing.json --metric frechet", "nothing.json cannot be read"),
        ("gan", "--against /dev/zero --metric frechet", "it is not a regular file"),
        ("nothing", "", "does not exist"),
    ],
)
def test_what_cannot_be_evaluated_is_told_in_one_sentence(
    model: str, words: str, said: str, trained_models: dict[str, Path]
) -> None:
    found = answer("evaluate", str(trained_models.get(model, Path(model))), *words.split())
    assert (found.status, found.out) == (2, "")
    assert said in found.err
    *described, problem = found.err.strip().splitlines()
    assert problem.startswith("ganzoo: ")
    assert not any("ganzoo" in line for line in described)  # these say what the data is


# While training

EVALUATED = {"evaluate_every": 3, "evaluate_samples": 300, "metric": "frechet", "judge": "plain"}
