"""Other people's checkpoints: what comes out of sound ones, to the bit, and that hostile ones end in one sentence."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hostile_checkpoints import Tiny
from torch import Tensor, nn

import ganzoo
from ganzoo.assembly.dry_run import assemble
from ganzoo.assembly.parts import build_recipe
from ganzoo.catalogue import Selection, installed, select
from ganzoo.cli import run as command
from ganzoo.errors import UserError
from ganzoo.storage.model_file import read_model
from ganzoo.studio.conversion.assignment import assign
from ganzoo.studio.conversion.candidates import networks_in
from ganzoo.studio.conversion.checkpoints import read_checkpoint
from ganzoo.studio.conversion.convert import Conversion, convert

Z, WIDTH = 20, 4
OPTIONS = {"dataset": "cifar10", "dataset-size": 32, "latent-size": Z, "generator-width": WIDTH}
SMALL = {**OPTIONS, "discriminator-width": WIDTH}
FORMATS = pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])


class TutorialGenerator(nn.Module):
    """A DCGAN's generator as tutorials write it: noise (B, Z, 1, 1) to images (B, 3, 32, 32)."""

    def __init__(self, z: int = Z, width: int = WIDTH, bias: bool = False):
        super().__init__()
        self.main = nn.Sequential(
            nn.ConvTranspose2d(z, width * 4, 4, 1, 0, bias=bias),
            nn.BatchNorm2d(width * 4),
            nn.ReLU(True),
            nn.ConvTranspose2d(width * 4, width * 2, 4, 2, 1, bias=bias),
            nn.BatchNorm2d(width * 2),
            nn.ReLU(True),
            nn.ConvTranspose2d(width * 2, width, 4, 2, 1, bias=bias),
            nn.BatchNorm2d(width),
            nn.ReLU(True),
            nn.ConvTranspose2d(width, 3, 4, 2, 1, bias=bias),
            nn.Tanh(),
        )

    def forward(self, z: Tensor) -> Tensor:
        made: Tensor = self.main(z)
        return made


class TutorialDiscriminator(nn.Module):
    """The same for its discriminator: images (B, 3, 32, 32) to one number each."""

    def __init__(self, width: int = WIDTH):
        super().__init__()
        # The layers of one kind first, then those of the other.
        self.conv1 = nn.Conv2d(3, width, 4, 2, 1, bias=False)
        self.conv2 = nn.Conv2d(width, width * 2, 4, 2, 1, bias=False)
        self.conv3 = nn.Conv2d(width * 2, width * 4, 4, 2, 1, bias=False)
        self.score = nn.Conv2d(width * 4, 1, 4, bias=False)
        self.norm2, self.norm3 = nn.BatchNorm2d(width * 2), nn.BatchNorm2d(width * 4)

    def forward(self, x: Tensor) -> Tensor:
        h = nn.functional.leaky_relu(self.conv1(x), 0.2)
        h = nn.functional.leaky_relu(self.norm2(self.conv2(h)), 0.2)
        h = nn.functional.leaky_relu(self.norm3(self.conv3(h)), 0.2)
        logit: Tensor = self.score(h)
        return logit.flatten(1)


def lived(network: nn.Module) -> nn.Module:
    """Give every number of a network a value of its own, as a training would."""
    with torch.no_grad(), torch.random.fork_rng():
        torch.manual_seed(7)
        for name, value in network.state_dict().items():
            if value.is_floating_point():
                value.copy_(torch.rand_like(value) + 0.5 if name.endswith("var") else torch.randn_like(value) * 0.2)
            else:
                value.fill_(41)
    return network.eval()


def saved(value: Any, zipped: bool = True) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer, _use_new_zipfile_serialization=zipped)
    return buffer.getvalue()


def selected(variant: str = "dcgan", **options: Any) -> Selection:
    return select(installed(), variant, {**SMALL, **{name.replace("_", "-"): value for name, value in options.items()}})


