"""The benchmarks measure what they say, and the page says what they measured; how fast anything is, is not tested."""

from __future__ import annotations

import io
import itertools
import json
import math
import sys
import zipfile
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import click
import pytest
import torch
from click.testing import CliRunner
from PIL import Image
from torch import nn

import ganzoo
from ganzoo.catalogue import installed, select
from ganzoo.errors import UserError
from ganzoo.layers import Dropout
from ganzoo.studio.machine import Machine

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "benchmarks"))

import augmentation  # noqa: E402
import cifar  # noqa: E402
import common  # noqa: E402
import conditioners  # noqa: E402
import conditioning  # noqa: E402
import fine_tuning  # noqa: E402
import gpu  # noqa: E402
import memory  # noqa: E402
import one_training  # noqa: E402
import page  # noqa: E402
import precision  # noqa: E402
import published  # noqa: E402
import quality_tables  # noqa: E402
import scaling  # noqa: E402
import screening  # noqa: E402
import tables  # noqa: E402
import trainer_overhead  # noqa: E402
import trust  # noqa: E402
import tutorial  # noqa: E402
from training import Training, choose  # noqa: E402

SMALL = {
    "cgan": {"generator_widths": (16, 32), "discriminator_widths": (32, 32), "batch_size": 16},
    "dcgan": {"generator_width": 4, "discriminator_width": 4, "batch_size": 16},
    "cgan-conv": {"batch_size": 8},
}
JUDGE = {"width": 2, "features": 8, "epochs": 1, "least_steps": 5}
QUICK_JUDGE = {"judge": "cnn"} | {f"judge_{name}": value for name, value in JUDGE.items()}
SAMPLES = 60
MACHINE = {"processor": "Some Processor", "cores": 2, "threads": 2, "torch": "2.15.0+cpu", "device": "cpu"}


# The tutorial's loops


@pytest.mark.parametrize("variant", list(tutorial.LOOPS))
def test_a_tutorials_loop_trains(variant: str, stand_in_root: Callable[[str], Path]) -> None:
    pytest.importorskip("torchvision", reason="the tutorial's loops read images with torchvision")
    make, flags = tutorial.LOOPS[variant]
    loop = make(choose(variant, **flags, **SMALL[variant], data_root=stand_in_root("mnist")))
    before = [
        parameter.detach().clone() for parameter in (*loop.generator.parameters(), *loop.discriminator.parameters())
    ]
    losses = [loop.step() for _ in range(12)]
    after = [*loop.generator.parameters(), *loop.discriminator.parameters()]
    assert all(math.isfinite(value) for step in losses for value in step.values())
    assert losses[-1]["D loss"] < losses[0]["D loss"]
    assert all(not torch.equal(one, other) for one, other in zip(before, after, strict=True))


def test_the_benchmark_of_a_gpu_is_rehearsed_on_the_cpu(tmp_path: Path) -> None:
    out = tmp_path / "gpu.json"
    words = ("--device", "cpu", "--out", str(out), "--only", "eager: gan-minimal$|one process|too large")
    shown = CliRunner().invoke(gpu.main, words, prog_name="benchmarks/gpu.py")
    assert shown.exit_code == 0, shown.output
    found = json.loads(out.read_text(encoding="utf-8"))
    assert [row["state"] for row in found["results"]] == ["passed"] * 3
    assert found["results"][0]["found"] == {"difference": 0.0, "recordings": 1, "warnings": []}
    assert "3 of 3 checks passed" in "\n".join(page.page([found]).splitlines())


def test_a_check_of_a_gpu_that_fails_ends_no_other() -> None:
    row = gpu.done("failing", lambda: {"never": 1 / 0})
    assert (row["state"], row["problem"]) == ("failed", "ZeroDivisionError: division by zero")


def test_a_tutorial_has_torchs_dropout() -> None:
    network = tutorial.with_usual_dropout(nn.Sequential(nn.Linear(2, 2), nn.Sequential(Dropout(0.4))))
    (layer,) = (layer for layer in network.modules() if "Dropout" in type(layer).__name__)
    assert isinstance(layer, nn.Dropout)
    assert layer.p == 0.4


def test_without_torchvision_one_sentence_says_so(
    monkeypatch: pytest.MonkeyPatch, stand_in_root: Callable[[str], Path]
) -> None:
    monkeypatch.setitem(sys.modules, "torchvision", None)
    shown = CliRunner().invoke(tutorial.main, ["--data-root", str(stand_in_root("mnist"))])
    assert shown.exit_code == 1
    assert shown.output.strip().splitlines() == [
        "Error: the tutorial's loop needs torchvision, which is not installed: pip install 'ganzoo[benchmarks]'"
    ]


