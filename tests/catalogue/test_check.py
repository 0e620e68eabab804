"""The first check: what does not fit is refused before torch is imported."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ganzoo.catalogue import (
    Component,
    DataSpec,
    installed,
    select,
)
from ganzoo.catalogue.check import check
from ganzoo.errors import Refused, UserError

# The first check: what does not fit


def refused(variant: str, **flags: Any) -> tuple[str, ...]:
    with pytest.raises(Refused) as caught:
        check(select(installed(), variant, flags))
    assert all(isinstance(problem, str) and "\n" not in problem for problem in caught.value.problems)
    return caught.value.problems


def fits(variant: str, **flags: Any) -> dict[str, DataSpec]:
    return check(select(installed(), variant, flags))


CONDITIONERS = [
    name for name in installed().names("conditioner") if installed().component("conditioner", name).requires
]
MLP = set.intersection(*(set(installed().component(kind, "mlp").provides) for kind in ("generator", "discriminator")))
VECTORS = [  # those that fit both networks
    name
    for name in CONDITIONERS
    if all(
        MLP & set(need.any_of) or not need.any_of[0].startswith("site:")
        for need in installed().component("conditioner", name).requires
    )
]
FOR_IMAGES = [
    (kind, entry.item.name)
    for kind in ("generator", "discriminator")
    for entry in installed()
    if isinstance(entry.item, Component)
    and entry.item.kind == kind
    and any(need.any_of == ("data:image",) for need in entry.item.requires)
]


def test_what_fits_is_told_with_what_the_data_will_be() -> None:
    data = fits("cgan", dataset_size=12)
    assert data["dataset"].target_field.shape == (1, 12, 12)
    assert data["dataset"].condition == "label"


@pytest.mark.parametrize("conditioner", VECTORS)
@pytest.mark.parametrize("blind", ["generator", "discriminator"])
def test_a_condition_that_one_player_does_not_see_is_refused(conditioner: str, blind: str) -> None:
    seeing = {"generator": "discriminator", "discriminator": "generator"}[blind]
    (problem,) = refused("cgan", **{"conditioner": conditioner, f"{blind}_conditioner": "none"})
    assert problem.startswith(f"{seeing} is conditioned by {conditioner!r} but {blind} is not ('none')")
    assert "--conditioner" in problem


@pytest.mark.parametrize("conditioner", VECTORS)
def test_two_conditioners_of_two_kinds_fit_each_other(conditioner: str) -> None:
    fits("cgan", conditioner=conditioner, generator_conditioner=VECTORS[0])


def test_a_conditioner_that_fits_one_network_alone_is_not_advised_for_both() -> None:
    (problem,) = refused("gan", discriminator_conditioner="projection")
    assert "set both" not in problem
    advised = problem.split("choose --generator-conditioner (")[1].split(" would do")[0].split(", ")
    assert {"concat", "film", "conditional-batch-norm"} <= set(advised)
    for name in advised:
        fits("gan", discriminator_conditioner="projection", generator_conditioner=name)


@pytest.mark.parametrize(
    ("flags", "advised"),
    [
        ({"conditioner": "projection"}, "--generator-conditioner film"),
        ({"conditioner": "film-noise"}, "--discriminator-conditioner projection"),
        ({"discriminator_conditioner": "conditional-batch-norm"}, "--conditioner film"),
        ({"generator_conditioner": "adain"}, "--conditioner film"),
    ],
)
def test_a_conditioner_for_other_sites_is_refused_with_one_that_fits(flags: dict[str, str], advised: str) -> None:
    (problem,) = refused("cgan", **flags)
    assert advised in problem


def test_without_any_condition_labelled_data_fits() -> None:
    fits("cgan", conditioner="none")


@pytest.mark.parametrize("network", ["generator", "discriminator"])
def test_a_label_plane_at_a_flat_input_is_refused(network: str) -> None:
    (problem,) = refused("cgan", **{f"{network}_conditioner": "label-plane"})
    words = ("label-plane", f"slot {network}-conditioner", f"{network} 'mlp'", "image-shaped", "--")
    assert [word for word in words if word not in problem] == []


def test_a_label_plane_at_an_image_shaped_input_fits() -> None:
    fits("dcgan", conditioner="concat", discriminator_conditioner="label-plane")


def test_the_advice_about_a_label_plane_is_not_what_was_asked_for() -> None:
    (problem,) = refused("cgan", discriminator_conditioner="label-plane")
    assert "--discriminator-conditioner label-plane" not in problem


@pytest.mark.parametrize(("kind", "name"), FOR_IMAGES)
def test_a_network_for_images_is_refused_for_points(kind: str, name: str) -> None:
    (problem,) = refused("gan", **{kind: name, "dataset": "ring"})
    advice = "--discriminator autoencoder" if "autoencoder" in name else "--generator mlp --discriminator mlp"
    words = (f"{kind} {name!r}", "images", "dataset 'ring'", advice)
    assert [word for word in words if word not in problem] == []


@pytest.mark.parametrize("variant", ["dcgan", "cgan-conv"])
def test_convolutional_variants_on_points_are_told_about_both_networks(variant: str) -> None:
    found = refused(variant, dataset="ring", conditioner="none")
    assert {problem.split()[0] for problem in found} == {"generator", "discriminator"}
    fits(variant, dataset="ring", conditioner="none", generator="mlp", discriminator="mlp")


@pytest.mark.parametrize("size", [9, 11, 13, 15, 17, 19, 21, 25, 33, 34, 35, 38, 42, 63])
def test_a_size_that_dcgan_does_not_fit_is_refused_with_one_that_it_fits(size: int) -> None:
    found = refused("dcgan", dataset_size=size)
    assert {problem.split(":")[0] for problem in found} == {"generator 'dcgan'", "discriminator 'dcgan'"}
    for problem in found:
        assert f"not {size} high and {size} wide" in problem
        advised = int(problem.split("set the dataset's size to ")[1].split(",")[0])
        assert abs(advised - size) <= 4
        fits("dcgan", dataset_size=advised)


@pytest.mark.parametrize("size", [8, 10, 12, 14, 16, 18, 20, 22, 24, 28, 30, 32, 40, 48, 56, 60, 64])
def test_a_size_that_is_a_small_number_doubled_fits_dcgan(size: int) -> None:
    fits("dcgan", dataset_size=size)


@pytest.mark.parametrize("size", [10, 30, 33])
def test_a_size_that_the_upsampling_generator_cannot_make_is_refused(size: int) -> None:
    (problem,) = refused("cgan-conv", dataset_size=size)
    words = ("generator 'upsampling'", "multiples of 4", f"{size} high and {size} wide", "--generator mlp")
    assert [word for word in words if word not in problem] == []
    fits("cgan-conv", dataset_size=size - size % 4)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder of what look like images, without classes."""
    for name in ("a.png", "b.jpg"):
        (tmp_path / name).touch()
    return tmp_path


