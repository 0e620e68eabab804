"""The data-to-data cross-entropy of ReACGAN, by hand."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from ganzoo.assembly.dry_run import assemble
from ganzoo.catalogue.data import Field
from ganzoo.contract.head import HeadInput
from ganzoo.contract.packs import WHOLE_BATCH
from ganzoo.errors import Refused
from ganzoo.testing.selections import choose
from ganzoo_heads.codes import Codes
from ganzoo_heads.configs import CodesConfig, DataToDataConfig
from ganzoo_heads.d2d_ce import DataToData

MARGIN, TEMPERATURE = 0.9, 0.5
CLASSES = torch.tensor([0, 1, 0, 2])


def head_of(**options: float) -> DataToData:
    config = DataToDataConfig(**{"weight": 1.0, "margin": MARGIN, "temperature": TEMPERATURE, "size": 3, **options})
    head = DataToData(config, 4, Field("class", classes=3), Codes(CodesConfig()))
    with torch.no_grad():
        for number, parameter in enumerate(head.parameters()):
            parameter.copy_(torch.randn(parameter.shape, generator=torch.Generator().manual_seed(number)))
    return head


def features() -> Tensor:
    return torch.randn(4, 4, generator=torch.Generator().manual_seed(9))


def error(head: DataToData, values: Tensor, classes: Tensor = CLASSES) -> Tensor:
    return head.generator(HeadInput(values, classes))["d2d-ce"]


def cosine(one: Tensor, other: Tensor) -> float:
    return float((one @ other / (one.norm() * other.norm())).detach())


def by_hand(head: DataToData, values: Tensor) -> list[float]:
    """Equation 8 of the paper, example by example."""
    vectors, proxies = head.layer(values), head.proxies.weight
    errors = []
    for i, label in enumerate(CLASSES.tolist()):
        near = min(cosine(vectors[i], proxies[label]) - MARGIN, 0.0) / TEMPERATURE
        others = [j for j, other in enumerate(CLASSES.tolist()) if other != label]
        far = [max(cosine(vectors[i], vectors[j]) - (1 - MARGIN), 0.0) / TEMPERATURE for j in others]
        errors.append(-math.log(math.exp(near) / (math.exp(near) + sum(map(math.exp, far)))))
    return errors


def test_the_published_equation() -> None:
    head, values = head_of(), features()
    assert error(head, values).tolist() == pytest.approx(by_hand(head, values), rel=1e-5)


@pytest.mark.parametrize("temperature", [0.5, 0.01])
def test_the_shift_of_the_logarithm_cancels(temperature: float) -> None:
    # Known defect of published code: the row's maximum is taken from the negatives alone, so that their weight against
    # the positive depends on the batch. Shifted on both sides, the error is the same and stays finite.
    head, values = head_of(temperature=temperature), features().double()
    head.double()
    vectors = F.normalize(head.layer(values))
    near = F.relu(MARGIN - (vectors * F.normalize(head.proxies(CLASSES))).sum(1)) / temperature
    far = (F.relu(vectors @ vectors.T + MARGIN - 1) / temperature).exp()
    negatives = (far * (CLASSES[:, None] != CLASSES[None])).sum(1)
    torch.testing.assert_close(error(head, values), near + ((-near).exp() + negatives).log())
    assert error(head.float(), values.float()).isfinite().all()


def test_only_other_classes_repel() -> None:
    head, values = head_of(), (1 + 0.1 * features()).requires_grad_()  # all near each other
    (slopes,) = torch.autograd.grad(error(head, values)[0], values)
    # Example 2 has the class of example 0: whatever it looks like, it is no negative.
    assert slopes[0].any() and slopes[1].any() and slopes[3].any() and not slopes[2].any()


def test_a_batch_of_one_class_only_attracts() -> None:
    head, values = head_of(), features().requires_grad_()
    found = error(head, values, torch.zeros(4, dtype=torch.long))
    found.sum().backward()
    assert found.tolist() == pytest.approx([0.0] * 4, abs=1e-6)  # nothing to be told apart from
    assert values.grad is not None and values.grad.isfinite().all()


def test_features_and_proxies_are_normalised() -> None:
    head, values = head_of(), features()
    before = error(head, values)
    with torch.no_grad():
        head.proxies.weight.mul_(torch.tensor([[3.0], [0.5], [7.0]]))
        head.layer.weight.mul_(5.0)
        head.layer.bias.mul_(5.0)
    torch.testing.assert_close(error(head, values), before)


def test_easy_examples_have_no_gradient() -> None:
    head = head_of()
    with torch.no_grad():  # each example lies on the proxy of its class, and the classes are orthogonal
        head.layer.weight.copy_(torch.eye(3, 4))
        head.layer.bias.zero_()
        head.proxies.weight.copy_(torch.eye(3))
    values = F.one_hot(CLASSES, 4).float().requires_grad_()
    error(head, values).sum().backward()
    assert values.grad is not None and not values.grad.any()


def test_the_discriminator_sorts_real_examples_alone() -> None:
    head, real, fake = head_of(), features().requires_grad_(), features().requires_grad_()
    head.discriminator(HeadInput(real, CLASSES), HeadInput(fake, CLASSES))["d2d-ce"].sum().backward()
    assert real.grad is not None and real.grad.any() and fake.grad is None


def test_the_whole_batch_is_compared() -> None:
    assert DataToData.pack == WHOLE_BATCH
    with pytest.raises(Refused, match=r"head 'd2d-ce' compares all examples of a batch"):
        assemble(choose("acgan", head="d2d-ce", accumulate=2))
