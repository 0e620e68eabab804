"""FID, KID and Inception Score: the sentences without network or library, and the figures with a small network.

No test has the published weights. The real network runs with random ones; formulas run on a network that only averages.
"""

from __future__ import annotations

import hashlib
import importlib.util
import math
import sys
import urllib.error
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.linalg
import torch
from torch import Tensor, nn

from ganzoo.catalogue import Field
from ganzoo.contract.judge import Examples
from ganzoo.contract.metric import Estimate, MetricValues
from ganzoo.errors import UserError
from ganzoo.testing.metric_context import SimpleMetricContext
from ganzoo_metrics import inception
from ganzoo_metrics.configs import InceptionConfig
from ganzoo_metrics.inception import InceptionFrechet, InceptionKernel, InceptionMetric, InceptionScore

METRICS: tuple[type[InceptionMetric], ...] = (InceptionFrechet, InceptionKernel, InceptionScore)

each = pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
needs_library = pytest.mark.skipif(
    importlib.util.find_spec("torch_fidelity") is None, reason="torch-fidelity is not installed: ganzoo[inception]"
)

GREY = Field("image", (1, 4, 4))


def examples(count: int, field: Field = GREY, seed: int = 0, centre: float = 0.0) -> Examples:
    values = torch.randn((count, *field.shape), generator=torch.Generator().manual_seed(seed))
    return Examples(values.mul(0.2).add(centre))


def measure(metric: InceptionMetric, made: Examples, real: Examples, field: Field = GREY) -> MetricValues:
    return metric.measure(made, real, SimpleMetricContext(field))


# Stand-ins


class StandInNetwork(nn.Module):
    """Stands in for the network: sees a picture as its pixels, halved twice, and one number more."""

    def __init__(self, name: str, layers: list[str], feature_extractor_weights_path: str):
        super().__init__()
        assert layers in (["2048"], ["logits_unbiased"])
        assert Path(feature_extractor_weights_path).read_bytes() == b"weights"

    def forward(self, images: Tensor) -> tuple[Tensor]:
        assert images.dtype == torch.uint8
        assert images.shape[1] == 3
        return (self.see(images),)

    @staticmethod
    def see(images: Tensor) -> Tensor:
        return torch.nn.functional.avg_pool2d(images.float() / 32, 2).flatten(1)[:, :5]


