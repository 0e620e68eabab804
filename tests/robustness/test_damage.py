"""A model file or a save that is damaged, or made to do harm, is refused in one sentence and changes nothing."""

from __future__ import annotations

import copy
import os
import random
import signal
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import safetensors
import safetensors.torch
import torch
from torch import Tensor

import ganzoo
from ganzoo.assembly.parts import build_recipe
from ganzoo.catalogue import Selection, installed, select
from ganzoo.catalogue.evaluation_plan import plan_evaluation
from ganzoo.catalogue.formats import FORMAT
from ganzoo.catalogue.options import options_of
from ganzoo.cli import run as command
from ganzoo.contract.judge import untracked
from ganzoo.errors import TrainingFailed, UserError
from ganzoo.evaluation import Evaluation
from ganzoo.evaluation.judge_cache import trained_judge
from ganzoo.evaluation.reference_data import ReferenceData
from ganzoo.storage.model_file import write_model
from ganzoo.storage.run_folder import RunFolder
from ganzoo.storage.sealed import read_sealed, write_sealed
from ganzoo.testing import selections
from ganzoo.testing.forgery import Raw, Twin, about_of, changed, forged, halves, hostile, mutated, sealed, text, tree_of
from ganzoo.testing.trainers import make_trainer
from ganzoo.training.best_model import BestModel
from ganzoo.training.checkpoints import resume, roll_back, write_checkpoint
from ganzoo.training.run import train
from ganzoo.training.state import capture
from ganzoo.training.trainer import Trainer

PATIENCE = 10.0  # seconds of one processor for one file; milliseconds are usual
STEP = 3


def choose(out: Path, **flags: object) -> Selection:
    """The smallest conditional GAN."""
    small = {"generator_widths": "2,2", "discriminator_widths": "2", "latent_size": 1, "steps": 5, "workers": 0}
    return selections.choose("cgan", out, **{**small, **flags})


def trained(selection: Selection, trainer: Trainer | None = None, steps: int = STEP) -> Trainer:
    trainer = trainer or make_trainer(selection)
    while trainer.step < steps:
        trainer.advance()
    return trainer


def put(path: Path, content: bytes) -> None:
    """Write over what is there; many times faster than to begin with an empty file."""
    with path.open("r+b") as file:
        file.write(content)
        file.truncate()


class ModelReader:
    """Reads files as models; what is read must have the weights that the file had, and make examples."""

    def __init__(self, folder: Path):
        self.path = folder / "model.safetensors"
        selection = choose(folder / "run")
        trainer = trained(selection)
        write_model(self.path, trainer.train_step.recipe, selection, trainer.train_step.recipe.data, {"steps": STEP})
        self.sound = self.path.read_bytes()
        model = ganzoo.load(self.path)
        self._weights, self._meaning = model.recipe.state_dict(), _meaning(model)
        self._made = model.sample(2)

    def read(self) -> None:
        model = ganzoo.load(self.path)
        assert _same(model.recipe.state_dict(), self._weights)
        made = model.sample(2)
        assert made.shape == (2, *model.output.shape)
        assert made.isfinite().all()
        assert _meaning(model) != self._meaning or torch.equal(made, self._made)

    def check_nothing_changed(self) -> None:
        """Nothing there is to change."""


def _meaning(model: Any) -> Any:
    """What a file says about how its model makes examples."""
    header = model.header
    slots = ("recipe", "latent", "generator", "generator-conditioner")
    return {slot: header.parts[slot].get("config") for slot in slots}, dict(header.data)


class SaveReader:
    """Goes on from files as saves: all of the state is taken, or nothing."""

    def __init__(self, folder: Path):
        self.selection = choose(folder / "run")
        self.trainer = make_trainer(self.selection)
        self._fresh = capture(self.trainer)
        other = trained(self.selection)
        assert _state(capture(other)[0]).keys() > _state(self._fresh[0]).keys(), "an optimizer has a state"
        self.folder = RunFolder(folder / "run")
        self.folder.path.mkdir()
        self.path = write_checkpoint(self.folder.checkpoints, other, self.selection)
        self.sound = self.path.read_bytes()
        self._after = _state(capture(other)[0])
        self.told: list[str] = []

    def read(self) -> None:
        self.told.clear()
        resume(self.folder, self.trainer, self.selection, self.told.append)
        found, _ = capture(self.trainer)
        self.trainer = make_trainer(self.selection)
        assert _same(_state(found), self._after)

    def check_nothing_changed(self) -> None:
        assert (self.trainer.step, self.trainer.seconds) == (0, 0.0)
        now, about = capture(self.trainer)
        assert about == self._fresh[1]
        assert _same(now, self._fresh[0])


