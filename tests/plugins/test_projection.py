"""The projection against its formula, and the networks at its site."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ganzoo.assembly.parts import resolve
from ganzoo.catalogue import Field, installed
from ganzoo.catalogue.options import make
from ganzoo.contract.conditioner import Sites, Unconditioned
from ganzoo_cgan.configs import ProjectionConfig
from ganzoo_cgan.projection import Projection

CLASSES = Field("class", classes=3)
IMAGE = (1, 16, 16)
DISCRIMINATORS = {"mlp": {"widths": (9, 8)}, "dcgan": {"width": 4}, "strided": {"widths": (4, 4)}}


def discriminator(name: str, target: Any = Projection, condition: Field | None = CLASSES) -> nn.Module:
    component = installed().component("discriminator", name)
    sites = Sites(target, ProjectionConfig(), condition)
    torch.manual_seed(0)
    options: dict[str, Any] = DISCRIMINATORS[name]
    network: nn.Module = resolve(component)(make(component.config, options, name), in_shape=IMAGE, sites=sites)
    return network.eval()


def test_the_logit_by_hand() -> None:
    """Miyato & Koyama's equation 4: the logit plus ⟨e(y), φ⟩, written out."""
    projection = Projection(ProjectionConfig(), (1,), CLASSES, (2,))
    with torch.no_grad():
        projection.embedding.weight.copy_(torch.tensor([[1.0, 2.0], [-1.0, 0.5], [0.0, 0.0]]))
    logits, features = torch.tensor([[0.25], [0.25], [7.0]]), torch.tensor([[3.0, 4.0], [2.0, 8.0], [9.0, 9.0]])
    found = projection(logits, torch.tensor([0, 1, 2]), features=features)
    assert found.tolist() == [[0.25 + 3.0 + 8.0], [0.25 - 2.0 + 4.0], [7.0]]


def test_the_logit_of_each_patch_by_hand() -> None:
    """A discriminator of patches has a product at every place."""
    projection = Projection(ProjectionConfig(), (1, 1, 2), CLASSES, (2, 1, 2))
    with torch.no_grad():
        projection.embedding.weight.copy_(torch.tensor([[1.0, 2.0], [0.0, 0.0], [0.0, 0.0]]))
    features = torch.tensor([[[[3.0, 5.0]], [[4.0, -6.0]]]])
    found = projection(torch.zeros(1, 1, 1, 2), torch.tensor([0]), features=features)
    assert found.tolist() == [[[[3.0 + 8.0, 5.0 - 12.0]]]]


@pytest.mark.parametrize(("shape", "features"), [((2,), (4,)), ((1,), (4, 2, 2)), ((1, 2, 2), (4, 4, 4))])
def test_a_logit_that_does_not_fit_the_features_is_refused(shape: Any, features: Any) -> None:
    with pytest.raises(ValueError, match="has no inner product with features"):
        Projection(ProjectionConfig(), shape, CLASSES, features)


@pytest.mark.parametrize("name", DISCRIMINATORS)
class TestDiscriminators:
    def examples(self) -> tuple[Tensor, Tensor]:
        rng = torch.Generator().manual_seed(1)
        return torch.randn(6, *IMAGE, generator=rng), torch.tensor([0, 1, 2, 2, 0, 1])

    def test_it_is_the_logit_plus_the_inner_product_with_its_features(self, name: str) -> None:
        network, (x, y) = discriminator(name), self.examples()
        plain = discriminator(name, Unconditioned)
        plain.load_state_dict({key: value for key, value in network.state_dict().items() if "logit" not in key})
        output, without = network(x, y), plain(x, None)
        table = network.get_parameter("logit.embedding.weight")
        product = torch.stack([table[int(k)] @ row for k, row in zip(y, output.features, strict=True)])
        assert torch.equal(output.features, without.features)
        torch.testing.assert_close(output.logit, without.logit + product[:, None])
        assert product.abs().min() > 1e-4

    def test_with_a_zero_embedding_it_is_the_unconditional_network(self, name: str) -> None:
        network, (x, y) = discriminator(name), self.examples()
        plain = discriminator(name, Unconditioned)
        plain.load_state_dict({key: value for key, value in network.state_dict().items() if "logit" not in key})
        nn.init.zeros_(network.get_parameter("logit.embedding.weight"))
        assert torch.equal(network(x, y).logit, plain(x, None).logit)

    def test_the_features_do_not_see_the_class(self, name: str) -> None:
        network, (x, y) = discriminator(name), self.examples()
        assert torch.equal(network(x, y).features, network(x, y.flip(0)).features)
        assert not torch.equal(network(x, y).logit, network(x, y.flip(0)).logit)

    def test_a_site_for_the_logit_adds_nothing_to_an_older_model(self, name: str) -> None:
        network = discriminator(name, Unconditioned)
        assert not [key for key in network.state_dict() if key.startswith("logit")]


def test_the_product_begins_as_large_as_the_logit_beside_it() -> None:
    torch.manual_seed(0)
    projection = Projection(ProjectionConfig(deviation=0.5), (1,), Field("class", classes=400), (256,))
    features = torch.randn(400, 256)
    assert projection(torch.zeros(400, 1), torch.arange(400), features=features).std().item() == pytest.approx(0.5, 0.1)
