"""Models that Keras saved: their networks give what Keras computes, and no other content of a file is read."""

from __future__ import annotations

import io
import json
import random
import zipfile
from collections.abc import Callable
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from torch import Tensor

from ganzoo.catalogue import installed, select
from ganzoo.contract.recipe import Recipe
from ganzoo.errors import UserError
from ganzoo.storage.model_file import read_model
from ganzoo.studio.conversion.checkpoints import read_checkpoint
from ganzoo.studio.conversion.convert import Conversion
from ganzoo.studio.conversion.pickles import Unreadable
from ganzoo.testing.foreign_checkpoints import Conversions
from ganzoo.testing.keras_checkpoints import (
    WRITERS,
    EmbedMultiplyCGAN,
    Layer,
    Layers,
    dense,
    keras_file,
    leaky,
    model_file,
    norm,
    transposed,
    weights_file,
)

EACH_WRITER = pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
CLOSE = 1e-5
SIZES = {"dataset": "mnist", "dataset-size": 12, "latent-size": 6, "generator-widths": (5, 4)}
SIZES |= {"discriminator-widths": (4, 5, 6)}


def of_keras(conversions: Conversions, content: bytes, variant: str, **options: Any) -> tuple[Conversion, Recipe]:
    flags = {name.replace("_", "-"): value for name, value in options.items()}
    done = conversions.convert(content, selection=select(installed(), variant, flags, preset="published"))
    return done, read_model(conversions.out, installed()).recipe.eval()


def channels_last(images: Tensor) -> np.ndarray[Any, Any]:
    return images.detach().permute(0, 2, 3, 1).numpy()


# The outputs are those of Keras


@EACH_WRITER
def test_the_embed_multiply_cgan_computes_what_keras_does(
    write: Callable[[Layer], bytes], conversions: Conversions
) -> None:
    cgan, chance = EmbedMultiplyCGAN(), np.random.default_rng(5)
    done, recipe = of_keras(conversions, write(cgan.both), "cgan-conv", **SIZES)
    assert list(done.assigned) == ["generator", "discriminator"]
    assert (done.unread, done.unused, done.other_epsilons) == ((), [], {})
    z, labels = chance.normal(size=(10, 6)).astype("f4"), np.arange(10)
    images = cgan.generate(z, labels)
    made = recipe.get_submodule("generator")(torch.tensor(z), torch.tensor(labels))
    assert np.abs(images).max() > 0.1
    assert np.abs(channels_last(made) - images).max() < CLOSE
    logits = recipe.get_submodule("discriminator")(made, torch.tensor(labels)).logit
    assert np.abs(logits.detach().numpy() - cgan.judge(images, labels)).max() < CLOSE


def test_pytorchs_padding_and_epsilon_give_something_else(conversions: Conversions) -> None:
    cgan = EmbedMultiplyCGAN()
    options = {**SIZES, "generator-padding": "both", "generator-norm-eps": 1e-5}
    done, recipe = of_keras(conversions, keras_file(cgan.generator), "cgan-conv", **options)
    assert done.other_epsilons == {"generator": (1e-3,)}
    z, labels = np.ones((10, 6), "f4"), np.arange(10)
    made = recipe.get_submodule("generator")(torch.tensor(z), torch.tensor(labels))
    assert np.abs(channels_last(made) - cgan.generate(z, labels)).max() > 100 * CLOSE


@EACH_WRITER
def test_transposed_convolutions(write: Callable[[Layer], bytes], conversions: Conversions) -> None:
    make, epsilon = Layers(), 1e-5
    layers = [make.transposed(6, 16), make.norm(16, epsilon), make.transposed(16, 8), make.norm(8, epsilon)]
    layers += [make.transposed(8, 4), make.norm(4, epsilon), make.transposed(4, 3)]
    options = {"dataset": "cifar10", "dataset-size": 32, "latent-size": 6, "generator-width": 4}
    done, recipe = of_keras(conversions, write(Layer("Sequential", "model", {}, layers)), "dcgan", **options)
    assert done.initial == ["discriminator"]
    z = np.random.default_rng(1).normal(size=(3, 6)).astype("f4")
    x = norm(layers[1], transposed(layers[0], z[:, None, None], 1, 0), epsilon).clip(0)
    x = norm(layers[3], transposed(layers[2], x, 2, 1), epsilon).clip(0)
    x = norm(layers[5], transposed(layers[4], x, 2, 1), epsilon).clip(0)
    made = recipe.get_submodule("generator")(torch.tensor(z), None)
    assert np.abs(channels_last(made) - np.tanh(transposed(layers[6], x, 2, 1))).max() < CLOSE


