"""Batches, averages, the trainer's promises, model files and run folders."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import matplotlib
import numpy as np
import pytest
import torch
from forgery import about_of, changed, forged, halves, tree_of
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from torch import Tensor

import ganzoo
from ganzoo import pictures
from ganzoo.assembly.dry_run import assemble
from ganzoo.batches.batches import open_batches
from ganzoo.batches.order import BatchOrder
from ganzoo.catalogue import DataSpec, Field, Selection, installed, select
from ganzoo.cli import run as command
from ganzoo.contract.dataset import Dataset
from ganzoo.errors import TrainingFailed, UserError
from ganzoo.pictures import png
from ganzoo.step.ema import EMA
from ganzoo.step.precision import choose_precision
from ganzoo.step.processes import SingleProcess
from ganzoo.storage.files import write_whole
from ganzoo.training.observers import Observer
from ganzoo.training.run import Run, train
from ganzoo.training.setup import build_trainer
from ganzoo.training.trainer import Trainer

VARIANTS = installed().names("variant")
SPEC = DataSpec({"image": Field("image", (1, 2, 2)), "label": Field("class", classes=10)}, "image", "label")


class Numbered(Dataset):
    """Images whose pixels are their index."""

    def __init__(self, length: int, labels: int = 10):
        self.length, self.labels = length, labels

    def __len__(self) -> int:
        return self.length

    def read(self, indices: Tensor) -> dict[str, Tensor]:
        images = indices.to(torch.uint8).view(-1, 1, 1, 1).expand(-1, 1, 2, 2).contiguous()
        return {"image": images, "label": indices % self.labels}


def open_numbered(length: int, batch: int, budget: int, workers: int = 0, labels: int = 10, seed: int = 0):
    return open_batches(Numbered(length, labels), SPEC, batch, seed, "numbers", torch.device("cpu"), budget, workers)


# Batches


@given(length=st.integers(1, 60), batch=st.integers(1, 60), seed=st.integers(0, 9))
def test_every_epoch_shows_every_example_once(length: int, batch: int, seed: int) -> None:
    if batch > length:
        with pytest.raises(UserError, match=f"--batch-size {length} or less"):
            BatchOrder(length, batch, seed, "x")
        return
    order = BatchOrder(length, batch, seed, "x")
    for epoch in range(2):
        numbers = range(epoch * order.per_epoch, (epoch + 1) * order.per_epoch)
        seen = torch.cat([order.indices(number) for number in numbers]).tolist()
        assert len(set(seen)) == len(seen) == order.per_epoch * batch


def test_order_depends_on_seed_and_epoch_alone() -> None:
    first, other = BatchOrder(50, 5, 1, "x"), BatchOrder(50, 5, 2, "x")
    assert torch.equal(first.indices(13), BatchOrder(50, 5, 1, "x").indices(13)), "no history"
    assert not torch.equal(first.indices(0), first.indices(10)), "each epoch is shuffled anew"
    assert not torch.equal(first.indices(0), other.indices(0))


@pytest.mark.parametrize("workers", [0, 2])
def test_streamed_batches_equal_those_from_memory(workers: int) -> None:
    memory, stream = open_numbered(40, 6, 10**9), open_numbered(40, 6, 0, workers)
    assert (memory.source, stream.source) == ("memory", "stream")
    for number in (0, 1, 2, 2, 9, 10, 4):
        expected, found = memory.get(number), stream.get(number)
        assert expected.keys() == found.keys()
        assert all(torch.equal(values, found[name]) for name, values in expected.items())


@pytest.mark.parametrize("fault", ["rows", "raises"])
@pytest.mark.parametrize("budget", [0, 10**9])
def test_a_dataset_that_misbehaves_is_named(fault: str, budget: int, monkeypatch: pytest.MonkeyPatch) -> None:
    read = Numbered.read

    def misbehaving(self: Numbered, indices: Tensor) -> dict[str, Tensor]:
        if fault == "raises" and len(indices) > 1:
            raise ZeroDivisionError("odd file")
        return read(self, indices[:-1] if len(indices) > 1 else indices)

    monkeypatch.setattr(Numbered, "read", misbehaving)
    with pytest.raises(UserError, match="numbers"):
        open_numbered(40, 6, budget).get(0)


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_streaming_works_however_workers_start(method: str, tmp_path: Path) -> None:
    script = (
        "import multiprocessing, ganzoo.cli\n"
        "if __name__ == '__main__':\n"
        f"    multiprocessing.set_start_method({method!r})\n"
        "    words = 'train gan --steps 2 --batch-size 8 --data-budget 0 --workers 1 --out run'\n"
        "    raise SystemExit(ganzoo.cli.run(words.split()))\n"
    )
    (tmp_path / "start.py").write_text(script)
    done = subprocess.run([sys.executable, "start.py"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_images_come_in_minus_one_to_one() -> None:
    batch = open_numbered(256, 256, 10**9).get(0)["image"]
    assert batch.dtype == torch.float32
    assert (batch.min(), batch.max()) == (-1, 1)


@pytest.mark.parametrize("budget", [0, 10**9])
def test_labels_out_of_range_are_told(budget: int) -> None:
    def read_all() -> None:
        batches = open_numbered(40, 12, budget, labels=12)
        for number in range(3):
            batches.get(number)

    with pytest.raises(UserError, match="labels from 0 to 11; 10 classes allow 0 to 9"):
        read_all()


def test_data_that_breaks_its_promise_is_told() -> None:
    wrong = DataSpec({"image": Field("image", (1, 4, 4)), "label": Field("class", classes=10)}, "image", "label")
    with pytest.raises(UserError, match="promised image as"):
        open_batches(Numbered(8), wrong, 2, 0, "numbers", torch.device("cpu"), 10**9, 0)


# The trainer


def choose(variant: str, **flags: object) -> Selection:
    return select(installed(), variant, {"batch_size": 8, "steps": 4, "dataset_size": 8, **flags})


def make_trainer(selection: Selection) -> Trainer:
    precision = choose_precision(selection.run.precision, torch.device("cpu"))
    return build_trainer(selection, assemble(selection), precision, SingleProcess(), print)


def weights(module: torch.nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in module.named_parameters()}


def same(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    return all(torch.equal(value, second[name]) for name, value in first.items())


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_phase_moves_its_own_networks_and_no_other(variant: str) -> None:
    trainer = make_trainer(choose(variant))
    names = [name for name, _ in trainer.train_step.recipe.named_children()]
    phase_optimizers = trainer.train_step.phase_optimizers
    for phase_optimizer in phase_optimizers:
        before = {name: weights(trainer.train_step.recipe.get_submodule(name)) for name in names}
        trainer.train_step.phase_optimizers = (phase_optimizer,)
        trainer.advance()
        for name in names:
            after = weights(trainer.train_step.recipe.get_submodule(name))
            if name in phase_optimizer.phase.trains:
                assert not any(torch.equal(value, after[key]) for key, value in before[name].items() if value.any())
            else:
                assert same(before[name], after)


@pytest.mark.parametrize("variant", VARIANTS)
def test_no_gradient_is_computed_for_what_a_phase_does_not_train(variant: str) -> None:
    trainer = make_trainer(choose(variant))
    for phase_optimizer in trainer.train_step.phase_optimizers:
        trainer.train_step.recipe.zero_grad(set_to_none=True)
        trainer.train_step.phase_optimizers = (phase_optimizer,)
        trainer.advance()
        for name, parameter in trainer.train_step.recipe.named_parameters():
            assert (parameter.grad is not None) == (name.split(".")[0] in phase_optimizer.phase.trains)


def test_step_counts_of_the_smallest_gan() -> None:
    trainer = make_trainer(choose("gan-minimal"))
    counts = {phase_optimizer.phase.name: 0 for phase_optimizer in trainer.train_step.phase_optimizers}
    for phase_optimizer in trainer.train_step.phase_optimizers:
        step = phase_optimizer.optimizer.step

        def counted(*args: object, name: str = phase_optimizer.phase.name, step=step) -> object:
            counts[name] += 1
            return step(*args)

        phase_optimizer.optimizer.step = counted  # type: ignore[method-assign]
    trainer.advance()
    assert counts == {"discriminator": 1, "generator": 2}


def test_further_discriminator_updates_get_new_data() -> None:
    trainer = make_trainer(choose("gan", recipe_discriminator_updates=3))
    asked: list[int] = []
    batches = trainer.train_step.batches["dataset"]
    feed = batches.feed
    batches.feed = lambda number: (asked.append(number), feed(number))[1]  # type: ignore[method-assign]
    trainer.advance()
    trainer.advance()
    assert asked == [0, 1, 2, 3, 4, 5]
    assert trainer.images == 2 * 3 * 8


def test_a_non_finite_term_ends_the_training_and_is_named(tmp_path: Path) -> None:
    selection = choose("gan", optimizer_lr=1e30, loss="wasserstein", steps=50, log_every=1, out=tmp_path / "run")
    with pytest.raises(TrainingFailed, match=r"term 'adversarial' of phase '\w+' is (nan|-?inf) at step \d+"):
        train(selection)


@pytest.mark.parametrize("variant", VARIANTS)
def test_equal_seeds_give_equal_files_and_other_seeds_do_not(variant: str, tmp_path: Path) -> None:
    digests = [
        hashlib.sha256(train(choose(variant, seed=seed, out=tmp_path / str(n))).folder.model.read_bytes()).hexdigest()
        for n, seed in enumerate((5, 5, 6))
    ]
    assert digests[0] == digests[1] != digests[2]


def test_watching_does_not_change_a_training(tmp_path: Path) -> None:
    rare = train(choose("cgan", out=tmp_path / "rare", log_every=100, sample_every=100))
    often = train(choose("cgan", out=tmp_path / "often", log_every=1, sample_every=1))
    assert rare.sha256 == often.sha256


def test_streamed_training_equals_training_from_memory(tmp_path: Path) -> None:
    memory = train(choose("cgan", out=tmp_path / "memory"))
    stream = train(choose("cgan", out=tmp_path / "stream", data_budget=0, workers=1))
    assert memory.sha256 == stream.sha256


def test_training_leaves_the_global_generator_alone(tmp_path: Path) -> None:
    torch.manual_seed(3)
    expected = torch.rand(3)
    torch.manual_seed(3)
    train(choose("cgan", out=tmp_path / "run"))
    assert torch.equal(torch.rand(3), expected)


class Interrupting(Observer):
    """Presses Ctrl-C after two steps."""

    def stepped(self, step: int) -> None:
        if step == 2:
            signal.raise_signal(signal.SIGINT)


def test_an_interrupt_keeps_the_model_and_the_pictures(tmp_path: Path) -> None:
    run = train(choose("cgan", out=tmp_path / "run"), [Interrupting()])
    assert (run.finished, run.steps) == (False, 2)
    assert ganzoo.load(run.folder.path).header.trained["steps"] == 2
    assert run.folder.animation.exists()


# Averages


def test_averages_follow_the_networks_and_constant_weights_stay() -> None:
    recipe = make_trainer(choose("gan")).train_step.recipe
    ema = EMA(recipe, 0.9)
    for step in range(50):
        ema.begin(step)
        ema.update()
    assert same(weights(recipe.generator), weights(ema.networks["generator"])), "constant weights do not drift"
    with torch.no_grad():
        for parameter in recipe.generator.parameters():
            parameter.add_(1.0)
    before = weights(ema.networks["generator"])
    ema.begin(1000)
    ema.update()
    for name, value in ema.networks["generator"].named_parameters():
        assert torch.allclose(value, before[name] + 0.1, atol=1e-5)


def test_averages_take_the_place_of_networks_only_for_a_while() -> None:
    recipe = make_trainer(choose("gan")).train_step.recipe.train()
    ema, live = EMA(recipe, 0.9), recipe.generator
    with ema.in_place() as averaged:
        assert averaged.generator is ema.networks["generator"]
        assert not any(module.training for module in averaged.modules())
    assert recipe.generator is live
    assert all(module.training for module in recipe.modules())


# Model files


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return train(choose("cgan", out=tmp_path_factory.mktemp("trained") / "run"))


def test_a_model_tells_what_it_is(trained: Run) -> None:
    header = ganzoo.load(trained.folder.path).header
    assert header.variant == "cgan"
    assert header.parts["loss"] == {
        "name": "bce",
        "package": "ganzoo",
        "version": ganzoo.__version__,
        "config": {"real_target": 1.0, "fake_target": 0.0},
    }
    assert header.data["dataset"].target_field == Field("image", (1, 8, 8))
    assert "ganzoo_" not in json.dumps(header.raw), "names, never import paths"


def test_a_model_alone_samples_elsewhere_without_its_dataset(trained: Run, tmp_path: Path) -> None:
    alone = tmp_path / "elsewhere" / "copy.safetensors"
    alone.parent.mkdir()
    shutil.copy(trained.folder.model, alone)
    script = (
        "import sys; sys.modules['sklearn'] = None; sys.modules['ganzoo_datasets.digits'] = None\n"
        f"import ganzoo; print(tuple(ganzoo.load({str(alone)!r}).sample(5, label=3).shape))"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "(5, 1, 8, 8)"


NO_PICTURES: dict[str, Callable[[Path], object]] = {
    "a program": lambda path: path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n"),
    "a bomb": lambda path: Image.new("1", (9000, 9000)).save(path),
    "a pipe": os.mkfifo,
    "half a picture": lambda path: path.write_bytes(png(Image.new("RGB", (9, 9)))[:45]),
}


@pytest.mark.parametrize("what", NO_PICTURES)
def test_what_is_no_picture_of_a_run_gets_into_no_animation(what: str, tmp_path: Path) -> None:
    path = tmp_path / "step-00000001.png"
    NO_PICTURES[what](path)
    with pytest.raises(OSError, match=r"step-00000001.png is no picture of a run"):
        pictures.animate([path], io.BytesIO())


def test_curves_are_drawn_without_tex(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with matplotlib.rc_context({"text.usetex": True}):
        pictures.curves([{"step": 1, "terms": {}, "values": {"a": 1.0}}])


def test_curves_of_very_many_names_are_drawn_in_part() -> None:
    many = {f"{number} {'x' * 9999}": 1.0 for number in range(2000)}
    drawn = pictures.curves([{"step": 1, "terms": {}, "values": {}, "scores": many}])
    assert drawn.height < 10_000


@pytest.mark.parametrize("out", ["a.png", "a.npz", "folder"])
def test_sampling_twice_gives_equal_bytes(trained: Run, tmp_path: Path, out: str) -> None:
    files = []
    for turn in ("first", "second"):
        target = tmp_path / turn / out
        assert command(["sample", str(trained.folder.path), "--seed", "4", "--count", "30", "--out", str(target)]) == 0
        found = sorted(target.iterdir()) if target.is_dir() else [target]
        files.append([(path.name, path.read_bytes()) for path in found])
    assert files[0] == files[1]
    assert len(files[0]) == (30 if out == "folder" else 1)


def test_arrays_hold_what_was_promised(trained: Run, tmp_path: Path) -> None:
    out = tmp_path / "a.npz"
    assert (
        command(
            ["sample", str(trained.folder.model), "--count", "7", "--label", "3", "--label", "8", "--out", str(out)]
        )
        == 0
    )
    arrays = np.load(out)
    assert arrays["images"].dtype == np.uint8
    assert arrays["images"].shape == (7, 8, 8)
    assert arrays["labels"].dtype == np.int64
    assert arrays["labels"].tolist() == [3, 8, 3, 8, 3, 8, 3]


def test_many_samples_are_made_in_parts_and_differ(trained: Run) -> None:
    made = ganzoo.load(trained.folder.path).sample(600, label=1)
    assert len(torch.unique(made.flatten(1), dim=0)) == 600


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--label", "12"], "label 12 is out of range: this model has the classes 0 to 9"),
        (["--label", "-1"], "out of range"),
        (["--label", "tne"], "no class is called 'tne'"),
        (["--out", "a.jpg"], "use .png, .npz, or a folder"),
        (["--count", "0"], "0 is not in the range"),
    ],
)
def test_bad_sampling_requests(
    trained: Run, words: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert command(["sample", str(trained.folder.path), *words]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error
    assert not list(tmp_path.iterdir())


def test_an_unconditional_model_takes_no_label(tmp_path: Path) -> None:
    model = ganzoo.load(train(choose("gan", out=tmp_path / "run")).folder.path)
    with pytest.raises(UserError, match="unconditional"):
        model.sample(1, label=3)


def damaged(content: bytes) -> dict[str, bytes]:
    tree, payload = tree_of(content), halves(content)[1]
    about = about_of(tree)
    flipped = bytearray(content)
    flipped[-3] ^= 1
    other = {**about["parts"], "loss": {"name": "lost-loss", "package": "lost-package", "config": {}}}
    return {
        "empty": b"",
        "truncated": content[: len(content) // 2],
        "flipped": bytes(flipped),
        "text": b"this is no model" * 10,
        "undescribed": forged({name: value for name, value in tree.items() if name != "__metadata__"}, payload),
        "future": changed(content, format=99),
        "missing plugin": changed(content, parts=other),
        "no parts": changed(content, parts={}),
        "wrong parts": changed(content, parts=[1, 2]),
        "wrong data": changed(content, data={"dataset": {"fields": 3}}),
        "other shape": changed(
            content,
            data={"dataset": {**about["data"]["dataset"], "fields": {
                **about["data"]["dataset"]["fields"], "image": {"kind": "image", "shape": [1, 16, 16]}}}}
        ),
    }  # fmt: skip


@pytest.mark.parametrize(
    "how",
    ["empty", "truncated", "flipped", "text", "undescribed", "future", "missing plugin", "no parts", "wrong parts",
     "wrong data", "other shape"],
)  # fmt: skip
def test_damaged_models_are_one_sentence(
    trained: Run, how: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(damaged(trained.folder.model.read_bytes())[how])
    assert command(["sample", str(path), "--out", str(tmp_path / "a.png")]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "Traceback" not in error
    assert ("lost-package" in error) == (how == "missing plugin")
    assert not (tmp_path / "a.png").exists()


def test_conditions_may_be_tensors_arrays_and_ranges(tmp_path: Path) -> None:
    flags = {"dataset": "shapes", "dataset_condition": "attributes", "dataset_size": 16, "dataset_count": 20}
    run = train(select(installed(), "cgan", {**flags, "steps": 2, "batch_size": 4, "out": tmp_path / "run"}))
    model = ganzoo.load(run.folder.path)
    size = model.condition.size
    one = model.sample(2, label=torch.zeros(size))
    assert torch.equal(one, model.sample(2, label=np.zeros(size, np.float32)))
    assert torch.equal(one, model.sample(2, label=torch.zeros(2, size)))
    with pytest.raises(UserError, match="attributes with"):
        model.sample(2)


def test_labels_are_whole_numbers(trained: Run) -> None:
    model = ganzoo.load(trained.folder.path)
    assert torch.equal(model.sample(3, label=range(3)), model.sample(3, label=[0, 1, 2]))
    with pytest.raises(UserError, match=r"no class is called 7\.9"):
        model.sample(1, label=7.9)


# Run folders and files


def test_a_run_folder_holds_what_was_promised(trained: Run) -> None:
    folder = trained.folder
    names = {path.name for path in folder.path.iterdir()}
    assert {"model.safetensors", "config.json", "metrics.jsonl", "samples", "samples.gif", "curves.png"} <= names
    rows = [json.loads(line) for line in folder.metrics.read_text().splitlines()]
    assert {"step", "seconds", "images", "terms", "scores"} <= set(rows[-1])
    assert rows[-1]["images"] == 4 * 8
    assert set(rows[-1]["values"]) == {"D(x)", "D(G(z)) before", "D(G(z)) after", "D accuracy"}
    assert (folder.samples / "step-00000004.png").exists()


def test_the_configuration_repeats_the_run(trained: Run, tmp_path: Path) -> None:
    out = tmp_path / "again"
    assert command(["train", "--config", str(trained.folder.config), "--out", str(out)]) == 0
    assert (out / "model.safetensors").read_bytes() == trained.folder.model.read_bytes()


def test_runs_are_numbered_where_no_folder_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    paths = [train(choose("gan")).folder.path for _ in range(2)]
    assert [str(path) for path in paths] == ["runs/gan", "runs/gan-2"]


def test_tensorboard_events_are_written(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    run = train(choose("gan", out=tmp_path / "run", tensorboard=True))
    assert any(run.folder.events.iterdir())


def test_a_missing_tensorboard_is_told_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(UserError, match=r"ganzoo\[tensorboard\]"):
        train(choose("gan", out=tmp_path / "run", tensorboard=True))
    assert not (tmp_path / "run").exists()


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    write_whole(path, b"old")
    monkeypatch.setattr("os.fsync", lambda descriptor: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    assert [found.name for found in tmp_path.iterdir()] == ["file"]