class MetricContext:
    """Converts values and bytes in a folder of its own."""

    def __init__(self, folder: Path):
        self.old, self.out = folder / "old.pkl", folder / "model.safetensors"

    def convert(self, value: Any, zipped: bool = True, selection: Any = None, **options: Any) -> Conversion:
        self.old.write_bytes(value if isinstance(value, bytes) else saved(value, zipped))
        return convert(self.old, selection or selected(), self.out, **{"force": True, **options})

    def refused(self, value: Any, zipped: bool = True, selection: Any = None, **options: Any) -> str:
        """Return the one sentence with which a conversion ends, which leaves nothing behind."""
        with pytest.raises(UserError) as told:
            self.convert(value, zipped, selection, **options)
        assert not self.out.exists()
        assert "\n" not in str(told.value)
        assert str(told.value).isprintable()
        return str(told.value)

    def state(self, network: str = "generator") -> dict[str, Tensor]:
        recipe, _ = read_model(self.out, installed())
        return recipe.get_submodule(network).state_dict()


@pytest.fixture
def bench(tmp_path: Path) -> MetricContext:
    return MetricContext(tmp_path)


def numbers(network: nn.Module) -> list[Tensor]:
    return [value for value in network.state_dict().values() if value.dim()]


def same_numbers(bench: MetricContext, network: nn.Module) -> bool:
    """Whether the model's generator holds the numbers of ``network``, layer for layer, to the bit."""
    made = [value for value in bench.state().values() if value.dim()]
    return len(made) == len(numbers(network)) and all(map(torch.equal, made, numbers(network)))


# Sound checkpoints


def trained_checkpoint() -> tuple[nn.Module, nn.Module, Any]:
    """A checkpoint as training scripts write it: two networks, their optimizers, an epoch, losses, a device."""
    generator, discriminator = lived(TutorialGenerator()), lived(TutorialDiscriminator())
    optimizer = torch.optim.Adam(generator.parameters(), lr=2e-4, betas=(0.5, 0.999))
    generator(torch.randn(2, Z, 1, 1)).sum().backward()
    optimizer.step()
    checkpoint = {
        "epoch": 19,
        "g_model_state_dict": nn.DataParallel(generator).state_dict(),
        "d_model_state_dict": nn.DataParallel(discriminator).state_dict(),
        "g_optimizer_state_dict": optimizer.state_dict(),
        "losses": {"g": [1.5, 2.5], "best": np.float64(0.25)},
        "device": torch.device("cpu"),
    }
    return generator, discriminator, checkpoint


@FORMATS
def test_samples_of_a_multi_gpu_checkpoint_are_those_of_its_own_network(zipped: bool, bench: MetricContext) -> None:
    generator, discriminator, checkpoint = trained_checkpoint()
    done = bench.convert(checkpoint, zipped)
    assert list(done.assigned) == ["generator", "discriminator"]
    assert [taken.candidate.name for taken in done.assigned.values()] == [
        "g_model_state_dict.module.main",
        "d_model_state_dict.module",
    ]
    assert (list(done.initial), done.unused) == ([], ["epoch", "g_optimizer_state_dict", "losses", "device"])
    recipe, header = read_model(bench.out, installed())
    z, images = torch.randn(9, Z), torch.randn(5, 3, 32, 32)
    with torch.no_grad():
        assert torch.equal(recipe.get_submodule("generator")(z, None), generator(z[:, :, None, None]))
        assert torch.equal(recipe.get_submodule("discriminator")(images, None).logit, discriminator(images))
    assert header.trained["steps"] == 0
    assert header.trained["converted"] == {
        "file": "old.pkl",
        "sha256": hashlib.sha256(bench.old.read_bytes()).hexdigest(),
        "networks": ["generator", "discriminator"],
    }


def test_the_model_is_one_like_any_other(bench: MetricContext) -> None:
    _, _, checkpoint = trained_checkpoint()
    bench.convert(checkpoint, True)
    made = ganzoo.sample(bench.out, 3, seed=5)
    assert made.shape == (3, 3, 32, 32)
    again = MetricContext(bench.old.parent)
    again.out = bench.out.with_name("again.safetensors")
    again.convert(checkpoint, True)
    assert again.out.read_bytes() == bench.out.read_bytes()
    assert torch.equal(ganzoo.sample(again.out, 3, seed=5), made)