@EACH_WRITER
def test_fully_connected_layers_that_make_colour_images(
    write: Callable[[Layer], bytes], conversions: Conversions
) -> None:
    """The last layer gives (H, W, C) in Keras; there are more than ten layers of a class, whose numbers decide."""
    make, widths = Layers(), [8] * 12
    layers = [make.dense(6, 8)]
    for _ in widths[1:]:
        layers += [make.dense(8, 8), make.norm(8)]
    layers.append(make.dense(8, 8 * 8 * 3))
    options = {"dataset": "cifar10", "dataset-size": 8, "latent-size": 6, "generator-widths": widths}
    _, recipe = of_keras(
        conversions, write(Layer("Sequential", "model", {}, layers)), "gan", **options, generator_norm_eps=1e-3
    )
    z = np.random.default_rng(1).normal(size=(3, 6)).astype("f4")
    x = leaky(dense(layers[0], z), 0.2)
    for one, two in zip(layers[1:-1:2], layers[2:-1:2], strict=True):
        x = leaky(norm(two, dense(one, x)), 0.2)
    made = recipe.get_submodule("generator")(torch.tensor(z), None)
    assert np.abs(channels_last(made) - np.tanh(dense(layers[-1], x)).reshape(3, 8, 8, 3)).max() < CLOSE


# What is read


def tensors(content: bytes) -> dict[str, list[int]]:
    return {name: list(view.shape) for name, view in read_checkpoint(content).value.items()}


@pytest.mark.parametrize("write", [keras_file, model_file], ids=["keras", "h5"])
def test_the_config_has_the_order_of_layers_of_any_name(write: Callable[[Layer], bytes]) -> None:
    make = Layers()
    first, second, third = (make.dense(2, units) for units in (3, 4, 5))
    first.name, second.name, third.name = "zero.start", "middle", "an_end"
    assert list(tensors(write(Layer("Sequential", "m", {}, [first, second, third]))).values()) == [
        [3, 2], [3], [4, 2], [4], [5, 2], [5],
    ]  # fmt: skip


def test_variables_without_names_follow_from_the_class() -> None:
    make = Layers()
    layers = [
        make.embedding(10, 4),
        make.layer("Dense", kernel=make.numbers(10, 4)),
        make.norm(4),
        make.layer("PReLU", alpha=make.numbers(1, 1, 4)),
        make.layer("Conv1D", kernel=make.numbers(5, 2, 4), bias=make.numbers(4)),
        make.layer("LayerNormalization", gamma=make.numbers(4), beta=make.numbers(4)),
    ]
    found = tensors(weights_file(Layer("Sequential", "m", {}, layers)))
    assert found == {
        "embedding.weight": [10, 4],
        "dense.weight": [4, 10],
        "batch_normalization.weight": [4],
        "batch_normalization.bias": [4],
        "batch_normalization.running_mean": [4],
        "batch_normalization.running_var": [4],
        "p_re_lu.weight": [4],
        "conv1_d.weight": [4, 2, 5],
        "conv1_d.bias": [4],
        "layer_normalization.weight": [4],
        "layer_normalization.bias": [4],
    }


def test_half_precision_is_read_exactly() -> None:
    numbers = np.array([[1.5, -2.25], [0.125, 3]], "f4")
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        for name, value in {
            "a": numbers.astype("f2"),
            "b": (numbers.view("u4") >> 16).astype("u2"),
            "c": numbers,
        }.items():
            file.create_dataset(f"layers/{name}/vars/0", data=value)
        file["layers/b/vars/0"].attrs["dtype"] = "bfloat16"
    found = read_checkpoint(buffer.getvalue()).value
    assert [view.dtype for view in found.values()] == [torch.float16, torch.bfloat16, torch.float32]
    assert all(view.read().float().T.tolist() == numbers.tolist() for view in found.values())


def with_file(change: Callable[[h5py.File], None], **options: Any) -> bytes:
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", **options) as file:
        file.create_dataset("layers/dense/vars/0", data=np.ones((2, 3), "f4"))
        change(file)
    return buffer.getvalue()


def virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout((2, 3), "f4")
    layout[:] = h5py.VirtualSource("/etc/passwd", "a", (2, 3))
    file.create_virtual_dataset("layers/other/vars/0", layout)


def linked(target: object) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        file.create_group("layers/other/vars")["0"] = target

    return change


def external(file: h5py.File) -> None:
    group = file.create_group("layers/other/vars")
    group.create_dataset("0", (2, 3), "f4", external=[("/etc/passwd", 0, 24)])


def compressed(file: h5py.File) -> None:
    file.create_dataset("layers/other/vars/0", data=np.ones((2, 3), "f4"), compression="gzip")


def chunked(file: h5py.File) -> None:
    file.create_dataset("layers/other/vars/0", data=np.ones((2, 3), "f4"), chunks=(1, 3))


def words(file: h5py.File) -> None:
    file.create_dataset("layers/other/vars/0", data=["a", "b"])