@pytest.mark.parametrize("conditioner", VECTORS)
def test_a_conditioner_on_data_without_labels_is_refused(conditioner: str, pictures: Path) -> None:
    found = refused("cgan", dataset="folder", data_root=pictures, conditioner=conditioner)
    for problem in found:
        assert f"conditioner {conditioner!r}" in problem
        assert "dataset 'folder'" in problem
        assert "--conditioner none" in problem
    fits("cgan", dataset="folder", data_root=pictures, conditioner="none")


def test_data_without_labels_fits_an_unconditional_variant(pictures: Path) -> None:
    assert fits("gan", dataset="folder", data_root=pictures)["dataset"].condition == ""


def test_all_reasons_are_told_at_once() -> None:
    found = refused(
        "dcgan",
        dataset="ring",
        discriminator_conditioner="concat",
        generator_initialiser="xavier",
        generator="upsampling",
    )
    reasons = ("generator 'upsampling' needs images", "discriminator 'dcgan' needs images", "conditioned by 'concat'")
    assert [reason for reason in reasons if not any(reason in problem for problem in found)] == []
    assert len(found) == len(set(found)) == len(reasons)


@pytest.mark.parametrize("flags", [{"metric": "frechet"}, {"judge": "plain"}])
def test_how_to_evaluate_is_of_no_use_without_how_often(flags: dict[str, str]) -> None:
    with pytest.raises(Refused, match="--evaluate-every"):
        select(installed(), "cgan", flags)
    assert select(installed(), "cgan", {**flags, "evaluate_every": 10}).run.evaluate_every == 10


def test_a_folder_that_is_not_there_is_told_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"gone does not exist.*--data-root"):
        fits("gan", dataset="folder", data_root=tmp_path / "gone")