PLACES: dict[str, Callable[[Mapping[str, Tensor]], Any]] = {
    "alone": lambda state: state,
    "in a dict": lambda state: {"generator": state},
    "deep": lambda state: {"a": [{"b": ({"c": {"netG": state}},)}], "step": 3},
    "a plain dict": dict,
    "with module": lambda state: {f"module.{name}": value for name, value in state.items()},
    "with _orig_mod.module": lambda state: {f"_orig_mod.module.{name}": value for name, value in state.items()},
    "in one dict of several networks": lambda state: {
        **{f"netD.{name}": value for name, value in TutorialDiscriminator().state_dict().items()},
        **{f"netG.{name}": value for name, value in state.items()},
        "step": torch.tensor(3),
    },
    "as parameters": lambda state: {
        name: nn.Parameter(value) if value.is_floating_point() else value for name, value in state.items()
    },
    "beside a copy in the same memory": lambda state: {"one": state, "two": OrderedDict(state)},
    "without counters": lambda state: {name: value for name, value in state.items() if "num_batches" not in name},
}


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_a_generator_is_found_wherever_it_is(place: Callable[[Any], Any], bench: MetricContext) -> None:
    generator = lived(TutorialGenerator())
    done = bench.convert(place(generator.state_dict()), False)
    assert "generator" in done.assigned
    assert same_numbers(bench, generator)


def test_a_counter_that_the_file_has_not_is_zero_and_told(bench: MetricContext) -> None:
    state = lived(TutorialGenerator()).state_dict()
    done = bench.convert({name: value for name, value in state.items() if "num_batches" not in name})
    assert len(done.assigned["generator"].mapping.zeros) == 3
    assert {int(value) for name, value in bench.state().items() if "num_batches" in name} == {0}
    bench.convert(state)
    assert {int(value) for name, value in bench.state().items() if "num_batches" in name} == {41}


def test_what_the_file_has_not_stays_as_it_begins(bench: MetricContext) -> None:
    done = bench.convert(lived(TutorialGenerator()).state_dict())
    assert list(done.initial) == ["discriminator"]
    first = bench.state("discriminator")
    bench.convert(TutorialGenerator().state_dict())
    assert all(map(torch.equal, first.values(), bench.state("discriminator").values()))
    bench.convert(TutorialGenerator().state_dict(), selection=selected(seed=1))
    assert not torch.equal(first["output.weight"], bench.state("discriminator")["output.weight"])


def test_our_own_names_decide_before_the_order_does(bench: MetricContext) -> None:
    bench.convert(lived(TutorialGenerator()).state_dict())
    ours = bench.state()
    shuffled = dict(sorted(ours.items(), key=lambda item: item[0][::-1]))
    assert list(shuffled) != list(ours)
    done = bench.convert({"netG": shuffled}, True)
    assert done.assigned["generator"].mapping.by_name
    assert all(torch.equal(value, ours[name]) for name, value in bench.state().items())


@pytest.mark.parametrize("told", ["float16", "bfloat16", "float64"])
def test_other_numbers_become_float32_and_are_told(told: str, bench: MetricContext) -> None:
    dtype = getattr(torch, told)
    generator = lived(TutorialGenerator()).to(dtype)
    done = bench.convert({"g": generator.state_dict()}, False)
    assert done.assigned["generator"].cast == (told,)
    assert same_numbers(bench, generator.float())
    assert all(value.dtype in (torch.float32, torch.int64) for value in bench.state().values())


@FORMATS
def test_tensors_that_share_memory_and_views_of_any_strides(zipped: bool, bench: MetricContext) -> None:
    generator = lived(TutorialGenerator())
    state = generator.state_dict()
    for name, value in state.items():
        if value.dim() == 4:
            state[name] = value.permute(3, 1, 0, 2).contiguous().permute(2, 1, 3, 0)
            assert not state[name].is_contiguous()
        elif value.dim() == 1:
            state[name] = torch.stack([value, -value], 1).flatten()[::2]
    together = torch.cat([state["main.1.bias"], state["main.1.weight"]])
    state["main.1.bias"], state["main.1.weight"] = together[: WIDTH * 4], together[WIDTH * 4 :]
    bench.convert(state, zipped)
    assert same_numbers(bench, generator)


@FORMATS
@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_every_protocol_that_torch_save_takes(protocol: int, zipped: bool, bench: MetricContext) -> None:
    generator = lived(TutorialGenerator())
    torch.save(
        {"g": generator.state_dict()}, bench.old, pickle_protocol=protocol, _use_new_zipfile_serialization=zipped
    )
    bench.convert(bench.old.read_bytes())
    assert same_numbers(bench, generator)


