"""Files in the layouts in which Keras saves models, written with h5py, and what their layers compute, in NumPy."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, final

import h5py
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
EPSILON = 1e-3  # of batch norm, by default
NOTHING: Mapping[str, Any] = {}


@final
@dataclass
class Layer:
    """A layer: its class, its name, its variables by name, the layers in it, and options of its config."""

    kind: str
    name: str
    variables: Mapping[str, Array] = field(default_factory=dict)
    inside: Sequence[Layer] = ()
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def config(self) -> dict[str, Any]:
        """Its config, as JSON has it."""
        inner = {"layers": [layer.config for layer in self.inside]} if self.inside else {}
        return {"class_name": self.kind, "config": {"name": self.name, **self.options, **inner}}

    def all(self) -> list[Layer]:
        """The layer, or the layers in it."""
        return [layer for below in self.inside for layer in below.all()] or [self]


def snake(kind: str) -> str:
    """Return the name of a class as Keras names groups: ``Conv2DTranspose`` is ``conv2d_transpose``."""
    known = {"Conv2D": "conv2d", "Conv2DTranspose": "conv2d_transpose", "PReLU": "p_re_lu"}
    plain = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in kind)
    return known.get(kind, plain.removeprefix("_"))


# Writers


def weights_file(model: Layer) -> bytes:
    """Return a ``.weights.h5`` of Keras 3: groups named by classes, variables by numbers."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        _write_numbered(file, model)
    return buffer.getvalue()


def _write_numbered(group: h5py.Group, layer: Layer) -> None:
    own = group.create_group("vars")
    own.attrs["name"] = layer.name
    for number, value in enumerate(layer.variables.values()):
        own.create_dataset(str(number), data=value)
    counts: dict[str, int] = {}
    for below in layer.inside:
        kind = snake(below.kind)
        count = counts[kind] = counts.get(kind, -1) + 1
        _write_numbered(group.create_group(f"layers/{kind}_{count}" if count else f"layers/{kind}"), below)


def model_file(model: Layer, with_config: bool = True) -> bytes:
    """Return an ``.h5`` of a whole model, or of its weights only, in which attributes name layers and variables."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        weights = file.create_group("model_weights") if with_config else file
        if with_config:
            file.attrs["model_config"] = json.dumps(model.config).encode()
            file.create_group("optimizer_weights/adam").create_dataset("kernel:0", data=np.ones((2, 3), "f4"))
        weights.attrs["layer_names"] = [layer.name.encode() for layer in model.inside]
        for layer in model.inside:
            group = weights.create_group(layer.name)
            names = []
            for each in layer.all():
                prefix = each.name if each is layer else f"{layer.name}/{each.name}"
                for name, value in each.variables.items():
                    names.append(f"{prefix}/{name}:0")
                    group.create_dataset(names[-1], data=value)
            group.attrs["weight_names"] = names
    return buffer.getvalue()


def keras_file(model: Layer) -> bytes:
    """Return a ``.keras``: a zip of the config and of the weights."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("metadata.json", "{}")
        file.writestr("config.json", json.dumps(model.config))
        file.writestr("model.weights.h5", weights_file(model))
    return buffer.getvalue()


WRITERS = {
    "weights.h5": weights_file,
    "h5": model_file,
    "h5 of weights": lambda model: model_file(model, with_config=False),
    "keras": keras_file,
}

# Layers with random numbers


@final
class Layers:
    """Makes layers, with names as Keras gives them: the second of a class is ``dense_1``."""

    def __init__(self, seed: int = 0):
        self._random = np.random.default_rng(seed)
        self._counts: dict[str, int] = {}

    def numbers(self, *shape: int) -> Array:
        """Return random numbers of a shape."""
        return (self._random.normal(size=shape) * 0.3).astype("f4")

    def layer(self, kind: str, options: Mapping[str, Any] = NOTHING, /, **variables: Array) -> Layer:
        """Return a layer with variables."""
        count = self._counts[kind] = self._counts.get(kind, -1) + 1
        return Layer(kind, f"{snake(kind)}_{count}" if count else snake(kind), variables, (), options)

    def dense(self, inputs: int, units: int) -> Layer:
        """Return a fully connected layer."""
        return self.layer("Dense", kernel=self.numbers(inputs, units), bias=self.numbers(units))

    def conv(self, inputs: int, units: int, size: int = 3) -> Layer:
        """Return a convolution."""
        return self.layer("Conv2D", kernel=self.numbers(size, size, inputs, units), bias=self.numbers(units))

    def transposed(self, inputs: int, units: int, size: int = 4) -> Layer:
        """Return a transposed convolution without bias."""
        return self.layer("Conv2DTranspose", kernel=self.numbers(size, size, units, inputs))

    def norm(self, units: int, epsilon: float = EPSILON) -> Layer:
        """Return a batch norm."""
        return self.layer(
            "BatchNormalization",
            {"epsilon": epsilon},
            gamma=self.numbers(units) + 1,
            beta=self.numbers(units),
            moving_mean=self.numbers(units),
            moving_variance=np.abs(self.numbers(units)) + np.float32(0.5),
        )

    def embedding(self, classes: int, size: int) -> Layer:
        """Return a table of embeddings."""
        return self.layer("Embedding", embeddings=self.numbers(classes, size))


