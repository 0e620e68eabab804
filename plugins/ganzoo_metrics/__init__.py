"""Metrics, and the judges whose features and classes they use."""

from __future__ import annotations

from collections.abc import Iterable

from ganzoo.plugin import Component, Need, hookimpl
from ganzoo_metrics import configs

IMAGES = Need(("data:image",), "choose other metrics, or use a dataset of images")
LABELLED = Need(("condition:class",), "use data with labels (one sub-folder per class), or --judge plain")
CLASSES = Need(("judge:classes",), "choose other metrics, or use data with labels (one sub-folder per class)")
ASKED = Need(("model:class",), "choose other metrics, such as --metric frechet, or train the model with --conditioner")


@hookimpl
def ganzoo_components() -> Iterable[Component]:
    """Return the components of this plugin."""
    yield from _metrics()
    yield from _judges()


def _metrics() -> Iterable[Component]:
    yield Component(
        kind="metric",
        name="accuracy",
        summary="share of the generated examples that the judge assigns to the requested class",
        target="ganzoo_metrics.classification:ConditionalAccuracy",
        requires=(CLASSES, ASKED),
    )
    yield Component(
        kind="metric",
        name="classification-score",
        summary="accuracy on real examples of a judge that is trained on generated ones",
        target="ganzoo_metrics.classification:ClassificationScore",
        requires=(CLASSES, ASKED),
        source="Ravuri & Vinyals 2019, arXiv 1905.10887",
    )
    yield Component(
        kind="metric",
        name="frechet",
        summary="Fréchet distance of two Gaussians, fitted to the features of generated and of real examples",
        target="ganzoo_metrics.distances:Frechet",
        source="Heusel et al. 2017, arXiv 1706.08500, equation 6",
    )
    yield Component(
        kind="metric",
        name="kernel",
        summary="unbiased squared distance (MMD) of the two distributions of features under a cubic kernel",
        target="ganzoo_metrics.distances:Kernel",
        config=configs.KernelConfig,
        source="Bińkowski et al. 2018, arXiv 1801.01401",
    )
    yield Component(
        kind="metric",
        name="manifold",
        summary="precision, recall, density and coverage, from nearest neighbours in feature space",
        target="ganzoo_metrics.neighbours:Manifold",
        config=configs.ManifoldConfig,
        source="Kynkäänniemi et al. 2019, arXiv 1904.06991; Naeem et al. 2020, arXiv 2002.09797",
    )
    yield Component(
        kind="metric",
        name="memorisation",
        summary="share of generated examples that copy a training example, and how near all are to the training data",
        target="ganzoo_metrics.neighbours:Memorisation",
        source="Lowe 2004, IJCV 60(2), section 7.1 (the ratio of distances)",
        requires=(Need(("data:unseen",), "use data that is published in parts, such as mnist"),),
    )
    yield Component(
        kind="metric",
        name="modes",
        summary="number of classes generated, divergence of their frequencies from real ones, share of clear examples",
        target="ganzoo_metrics.modes:Modes",
        config=configs.ModesConfig,
        requires=(CLASSES,),
        source="Srivastava et al. 2017, arXiv 1705.07761, section 4; Lin et al. 2018, arXiv 1712.04086",
    )
    yield Component(
        kind="metric",
        name="parzen",
        summary="log-likelihood of real images under a Gaussian window around generated ones, in nats",
        target="ganzoo_metrics.parzen:Parzen",
        config=configs.ParzenConfig,
        requires=(IMAGES,),
        source="Breuleux et al. 2011; Goodfellow et al. 2014, arXiv 1406.2661, section 5",
        equation="log 1/M Σ exp(−‖x − G(z)‖² / 2σ²) − D/2 · log 2πσ², mean over real images x",
        strengths="What papers of 2014 and 2015 report for MNIST: 225 ± 2 nats for the first GAN, 132 ± 1.8 for the "
        "first CGAN, with 10,000 samples and --parzen-protocol official.",
        pitfalls="Unreliable in many dimensions: centres of clusters of real images get more than real images do "
        "(Theis et al. 2016, arXiv 1511.01844). It says little about how good images look.",
        origin="finer widths than the official ten find a larger likelihood",
    )
    yield Component(
        kind="metric",
        name="fid",
        summary="FID as papers report it: the Fréchet distance on features of the standard Inception network",
        target="ganzoo_metrics.inception:InceptionFrechet",
        config=configs.InceptionConfig,
        requires=(IMAGES,),
        source="Heusel et al. 2017, arXiv 1706.08500, equation 6",
    )
    yield Component(
        kind="metric",
        name="kid",
        summary="KID as papers report it: the kernel distance on features of the standard Inception network",
        target="ganzoo_metrics.inception:InceptionKernel",
        config=configs.InceptionConfig,
        requires=(IMAGES,),
        source="Bińkowski et al. 2018, arXiv 1801.01401",
    )
    yield Component(
        kind="metric",
        name="inception-score",
        summary="how certain the standard Inception network is of each image's class, and how varied these classes are",
        target="ganzoo_metrics.inception:InceptionScore",
        config=configs.InceptionConfig,
        requires=(IMAGES,),
        source="Salimans et al. 2016, arXiv 1606.03498, section 4",
    )


def _judges() -> Iterable[Component]:
    yield Component(
        kind="judge",
        name="cnn",
        summary="a small convolutional classifier, trained once on the real images",
        target="ganzoo_metrics.classifier:Classifier",
        config=configs.ClassifierConfig,
        requires=(IMAGES, LABELLED),
        provides=("judge:classes",),
    )
    yield Component(
        kind="judge",
        name="gaussians",
        summary="a Gaussian for each class, fitted to the real points",
        target="ganzoo_metrics.gaussians:Gaussians",
        requires=(Need(("data:point",), "use --judge cnn or --judge plain"), LABELLED),
        provides=("judge:classes",),
    )
    yield Component(
        kind="judge",
        name="plain",
        summary="no classifier: the features of an example are its own values",
        target="ganzoo_metrics.plain:Plain",
    )
    yield Component(
        kind="judge",
        name="stacked-cnn",
        summary="a small convolutional classifier of single channels, whose classes together give that of the image",
        target="ganzoo_metrics.stacked:StackedClassifier",
        config=configs.StackedClassifierConfig,
        requires=(IMAGES, LABELLED),
        provides=("judge:classes",),
    )