def seen(group: Examples) -> np.ndarray[Any, np.dtype[np.float64]]:
    """What the stand-in says of ``group``, computed apart from the metric."""
    bytes_ = ((group.values.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).repeat(1, 3, 1, 1)
    return StandInNetwork.see(bytes_).double().numpy()


@pytest.fixture
def stand_in_options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> InceptionConfig:
    """Options that name a file which passes for the weights, of a network that passes for the library's."""
    library = pytest.importorskip("torch_fidelity")
    monkeypatch.setattr(library, "FeatureExtractorInceptionV3", StandInNetwork)
    file = tmp_path / "weights.pth"
    file.write_bytes(b"weights")
    monkeypatch.setattr(inception, "SHA256", hashlib.sha256(b"weights").hexdigest())
    return InceptionConfig(weights=str(file), batch_size=7)


# FID


def frechet(one: Any, two: Any) -> float:
    """|m₁ − m₂|² + tr(C₁ + C₂ − 2 (C₁ C₂)^½)."""
    first, second = np.cov(one, rowvar=False), np.cov(two, rowvar=False)
    root = scipy.linalg.sqrtm(first @ second).real
    return float(((one.mean(0) - two.mean(0)) ** 2).sum() + np.trace(first + second - 2 * root))


@needs_library
def test_fid_of_equal_images_is_nothing(stand_in_options: InceptionConfig) -> None:
    group = examples(40)
    found = measure(InceptionFrechet(stand_in_options), group, group)
    assert found["FID"] == pytest.approx(0, abs=1e-5)


@needs_library
@pytest.mark.parametrize("shape", [(1, 4, 4), (3, 4, 4)])
def test_fid_is_its_formula(stand_in_options: InceptionConfig, shape: tuple[int, ...]) -> None:
    field = Field("image", shape)
    made, real = examples(50, field, 1, centre=0.4), examples(60, field, 2)
    colours = [Examples(group.values) for group in (made, real)]
    expected = frechet(*(seen(group) if shape[0] == 1 else colour(group) for group in colours))
    assert expected > 1
    assert measure(InceptionFrechet(stand_in_options), made, real, field)["FID"] == pytest.approx(expected, rel=1e-4)


def colour(group: Examples) -> np.ndarray[Any, np.dtype[np.float64]]:
    return StandInNetwork.see(((group.values.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)).double().numpy()


# KID


def cubic(one: Any, two: Any) -> Any:
    return (one @ two.T / one.shape[1] + 1) ** 3


def unbiased(one: Any, two: Any) -> float:
    """The U-statistic of the squared distance, over all images at once."""
    n, m = len(one), len(two)
    within = (cubic(one, one).sum() - np.trace(cubic(one, one))) / (n * (n - 1))
    within += (cubic(two, two).sum() - np.trace(cubic(two, two))) / (m * (m - 1))
    return float(within - 2 * cubic(one, two).mean())


def estimate(found: MetricValues, figure: str) -> Estimate:
    value = found[figure]
    assert isinstance(value, Estimate)
    return value


@needs_library
def test_kid_is_the_statistic_of_all_images_within_what_subsets_leave_open(stand_in_options: InceptionConfig) -> None:
    made, real = examples(60, seed=1, centre=0.4), examples(60, seed=2)
    found = estimate(measure(InceptionKernel(stand_in_options), made, real), "KID")
    # The mean of 100 subsets is off by a tenth of their spread, which halves (n = 2 m) hardly enlarge to the error.
    assert abs(found.value - unbiased(seen(made), seen(real))) < 4 * found.error / math.sqrt(inception.SUBSETS)
    assert found.value > 10 * found.error > 0


@needs_library
@pytest.mark.parametrize("subset", [10, inception.SUBSET])
def test_the_error_of_kid_is_how_far_it_varies(
    stand_in_options: InceptionConfig, subset: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inception, "SUBSET", subset)
    metric = InceptionKernel(stand_in_options)
    found = [
        estimate(measure(metric, examples(40, seed=2 * seed, centre=0.2), examples(40, seed=2 * seed + 1)), "KID")
        for seed in range(60)
    ]
    varies = float(np.std([each.value for each in found], ddof=1))
    error = float(np.sqrt(np.mean([each.error**2 for each in found])))
    # 60 repetitions know a spread to within 9 %; three times that, and the bias of a jackknife at 40 images.
    assert 0.7 < error / varies < 1.4


@needs_library
def test_kid_depends_on_the_seed_of_the_context_alone(stand_in_options: InceptionConfig) -> None:
    made, real = examples(20, seed=1), examples(20, seed=2)
    np.random.seed(1)
    one = measure(InceptionKernel(stand_in_options), made, real)
    np.random.seed(2)
    assert measure(InceptionKernel(stand_in_options), made, real) == one
    context = SimpleMetricContext(GREY)
    context.generator = lambda stream: torch.Generator().manual_seed(1)  # type: ignore[method-assign]
    assert InceptionKernel(stand_in_options).measure(made, real, context) != one


@needs_library
@pytest.mark.parametrize("count", [4, 5, 20])
def test_kid_takes_few_images(stand_in_options: InceptionConfig, count: int) -> None:
    found = estimate(measure(InceptionKernel(stand_in_options), examples(count), examples(count, seed=1)), "KID")
    assert math.isfinite(found.value)
    assert found.error > 0


# Inception Score


def pictures(values: Tensor) -> Examples:
    """Pictures of which the stand-in sees (N, 5) ``values``."""
    shades = torch.zeros(len(values), 4, 4)
    cells = [(0, 0), (0, 2), (2, 0), (2, 2)]
    for place, (row, column) in enumerate(cells):
        shades[:, row : row + 2, column : column + 2] = values[:, place, None, None]
    return Examples((shades * 32 / 127.5 - 1).unsqueeze(1))


@needs_library
def test_the_score_of_pictures_that_are_surely_one_of_four_is_four(stand_in_options: InceptionConfig) -> None:
    # The fifth number that the stand-in sees is the first again, in the next channel: class 0 is two equal classes.
    sure = torch.zeros(40, 5)
    sure[torch.arange(40), torch.arange(40) % 4] = 7.96875
    found = estimate(measure(InceptionScore(stand_in_options), pictures(sure), pictures(sure)), "IS")
    logits = torch.cat([sure[:, :4], sure[:, :1]], 1).double()
    chances = logits.softmax(1)
    everything = math.exp(float((chances * (chances / chances.mean(0)).log()).sum(1).mean()))
    # Splits of four pictures seldom have all classes, so their score is lower than that of all pictures together.
    assert 3.8 < everything < 4
    assert 2 < found.value < everything
    assert found.error > 0


@needs_library
def test_the_score_of_pictures_that_are_all_alike_is_one(stand_in_options: InceptionConfig) -> None:
    found = estimate(measure(InceptionScore(stand_in_options), pictures(torch.ones(20, 5)), examples(2)), "IS")
    assert found == (pytest.approx(1), pytest.approx(0, abs=1e-9))


@needs_library
def test_the_floor_of_the_score_is_that_of_all_real_pictures(stand_in_options: InceptionConfig) -> None:
    metric, real, context = InceptionScore(stand_in_options), examples(30), SimpleMetricContext(GREY)
    assert metric.floor(real, context) == metric.measure(real, examples(3), context)


@needs_library
def test_the_error_of_the_score_is_that_of_a_mean_over_splits(stand_in_options: InceptionConfig) -> None:
    library = pytest.importorskip("torch_fidelity")
    metric, made, context = InceptionScore(stand_in_options), examples(50), SimpleMetricContext(GREY)
    seed = int(torch.randint(2**32, (), generator=context.generator("inception-score")))
    spread = library.metric_isc.isc_features_to_metric(torch.from_numpy(seen(made)), 10, rng_seed=seed)
    found = estimate(metric.measure(made, made, context), "IS")
    assert found.value == pytest.approx(spread["inception_score_mean"])
    assert found.error == pytest.approx(spread["inception_score_std"] / 3)


# The real network


@needs_library
def test_figures_are_those_of_the_library_s_own_front_door(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    library = pytest.importorskip("torch_fidelity")
    file = tmp_path / "random.pth"
    digest = save_random_weights(library, file)
    monkeypatch.setattr(inception, "SHA256", digest)
    monkeypatch.setattr(library.FeatureExtractorInceptionV3, "INPUT_IMAGE_SIZE", 75)  # a sixteenth of the work
    monkeypatch.setattr(InceptionMetric, "_seed", lambda self, context: 5)
    made, real = examples(12, seed=1, centre=0.5), examples(12, seed=2)
    config = InceptionConfig(weights=str(file), batch_size=8)
    kernel = estimate(measure(InceptionKernel(config), made, real), "KID")
    score = estimate(measure(InceptionScore(config), made, real), "IS")
    assert capsys.readouterr().out == ""
    expected = library.calculate_metrics(
        input1=Pictures(made), input2=Pictures(real), kid=True, kid_subset_size=6, isc=True, rng_seed=5,
        feature_extractor_weights_path=str(file), cuda=False, save_cpu_ram=True, verbose=False,
    )  # fmt: skip
    assert kernel.value == pytest.approx(expected["kernel_inception_distance_mean"], rel=1e-3)
    assert score.value - 1 == pytest.approx(expected["inception_score_mean"] - 1, rel=1e-4)
    assert kernel.value > 5 * kernel.error
    assert score.value > 1.001


class Pictures(torch.utils.data.Dataset[Tensor]):
    """Pictures as the library wants them."""

    def __init__(self, group: Examples):
        self._images = ((group.values.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).repeat(1, 3, 1, 1)

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: int) -> Tensor:
        return self._images[index]


def save_random_weights(library: Any, file: Path) -> str:
    """Write weights that keep the scale of what goes through, and tell classes apart; return the file's sha256."""
    source = library.feature_extractor_inceptionv3
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(source, "load_state_dict_from_url", lambda *args, **kwargs: {})
        patch.setattr(library.FeatureExtractorInceptionV3, "load_state_dict", lambda *args, **kwargs: None)
        network = library.FeatureExtractorInceptionV3("random", ["2048"], verbose=False)
    generator = torch.Generator().manual_seed(0)
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            scale = math.sqrt(2 / module.weight[0].numel()) * (100 if isinstance(module, nn.Linear) else 1)
            module.weight.copy_(torch.randn(module.weight.shape, generator=generator) * scale)
    torch.save(network.state_dict(), file)
    return hashlib.sha256(file.read_bytes()).hexdigest()


@needs_library
def test_the_file_is_the_one_that_the_library_names() -> None:
    library = pytest.importorskip("torch_fidelity")
    assert library.feature_extractor_inceptionv3.URL_INCEPTION_V3 == inception.SOURCE
    assert inception.FILE.endswith(f"-{inception.SHA256[:8]}.pth")


# What can be missing


@each
def test_what_is_declared(metric: type[InceptionMetric]) -> None:
    assert not metric.judged
    assert metric.thorough
    assert len(metric.figures) == 1


@pytest.mark.parametrize(
    ("metric", "minimum_examples"), [(InceptionFrechet, 2049), (InceptionKernel, 20), (InceptionScore, 5000)]
)
def test_how_many_images_a_figure_wants(metric: type[InceptionMetric], minimum_examples: int) -> None:
    assert metric(InceptionConfig()).minimum_examples(SimpleMetricContext(GREY)) == minimum_examples


@each
def test_without_the_library(metric: type[InceptionMetric], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch_fidelity", None)
    with pytest.raises(UserError) as told:
        measure(metric(InceptionConfig()), examples(4), examples(4))
    assert str(told.value) == (
        f"metric {metric.name!r} needs torch-fidelity, which is not installed: pip install 'ganzoo[inception]'"
    )


def test_with_a_library_that_does_not_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "torch_fidelity.py").write_text("raise RuntimeError('operator torchvision::nms does not exist')\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "torch_fidelity", raising=False)
    with pytest.raises(UserError, match=r"torchvision::nms does not exist\): install versions of torch and"):
        InceptionFrechet(InceptionConfig()).library()


@needs_library
@each
def test_without_a_network(
    metric: type[InceptionMetric],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def nobody(*args: Any, **kwargs: Any) -> None:
        raise urllib.error.URLError(OSError(-2, "Name or service not known"))

    monkeypatch.setattr(torch.hub, "urlopen", nobody)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(UserError) as told:
        measure(metric(InceptionConfig()), examples(4), examples(4))
    folder = tmp_path / "hub" / "checkpoints"
    assert str(told.value) == (
        f"metric {metric.name!r} needs the file weights-inception-2015-12-05-6726825d.pth, which cannot be downloaded "
        f"([Errno -2] Name or service not known): download it from {inception.SOURCE} and put it into the folder "
        f"{folder}, or name it with --{metric.name}-weights"
    )
    assert list(folder.iterdir()) == []
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err == f"ganzoo: downloading {inception.SOURCE}\n"


@needs_library
def test_what_is_downloaded_is_checked_and_kept(
    stand_in_options: InceptionConfig,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    served = tmp_path / "served"
    monkeypatch.setattr(inception, "SOURCE", served.as_uri())
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    metric, kept = InceptionFrechet(InceptionConfig()), tmp_path / "hub" / "checkpoints" / inception.FILE
    served.write_bytes(b"weigh")
    with pytest.raises(UserError, match=r"cannot be downloaded.*invalid hash value"):
        measure(metric, examples(9), examples(9))
    assert list(kept.parent.iterdir()) == []
    served.write_bytes(b"weights")
    assert measure(metric, examples(9), examples(9))["FID"] == pytest.approx(0, abs=1e-5)
    assert kept.read_bytes() == b"weights"
    served.unlink()
    assert measure(metric, examples(9), examples(9))["FID"] == pytest.approx(0, abs=1e-5)
    assert capsys.readouterr().out == ""


@needs_library
def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    metric = InceptionKernel(InceptionConfig(weights=str(tmp_path / "nowhere.pth")))
    with pytest.raises(UserError, match=r"--kid-weights names .*nowhere\.pth, which is not a file: download it from"):
        measure(metric, examples(4), examples(4))


@needs_library
def test_another_file_is_never_loaded(tmp_path: Path) -> None:
    """A file can run what is in it: this one would leave a trace."""
    trace, file = tmp_path / "trace", tmp_path / "weights.pth"
    torch.save(Trap(trace), file)
    with pytest.raises(UserError, match=r"and .*weights\.pth is a different one or damaged \(its sha256 is"):
        measure(InceptionScore(InceptionConfig(weights=str(file))), examples(4), examples(4))
    assert not trace.exists()
    torch.load(file, weights_only=False)
    assert trace.exists()


class Trap:
    def __init__(self, trace: Path):
        self._trace = trace

    def __reduce__(self) -> Any:
        return Path.touch, (self._trace,)


@needs_library
@each
def test_pictures_of_two_channels_are_refused(metric: type[InceptionMetric]) -> None:
    field = Field("image", (2, 4, 4))
    with pytest.raises(UserError, match="these have 2 channels: choose other metrics"):
        measure(metric(InceptionConfig()), examples(4, field), examples(4, field), field)