# What the layers compute, in Keras' layout (B, H, W, C)


def dense(layer: Layer, x: Array) -> Array:
    """Return x · kernel + bias."""
    made: Array = x @ layer.variables["kernel"] + layer.variables["bias"]
    return made


def norm(layer: Layer, x: Array, epsilon: float = EPSILON) -> Array:
    """Return batch norm in inference."""
    gamma, beta, mean, variance = layer.variables.values()
    made: Array = (x - mean) / np.sqrt(variance + epsilon) * gamma + beta
    return made


def conv(layer: Layer, x: Array, stride: int = 1) -> Array:
    """Return a convolution with ``padding="same"``: the end gets the larger half of the padding."""
    kernel = layer.variables["kernel"]
    size = kernel.shape[0]
    pads = []
    for side in x.shape[1:3]:
        total = max((-(-side // stride) - 1) * stride + size - side, 0)
        pads.append((total // 2, total - total // 2))
    padded = np.pad(x, [(0, 0), *pads, (0, 0)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, (size, size), axis=(1, 2))[:, ::stride, ::stride]
    made: Array = np.einsum("bijchw,hwco->bijo", windows, kernel) + layer.variables["bias"]
    return made


def transposed(layer: Layer, x: Array, stride: int, crop: int) -> Array:
    """Return a transposed convolution without bias, with ``crop`` rows and columns less on each side."""
    kernel = layer.variables["kernel"]
    size, sides = kernel.shape[0], [(side - 1) * stride + kernel.shape[0] for side in x.shape[1:3]]
    made = np.zeros((len(x), *sides, kernel.shape[2]), "f4")
    for row in range(x.shape[1]):
        for column in range(x.shape[2]):
            begin = row * stride, column * stride
            patch = np.einsum("bc,hwoc->bhwo", x[:, row, column], kernel)
            made[:, begin[0] : begin[0] + size, begin[1] : begin[1] + size] += patch
    return made[:, crop : sides[0] - crop, crop : sides[1] - crop]


def upsampled(x: Array) -> Array:
    """Return images of twice the size."""
    return x.repeat(2, axis=1).repeat(2, axis=2)


def leaky(x: Array, slope: float) -> Array:
    """Return the leaky ReLU."""
    return np.where(x > 0, x, slope * x)


# The convolutional CGAN whose label embeddings multiply the noise


@final
class EmbedMultiplyCGAN:
    """The generator and the discriminator for images of ``size`` pixels and ``classes``, as Keras builds them."""

    slope = 0.02

    def __init__(self, size: int = 12, z: int = 6, widths: tuple[int, int] = (5, 4), classes: int = 10):
        make, (wide, narrow) = Layers(), widths
        self.size, self._start = size, (-1, size // 4, size // 4, wide)
        body = [make.dense(z, wide * (size // 4) ** 2), make.conv(wide, wide), make.norm(wide)]
        body += [make.conv(wide, narrow), make.norm(narrow), make.conv(narrow, 1)]
        inside = [make.embedding(classes, z), Layer("Sequential", "sequential", {}, body)]
        self.generator = Layer("Functional", "generator", {}, inside)
        judge = [make.embedding(classes, size**2)]
        channels, side = 2, size
        for units in (4, 5, 6):
            judge += [make.conv(channels, units), make.norm(units)]
            channels, side = units, -(-side // 2)
        judge.append(make.dense(channels * side**2, 1))
        self.discriminator = Layer("Functional", "discriminator", {}, judge)
        self.both = Layer("Functional", "cgan", {}, [self.generator, self.discriminator])

    def generate(self, z: Array, labels: Array) -> Array:
        """Map noise (B, Z) and classes (B,) to images (B, H, W, 1)."""
        embedding, body = self.generator.inside
        start, conv1, norm1, conv2, norm2, end = body.inside
        x = dense(start, z * embedding.variables["embeddings"][labels]).clip(0).reshape(self._start)
        x = leaky(norm(norm1, conv(conv1, upsampled(x), 2)), self.slope)
        x = leaky(norm(norm2, conv(conv2, upsampled(x))), self.slope)
        made: Array = np.tanh(conv(end, upsampled(x)))
        return made

    def judge(self, images: Array, labels: Array) -> Array:
        """Map images (B, H, W, 1) and classes (B,) to logits (B, 1)."""
        embedding, *convolutions, end = self.discriminator.inside
        plane = embedding.variables["embeddings"][labels].reshape(images.shape)
        x = np.concatenate([images, plane], axis=3)
        for one, two in zip(convolutions[::2], convolutions[1::2], strict=True):
            x = leaky(norm(two, conv(one, x, 2)), self.slope)
        return dense(end, x.reshape(len(x), -1))