# What is compared is the same


@pytest.mark.parametrize("variant", ["gan-minimal", "cgan"])
def test_the_bare_loop_makes_the_training_that_the_trainer_makes(variant: str) -> None:
    selection = choose(variant, dataset="digits", batch_size=8, execution="eager")
    bare, training = trainer_overhead.BareLoop(selection), Training(selection)
    bare.turn(2)
    training.turn(2)
    train_step = training.trainer.train_step
    expected, found = train_step.recipe.state_dict(), bare.recipe.state_dict()
    assert all(torch.equal(values, found[name]) for name, values in expected.items())
    average = train_step.ema.networks["generator"].parameters()
    assert all(torch.equal(mine, theirs) for mine, theirs in zip(bare.averaged, average, strict=False))


def test_a_training_reports_as_usual(tmp_path: Path) -> None:
    training = Training(choose("gan-minimal", dataset="digits", batch_size=8), terminal=True)
    assert training.turn(50) > 0
    assert training.trainer.step == 51
    rows = training.folder.metrics.read_text(encoding="utf-8").splitlines()
    assert [json.loads(row)["step"] for row in rows] == [50]


def test_turns_are_taken_in_turns() -> None:
    taken: list[tuple[str, int]] = []

    def turn(name: str) -> common.Turn:
        def make(steps: int) -> float:
            taken.append((name, steps))
            return float(len(taken))

        return make

    found = common.interleaved({"a": turn("a"), "b": turn("b")}, {"a": 5, "b": 7}, rounds=2)
    assert taken == [("a", 5), ("b", 5), ("a", 5), ("b", 7), ("b", 7), ("a", 5)]
    assert found == {"a": [3.0, 6.0], "b": [4.0, 5.0]}
    assert common.ratios(found, "a", "b") == [0.75, 1.2]


# Rules


def test_the_knee_is_the_first_batch_that_is_not_worth_doubling() -> None:
    batches = [16, 32, 64, 128]
    assert scaling.knee(batches, [100, 200, 390, 500]) == 64
    assert scaling.knee(batches, [100, 120, 240, 480]) == 16
    assert scaling.knee(batches, [100, 131, 172, 226]) is None


def test_a_slope_is_that_of_the_second_half() -> None:
    grown = [memory.Sample(step, 400 if step < 500 else step / 100, 5, 1) for step in range(0, 1000, 10)]
    assert memory.slope(grown) == pytest.approx(1000)
    assert memory.slope([memory.Sample(step, 400, 5, 1) for step in range(10)]) == 0


def test_the_last_step_of_metrics_may_be_cut_off(tmp_path: Path) -> None:
    metrics = tmp_path / "metrics.jsonl"
    assert memory.last_step(metrics) == 0
    metrics.write_text('{"step": 50}\n{"step": 100}\n{"ste')
    assert memory.last_step(metrics) == 100


# How good models are


