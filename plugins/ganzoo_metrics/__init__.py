"""Metrics, and the judges that look at examples for them."""

from __future__ import annotations

from collections.abc import Iterable

from ganzoo.plugin import Component, Need, hookimpl
from ganzoo_metrics import configs

IMAGES = Need(("data:image",), "ask for other metrics, or use a dataset of images")
LABELLED = Need(("condition:class",), "use data with labels (one sub-folder a class), or --judge plain")
CLASSES = Need(("judge:classes",), "ask for other metrics, or use data with labels (one sub-folder a class)")
ASKED = Need(("model:class",), "ask for other metrics, such as --metric frechet, or train the model with --conditioner")


@hookimpl
def ganzoo_components() -> Iterable[Component]:
    """Return the components of this plugin."""
    yield from _metrics()
    yield from _judges()


def _metrics() -> Iterable[Component]:
    yield Component(
        "metric", "accuracy", "share of the examples that the judge takes for the class that was asked for",
        "ganzoo_metrics.classification:ConditionalAccuracy", requires=(CLASSES, ASKED),
    )  # fmt: skip
    yield Component(
        "metric", "classification-score", "accuracy on real examples of a judge that learns from made ones",
        "ganzoo_metrics.classification:ClassificationScore", requires=(CLASSES, ASKED),
        source="Ravuri & Vinyals 2019, arXiv 1905.10887",
    )  # fmt: skip
    yield Component(
        "metric", "frechet", "distance of two Gaussians, fitted to the features of made and of real examples",
        "ganzoo_metrics.distances:Frechet", source="Heusel et al. 2017, arXiv 1706.08500, equation 6",
    )  # fmt: skip
    yield Component(
        "metric", "kernel", "unbiased squared distance of the two distributions of features under a cubic kernel",
        "ganzoo_metrics.distances:Kernel", configs.KernelConfig, source="Bińkowski et al. 2018, arXiv 1801.01401",
    )  # fmt: skip
    yield Component(
        "metric", "manifold", "precision, recall, density and coverage, from neighbours among the features",
        "ganzoo_metrics.neighbours:Manifold", configs.ManifoldConfig,
        source="Kynkäänniemi et al. 2019, arXiv 1904.06991; Naeem et al. 2020, arXiv 2002.09797",
    )  # fmt: skip
    yield Component(
        "metric", "memorisation", "share of the examples that copy one of the training data, and how near they all are",
        "ganzoo_metrics.neighbours:Memorisation", source="Lowe 2004, IJCV 60(2), section 7.1 (the ratio of distances)",
        requires=(Need(("data:unseen",), "use data that is published in parts, such as mnist"),),
    )  # fmt: skip
    yield Component(
        "metric", "modes", "classes that are made at all, how evenly, and how clearly",
        "ganzoo_metrics.modes:Modes", configs.ModesConfig, requires=(CLASSES,),
        source="Srivastava et al. 2017, arXiv 1705.07761, section 4; Lin et al. 2018, arXiv 1712.04086",
    )  # fmt: skip
    yield Component(
        "metric", "parzen", "log-likelihood of real images under a Gaussian window around made ones, in nats",
        "ganzoo_metrics.parzen:Parzen", configs.ParzenConfig, requires=(IMAGES,),
        source="Breuleux et al. 2011; Goodfellow et al. 2014, arXiv 1406.2661, section 5",
    )  # fmt: skip
    yield Component(
        "metric", "fid", "the Fréchet distance that papers report, on features of the standard Inception network",
        "ganzoo_metrics.inception:InceptionFrechet", configs.InceptionConfig, requires=(IMAGES,),
        source="Heusel et al. 2017, arXiv 1706.08500, equation 6",
    )  # fmt: skip
    yield Component(
        "metric", "kid", "the kernel distance that papers report, on features of the standard Inception network",
        "ganzoo_metrics.inception:InceptionKernel", configs.InceptionConfig, requires=(IMAGES,),
        source="Bińkowski et al. 2018, arXiv 1801.01401",
    )  # fmt: skip
    yield Component(
        "metric", "inception-score", "how sure the standard Inception network is of each image, but not of all",
        "ganzoo_metrics.inception:InceptionScore", configs.InceptionConfig, requires=(IMAGES,),
        source="Salimans et al. 2016, arXiv 1606.03498, section 4",
    )  # fmt: skip


def _judges() -> Iterable[Component]:
    yield Component(
        "judge", "cnn", "a small convolutional classifier, trained once on the real images",
        "ganzoo_metrics.classifier:Classifier", configs.ClassifierConfig, (IMAGES, LABELLED), ("judge:classes",),
    )  # fmt: skip
    yield Component(
        "judge", "gaussians", "a Gaussian for each class, fitted to the real points",
        "ganzoo_metrics.gaussians:Gaussians",
        requires=(Need(("data:point",), "use --judge cnn or --judge plain"), LABELLED), provides=("judge:classes",),
    )  # fmt: skip
    yield Component(
        "judge", "plain", "no judge at all: an example is described by its own numbers", "ganzoo_metrics.plain:Plain"
    )
    yield Component(
        "judge", "stacked-cnn", "a small convolutional classifier of single channels, whose answers spell the class",
        "ganzoo_metrics.stacked:StackedClassifier", configs.StackedClassifierConfig, (IMAGES, LABELLED),
        ("judge:classes",),
    )  # fmt: skip