def test_numbers_of_a_machine_with_the_other_order_of_bytes(bench: MetricContext) -> None:
    generator = lived(TutorialGenerator())
    old, new = zipfile.ZipFile(io.BytesIO(saved(generator.state_dict()))), io.BytesIO()
    sizes = {str(place): value.element_size() for place, value in enumerate(generator.state_dict().values())}
    with zipfile.ZipFile(new, "w") as made:
        for name in old.namelist():
            raw = old.read(name)
            if name.startswith("archive/data/"):
                raw = np.frombuffer(raw, f"u{sizes[name.rpartition('/')[2]]}").byteswap().tobytes()
            made.writestr(name, b"big" if name.endswith("byteorder") else raw)
    bench.convert(new.getvalue())
    assert same_numbers(bench, generator)


@pytest.mark.parametrize("variant", installed().names("variant"))
def test_every_variant_can_be_converted_to(variant: str, bench: MetricContext) -> None:
    chosen = select(installed(), variant)
    recipe = build_recipe(chosen, assemble(chosen))
    networks = {name: lived(network) for name, network in recipe.named_children()}
    foreign = {f"net{name[0].upper()}": renamed(network.state_dict()) for name, network in networks.items()}
    done = bench.convert(foreign, True, chosen)
    assert set(done.assigned) == set(networks)
    assert not any(taken.mapping.by_name for taken in done.assigned.values())
    for name, network in networks.items():
        assert all(map(torch.equal, bench.state(name).values(), network.state_dict().values()))