NOT_READ: dict[str, tuple[Callable[[h5py.File], None], str]] = {
    "a soft link": (linked(h5py.SoftLink("/layers/dense/vars/0")), "soft link"),
    "an external link": (linked(h5py.ExternalLink("/etc/passwd", "a")), "link"),
    "data in another file": (external, "data elsewhere"),
    "a virtual dataset": (virtual, "HDF5"),
    "a filter": (compressed, "filters"),
    "chunks": (chunked, "chunks"),
    "words": (words, "not of numbers"),
    "the other order of bytes": (
        lambda file: file.create_dataset("layers/other/vars/0", data=np.ones((2, 3), ">f4")),
        "not of numbers",
    ),
}


@pytest.mark.parametrize(("change", "word"), NOT_READ.values(), ids=NOT_READ)
def test_what_keras_does_not_write_is_named_and_not_read(change: Callable[[h5py.File], None], word: str) -> None:
    read = read_checkpoint(with_file(change))
    assert list(read.value) == ["dense.weight"]
    assert [told for told in read.unread if word in told] == list(read.unread) != []


def test_state_that_is_no_weight_is_left_out() -> None:
    def change(file: h5py.File) -> None:
        for path, dtype in {"optimizer/vars/0": "f4", "layers/dropout/seed_generator/vars/0": "u4"}.items():
            file.create_dataset(path, data=np.ones(2, dtype))

    assert list(tensors(with_file(change))) == ["dense.weight"]


def test_groups_in_themselves_and_with_two_links_are_read_once() -> None:
    def change(file: h5py.File) -> None:
        file["layers/itself"] = file["layers"]
        for number in range(20):
            group = file.create_group(f"level{number}")
            if number:
                group["a"] = group["b"] = file[f"level{number - 1}"]

    read = read_checkpoint(with_file(change))
    assert (list(read.value), read.unread) == (["dense.weight"], ("HDF5 group with two links",))


@pytest.mark.parametrize("version", ["latest", ("v108", "v108")])
def test_other_formats_of_hdf5_are_refused(version: Any) -> None:
    with pytest.raises(Unreadable, match="another format than Keras writes"):
        read_checkpoint(with_file(lambda file: None, libver=version))


@pytest.mark.parametrize(
    ("config", "word"),
    [(b"{", "not JSON"), (b"[" * 100_000, "not JSON"), (b"\xff", "not JSON"), (b" " * (2**24 + 1), "larger config")],
)
def test_configs_that_are_none(config: bytes, word: str) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("config.json", config)
        file.writestr("model.weights.h5", with_file(lambda file: None))
    with pytest.raises(Unreadable, match=word):
        read_checkpoint(buffer.getvalue())


@pytest.mark.parametrize(
    "config",
    [[], 3, {"config": 3}, {"config": {"layers": 3}}, {"config": {"layers": [3, {}, {"config": {"name": 3}}]}},
     {"config": {"layers": [{"class_name": 3, "config": {"name": "dense", "epsilon": "a"}}]}}],
)  # fmt: skip
def test_configs_of_any_form_are_harmless(config: Any) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("config.json", json.dumps(config))
        file.writestr("model.weights.h5", with_file(lambda file: None))
    assert list(tensors(buffer.getvalue())) == ["dense.weight"]


def test_a_compressed_zip_is_refused() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("model.weights.h5", bytes(1000))
    with pytest.raises(Unreadable, match=r"compressed|larger than the file"):
        read_checkpoint(buffer.getvalue())


# Damage


@EACH_WRITER
def test_a_file_that_was_cut_anywhere_is_refused_or_lacks_layers(write: Callable[[Layer], bytes]) -> None:
    content = write(EmbedMultiplyCGAN(size=4, z=2, widths=(1, 1)).generator)
    whole = tensors(content)
    for size in range(1, len(content), 97):
        try:
            found = tensors(content[:size])
        except Unreadable:
            continue
        assert found.items() <= whole.items()


@EACH_WRITER
def test_damage_is_refused_or_harmless(write: Callable[[Layer], bytes], conversions: Conversions) -> None:
    content = write(EmbedMultiplyCGAN(size=4, z=2, widths=(1, 1)).generator)
    refused = 0
    for seed in range(300):
        chance, made = random.Random(seed), bytearray(content)
        for _ in range(chance.randint(1, 8)):
            at = chance.randrange(len(made))
            made[at : at + 8] = chance.choice([bytes(8), b"\xff" * 8, chance.randbytes(8), at.to_bytes(8, "little")])
        try:
            for view in read_checkpoint(bytes(made)).value.values():
                assert view.read().nbytes <= len(content)
        except Unreadable:
            refused += 1
    assert 0 < refused < 300 or write is keras_file  # a checksum finds all damage of a zip
    assert "damaged" in conversions.refused(content[: len(content) // 2])


def test_the_message_names_the_file(conversions: Conversions) -> None:
    conversions.old.write_bytes(weights_file(EmbedMultiplyCGAN().generator))
    with pytest.raises(UserError, match="does not fit the generator of 'dcgan'"):
        conversions.convert(conversions.old.read_bytes())