def _state(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """What of a capture is trained; the tally is for the next report alone."""
    return {name: value for name, value in tensors.items() if not name.startswith("tally/")}


def _same(found: dict[str, Tensor], wanted: dict[str, Tensor]) -> bool:
    return found.keys() == wanted.keys() and all(torch.equal(value, wanted[name]) for name, value in found.items())


Reader = ModelReader | SaveReader


@pytest.fixture(scope="module")
def model_reader(tmp_path_factory: pytest.TempPathFactory) -> ModelReader:
    return ModelReader(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def save_reader(tmp_path_factory: pytest.TempPathFactory) -> SaveReader:
    return SaveReader(tmp_path_factory.mktemp("save"))


@pytest.fixture(params=["model", "save"])
def reader(request: pytest.FixtureRequest) -> Reader:
    found: Reader = request.getfixturevalue(f"{request.param}_reader")
    return found


def outcome(reader: Reader, content: bytes) -> str:
    """Read ``content``: return the sentence that refuses it, or nothing where it was taken; other errors go on."""
    put(reader.path, content)
    began = time.process_time()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            reader.read()
        said = ""
    except UserError as problem:
        said = str(problem)
        assert all(line.isprintable() for line in said.splitlines()), said
        assert len(said) < 2000 + 4 * len(str(reader.path))
    assert time.process_time() - began < PATIENCE
    return said


def test_a_sound_file_is_read_and_nothing_is_said(reader: Reader) -> None:
    assert outcome(reader, reader.sound) == ""
    tree, payload = tree_of(reader.sound), halves(reader.sound)[1]
    assert outcome(reader, forged(tree, payload)) == "", "the forger seals as the format says"


def test_equal_content_is_equal_bytes_in_a_plain_safetensors_file(model_reader: ModelReader, tmp_path: Path) -> None:
    model_reader.path.write_bytes(model_reader.sound)
    tensors, about = read_sealed(model_reader.path, "ganzoo", "model")
    digest = write_sealed(tmp_path / "again", dict(reversed(tensors.items())), "ganzoo", dict(reversed(about.items())))
    assert digest == about["sha256"]
    assert (tmp_path / "again").read_bytes() == model_reader.sound
    with safetensors.safe_open(tmp_path / "again", "pt") as plain:
        assert set(plain.metadata()) == {"ganzoo"}
        assert _same({name: plain.get_tensor(name) for name in plain.keys()}, tensors)  # noqa: SIM118


# Accidents


@pytest.mark.parametrize("every", [89, pytest.param(1, marks=pytest.mark.long)])
def test_a_file_that_ends_too_soon_is_refused_wherever_it_ends(
    reader: Reader, every: int, record: Callable[..., None]
) -> None:
    end = len(reader.sound)
    lengths = sorted({*range(12), *range(0, end, every), *range(end - 12, end)})
    refused = [bool(outcome(reader, reader.sound[:length])) for length in lengths]
    assert all(refused)
    reader.check_nothing_changed()
    if every == 1:
        record(promise="truncated at every byte", file=type(reader).__name__, refused=sum(refused), of=len(lengths))


@pytest.mark.parametrize("count", [100, pytest.param(50_000, marks=pytest.mark.long)])
def test_every_accident_in_the_header_is_seen(reader: Reader, count: int, record: Callable[..., None]) -> None:
    dice = random.Random(count)
    end = len(reader.sound) - len(halves(reader.sound)[1])
    refused = sum(bool(outcome(reader, mutated(reader.sound, 0, end, dice))) for _ in range(count))
    record(promise="accidents in the header", file=type(reader).__name__, refused=refused, of=count)
    assert refused == count
    reader.check_nothing_changed()


@pytest.mark.parametrize("count", [50, pytest.param(1000, marks=pytest.mark.long)])
def test_every_flipped_bit_of_the_weights_is_seen(reader: Reader, count: int, record: Callable[..., None]) -> None:
    dice = random.Random(count)
    refused = 0
    for _ in range(count):
        content = bytearray(reader.sound)
        content[dice.randrange(len(content) - len(halves(reader.sound)[1]), len(content))] ^= 1 << dice.randrange(8)
        refused += "damaged" in outcome(reader, bytes(content))
    record(promise="bits of the weights", file=type(reader).__name__, refused=refused, of=count)
    assert refused == count


# Intent: everything below has a right seal


@pytest.mark.parametrize("count", [80, pytest.param(50_000, marks=pytest.mark.long)])
def test_a_hostile_header_is_refused_or_harmless(reader: Reader, count: int, record: Callable[..., None]) -> None:
    dice = random.Random(count)
    found: Counter[bool] = Counter()
    for _ in range(count):
        refused = bool(outcome(reader, hostile(reader.sound, dice)))
        reader.check_nothing_changed()
        found[refused] += 1
    record(promise="sealed hostile headers", file=type(reader).__name__, refused=found[True], taken=found[False])
    assert found[True] > found[False] / 2 > 0


def rewritten(content: bytes, path: Path, change: Callable[[dict[str, Tensor]], object], **about: Any) -> bytes:
    """Return a file with a right seal whose tensors are changed."""
    path.write_bytes(content)
    (key,) = tree_of(content)["__metadata__"]
    tensors, said = read_sealed(path, key, "file")
    change(tensors)
    write_sealed(path, tensors, key, {**said, **about})
    return path.read_bytes()


def _spoil(tensors: dict[str, Tensor], name: str, value: float) -> None:
    tensors[name].view(-1)[0] = value


TENSORS: dict[str, Callable[[dict[str, Tensor], str], object]] = {
    "missing": lambda tensors, name: tensors.pop(name),
    "renamed": lambda tensors, name: tensors.update({f"{name}_": tensors.pop(name)}),
    "extra": lambda tensors, name: tensors.update({f"{name}.__class__": torch.zeros(1)}),
    "empty extra": lambda tensors, name: tensors.update({"": torch.zeros(0, 2**40)}),
    "longer": lambda tensors, name: tensors.update({name: torch.cat([tensors[name], tensors[name][:1]])}),
    "flat": lambda tensors, name: tensors.update({name: tensors[name].reshape(1, -1)}),
    "a scalar": lambda tensors, name: tensors.update({name: torch.tensor(0.0)}),
    "of size 0": lambda tensors, name: tensors.update({name: tensors[name][:0]}),
    "NaN": lambda tensors, name: _spoil(tensors, name, float("nan")),
    "infinite": lambda tensors, name: _spoil(tensors, name, float("-inf")),
    **{
        str(dtype): lambda tensors, name, dtype=dtype: tensors.update({name: tensors[name].to(dtype)})
        for dtype in (
            torch.float64, torch.bfloat16, torch.float16, torch.int32, torch.bool, torch.uint16, torch.complex64,
            torch.float8_e4m3fn,
        )
    },
}  # fmt: skip


@pytest.mark.parametrize("how", TENSORS)
def test_tensors_that_do_not_belong_are_refused_by_name(reader: Reader, how: str, tmp_path: Path) -> None:
    names = ["generator.layers.0.0.weight", "discriminator.output.bias"]
    if isinstance(reader, SaveReader):
        names = [
            *(f"network/{name}" for name in names), "average/generator/output.0.weight",
            "optimizer/generator/0/exp_avg", "optimizer/discriminator/1/exp_avg_sq", "tally/0",
        ]  # fmt: skip
    for name in names:
        made = rewritten(reader.sound, tmp_path / "made", lambda tensors, name=name: TENSORS[how](tensors, name))
        said = outcome(reader, made)
        assert "empty" in how or name in said, said
        assert said
        reader.check_nothing_changed()


LAYOUTS = {
    "overlap": lambda one, other: other["data_offsets"].__setitem__(0, one["data_offsets"][0]),
    "order": lambda one, other: one["data_offsets"].reverse(),
    "hole": lambda one, other: one["data_offsets"].__setitem__(1, one["data_offsets"][1] - 4),
    "beyond": lambda one, other: other["data_offsets"].__setitem__(1, 10**9),
    "huge": lambda one, other: other["data_offsets"].__setitem__(1, 2**64),
    "negative": lambda one, other: one["data_offsets"].__setitem__(0, -4),
    "overflow": lambda one, other: one.update(shape=[2**32, 2**32, 4]),
    "negative shape": lambda one, other: one.update(shape=[-1, -2]),
    "swapped": lambda one, other: (one.update(other), other.update(copy.deepcopy(one))),
    "unknown type": lambda one, other: one.update(dtype="F128"),
    "no type": lambda one, other: one.pop("dtype"),
    "no object": lambda one, other: one.clear(),
}  # fmt: skip


@pytest.mark.parametrize("how", LAYOUTS)
def test_a_layout_that_is_none_is_refused(reader: Reader, how: str) -> None:
    tree = tree_of(reader.sound)
    ends = ("discriminator.layers.0.weight", "discriminator.output.weight")
    one, other = (value for name, value in tree.items() if name.startswith(("disc", "net")) and name.endswith(ends))
    LAYOUTS[how](one, other)
    assert outcome(reader, forged(tree, halves(reader.sound)[1]))
    reader.check_nothing_changed()


def test_metadata_that_is_not_ours_is_refused(reader: Reader) -> None:
    tree, payload = tree_of(reader.sound), halves(reader.sound)[1]
    (key,) = tree["__metadata__"]
    about = tree["__metadata__"][key]
    for metadata in (
        None, 3, "x", [], {}, {key: None}, {key: 3}, {key: []}, {key: "{}"}, {key: "[]"}, {key: "nonsense"},
        {"other": about}, {key: about, "format": "pt"}, {key: about, "other": about}, {key: Raw(text(about))},
        {key: {"seal": "0" * 64}},
    ):  # fmt: skip
        assert outcome(reader, forged({**tree, "__metadata__": metadata}, payload))
    del tree["__metadata__"]
    assert outcome(reader, forged(tree, payload))
    assert outcome(reader, safetensors.torch.save({"a": torch.zeros(3)}))


@pytest.mark.parametrize(
    "header", [b"", b"{}", b"[]", b"null", b"3", b"\xff\xfe{\0}\0", b"[" * 10**6, b'{"a":' * 10**5, b" " * 9]
)
def test_headers_that_say_nothing_are_refused(reader: Reader, header: bytes) -> None:
    assert outcome(reader, sealed(header, b""))
    for length in (0, 7, 8, 2**20, 100_000_001, 2**63, 2**64 - 1):
        assert outcome(reader, length.to_bytes(8, "little") + header)


@pytest.mark.parametrize("depth", [64, 900, 100_000])
def test_descriptions_that_go_deep_are_refused(reader: Reader, depth: int) -> None:
    deep = changed(reader.sound, more=Raw("[" * depth + "]" * depth))
    assert "no readable description" in outcome(reader, deep)


def test_what_stands_there_twice_is_refused(reader: Reader) -> None:
    for where in (
        (),
        ("__metadata__",),
        ("__metadata__", None),
        ("__metadata__", None, "versions"),
        ("generator.output.0.bias",),
    ):
        tree = tree_of(reader.sound)
        node: Any = tree
        for name in where:
            node = node.get(name, node) if name else next(iter(node.values()))
        key = next(name for name in reversed(node) if name != "sha256")
        node[Twin(key)] = copy.deepcopy(node[key])
        assert outcome(reader, forged(tree, halves(reader.sound)[1])), where


def test_an_option_has_no_thousands_of_values(model_reader: ModelReader) -> None:
    tree = tree_of(model_reader.sound)
    about_of(tree)["parts"]["generator"]["config"]["widths"] = [1] * 100_000
    assert "must be at most 1000 values" in outcome(model_reader, forged(tree, halves(model_reader.sound)[1]))


def test_a_file_of_another_ganzoo_is_told_as_such(reader: Reader) -> None:
    assert f"format {FORMAT + 1}; this ganzoo reads format {FORMAT}: update ganzoo" in outcome(
        reader, changed(reader.sound, format=FORMAT + 1)
    )
    assert "an older ganzoo wrote it; `ganzoo convert" in outcome(reader, changed(reader.sound, format=FORMAT - 1))
    tree = tree_of(reader.sound)
    del about_of(tree)["seal"]
    assert "damaged: its header has no seal" in outcome(reader, forged(tree, halves(reader.sound)[1]))
    about_of(tree)["format"] = 1
    assert "an older ganzoo wrote it; `ganzoo convert" in outcome(reader, forged(tree, halves(reader.sound)[1]))


# What no file is


@contextmanager
def limits(memory: int = 2**28, seconds: int = 20) -> Iterator[None]:
    """Let nothing take more memory than it has and ``memory`` bytes, nor more time."""
    resource = pytest.importorskip("resource")
    pages = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[0])
    before = resource.getrlimit(resource.RLIMIT_AS)

    def late(*_: object) -> None:
        pytest.fail("it takes for ever")

    waiting = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + memory, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
        signal.alarm(0)
        signal.signal(signal.SIGALRM, waiting)


def _sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(2**42)


def _unreadable(path: Path) -> None:
    path.write_bytes(b"x")
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read everything")


THINGS: dict[str, Callable[[Path], object]] = {
    "folder": lambda path: path.mkdir(),
    "pipe": os.mkfifo,
    "zeros": lambda path: path.symlink_to("/dev/zero"),
    "nothing": lambda path: path.symlink_to("/dev/null"),
    "loop": lambda path: path.symlink_to(path),
    "far away": lambda path: path.symlink_to(path / "missing"),
    "unreadable": _unreadable,
    "sparse": _sparse,
}


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the memory of a process cannot be told here")
@pytest.mark.parametrize("what", THINGS)
def test_things_that_are_no_model_are_refused_at_once(what: str, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    THINGS[what](path)
    with limits(), pytest.raises(UserError) as said:
        ganzoo.load(path)
    assert str(path) in str(said.value)
    assert ("is not a regular file" in str(said.value)) == (what in ("pipe", "zeros", "nothing"))


def test_a_name_that_no_file_can_have_is_refused() -> None:
    with pytest.raises(UserError, match="its name is not valid"):
        ganzoo.load("a\0b")


# Networks without end


def _places(conditioner: str) -> Iterator[dict[str, str]]:
    """Yield where a conditioner may be: in both networks, or in one beside one that fits everywhere."""
    yield {"conditioner": conditioner}
    yield {"generator_conditioner": conditioner, "discriminator_conditioner": "concat"}
    yield {"generator_conditioner": "concat", "discriminator_conditioner": conditioner}
    convolutions = {"generator": "upsampling", "discriminator": "strided"}
    yield {**convolutions, "conditioner": conditioner}
    yield {**convolutions, "generator_conditioner": conditioner, "discriminator_conditioner": "concat"}


def _fits(flags: dict[str, str]) -> bool:
    return not selections.is_refused_by_names(select(installed(), "cgan", flags))


def _sizes() -> Iterator[Any]:
    """Every variant, and every conditioner, with each whole number of a network's options."""
    conditioners = [name for name in installed().names("conditioner") if name not in ("none", "label-plane")]
    quick = selections.one_of_each("generator", "discriminator")
    for variant, flags in [(name, {}) for name in installed().names("variant")] + [
        ("cgan", place) for name in conditioners for place in list(filter(_fits, _places(name)))[:1]
    ]:
        marks = [] if flags or variant in quick else [pytest.mark.long]
        yield pytest.param(variant, flags, id="-".join([variant, *flags.values()]), marks=marks)


# What adds no weights: at most as many layers as the input allows, a target beside it, and examples that are compared.
NO_SIZES = {
    ("unet", "depth"),
    ("unet", "dropped"),
    ("unet", "target"),
    ("stylegan2", "group"),
    ("progressive", "group"),
}


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the memory of a process cannot be told here")
@pytest.mark.parametrize(("variant", "flags"), list(_sizes()))
def test_a_network_without_end_is_refused_before_it_is_built(
    variant: str, flags: dict[str, str], tmp_path: Path
) -> None:
    selection = select(installed(), variant, {"batch_size": 8, "dataset_size": 16, "workers": 0, **flags})
    recipe = build_recipe(selection, selection.data())
    path = tmp_path / "model.safetensors"
    write_model(path, recipe, selection, selection.data(), {})
    sound = path.read_bytes()
    weights = ganzoo.load(path).recipe.state_dict()
    vast: list[dict[str, Any]] = []
    harmless: list[dict[str, Any]] = []
    for name, part in selection.parts.items():
        if part.slot.kind not in ("generator", "discriminator", "latent", "conditioner"):
            continue
        for option in options_of(part.component.config):
            value = getattr(part.config, option.name)
            sizes = value if isinstance(value, tuple) else (value,)
            if not all(type(size) is int for size in sizes):
                continue
            most = int(option.high or 2**31 - 1)
            for found in ([most] * len(sizes), [most] * 1000) if isinstance(value, tuple) else (most,):
                tree = tree_of(sound)
                about_of(tree)["parts"][name]["config"][option.name] = found
                (harmless if (part.component.name, option.name) in NO_SIZES else vast).append(tree)
    spec = selection.data()["dataset"]
    shape = spec.target_field.shape
    conditioners = [part.component.requires for part in selection.parts.values() if part.slot.kind == "conditioner"]
    condition = spec.condition if "condition" in str(conditioners) else ""
    # The words of captions are listed in the file, so that there are no more of them than the file has bytes.
    of_condition = {"class": {"classes": 2**24, "names": []}, "vector": {"shape": [2**24], "names": []}}
    kind = spec.field(condition).kind if condition else ""
    changed = [
        (spec.target, {"shape": [*shape[:-2], 2048, 2048] if len(shape) > 1 else [2**24]}),
        *((condition, of_condition[kind]) for _ in {kind} & {*of_condition}),
    ]
    for field, changes in changed:
        tree = tree_of(sound)
        about_of(tree)["data"]["dataset"]["fields"][field].update(changes)
        (harmless if (selection.parts["generator"].component.name, field) in NO_SIZES else vast).append(tree)
    assert len(vast) + len(harmless) >= 4 and len(vast) >= 2
    for tree in harmless:
        path.write_bytes(forged(tree, halves(sound)[1]))
        with limits():
            assert _same(ganzoo.load(path).recipe.state_dict(), weights)
    for tree in vast:
        path.write_bytes(forged(tree, halves(sound)[1]))
        began = time.process_time()
        with (
            limits(),
            pytest.raises(
                UserError,
                match=r"shape|missing|belong|fails|at most|do not fit|do not support|needs 2|names block|not exceed",
            ) as said,
        ):
            ganzoo.load(path)
        assert "alloc" not in str(said.value) and "Memory" not in str(said.value)
        assert time.process_time() - began < PATIENCE


# The command line


def refused_in_a_line(words: list[str], capsys: pytest.CaptureFixture[str]) -> bool:
    """Run a command: return whether it was refused, in lines that begin as they should and can be printed."""
    status = command(words)
    said = capsys.readouterr().err
    assert "Traceback" not in said
    if status == 0:
        return False
    lines = said.splitlines()
    assert status in (1, 2), said
    assert lines and all(line.startswith("ganzoo: ") and line.isprintable() for line in lines), said
    assert len(lines) == 1 or "--resume" in words, said
    return True


@pytest.mark.parametrize("count", [60, pytest.param(600, marks=pytest.mark.long)])
def test_commands_refuse_models_in_one_line(
    model_reader: ModelReader,
    count: int,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    record: Callable[..., None],
) -> None:
    dice = random.Random(count)
    path, found = str(model_reader.path), Counter[bool]()
    for number in range(count):
        by_accident = bool(number % 2)
        content = mutated(model_reader.sound, 0, 4000, dice) if by_accident else hostile(model_reader.sound, dice)
        put(model_reader.path, content)
        sampled = ["sample", path, "--count", "2", "--out", str(tmp_path / "made.npz")]
        refused = refused_in_a_line(sampled, capsys)
        assert not by_accident or (refused and refused_in_a_line(["evaluate", path], capsys))
        found[refused] += 1
    record(promise="commands on damaged models", refused=found[True], taken=found[False])


@pytest.mark.parametrize(
    "part",
    [None, 3, [], {}, {"name": "gone", "package": "$(reboot)"}, {"name": "\x1b[2J"},
     {"name": "digits", "config": {"size": 10**9}},
     {"name": "digits", "config": {"size": "x", "more": 1, "\x1b[2J": 2}}, {"name": "digits", "config": [1]}],
)  # fmt: skip
def test_evaluating_refuses_data_that_a_model_only_claims(
    model_reader: ModelReader, part: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    tree = tree_of(model_reader.sound)
    about_of(tree)["parts"]["dataset"] = part
    put(model_reader.path, forged(tree, halves(model_reader.sound)[1]))
    assert command(["evaluate", str(model_reader.path)]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and said[:-1].isprintable()
    assert "reboot" not in said


@pytest.mark.parametrize("count", [10, pytest.param(200, marks=pytest.mark.long)])
def test_going_on_from_a_damaged_save_is_refused_in_lines(
    save_reader: SaveReader, count: int, capsys: pytest.CaptureFixture[str], record: Callable[..., None]
) -> None:
    dice = random.Random(count)
    small = ["--generator-widths", "2,2", "--discriminator-widths", "2", "--latent-size", "1", "--dataset-size", "8"]
    words = ["train", "cgan", *small, "--batch-size", "8", "--steps", "5", "--workers", "0", "--resume"]
    for _ in range(count):
        content = mutated(save_reader.sound, 0, len(save_reader.sound), dice)
        put(save_reader.path, content)
        assert refused_in_a_line([*words, "--out", str(save_reader.folder.path)], capsys)
    assert not save_reader.folder.model.exists()
    record(promise="train --resume on damaged saves", refused=count, of=count)


# Going on from the save before


def _about(**changes: Any) -> Callable[[bytes, Path], bytes]:
    return lambda content, path: changed(content, **changes)


def _tensor(how: str, name: str) -> Callable[[bytes, Path], bytes]:
    return lambda content, path: rewritten(content, path, lambda tensors: TENSORS[how](tensors, name))


def _counted(count: int) -> Callable[[bytes, Path], bytes]:
    """The tally as it is, with another count of what was added up."""

    def forge(content: bytes, path: Path) -> bytes:
        rows = about_of(tree_of(content))["tally"]
        return changed(content, tally=[[*row[:3], count] for row in rows])

    return forge


def _phase(name: str) -> Callable[[bytes, Path], bytes]:
    """The tally as it is, of another phase."""
    return lambda content, path: changed(
        content, tally=[[name, *row[1:]] for row in about_of(tree_of(content))["tally"]]
    )


def _twice(content: bytes, path: Path) -> bytes:
    """The tally as it is, but for its second row, which is the first one again."""
    first = about_of(tree_of(content))["tally"][0]
    again = lambda tensors: tensors.update({"tally/1": tensors["tally/0"].clone()})  # noqa: E731
    return rewritten(content, path, again, tally=[first, first])


def _remembered(part: str, **values: Any) -> Callable[[bytes, Path], bytes]:
    """What the guard remembers as it is, but for some values."""

    def forge(content: bytes, path: Path) -> bytes:
        anomaly_check = about_of(tree_of(content))["guard"]
        return changed(content, guard={**anomaly_check, part: {**anomaly_check[part], **values}})

    return forge


def _without(prefix: str) -> Callable[[bytes, Path], bytes]:
    def change(tensors: dict[str, Tensor]) -> None:
        for name in [name for name in tensors if name.startswith(prefix)]:
            del tensors[name]

    return lambda content, path: rewritten(content, path, change)


TALLIES: tuple[Any, ...] = (
    None, {}, [], [3], [[]], [["generator", [], [], 1]], [["nobody", ["a"], [], 1]], [["generator", "ab", [], 10**400]],
    [["discriminator", ["adversarial"], [], 2]] * 2, [[["generator"], ["a"], [], 1]], [["generator", ["a"], [], -1]],
)  # fmt: skip
OF_OPTIMIZERS: tuple[Any, ...] = (None, [], 3, {"optimizer/generator/0/step": 4})
CONFIGS: tuple[Any, ...] = (None, [], {}, "x", {"run": 3, "parts": {}}, {"run": {}, "parts": {"loss": 3}})
WEIGHTS, AVERAGE = "network/generator.layers.0.0.weight", "average/generator/output.0.weight"
MOMENTS = "optimizer/generator/2/exp_avg"
NEWEST: dict[str, Callable[[bytes, Path], bytes]] = {
    "empty": lambda content, path: b"",
    "half": lambda content, path: content[: len(content) // 2],
    "one byte less": lambda content, path: content[:-1],
    "one byte more": lambda content, path: content + b"\0",
    "zeros": lambda content, path: bytes(len(content)),
    "a flipped bit": lambda content, path: content[:-5] + bytes([content[-5] ^ 4]) + content[-4:],
    "a digit": lambda content, path: content.replace(b'\\"step\\": 4', b'\\"step\\": 5'),
    "a tab": lambda content, path: content.replace(b'\\"seal\\": ', b'\\"seal\\":\\t', 1),
    "a model": lambda content, path: content.replace(b'"ganzoo-checkpoint"', b'"ganzoo"           '),
    **{f"step {step!r}"[:20]: _about(step=step) for step in (-1, 3, 5, 10**9, 10**400, "4", 4.0, None, True, [4], {})},
    **{f"seconds {value!r}"[:20]: _about(seconds=value) for value in (-1, "1", None, 10**400, [])},
    **{f"tally {number}": _about(tally=running_means) for number, running_means in enumerate(TALLIES)},
    **{f"numbers {number}": _about(numbers=numbers) for number, numbers in enumerate(OF_OPTIMIZERS)},
    **{f"config {number}": _about(config=config) for number, config in enumerate(CONFIGS)},
    **{f"count {count}"[:20]: _counted(count) for count in (-1, 10**400)},
    "tally of nobody": _phase("nobody"),
    "tally twice": _twice,
    "guard": _about(guard=None),
    **{f"spread real {real!r}"[:20]: _remembered("spread", real=real) for real in (-1.0, 10**400)},
    **{f"history last {last!r}"[:20]: _remembered("history", last=last) for last in (-2, 10**400, True)},
    "history more": _remembered("history", more=1),
    **{f"doctor told {told!r}"[:20]: _remembered("diagnosis", told=told) for told in (None, {"a": -1}, {"a": 10**400})},
    **{f"doctor before {value!r}"[:20]: _remembered("diagnosis", before={"mean": value}) for value in (3, ["x"], None)},
    "no networks": _without("network/"),
    "no averages": _without("average/"),
    "no optimizers": _without("optimizer/"),
    "one optimizer": _without("optimizer/generator/"),
    "half an optimizer": _without("optimizer/generator/3"),
    "no moments": _without("optimizer/discriminator/0/exp_avg_sq"),
    **{f"weights {how}": _tensor(how, WEIGHTS) for how in ("NaN", "flat", "missing", "extra")},
    **{f"average {how}": _tensor(how, AVERAGE) for how in ("infinite", "torch.float64")},
    **{f"moments {how}": _tensor(how, MOMENTS) for how in ("NaN", "a scalar", "torch.bfloat16", "renamed")},
    "older": _about(format=1),
}  # fmt: skip
TwoSaves = tuple[Selection, RunFolder, dict[Path, bytes], bytes]


@pytest.fixture(scope="module")
def two_saves(tmp_path_factory: pytest.TempPathFactory) -> TwoSaves:
    """A run with saves after 2 and after 4 steps, and the model that it comes to after 5."""
    folder = RunFolder(tmp_path_factory.mktemp("two") / "run")
    folder.path.mkdir()
    selection = choose(folder.path)
    trainer = make_trainer(selection)
    saves = {}
    for step in (2, 4):
        path = write_checkpoint(folder.checkpoints, trained(selection, trainer, step), selection)
        saves[path] = path.read_bytes()
    return selection, folder, saves, finished(selection, trainer, folder.path / "whole.safetensors")


def finished(selection: Selection, trainer: Trainer, path: Path) -> bytes:
    trained(selection, trainer, 5)
    with trainer.train_step.ema.swapped_in() as recipe:
        write_model(path, recipe, selection, recipe.data, {"steps": 5})
    return path.read_bytes()


@pytest.mark.parametrize("how", NEWEST)
def test_the_save_before_is_taken_where_the_newest_is_damaged(
    how: str,
    two_saves: tuple[Selection, RunFolder, dict[Path, bytes], bytes],
    tmp_path: Path,
    record: Callable[..., None],
) -> None:
    selection, folder, saves, whole = two_saves
    for path in folder.checkpoints.iterdir():
        path.unlink()
    for path, content in saves.items():
        path.write_bytes(content)
    newest = max(saves)
    made = NEWEST[how](saves[newest], tmp_path / "made")
    assert made != saves[newest], "the damage is none"
    newest.write_bytes(made)
    told: list[str] = []
    trainer = make_trainer(selection)
    resume(folder, trainer, selection, told.append)
    assert trainer.step == 2
    assert str(newest) in told[0]
    assert told[1:] == [f"continuing from the checkpoint before it, {min(saves).name}"]
    assert finished(selection, trainer, tmp_path / "model.safetensors") == whole
    assert not newest.exists() and newest.with_suffix(".damaged").read_bytes() == made
    record(promise="the save before", how=how, same=True)


def test_whoever_goes_back_takes_saves_that_are_what_they_say(two_saves: TwoSaves) -> None:
    selection, folder, saves, _ = two_saves
    older, newest = sorted(saves)
    trainer = trained(selection, steps=5)
    trainer.policies.history.left_out = 3
    running_means = {found: total.clone() for found, total in trainer.train_step.running_means.sums.items()}
    older.write_bytes(saves[older])
    for content in (b"", changed(saves[newest], step=3), changed(saves[newest], config=None)):
        newest.write_bytes(content)
        assert roll_back(folder.checkpoints, trainer, 2) == 2
        assert (trainer.step, trainer.policies.history.left_out) == (5, 3)
        assert all(
            torch.equal(total, running_means[found]) for found, total in trainer.train_step.running_means.sums.items()
        )
    older.write_bytes(b"")
    with pytest.raises(TrainingFailed, match=r"step 5 cannot be rolled back: there is no valid checkpoint in "):
        roll_back(folder.checkpoints, trainer, 2)


def test_a_run_whose_newest_save_lies_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = train(choose(tmp_path / "whole"))
    train(choose(tmp_path / "run", checkpoint_every=2))
    run = RunFolder(tmp_path / "run")
    newest = max(run.checkpoints.iterdir())
    newest.write_bytes(changed(newest.read_bytes(), tally=[["generator", ["\x1b[2J"], [], 1]]))
    again = train(choose(tmp_path / "run", checkpoint_every=2), resume=True)
    said = capsys.readouterr().err
    assert newest.name in said and "\x1b" not in said
    assert again.sha256 == whole.sha256
    assert sorted(path.name for path in run.checkpoints.iterdir()) == [
        "step-00000004.safetensors", "step-00000005.damaged", "step-00000005.safetensors"
    ]  # fmt: skip


def test_saves_of_another_network_are_left_alone(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.path.mkdir()
    selection = choose(folder.path)
    path = write_checkpoint(folder.checkpoints, trained(selection), selection)
    grown = make_trainer(selection)
    grown.train_step.recipe.get_submodule("generator").register_buffer("grown", torch.zeros(1))
    before = path.read_bytes()
    with pytest.raises(
        UserError, match=r"all checkpoints in .* are damaged or do not fit .*generator\.grown is missing"
    ):
        resume(folder, grown, selection, [].append)
    assert path.read_bytes() == before
    assert grown.step == 0


# Judges, and the best model


def test_a_judge_that_is_not_the_one_is_trained_anew_from_the_beginning(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GANZOO_CACHE", str(tmp_path))
    plan = plan_evaluation(
        installed(), select(installed(), "gan", {"dataset": "ring", "dataset_count": 500}).parts["dataset"]
    )
    reference = ReferenceData(plan, Path("data"), torch.device("cpu"))

    def trained(said: list[str]) -> str:
        return trained_judge(plan.judge, reference, torch.device("cpu"), untracked, said.append).name

    name = trained([])
    (path,) = (tmp_path / "judges").glob("*.safetensors")
    sound = path.read_bytes()
    dice = random.Random(0)
    ways = [
        changed(sound, accuracy="high"), changed(sound, accuracy=7), changed(sound, learnt_from="x"),
        changed(sound, examples="others"),
        changed(sound, judge=None), changed(sound, format=1), mutated(sound, 0, len(sound), dice),
        rewritten(sound, tmp_path / "made", lambda tensors: tensors.update(means=tensors["means"][:1])),
        rewritten(sound, tmp_path / "made", lambda tensors: tensors["means"].fill_(float("nan"))),
        rewritten(sound, tmp_path / "made", lambda tensors: (tensors.pop("known"), tensors["means"].zero_())),
    ]  # fmt: skip
    for made in ways:
        path.write_bytes(made)
        said: list[str] = []
        assert trained(said) == name
        assert len(said) == 1 and "trained again" in said[0]
        assert path.read_bytes() == sound


FIGURE = {
    "metric": "m", "options": {}, "name": "n", "judge": "", "value": 1.0, "error": None, "floor": None,
    "floor_error": None, "aim": "low",
}  # fmt: skip
EVALUATION = {
    "dataset": "d", "data": {}, "split": "all", "reference": "r", "samples": 1, "real": 1, "judge": {},
    "figures": [FIGURE],
}  # fmt: skip


@pytest.mark.parametrize(
    "changes",
    [
        {"judge": 3}, {"judge": None}, {"figures": 3}, {"figures": [3]}, {"figures": [{}]}, {"figures": {}, "more": 1},
        *({"figures": [{**FIGURE, name: value}]} for name, value in (
            ("value", "1"), ("value", None), ("value", 10**400), ("value", True), ("error", "x"), ("floor", []),
            ("aim", "up"), ("aim", []), ("name", 3), ("judge", None), ("more", 1),
        )),
    ],
)  # fmt: skip
def test_a_best_model_that_lies_about_its_figures_is_refused(
    model_reader: ModelReader, changes: dict[str, Any], tmp_path: Path
) -> None:
    path = tmp_path / "best.safetensors"
    outline = Evaluation.from_json({**EVALUATION, "figures": []}, "the outline")
    path.write_bytes(changed(model_reader.sound, trained={"steps": 3, "evaluation": EVALUATION}))
    BestModel(path).resume(5, outline, "n")
    path.write_bytes(changed(model_reader.sound, trained={"steps": 3, "evaluation": {**EVALUATION, **changes}}))
    with pytest.raises(UserError, match=r"cannot be read|was not selected by") as said:
        BestModel(path).resume(5, outline, "n")
    assert str(said.value).isprintable()
    for steps in ("3", None, []):
        path.write_bytes(changed(model_reader.sound, trained={"steps": steps, "evaluation": EVALUATION}))
        with pytest.raises(UserError, match="cannot be read"):
            BestModel(path).resume(5, outline, "n")