@pytest.fixture
def measured_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that need not be measured."""
    monkeypatch.setattr(common, "measure_machine", lambda device: Machine(**MACHINE, matrix_rates={}, copy_rate=0.0))


def measured(command: click.Command, name: str, out: Path, *words: str) -> list[dict[str, Any]]:
    """The results of a benchmark."""
    shown = CliRunner().invoke(command, [*words, "--out", str(out)], prog_name=f"benchmarks/{name}.py")
    assert shown.exit_code == 0, shown.output
    found: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    assert found["benchmark"] == name
    assert str(out.parent) not in found["command"]
    results: list[dict[str, Any]] = found["results"]
    return results


def test_the_defaults_are_held_against_the_published_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, measured_machine: None, stand_in_root: Callable[[str], Path]
) -> None:
    pytest.importorskip("torchvision", reason="the tutorial's loops read images with torchvision")
    options = {f"judge-{name.replace('_', '-')}": value for name, value in JUDGE.items()}
    monkeypatch.setattr(published, "JUDGES", [("cnn", options), ("cnn", {**options, "judge-features": 9})])
    monkeypatch.setattr(published, "SAMPLES", 100)
    monkeypatch.setattr(published, "EPOCHS", (5000, 10_000))
    monkeypatch.setattr(published, "TIMES", {"cgan": 5.0})
    words = ("--data-root", str(stand_in_root("mnist")), "--share", "0.0002", "--pictures", str(tmp_path))
    about, *rows = measured(published.main, "published", tmp_path / "found.json", *words)
    first, last, default = rows
    assert [row["contender"] for row in rows] == ["loop", "loop", "cgan"]
    assert (first["steps"], last["steps"]) == (4, 8)
    assert 0 < first["seconds"] < last["seconds"]
    assert default["command"] == f"ganzoo train cgan --dataset mnist --steps {default['steps']}"
    for row in rows:
        one, other = row["figures"]
        assert 0 <= one["accuracy"] <= 1 and one["FD"] > 0
        assert one["FD"] != other["FD"] and one["copies"] == other["copies"], "two judges, and what needs none"
        assert row["judges"][0]["name"] != row["judges"][1]["name"]
        assert {"accuracy", "FD"} <= row["judges"][0]["floors"].keys()
    assert sorted(path.name for path in tmp_path.glob("*.png")) == ["published-cgan.png", "published-loop.png"]
    monkeypatch.setattr(quality_tables, "PICTURES", tmp_path)
    shown = page.page([made("published", [about, *rows])])
    assert "![](pictures/published-cgan.png)" in shown
    assert "| the published loop, 10000 epochs |" in shown
    assert "\n\n\n" not in shown


def test_the_published_loop_is_trained_and_samples_as_it_is_evaluated(stand_in_root: Callable[[str], Path]) -> None:
    pytest.importorskip("torchvision", reason="the tutorial's loops read images with torchvision")
    found = published.Published(stand_in_root("mnist"), torch.device("cpu"))
    assert (found.output.shape, found.loop.loader.batch_size) == ((1, 28, 28), 64)
    assert found.selection.parts["generator-conditioner"].component.name == "concat"
    labels = torch.arange(20) % 10
    before = found.make(labels)
    assert torch.equal(before.values, found.make(labels).values)
    assert before.labels is not None and torch.equal(before.labels, labels)
    assert found.train(2) > 0
    assert not torch.equal(before.values, found.make(labels).values)
    assert found.loop.generator.training


def test_every_conditioner_that_fits_is_found(tmp_path: Path) -> None:
    chosen = {name: conditioners.VARIANTS[name] for name in ("cgan", "cgan-conv")}
    fit, unfit = conditioners.fitting(chosen, page.installed().of_package(page.OWN).names("conditioner"), tmp_path)
    places = {(case.variant, case.conditioner): case.place for case in fit}
    assert {"concat", "multiply"} <= {name for variant, name in places if variant == "cgan"}
    assert places["cgan-conv", "label-plane"] == "the discriminator"
    assert places["cgan-conv", "concat"] == "both networks"
    assert ("cgan", "label-plane") in {(case["variant"], case["conditioner"]) for case in unfit}
    assert "none" not in {name for _, name in places} | {case["conditioner"] for case in unfit}


def test_what_is_said_of_steps_and_variants_is_read() -> None:
    chosen = conditioners.read_variants("dcgan,cgan")
    assert list(chosen) == ["dcgan", "cgan"]
    assert conditioners.read_steps("cgan=7", chosen) == {"dcgan": chosen["dcgan"].steps, "cgan": 7}
    assert list(conditioners.read_variants("")) == list(conditioners.VARIANTS)
    for wrong in ("cgan", "cgan=0", "cgan=x", "unknown=7"):
        with pytest.raises(UserError, match="--steps"):
            conditioners.read_steps(wrong, chosen)
    with pytest.raises(UserError, match="--variants knows cgan"):
        conditioners.read_variants("cgan,nothing")


def test_the_first_time_that_a_score_is_reached_is_found() -> None:
    rows = [
        {"seconds": seconds, "scores": {"accuracy[a]": score} if score else {}}
        for seconds, score in ((1.0, 0.5), (2.0, None), (3.0, 0.95), (4.0, 0.9), (5.0, 0.99))
    ]
    rows.insert(0, {"diagnosis": "few-pictures"})  # a row of another kind
    assert one_training.first_reached(rows, 0.95) == 3.0
    assert one_training.first_reached(rows, 0.999) is None


def quick_conditioners(monkeypatch: pytest.MonkeyPatch) -> None:
    """One conditioner, judged by a classifier that learns next to nothing."""
    case = conditioners.Case("cgan", "concat", "both networks", {**conditioners.DATA, "conditioner": "concat"})
    unfit = {"variant": "cgan", "conditioner": "label-plane", "problem": "it needs an image"}
    monkeypatch.setattr(conditioners, "fitting", lambda *given: ([case], [unfit]))
    monkeypatch.setattr(conditioners, "WATCHED", {"judge": "plain", "metric": "kernel", "evaluate_samples": 20})
    monkeypatch.setattr(conditioners, "JUDGED", {**conditioners.JUDGED, **QUICK_JUDGE, "samples": SAMPLES})
    monkeypatch.setattr(conditioners, "WANTED", -1e9)  # of any distance at all


def test_a_conditioner_is_tried_in_a_process_with_one_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, measured_machine: None, stand_in_root: Callable[[str], Path]
) -> None:
    quick_conditioners(monkeypatch)
    words = (
        "--data-root",
        str(stand_in_root("mnist")),
        "--pictures",
        str(tmp_path),
        "--seeds",
        "1",
        "--steps",
        "cgan=4",
    )
    about, row = measured(conditioners.main, "conditioners", tmp_path / "found.json", *words)
    assert (row["variant"], row["conditioner"], row["seed"], row["steps"]) == ("cgan", "concat", 0, 4)
    assert row["threads"] == about["jobs"] == 1
    assert row["reached"] > 0 and row["steps_per_second"] > 0
    assert set(quality_tables.JUDGED) <= row["figures"].keys()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["conditioner-cgan-concat.png", "found.json"]


def test_a_linear_reader_reads_what_is_there() -> None:
    labels = torch.arange(400) % conditioning.CLASSES
    plain = torch.randn(400, 12, generator=torch.Generator().manual_seed(0))
    assert conditioning.readable(plain, labels) < 0.25
    assert conditioning.within(plain, labels) > 0.9
    shifted = plain + 20 * torch.nn.functional.one_hot(labels, 12)
    assert conditioning.readable(shifted, labels) == 1.0
    assert conditioning.within(shifted, labels) < 0.1


def test_a_mean_of_the_noise_makes_a_multiplied_label_readable() -> None:
    labels = torch.arange(2000) % conditioning.CLASSES
    case = conditioning.Case("multiply", {}, (conditioning.NOISE,))
    found = [
        conditioning.measured(case, conditioning.noise(bounds, 2000, torch.Generator().manual_seed(0)), labels)
        for bounds in ((-1.0, 1.0), (-1.0, 1.5), (-1.0, 3.0))
    ]
    assert found[0]["label"] < 0.4 < 0.7 < found[1]["label"] <= found[2]["label"]
    assert found[0]["noise"] > found[1]["noise"] > 0.8 > found[2]["noise"]


def test_a_setting_is_tried_and_a_failure_is_a_row(
    monkeypatch: pytest.MonkeyPatch, stand_in_root: Callable[[str], Path]
) -> None:
    monkeypatch.setattr(screening, "METRICS", ["kernel"])
    monkeypatch.setattr(screening, "SAMPLES", SAMPLES)
    root, options = stand_in_root("mnist"), {**SMALL["cgan"], "steps": 2, "recipe_mismatched": 0.1}
    monkeypatch.setattr(screening.ganzoo, "evaluate", partial(ganzoo.evaluate, judge="plain"))
    row = screening.train_and_judge({"name": "a", "variant": "cgan", "options": options}, root, "cpu")
    assert row.get("problem") is None and "KD" in row["figures"]
    row = screening.train_and_judge({"name": "b", "variant": "cgan", "options": {"los": "bce"}}, root, "cpu")
    assert "los" in row["problem"] and "figures" not in row


def test_a_measurement_that_was_cut_off_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, measured_machine: None
) -> None:
    quick_conditioners(monkeypatch)
    done: list[int] = []
    broken = {1}

    def alone(job: one_training.Job, data_root: Path, picture: Path | None) -> dict[str, Any]:
        seed = job.training["seed"]
        if seed in broken:
            raise click.ClickException("cut off")
        done.append(seed)
        judge = {"name": "cnn:1", "accuracy": 0.99, "floors": {"accuracy": 0.99, "FD": 0.5}}
        figures = {"accuracy": 0.9 + seed / 100, "FD": 10.0 + seed, "CAS": 0.5, "recall": 0.2, "coverage": 0.25}
        return {"threads": 1, "steps_per_second": 8.0, "reached": 3.0, "figures": figures, "judge": judge}

    monkeypatch.setattr(conditioners, "alone", alone)
    out, partial = tmp_path / "found.json", tmp_path / "found.json.partial.jsonl"
    shown = CliRunner().invoke(conditioners.main, ["--out", str(out)], prog_name="benchmarks/conditioners.py")
    assert shown.exit_code == 1 and "cut off" in shown.output
    assert not out.exists()
    assert 0 in done and 1 not in done
    with partial.open("a", encoding="utf-8") as file:
        file.write('{"variant": "cg')  # as a process leaves it that is killed
    before = list(done)
    broken.clear()
    about, *rows = measured(conditioners.main, "conditioners", out)
    assert sorted(done) == [0, 1, 2] and done[: len(before)] == before, "nothing is done twice"
    assert sorted(row["seed"] for row in rows) == [0, 1, 2]
    assert not partial.exists()
    shown_page = page.page([made("conditioners", [about, *rows])])
    values = "91.0% ± 1.0% | 11.0 ± 1.00 | 50.0% ± 0.0% | 20.0% ± 0.0% | 25.0% ± 0.0% | 3 s ± 0 s"
    assert f"| concat | both networks | {values} |" in shown_page
    assert "| label-plane | nothing: it does not fit |  |  |  |  |  |  |  |" in shown_page
    assert "| real images |  | 99.0% | 0.500 |  |  |  |  |  |" in shown_page


def archive(path: Path, each: int) -> Path:
    """An archive of two classes of small images, as that of CIFAR-10 has ten."""
    with zipfile.ZipFile(path, "w") as images:
        images.writestr("train/", b"")
        for kind, name in itertools.product(("cat", "dog"), range(each)):
            content = io.BytesIO()
            Image.new("RGB", (32, 32), (10 * name, 90, 200 if kind == "cat" else 0)).save(content, "PNG")
            images.writestr(f"train/{kind}/{name:04}.png", content.getvalue())
    return path


def test_a_tenth_of_every_class_is_held_out(tmp_path: Path) -> None:
    assert cifar.unpack(archive(tmp_path / "c.zip", 20), tmp_path / "images") == {"test": 4, "train": 36}
    found = sorted(str(path.relative_to(tmp_path / "images")) for path in (tmp_path / "images" / "test").rglob("*.png"))
    assert found == ["test/cat/0000.png", "test/cat/0010.png", "test/dog/0000.png", "test/dog/0010.png"]


def test_the_time_of_a_record_is_what_is_left_after_the_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[tuple[str, ...]] = []
    monkeypatch.setattr(cifar, "command", lambda *words: given.append(words))
    taken = cifar.record(archive(tmp_path / "c.zip", 10), 2.0, None, "cpu", tmp_path)
    train, sample = given
    asked = float(train[train.index("--time") + 1].removesuffix("s"))
    assert 120 - cifar.SAMPLING - taken["unpacked"] == pytest.approx(asked, abs=1)
    assert (train[0], sample[0]) == ("train", "sample")
    assert taken["unpacked"] <= taken["trained"] <= taken["seconds"]
    flags = (word.removeprefix("--") for word in cifar.TRAINING[1::2])
    assert select(installed(), train[1], dict(zip(flags, cifar.TRAINING[2::2], strict=True))).variant == "sngan"


@pytest.mark.long
def test_a_record_is_rehearsed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, measured_machine: None) -> None:
    small = ("--generator-widths", "4,4,4", "--discriminator-widths", "4,4,4,4", "--batch-size", "4")
    monkeypatch.setattr(cifar, "TRAINING", (*cifar.TRAINING, *small))
    monkeypatch.setattr(cifar, "JUDGED", {**QUICK_JUDGE, "metrics": ["frechet", "accuracy"]})
    given = archive(tmp_path / "c.zip", 100)
    words = (str(given), "--steps", "2", "--samples", "40", "--pictures", str(tmp_path / "pictures"))
    (row,) = measured(cifar.main, "cifar", tmp_path / "found.json", *words)
    assert row["images"] == {"test": 20, "train": 180}
    assert row["held_out"] == 20 and row["figures"]["FD"] > 0
    assert [path.name for path in (tmp_path / "pictures").iterdir()] == ["cifar-8-minutes.png"]
    assert "| 8 minutes |" in page.page([made("cifar", [row])])


def test_augmentations_are_tried_with_few_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, measured_machine: None, stand_in_root: Callable[[str], Path]
) -> None:
    monkeypatch.setattr(augmentation, "alone", one_training.train_and_judge)
    monkeypatch.setattr(augmentation, "AUGMENTATIONS", {"ada": {"augmentation_kimg": 20}})
    monkeypatch.setattr(augmentation, "JUDGED", {**augmentation.JUDGED, **QUICK_JUDGE, "samples": SAMPLES})
    words = ("--data-root", str(stand_in_root("mnist")), "--seeds", "1", "--steps", "2", "--count", "100")
    about, row = measured(augmentation.main, "augmentation", tmp_path / "found.json", *words)
    assert (about["count"], about["steps"], about["samples"]) == (100, 2, SAMPLES)
    assert (row["augmentation"], row["options"], row["seed"]) == ("ada", {"augmentation_kimg": 20}, 0)
    assert row["figures"]["FD"] > 0 and row["steps_per_second"] > 0
    assert [path.name for path in tmp_path.iterdir()] == ["found.json"]


def test_every_row_about_augmentations_is_kept_and_a_loser_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, measured_machine: None
) -> None:
    distances = {"none": (10.0, 12.0), "diffaugment": (5.0, 6.0), "ada": (6.0, 12.5)}
    done: list[tuple[str, int]] = []

    def alone(job: one_training.Job, data_root: Path, picture: Path | None) -> dict[str, Any]:
        name, seed = job.training["augmentation"], job.training["seed"]
        if len(done) == 4:
            raise click.ClickException("cut off")
        done.append((name, seed))
        judge = {"name": "cnn:1", "floors": {"FD": 0.5, "recall": 0.9}}
        return {"steps_per_second": 8.0, "figures": {"FD": distances[name][seed], "recall": 0.2}, "judge": judge}

    monkeypatch.setattr(augmentation, "alone", alone)
    out = tmp_path / "found.json"
    words = ["--out", str(out), "--seeds", "2"]
    shown = CliRunner().invoke(augmentation.main, words, prog_name="benchmarks/augmentation.py")
    assert shown.exit_code == 1 and "cut off" in shown.output
    kept = json.loads(out.read_text(encoding="utf-8"))["results"]
    assert [row["augmentation"] for row in kept[1:]] == ["none", "diffaugment", "ada", "none"]
    before, done[:] = list(done), []
    about, *rows = measured(augmentation.main, "augmentation", out, "--seeds", "2")
    assert not {*before} & {*done} and len(before + done) == len(rows) == 6, "nothing is done twice"
    shown_page = page.page([made("augmentation", [about, *rows])])
    assert "| `diffaugment` |  | 5.50 ± 0.707 | 20.0% ± 0.0% | 5.00, 6.00 | 8.00 ± 0.00 |" in shown_page
    assert "| `ada` | --augmentation-kimg 20 |" in shown_page
    assert "| real images |  | 0.500 | 90.0% |  |  |" in shown_page
    assert "Missed: `ada` is not below `none` with every seed." in shown_page


def test_rows_of_another_measurement_are_not_taken(tmp_path: Path) -> None:
    case = conditioners.Case("cgan", "concat", "both networks", {})
    job, other = (conditioners.job_of(case, steps, 0) for steps in (100, 200))
    table = conditioners.Table(tmp_path / "found.json")
    table.add({"job": asdict(job)})
    again = conditioners.Table(tmp_path / "found.json")
    assert again.known(job) == {"job": asdict(job)}
    assert again.known(other) is None
    assert (job.training["evaluate_every"], other.training["evaluate_every"]) == (10, 20)


def test_precisions_are_compared_by_the_usual_judge(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, measured_machine: None, stand_in_root: Callable[[str], Path]
) -> None:
    monkeypatch.setattr(precision, "CASES", {"cgan": 5000})
    monkeypatch.setattr(precision, "PRECISIONS", ("fp32",))
    monkeypatch.setattr(precision, "SAMPLES", SAMPLES)
    evaluate = ganzoo.evaluate
    monkeypatch.setattr(
        ganzoo, "evaluate", lambda *given, **options: evaluate(*given, **options, **QUICK_JUDGE), raising=False
    )
    words = ("--data-root", str(stand_in_root("mnist")), "--steps", "2", "--seeds", "2")
    judge, row = measured(precision.main, "precision", tmp_path / "found.json", *words)
    assert judge["samples"] == SAMPLES and 0 <= judge["judge"] <= 1 and judge["floor"] > 0
    assert (row["variant"], row["precision"], row["steps"]) == ("cgan", "fp32", 2)
    assert len(row["accuracy"]) == len(row["distance"]) == 2
    assert "| `cgan`, 2 steps | fp32 |" in page.page([made("precision", [judge, row])])


# The page


def made(benchmark: str, results: list[dict[str, Any]]) -> dict[str, Any]:
    command = f"python benchmarks/{benchmark}.py"
    return {"benchmark": benchmark, "command": command, "machine": MACHINE, "results": results}


def test_what_is_missing_is_said_to_be() -> None:
    empty = page.page([])
    assert empty.count(f": {tables.MISSING}.") == len(page.SECTIONS)
    assert f"| `cgan` | CPU | {tables.MISSING} |" in empty
    assert f"| `cgan` | GPU | {tables.MISSING} |" in empty


def test_what_was_measured_is_shown_with_its_machine_and_targets() -> None:
    contender = {"name": "auto", "manner": "bf16, eager", "seconds": 0.01, "times": [1.9, 2.0, 2.1], "target": 2.4}
    case = {"training": "cgan", "size": 28, "batch": 64, "seconds": 0.02, "contenders": [contender]}
    shown = page.page([made("against_tutorial", [case])])
    assert "Some Processor, 2 cores, 2 threads, torch 2.15.0; `python benchmarks/against_tutorial.py`" in shown
    assert "| 10 ms | 2.00× (1.95× to 2.05×) | 2.40×: **missed** |" in shown
    assert "Missed: `cgan` with auto (bf16, eager) is 2.00× as fast, not 2.40×." in shown
    contender["target"] = 2.0
    assert "Missed" not in page.page([made("against_tutorial", [case])])


def test_the_knee_is_explained() -> None:
    rows = [
        {"choice": str(batch), "batch": batch, "parameters": 1, "manner": "fp32, eager", "seconds": seconds}
        for batch, seconds in ((16, 0.01), (32, 0.011), (64, 0.013), (128, 0.026))
    ]
    series = {"training": "cgan", "against": "batch", "rows": rows, "knee": 64, "gain": 1.3}
    shown = page.page([made("scaling", [series])])
    assert "is 64." in shown
    assert "| 128 | 26 ms | 38.5 | 4,923 |" in shown
    assert "There is no knee" in page.page([made("scaling", [{**series, "knee": None}])])


def test_a_measured_variant_takes_the_place_of_the_missing_row(tmp_path: Path) -> None:
    machine = {**MACHINE, "device": "Some GPU", "matrix_rates": {"bf16": 1e14}, "copy_rate": 1e12}
    row = {
        "variant": "cgan",
        "data": {"dataset": "digits"},
        "batch_size": 64,
        "precision": "bf16",
        "execution": "graph",
        "steps_per_second": 1000.0,
        "images_per_second": 64000.0,
        "split": {"data": 1.0, "generator": 3.0},
        "split_execution": "eager",
        "cost": {"flops": 1e9, "bytes": 1e8},
        "peak_memory": 2e9,
        "matrix_share": 0.01,
        "memory_share": 0.1,
    }
    (tmp_path / "gpu.json").write_text(json.dumps({"machine": machine, "results": [row]}))
    shown = page.page(page.read(tmp_path))
    assert "- GPU: Some GPU, Some Processor" in shown
    assert "| `cgan` | GPU | digits, batch 64, bf16, graph | 1,000.0 | 64,000 |" in shown
    assert f"| `cgan` | CPU | {tables.MISSING} |" in shown
    assert "| `cgan` | GPU | eager | data 25%, generator 75% |" in shown


MEASURED: dict[str, tuple[list[dict[str, Any]], str]] = {
    "tutorial": (
        [{"training": "cgan", "size": 28, "batch": 64, "step": 0.04, "reading": 0.004}],
        "| `cgan` 28×28, batch 64 | 40 ms | 4 ms | 10.0% |",
    ),
    "precision": (
        [
            {"judge": 0.99, "floor": 0.25, "samples": 10000},
            {
                "variant": "cgan",
                "precision": "bf16",
                "steps": 5000,
                "accuracy": [0.95, 0.96],
                "distance": [20.0, 21.0],
                "steps_per_second": 60.0,
            },
        ],
        "| `cgan`, 5,000 steps | bf16 | 95.0%, 96.0% | 20.0, 21.0 | 60 |",
    ),
    "trainer_overhead": (
        [
            {
                "training": "gan-minimal",
                "data": "digits",
                "batch": 64,
                "manner": "fp32, eager",
                "seconds": 0.004,
                "contenders": [{"name": "bar", "seconds": 0.0042, "extra": [0.05, -0.01, 0.07], "target": 0.03}],
            }
        ],
        "Missed: `gan-minimal` with live bar on a terminal takes 5.0% more than bare.",
    ),
    "memory": (
        [
            {
                "what": "stream",
                "budget": 31,
                "folders": [
                    {"images": 10, "decoded": 30.0, "memory": 400.0, "peak": 410.0},
                    {"images": 100, "decoded": 300.0, "memory": 535.0, "peak": 540.0},
                ],
                "extra": 0.5,
                "target": 0.1,
            },
            {
                "what": "long",
                "steps": 1000,
                "memory": [389.0, 389.4],
                "slope": 0.4,
                "descriptors": [5, 6],
                "threads": [3, 3],
                "target": 8.0,
            },
        ],
        "For 270 MiB more of images it holds 135 MiB more, 50.0% of them (at most 10.0%: **missed**).\n\n"
        "Missed: memory grows with a folder that is streamed.\n\n"
        "| second half of 1,000 steps | from | to |\n",
    ),
    "fine_tuning": (
        [
            {"images": 500},
            {
                "seed": 0,
                "compared": [{"steps": 100, "FD": 9.0, "reached": 50}, {"steps": 600, "FD": 3.0, "reached": 200}],
            },
            {"seed": 1, "compared": [{"steps": 600, "FD": 2.5, "reached": None}]},
        ],
        "| 0 | 600 | 3.0 | 200 |\n| 1 | 600 | 2.5 | - |\n\n"
        "Missed: seed 1: the distance after 600 steps, in a third of them.",
    ),
    "cifar": (
        [
            {
                "minutes": 8.0,
                "seconds": 470.2,
                "figures": {"FD": 12.345, "accuracy": 0.875},
                "judge": {"name": "cnn:1"},
                "held_out": 5000,
                "training": "sngan --dataset folder",
            }
        ],
        "| 8 minutes | 470 s | 12.35 | 87.5% |\n\nJudge: `cnn:1`, on 5,000 images that were held out.\n\n"
        "`ganzoo train sngan --dataset folder`\n",
    ),
    "busy": (
        [
            {"company": "alone", "manner": "as chosen", "load": 8.04, "speeds": [4.0]},
            {"company": "two", "manner": "as chosen", "load": 8.04, "speeds": [1.0, 2.0, 3.0]},
        ],
        "| alone | as chosen | 4.00 |\n| two | as chosen | 2.00 (1.50 to 2.50) |\n\n"
        "Others used the machine all the while, beside what is named here: its load was 8.0.",
    ),
    "startup": (
        [{"training": "cgan", "first step": 2.5, "import": 1.25, "optimizer": 2.25, "extra": 1.25, "target": 1.0}],
        "| command to first step of `cgan` | 2.50 s | at most 1 s more: **missed** |",
    ),
    "interface": (
        [
            {
                "count": 10,
                "first word": 0.25,
                "runs": 0.5,
                "model": 4,
                "import": 2,
                "extra": 2,
                "report": 11,
                "megabytes": 4,
            }
        ],
        "| `ganzoo report` of 10 runs | 11.00 s | at most 10 s: **missed** |\n"
        "| its size | 4.00 MB | at most 5 MB: reached |",
    ),
}


@pytest.mark.parametrize("benchmark", list(MEASURED))
def test_every_result_has_its_table(benchmark: str) -> None:
    results, expected = MEASURED[benchmark]
    shown = page.page([made(benchmark, results)])
    assert expected in shown
    assert "\n\n\n" not in shown


def test_the_same_distance_is_found_in_both_courses() -> None:
    new = [{"steps": 10, "FD": 9.0}, {"steps": 30, "FD": 4.0}]
    tuned = [{"steps": 10, "FD": 5.0}, {"steps": 30, "FD": 4.5}]
    found = fine_tuning.compared(new, tuned)
    assert [row["reached"] for row in found] == [10, None]


def test_trials_of_one_test_are_added_up() -> None:
    rows = [
        {"test": "tests/a.py::t[1]", "promise": "p", "kills": 3, "seconds": 1.5, "how": "x", "ends": {"ok": 1}},
        {
            "test": "tests/a.py::t[2]",
            "promise": "p",
            "kills": 4,
            "seconds": 0.5,
            "how": "y",
            "ends": {"ok": 2, "no": 1},
        },
        {"test": "tests/b.py::u", "promise": "q", "held": [3, 4], "file": "z"},
    ]
    together = {"trials": 2, "kills": 7, "seconds": 1.5, "ends": {"ok": 3, "no": 1}}
    assert trust.added_up(rows) == [{"test": "tests/a.py::t", "promise": "p", **together}, rows[2]]


def test_the_page_is_what_the_results_say() -> None:
    found = page.read()
    if not found:
        pytest.skip("nothing has been measured yet")
    assert page.PAGE.read_text(encoding="utf-8") == page.page(found), "run `python benchmarks/page.py`"


def test_a_result_tells_its_command_without_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "stream", lambda *given: {"memory": 1.0, "decoded": float(given[1])})
    monkeypatch.setattr(memory, "last_long", lambda *given: {})
    monkeypatch.setattr(common, "measure_machine", lambda device: Machine(**MACHINE, matrix_rates={}, copy_rate=0.0))
    out = tmp_path / "found.json"
    shown = CliRunner().invoke(memory.main, ["--steps", "7", "--out", str(out)], prog_name="benchmarks/memory.py")
    assert shown.exit_code == 0, shown.output
    assert json.loads(out.read_text())["command"] == "python benchmarks/memory.py --steps 7"
    assert str(tmp_path) not in out.read_text()
