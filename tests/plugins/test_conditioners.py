"""What every conditioner does to its site, and when it does nothing."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ganzoo.assembly.parts import resolve
from ganzoo.catalogue import Component, DataSpec, Field, installed
from ganzoo.catalogue.check import needs_condition
from ganzoo.catalogue.data import joined
from ganzoo.catalogue.options import make
from ganzoo.contract.conditioner import Conditioner, Shape, Sites, Unconditioned
from ganzoo.contract.networks import DiscriminatorOutput

FIELDS = {
    "class": Field("class", classes=5),
    "vector": Field("vector", (4,)),
    "tokens": Field("tokens", (6,), names=("<pad>", "a", "big", "red", "ball")),
}
EVERY_FIELD = {**FIELDS, "joined": joined({"first": FIELDS["class"], "second": Field("vector", (2,))})}
FLAT, MAP = (7,), (3, 4, 6)
LOGIT, LOGIT_MAP = (1,), (1, 4, 6)
NOISE, FEATURES = (5,), {LOGIT: FLAT, LOGIT_MAP: MAP}
SITES = ("input", "block", "head", "logit")
BATCH = 6
INPUTS = {"generator": (10,), "discriminator": (3, 16, 16)}


def declared(name: str) -> Component:
    return installed().component("conditioner", name)


def needs(name: str) -> set[str]:
    return {capability for need in declared(name).requires for capability in need.any_of}


CONDITIONERS = [
    name
    for name in installed().names("conditioner")
    if needs_condition(declared(name)) and "beside-image" not in needs(name)  # these have tests of their own
]


def shapes(name: str) -> list[Shape]:
    """The shapes of the sites that a conditioner declares it fits; one that is not for the input fits any."""
    sites = resolve(declared(name)).sites
    if "logit" in sites:
        return [LOGIT, LOGIT_MAP]
    if "input" not in sites:
        return [MAP] if "site:block-map" in needs(name) else [FLAT, MAP]
    return [shape for site, shape in (("site:input-vector", FLAT), ("site:input-map", MAP)) if site in needs(name)]


def kinds(name: str) -> list[str]:
    return [kind for kind, field in EVERY_FIELD.items() if DataSpec({"x": field}, "x", "x").provides & needs(name)]


def conditioner_of(name: str, shape: Shape, kind: str = "class", **options: Any) -> Conditioner:
    target = resolve(declared(name))
    sites = Sites(target, make(declared(name).config, options, name), EVERY_FIELD[kind])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return sites.at(next(iter(target.sites)), shape, NOISE, FEATURES.get(shape, ()), normalised=True)


def stirred(conditioner: Conditioner) -> Conditioner:
    """The conditioner after some training: one that scales by 1 at the beginning does not depend on the condition."""
    rng = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in conditioner.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=rng))
    return conditioner


def applied(
    conditioner: Conditioner, x: Tensor, condition: Tensor | None, first: int = 0, alike: bool = False
) -> Tensor:
    """The result for examples from number ``first`` on, with the noise and the features of each; or all ``alike``."""
    rows = torch.full((len(x),), first) if alike else torch.arange(first, first + len(x))
    z = examples(16, *NOISE, seed=2)[rows].to(x.device)
    return conditioner(x, condition, z, features_for(x, rows))


def features_for(x: Tensor, rows: Tensor) -> Tensor:
    return examples(16, *FEATURES.get(tuple(x.shape[1:]), FLAT), seed=3)[rows].to(x.device)


def examples(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def conditions(kind: str, count: int = BATCH, seed: int = 0) -> Tensor:
    """Conditions that differ from each other; vectors are one-hot, and every caption has a word."""
    rng = torch.Generator().manual_seed(seed)
    if kind == "class":
        return torch.arange(count) % FIELDS[kind].classes
    if kind == "vector":
        return torch.eye(FIELDS[kind].size)[torch.arange(count) % FIELDS[kind].size]
    if kind == "joined":
        numbers = torch.arange(count)
        return torch.stack([numbers % 5, numbers / count, -numbers], dim=1).float()
    words = torch.randint(0, len(FIELDS[kind].names), (count, FIELDS[kind].size), generator=rng)
    words[:, 0] = 1 + torch.arange(count) % (len(FIELDS[kind].names) - 1)
    return words


CASES = [(name, kind, shape) for name in CONDITIONERS for kind in kinds(name) for shape in shapes(name)]
CLASS_CASES = [(name, shape) for name, kind, shape in CASES if kind == "class"]
CAPTION_CASES = [(name, shape) for name, kind, shape in CASES if kind == "tokens"]


def test_there_are_conditioners_and_each_fits_something() -> None:
    assert {"concat", "multiply", "add", "label-plane", "one-hot", "film", "adain", "projection"} <= set(CONDITIONERS)
    assert {name for name, _, _ in CASES} == set(CONDITIONERS)
    for name in CONDITIONERS:
        assert set(kinds(name)) == set(EVERY_FIELD), "classes, vectors, captions, and several of them together"


@pytest.mark.parametrize(("name", "kind", "shape"), CASES)
class TestEveryConditioner:
    @pytest.mark.parametrize("batch", [1, 9])
    def test_out_shape_is_the_truth(self, name: str, kind: str, shape: Shape, batch: int) -> None:
        conditioner = conditioner_of(name, shape, kind)
        made = applied(conditioner, examples(batch, *shape), conditions(kind, batch))
        assert made.shape == (batch, *conditioner.out_shape)
        assert made.dtype == torch.float32
        assert made.isfinite().all()

    def test_it_answers_to_its_condition(self, name: str, kind: str, shape: Shape) -> None:
        conditioner = stirred(conditioner_of(name, shape, kind))
        x = examples(1, *shape).expand(BATCH, *shape)
        made = applied(conditioner, x, conditions(kind), alike=True)
        assert not torch.allclose(made[0], made[1])

    def test_examples_do_not_mix(self, name: str, kind: str, shape: Shape) -> None:
        conditioner = stirred(conditioner_of(name, shape, kind)).eval()
        x, condition = examples(BATCH, *shape), conditions(kind)
        one_by_one = [applied(conditioner, x[i : i + 1], condition[i : i + 1], first=i) for i in range(BATCH)]
        torch.testing.assert_close(applied(conditioner, x, condition), torch.cat(one_by_one))

    def test_gradients_reach_its_input_and_its_own_weights(self, name: str, kind: str, shape: Shape) -> None:
        conditioner = conditioner_of(name, shape, kind)
        x = examples(BATCH, *shape).requires_grad_(True)
        features = features_for(x, torch.arange(BATCH)).requires_grad_(True)
        made = conditioner(x, conditions(kind), examples(BATCH, *NOISE, seed=2), features)
        (made * examples(*made.shape, seed=1)).sum().backward()
        # The logit that a discriminator computes without weights of its own may be dropped: the features make another.
        inputs = [] if "site:bare-logit" in needs(name) else [x]
        inputs += [features] if conditioner.uses_features else []
        assert inputs
        for tensor in (*inputs, *conditioner.parameters()):
            assert tensor.grad is not None
            assert tensor.grad.isfinite().all()
            assert tensor.grad.abs().sum() > 0

    def test_meta_tensors_pass(self, name: str, kind: str, shape: Shape) -> None:
        conditioner = conditioner_of(name, shape, kind).to("meta")
        made = applied(conditioner, torch.empty(2, *shape, device="meta"), conditions(kind, 2).to("meta"))
        assert made.shape == (2, *conditioner.out_shape)


@pytest.mark.parametrize(("name", "shape"), CLASS_CASES)
class TestClasses:
    @pytest.mark.parametrize("label", [FIELDS["class"].classes, -1, 10**6])
    def test_a_label_out_of_range_raises(self, name: str, shape: Shape, label: int) -> None:
        conditioner = conditioner_of(name, shape)
        with pytest.raises((IndexError, RuntimeError, ValueError)):
            applied(conditioner, examples(2, *shape), torch.tensor([0, label]))

    def test_classes_are_names_alone(self, name: str, shape: Shape) -> None:
        """Permuting the classes together with the rows of the embedding changes nothing."""
        conditioner = stirred(conditioner_of(name, shape)).eval()
        x, labels = examples(BATCH, *shape), conditions("class")
        before = applied(conditioner, x, labels)
        order = torch.tensor([3, 0, 4, 1, 2])
        tables = [module for module in conditioner.modules() if isinstance(module, nn.Embedding)]
        if not tables:
            pytest.skip("it keeps no table of classes")
        with torch.no_grad():
            for table in tables:
                table.weight.copy_(table.weight[order].clone())
        assert torch.equal(applied(conditioner, x, order.argsort()[labels]), before)
        assert not torch.equal(applied(conditioner, x, labels), before)


@pytest.mark.parametrize(("name", "shape"), CAPTION_CASES)
class TestCaptions:
    def test_padding_has_no_meaning(self, name: str, shape: Shape) -> None:
        conditioner = stirred(conditioner_of(name, shape, "tokens"))
        x = examples(1, *shape)
        short, long = torch.tensor([[2, 3, 0, 0, 0, 0]]), torch.tensor([[0, 0, 2, 0, 3, 0]])
        torch.testing.assert_close(applied(conditioner, x, short), applied(conditioner, x, long))

    def test_an_empty_caption_is_allowed(self, name: str, shape: Shape) -> None:
        conditioner = conditioner_of(name, shape, "tokens")
        made = applied(conditioner, examples(1, *shape), torch.zeros(1, 6, dtype=torch.int64))
        assert made.isfinite().all()

    def test_an_unknown_word_raises(self, name: str, shape: Shape) -> None:
        with pytest.raises((IndexError, RuntimeError, ValueError)):
            applied(conditioner_of(name, shape, "tokens"), examples(1, *shape), torch.tensor([[1, 5, 0, 0, 0, 0]]))


def with_embedding(conditioner: Conditioner, value: float) -> Conditioner:
    for name, parameter in conditioner.get_submodule("embedding").named_parameters():
        nn.init.constant_(parameter, value if name == "weight" else 0.0)
    return conditioner


@pytest.mark.parametrize(("kind", "shape"), list(itertools.product(FIELDS, (FLAT, MAP))))
class TestNeutralEmbeddings:
    def test_multiply_by_ones_is_the_identity(self, kind: str, shape: Shape) -> None:
        x = examples(BATCH, *shape)
        assert torch.equal(with_embedding(conditioner_of("multiply", shape, kind), 1.0)(x, conditions(kind)), x)

    def test_adding_zeros_is_the_identity(self, kind: str, shape: Shape) -> None:
        x = examples(BATCH, *shape)
        assert torch.equal(with_embedding(conditioner_of("add", shape, kind), 0.0)(x, conditions(kind)), x)

    def test_concat_keeps_the_input_and_lays_the_embedding_behind_it(self, kind: str, shape: Shape) -> None:
        x, condition = examples(BATCH, *shape), conditions(kind)
        conditioner = conditioner_of("concat", shape, kind, size=2)
        made = conditioner(x, condition)
        code = conditioner.get_submodule("embedding")(condition)
        assert conditioner.out_shape == (shape[0] + 2, *shape[1:])
        assert torch.equal(made[:, : shape[0]], x)
        assert torch.equal(
            made[:, shape[0] :], code.view(*code.shape, *[1] * len(shape[1:])).expand(-1, -1, *shape[1:])
        )


@pytest.mark.parametrize("kind", FIELDS)
def test_label_plane_is_one_more_channel_as_large_as_the_image(kind: str) -> None:
    conditioner = conditioner_of("label-plane", MAP, kind)
    x, condition = examples(BATCH, *MAP), conditions(kind)
    made = conditioner(x, condition)
    assert conditioner.out_shape == (4, 4, 6)
    assert torch.equal(made[:, :3], x)
    assert torch.equal(made[:, 3].flatten(1), conditioner.get_submodule("embedding")(condition))


@pytest.mark.parametrize("shape", [FLAT, MAP])
@pytest.mark.parametrize(
    ("kind", "condition", "code"),
    [
        ("class", [2, 0], [[0, 0, 1, 0, 0], [1, 0, 0, 0, 0]]),
        ("vector", [[0.5, -1.0, 0.0, 3.0], [0.0] * 4], [[0.5, -1.0, 0.0, 3.0], [0.0] * 4]),
        ("tokens", [[1, 3, 1, 4, 0, 0], [0] * 6], [[0.5, 0, 0.25, 0.25], [0] * 4]),
        ("joined", [[4.0, 0.5, -1.0], [0.0, 0.0, 7.0]], [[0, 0, 0, 0, 1, 0.5, -1.0], [1, 0, 0, 0, 0, 0.0, 7.0]]),
    ],
)
def test_one_hot_is_the_condition_itself(kind: str, condition: list[Any], code: list[Any], shape: Shape) -> None:
    """A class is one-hot, attributes are numbers, a caption is the share of its words; constant over an image."""
    conditioner = conditioner_of("one-hot", shape, kind, scale=2.0)
    x = examples(2, *shape)
    kept, planes = conditioner(x, torch.tensor(condition)).tensor_split([shape[0]], dim=1)
    assert not list(conditioner.parameters())
    assert torch.equal(kept, x)
    numbers = 2.0 * torch.tensor(code, dtype=torch.float32)
    assert conditioner.out_shape == (shape[0] + numbers.shape[1], *shape[1:])
    assert torch.equal(planes, numbers.view(*numbers.shape, *[1] * (len(shape) - 1)).expand_as(planes))


@pytest.mark.parametrize(("kind", "size"), [("class", 5), ("vector", 4), ("tokens", 6)])
def test_concat_takes_as_many_numbers_as_there_are_classes_or_attributes(kind: str, size: int) -> None:
    assert conditioner_of("concat", FLAT, kind).out_shape == (7 + size,)


@pytest.mark.parametrize("deviation", [0.0, 0.02, 1.0])
@pytest.mark.parametrize("name", ["concat", "multiply", "add", "label-plane"])
@pytest.mark.parametrize("kind", FIELDS)
def test_embeddings_begin_with_the_deviation_asked_for(name: str, kind: str, deviation: float) -> None:
    shape = (4800,) if name == "multiply" else (3, 40, 40)
    options = {"size": 2000} if name == "concat" else {}
    weight = conditioner_of(name, shape, kind, deviation=deviation, **options).get_parameter("embedding.weight")
    assert weight.std().item() == pytest.approx(deviation, rel=0.05)
    assert weight.mean().item() == pytest.approx(0, abs=0.05 * deviation)


@pytest.mark.parametrize("kind", FIELDS)
def test_multiplication_keeps_the_sign_of_most_of_an_image(kind: str) -> None:
    x = torch.ones(BATCH, 3, 40, 40)
    changed = conditioner_of("multiply", (3, 40, 40), kind)(x, conditions(kind))
    assert changed.mean().item() == pytest.approx(1.0, abs=0.1)
    assert (changed > 0).float().mean().item() > 0.9
    as_noise = conditioner_of("multiply", (3, 40, 40), kind, image_mean=0.0, image_deviation=1.0)(x, conditions(kind))
    assert as_noise.mean().item() == pytest.approx(0.0, abs=0.05)


TABLE = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in (Path(__file__).parents[2] / "docs" / "plugins.md").read_text(encoding="utf-8").splitlines()
    if line.startswith(("| conditioner | site", *(f"| `{name}` | `" for name in installed().names("conditioner"))))
]


def test_the_table_of_the_documents_has_every_conditioner() -> None:
    header, *rows = TABLE
    acting = [
        name
        for name in installed().names("conditioner")
        # Some take only what stands beside an image, and need networks of images from images.
        if resolve(declared(name)).sites and "beside-image" not in str(declared(name).requires)
    ]
    assert sorted(row[0].strip("`") for row in rows) == acting
    assert all(len(row) == len(header) for row in rows)


@pytest.mark.parametrize("row", TABLE[1:], ids=lambda row: row[0])
def test_the_table_of_the_documents_is_true(row: list[str]) -> None:
    """A conditioner stands in a network exactly where the table says yes, and exactly where the declarations fit."""
    name, site, *cells = (cell.strip("`") for cell in row)
    assert resolve(declared(name)).sites == {site}
    for place, cell in zip(TABLE[0][2:], cells, strict=True):
        kind, network = place.replace("`", "").split()
        wanted = [need for need in declared(name).requires if need.any_of[0].startswith("site:")]
        fits = all(set(need.any_of) & set(installed().component(kind, network).provides) for need in wanted)
        assert cell == ("yes" if fits else "no"), place
        if fits:
            modules = TestInsideNetworks().network(kind, network, name).modules()
            assert any(isinstance(module, resolve(declared(name))) for module in modules), place


class TestNone:
    def test_it_returns_its_very_input(self) -> None:
        for shape, condition in itertools.product((FLAT, MAP), (None, conditions("class"))):
            none = resolve(declared("none"))(declared("none").config(), shape, None)
            x = examples(BATCH, *shape)
            assert none(x, condition) is x
            assert none.out_shape == shape
            assert not list(none.parameters())

    def test_it_acts_at_no_site_and_neither_does_anybody_without_a_condition(self) -> None:
        none = resolve(declared("none"))
        assert none.sites == frozenset()
        concat = declared("concat")
        for sites in (
            Sites(none, declared("none").config(), FIELDS["class"]),
            Sites(resolve(concat), concat.config(), None),
        ):
            assert all(isinstance(sites.at(site, FLAT), Unconditioned) for site in SITES)

    def test_a_conditioner_acts_at_its_own_sites_alone(self) -> None:
        for name in CONDITIONERS:
            target = resolve(declared(name))
            sites = Sites(target, declared(name).config(), FIELDS["class"])
            for site in SITES:
                shape = LOGIT if site == "logit" else shapes(name)[0]
                found = sites.at(site, shape, NOISE, FEATURES.get(shape, ()), normalised=True)
                assert isinstance(found, target if site in target.sites else Unconditioned)


class TestInsideNetworks:
    """The slice of the first layer that sees the embedding is all that a network knows of its condition."""

    def network(self, kind: str, name: str, conditioner: str) -> nn.Module:
        component = installed().component(kind, name)
        narrow = {"mlp": {"widths": (9, 8)}, "dcgan": {"width": 4}}.get(name, {"widths": (4, 4)})
        sites = Sites(resolve(declared(conditioner)), declared(conditioner).config(), FIELDS["class"])
        makes = {"out": Field("image", INPUTS["discriminator"])} if kind == "generator" else {}
        torch.manual_seed(1)
        network: nn.Module = resolve(component)(
            make(component.config, narrow, name), in_shape=INPUTS[kind], sites=sites, **makes
        )
        return network.eval()

    def answer(self, network: nn.Module, x: Tensor, condition: Tensor | None) -> Tensor:
        made = network(x, condition)
        return made.logit if isinstance(made, DiscriminatorOutput) else made

    @pytest.mark.parametrize(
        ("kind", "name"),
        [
            ("generator", "mlp"),
            ("generator", "dcgan"),
            ("discriminator", "mlp"),
            ("discriminator", "dcgan"),
            ("discriminator", "strided"),
        ],
    )
    def test_concat_with_zero_weights_on_its_slice_is_unconditional(self, kind: str, name: str) -> None:
        conditional, plain = self.network(kind, name, "concat"), self.network(kind, name, "none")
        x, labels = examples(BATCH, *INPUTS[kind]), conditions("class")
        other = labels.flip(0)
        assert not torch.equal(self.answer(conditional, x, labels), self.answer(conditional, x, other))
        layers = (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)
        place, first = next((n, m) for n, m in conditional.named_modules() if isinstance(m, layers))
        inputs = 0 if isinstance(first, nn.ConvTranspose2d) else 1  # the dimension of the weight that runs over them
        kept, slice_of_it = first.weight.detach().tensor_split([-FIELDS["class"].classes], dim=inputs)
        slice_of_it.zero_()
        torch.testing.assert_close(self.answer(conditional, x, labels), self.answer(conditional, x, other))
        weights = {key: value for key, value in conditional.state_dict().items() if "embedding" not in key}
        plain.load_state_dict({**weights, f"{place}.weight": kept})
        torch.testing.assert_close(self.answer(conditional, x, labels), self.answer(plain, x, None))

    @pytest.mark.parametrize(
        ("kind", "name", "conditioner"),
        [
            *(("generator", name, c) for name in ("mlp", "dcgan") for c in ("concat", "multiply", "add")),
            *(("discriminator", name, c) for name in ("mlp", "dcgan") for c in ("concat", "multiply", "add")),
            ("discriminator", "dcgan", "label-plane"),
            ("discriminator", "strided", "label-plane"),
        ],
    )
    def test_permuting_classes_with_their_rows_changes_nothing(self, kind: str, name: str, conditioner: str) -> None:
        network = self.network(kind, name, conditioner)
        x, labels = examples(BATCH, *INPUTS[kind]), conditions("class")
        before = self.answer(network, x, labels)
        order = torch.tensor([3, 0, 4, 1, 2])
        with torch.no_grad():
            for table in network.modules():
                if isinstance(table, nn.Embedding):
                    table.weight.copy_(table.weight[order].clone())
        assert torch.equal(self.answer(network, x, order.argsort()[labels]), before)
        assert not torch.equal(self.answer(network, x, labels), before)

    @pytest.mark.parametrize("kind", ["generator", "discriminator"])
    def test_without_a_conditioner_a_network_does_not_look_at_the_condition(self, kind: str) -> None:
        network = self.network(kind, "mlp", "none")
        x = examples(BATCH, *INPUTS[kind])
        assert torch.equal(self.answer(network, x, conditions("class")), self.answer(network, x, None))