def renamed(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return a state under names as somebody else would have chosen them, in the same order."""
    layers: dict[str, str] = {}
    made = {}
    for name, value in state.items():
        layer, _, role = name.rpartition(".")
        made[f"{layers.setdefault(layer, f'layer{len(layers)}')}.{role}"] = value
    return made


# What does not fit


def test_the_options_that_would_make_it_fit_are_told_and_do(bench: MetricContext) -> None:
    generator = lived(TutorialGenerator(z=33, width=6))
    discriminator = TutorialDiscriminator(width=5)
    both = {"g": generator.state_dict(), "d": discriminator.state_dict()}
    told = bench.refused(both, selection=select(installed(), "dcgan", {"dataset": "cifar10"}))
    assert "'0.weight' of the file is (33, 24, 4, 4)" in told
    assert "'layers.0.0.weight' is (100, 256, 4, 4)" in told
    flags = told.split("it fits with ")[1].split()
    asked = {name.removeprefix("--"): value for name, value in zip(flags[::2], flags[1::2], strict=True)}
    assert asked == {"latent-size": "33", "generator-width": "6", "discriminator-width": "5"}
    bench.convert(both, selection=select(installed(), "dcgan", {"dataset": "cifar10", **asked}))
    assert same_numbers(bench, generator)


def test_the_widths_of_fully_connected_layers_are_told(bench: MetricContext) -> None:
    chosen = select(installed(), "gan", {"dataset": "mnist", "generator-widths": "48,96", "latent-size": 30})
    state = build_recipe(chosen, assemble(chosen)).get_submodule("generator").state_dict()
    told = bench.refused(renamed(state), selection=select(installed(), "gan", {"dataset": "mnist"}))
    assert "--generator-widths 48,96" in told
    assert "--latent-size 30" in told


def without(word: str) -> dict[str, Tensor]:
    return {name: value for name, value in TutorialGenerator().state_dict().items() if word not in name}


MISFITS: dict[str, tuple[Callable[[], Any], tuple[str, ...]]] = {
    "nothing": (dict, ("has no network",)),
    "numbers only": (lambda: {"epoch": 3, "loss": 0.5}, ("has no network",)),
    "a tensor": (lambda: torch.ones(3), ("has no network",)),
    "averages": (lambda: {"state": {0: {"exp_avg": torch.ones(3)}}}, ("has no network",)),
    "a discriminator": (lambda: TutorialDiscriminator().state_dict(), ("does not fit the generator",)),
    "biases": (
        lambda: TutorialGenerator(bias=True).state_dict(),
        ("'layers.0.0' has weight (20, 16, 4, 4)", "bias (16,)"),
    ),
    "a layer more": (
        lambda: {**TutorialGenerator().state_dict(), "more.weight": torch.ones(1, 3, 4, 4)},
        ("'more.weight' of the file is in a layer (weight (1, 3, 4, 4)) that the network lacks",),
    ),
    "part of a generator": (
        lambda: {"netG": {**TutorialGenerator().state_dict(), "more.weight": torch.ones(1, 3, 4, 4)}},
        ("'more.weight'",),
    ),
    "a layer less": (lambda: without("main.9"), ("'output.0' has weight (4, 3, 4, 4)", "only 6 layers")),
    "no running means": (
        lambda: without("running"),
        ("'layers.0.1' has weight (16,), bias (16,), running_mean (16,)",),
    ),
    "whole numbers": (
        lambda: {name: value.long() for name, value in TutorialGenerator().state_dict().items()},
        ("torch.float32", "torch.int64"),
    ),
    "another discriminator": (
        lambda: {"netG": TutorialGenerator().state_dict(), "netD": TutorialDiscriminator(width=9).state_dict()},
        ("does not fit the discriminator", "--discriminator-width 9", "--take discriminator=none"),
    ),
    "two generators": (
        lambda: {"ema": TutorialGenerator().state_dict(), "live": TutorialGenerator().state_dict()},
        ("several parts", "'ema.main', 'live.main'", "--take generator="),
    ),
    "two generators that say so": (
        lambda: {"G_A": TutorialGenerator().state_dict(), "G_B": TutorialGenerator().state_dict()},
        ("several parts", "--take generator="),
    ),
    "NaN": (lambda: {name: value * float("nan") for name, value in without("num_").items()}, ("not finite",)),
    "larger than float32": (
        lambda: {name: value.double() + 1e300 for name, value in without("num_").items()},
        ("not finite",),
    ),
}


@pytest.mark.parametrize(("made", "words"), MISFITS.values(), ids=MISFITS)
def test_what_does_not_fit_is_told(made: Callable[[], Any], words: tuple[str, ...], bench: MetricContext) -> None:
    told = bench.refused(made())
    assert [word for word in words if word not in told] == []


def test_one_of_several_can_be_asked_for(bench: MetricContext) -> None:
    one, other = lived(TutorialGenerator()), TutorialGenerator()
    both = {"ema": one.state_dict(), "live": other.state_dict()}
    for name, network in (("ema", one), ("live.main", other)):
        bench.convert(both, take={"generator": name})
        assert same_numbers(bench, network)


def test_a_word_decides_where_shapes_do_not(bench: MetricContext) -> None:
    one, other = lived(TutorialGenerator()), TutorialGenerator()
    done = bench.convert({"reference": other.state_dict(), "netG_state": one.state_dict()})
    assert done.assigned["generator"].candidate.name == "netG_state.main"
    assert same_numbers(bench, one)


def test_names_that_look_alike_hide_no_tensor() -> None:
    names = ("weight", ".weight", "weight.", "a.weight", ".a.weight", "a..weight", "0.weight", "0")
    tensors = {name: torch.ones(number) for number, name in enumerate(names)}
    (whole, *_) = networks_in(read_checkpoint(saved({**tensors, 0: torch.ones(9)})))
    assert [view.shape for view in whole.tensors.values()] == [(number,) for number in range(len(names))]


def test_no_tensor_becomes_two_networks() -> None:
    found = networks_in(read_checkpoint(saved({"one": Tiny().state_dict(), "two": Tiny().state_dict()})))
    networks = {"there": Tiny(), "back": Tiny()}
    made = assign(networks, found, {"there": "two"})
    assert {name: taken.candidate.name for name, taken in made.assigned.items()} == {"there": "two", "back": "one"}
    with pytest.raises(UserError, match="no part 'one' for the back"):
        assign(networks, found, {"there": "one", "back": "one"})


@pytest.mark.parametrize(
    ("take", "words"),
    [
        ({"generator": "none"}, ("a model needs its generator",)),
        ({"generatr": "x"}, ("did you mean 'generator'",)),
        ({"generator": "x"}, ("no part 'x'", "'main'")),
        ({"discriminator": "main"}, ("no part 'main' for the discriminator",)),
    ],
)
def test_what_cannot_be_taken_is_told(take: Mapping[str, str], words: tuple[str, ...], bench: MetricContext) -> None:
    told = bench.refused(TutorialGenerator().state_dict(), take=take)
    assert [word for word in words if word not in told] == []


def test_a_part_that_fits_and_has_no_telling_name_is_offered(bench: MetricContext) -> None:
    network = lived(TutorialGenerator())
    averaged = torch.optim.swa_utils.AveragedModel(network).state_dict()
    assert "--take generator='module.main'" in bench.refused(averaged)
    done = bench.convert(averaged, take={"generator": "module.main"})
    assert same_numbers(bench, network)
    assert done.unused == ["n_averaged"]


@FORMATS
def test_numbers_that_stand_for_their_negatives_are_refused(zipped: bool, bench: MetricContext) -> None:
    state = TutorialGenerator().state_dict()
    state["main.0.weight"] = torch.zeros(state["main.0.weight"].shape, dtype=torch.cfloat).conj().imag
    assert "torch.resolve_neg" in bench.refused(state, zipped)
    bench.convert({name: value.resolve_neg() for name, value in state.items()}, zipped)


def test_a_network_can_be_left_out(bench: MetricContext) -> None:
    both = {"netG": TutorialGenerator().state_dict(), "netD": TutorialDiscriminator(width=9).state_dict()}
    done = bench.convert(both, take={"discriminator": "none"})
    assert (list(done.assigned), list(done.initial), done.unused) == (["generator"], ["discriminator"], ["netD"])


# The command


def typed(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    status = command(["convert", *words])
    out, err = capsys.readouterr()
    assert out == ""
    return status, err


FLAGS = [word for name, value in SMALL.items() for word in (f"--{name}", str(value))]


def test_the_command_tells_what_it_took_from_where(bench: MetricContext, capsys: pytest.CaptureFixture[str]) -> None:
    _, _, checkpoint = trained_checkpoint()
    checkpoint["g_model_state_dict"] = {
        name: value.half() if value.dim() else value for name, value in checkpoint["g_model_state_dict"].items()
    }
    del checkpoint["d_model_state_dict"]
    bench.old.write_bytes(saved(checkpoint, False))
    line = [str(bench.old), "--variant", "dcgan", *FLAGS, "--out", str(bench.out)]
    status, told = typed(capsys, *line)
    assert status == 0
    assert told.splitlines() == [
        "generator: 19 tensors of 'g_model_state_dict.module.main', in the order of the layers, from float16",
        "  layers.0.0  '0'  (20, 16, 4, 4)",
        "  layers.0.1  '1'  (16,)",
        "  layers.1.0  '3'  (16, 8, 4, 4)",
        "  layers.1.1  '4'  (8,)",
        "  layers.2.0  '6'  (8, 4, 4, 4)",
        "  layers.2.1  '7'  (4,)",
        "  output.0    '9'  (4, 3, 4, 4)",
        "discriminator: not in the checkpoint, and left as it begins",
        "left out: 'epoch', 'g_optimizer_state_dict', 'losses', 'device'",
        f"model: {bench.out}",
        f"sample it: ganzoo sample {bench.out} --out samples.png",
    ]
    assert command(["sample", str(bench.out), "--out", str(bench.out.with_suffix(".png")), "--count", "4"]) == 0
    before = bench.out.read_bytes()
    status, told = typed(capsys, *line)
    assert (status, "give --force" in told) == (2, True)
    assert typed(capsys, *line, "--force", "--seed", "3")[0] == 0
    assert bench.out.read_bytes() != before


def test_the_command_takes_parts_by_name(bench: MetricContext, capsys: pytest.CaptureFixture[str]) -> None:
    one = lived(TutorialGenerator())
    bench.old.write_bytes(saved({"ema": one.state_dict(), "live": TutorialGenerator().state_dict()}))
    line = [str(bench.old), "--variant=dcgan", *FLAGS, "--out", str(bench.out)]
    status, told = typed(capsys, *line)
    assert (status, len(told.splitlines())) == (2, 1)
    assert "--take generator=" in told
    assert typed(capsys, *line, "--take", "generator=ema", "--take", "discriminator=none")[0] == 0
    assert same_numbers(bench, one)


def test_the_help_shows_the_options_of_the_variant(capsys: pytest.CaptureFixture[str]) -> None:
    assert command(["convert", "old.pt", "--variant", "dcgan", "--help"]) == 0
    shown = capsys.readouterr().out
    for flag in ("--take", "--generator-width", "--dataset-size", "--latent-size", "--seed", "--data-root"):
        assert flag in shown
    for flag in ("--steps", "--batch-size", "--tensorboard", "--resume"):
        assert flag not in shown
