"""FID, KID and Inception Score as papers report them: computed by torch-fidelity with the standard network.

These metrics are defined by one network with one set of weights, a file of 96 MB that is downloaded on first use. The
library, an optional dependency, reads it with ``torch.load``, which can run code from a file. Nothing that ganzoo does
by default may do that; here it happens only where the user names one of these metrics, and only to the file with the
known sha256.
"""

from __future__ import annotations

import hashlib
import http.client
import importlib
import math
import sys
from abc import ABC
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, final

import torch
from torch import Tensor

from ganzoo.plugin import Aim, Estimate, Examples, Metric, MetricContext, MetricValues, UserError, first_line
from ganzoo_metrics.configs import InceptionConfig

FILE = "weights-inception-2015-12-05-6726825d.pth"
SOURCE = f"https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/{FILE}"
SHA256 = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"

POOLED, LOGITS = "2048", "logits_unbiased"  # the library's names of the two layers; both are what the papers used
DIMENSIONS = 2048
SUBSETS, SUBSET = 100, 1000  # of KID: number of subsets and of images in each, as in its paper
SPLITS = 10  # of the Inception Score, those of its paper


class InceptionMetric(Metric, ABC):
    """A metric on features of the standard Inception network for images (N, 1 or 3, H, W) of any size."""

    name: ClassVar[str]
    judged = False
    thorough = True

    def __init__(self, config: InceptionConfig):
        self._config = config

    def library(self) -> Any:
        """Return torch-fidelity; raises :class:`UserError` where it is missing or cannot be imported."""
        try:
            return importlib.import_module("torch_fidelity")
        except ModuleNotFoundError as problem:
            raise UserError(
                f"metric {self.name!r} needs {str(problem.name).replace('_', '-')}, which is not installed: "
                "pip install 'ganzoo[inception]'"
            ) from problem
        except (ImportError, RuntimeError) as problem:  # torchvision with a torch that it was not built for
            raise UserError(
                f"metric {self.name!r} needs torch-fidelity, which cannot be imported ({first_line(problem)}): "
                "install versions of torch and torchvision that belong together"
            ) from problem

    def features(self, layer: str, groups: Sequence[Examples], context: MetricContext) -> list[Tensor]:
        """Return the features of each group (N, F), in float64 and on the CPU, as the library needs them.

        Raises :class:`UserError` where the images are neither grey nor RGB, or the network cannot be loaded.
        """
        channels = context.field.shape[0]
        if channels not in (1, 3):
            raise UserError(
                f"metric {self.name!r} needs grey or RGB images, and these have {channels} channels: "
                "choose other metrics"
            )
        library = self.library()
        network = library.FeatureExtractorInceptionV3(
            "inception-v3-compat", [layer], feature_extractor_weights_path=str(self._weights())
        ).to(context.device)
        return [self._features_of(network, group.values, context) for group in groups]

    def _features_of(self, network: Any, values: Tensor, context: MetricContext) -> Tensor:
        chunks = values.split(self._config.batch_size)
        with torch.no_grad():
            parts = [network(as_bytes(chunk))[0] for chunk in context.track(chunks, "computing features", len(chunks))]
        return torch.cat(parts).cpu().double()

    def _weights(self) -> Path:
        """Return the file of the weights; it is downloaded where none is named and PyTorch's cache has none."""
        if self._config.weights:
            file = Path(self._config.weights).expanduser()
            if not file.is_file():
                raise UserError(f"--{self.name}-weights names {file}, which is not a file: download it from {SOURCE}")
        else:
            file = Path(torch.hub.get_dir()) / "checkpoints" / FILE
            if not file.is_file():
                self._download(file)
        with file.open("rb") as opened:
            digest = hashlib.file_digest(opened, "sha256").hexdigest()
        if digest != SHA256:
            raise UserError(
                f"metric {self.name!r} needs the file {FILE}, and {file} is a different one or damaged "
                f"(its sha256 is {digest}, not {SHA256}): replace it with {SOURCE}"
            )
        return file

    def _download(self, file: Path) -> None:
        print(f"ganzoo: downloading {SOURCE}", file=sys.stderr, flush=True)
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            torch.hub.download_url_to_file(SOURCE, str(file), hash_prefix=SHA256, progress=False)
        except (OSError, http.client.HTTPException, RuntimeError) as problem:  # RuntimeError: another sha256
            why = getattr(problem, "reason", None) or first_line(problem)
            raise UserError(
                f"metric {self.name!r} needs the file {FILE}, which cannot be downloaded ({why}): download it from "
                f"{SOURCE} and put it into the folder {file.parent.absolute()}, or name it with --{self.name}-weights"
            ) from problem

    def _seed(self, context: MetricContext) -> int:
        return int(torch.randint(2**32, (), generator=context.generator(self.name)))


def as_bytes(values: Tensor) -> Tensor:
    """Map images (N, 1 or 3, H, W) in [-1, 1] to uint8 (N, 3, H, W) in 0 … 255, on their device."""
    return values.float().clamp(-1, 1).add(1).mul(127.5).round().to(torch.uint8).expand(-1, 3, -1, -1)


@final
class InceptionFrechet(InceptionMetric):
    """FID: the Fréchet distance of two Gaussians, fitted to pooled features of generated and of real images.

    Heusel et al. 2017, arXiv 1706.08500, equation 6. With no more images than features the covariances are singular;
    with more, the bias of the distance is about one over their number: compare equal numbers of images only.
    """

    name = "fid"
    figures: ClassVar[Mapping[str, Aim]] = {"FID": "low"}

    def minimum_examples(self, context: MetricContext) -> int:
        """Return one more than the number of features."""
        return DIMENSIONS + 1

    def measure(self, made: Examples, real: Examples, context: MetricContext) -> MetricValues:
        """Return the distance of ``made`` images from ``real`` ones."""
        library = self.library()
        groups = self.features(POOLED, (made, real), context)
        fitted = [library.metric_fid.fid_features_to_statistics(group) for group in groups]
        found = library.metric_fid.fid_statistics_to_metric(*fitted, verbose=False)
        return {"FID": found[library.KEY_METRIC_FID]}


@final
class InceptionKernel(InceptionMetric):
    """KID: an unbiased squared distance of the distributions of pooled features under a cubic kernel.

    Bińkowski et al. 2018, arXiv 1801.01401: the mean over random subsets of the images, of at most half of them. The
    library's standard deviation is that of one subset, not the error of the mean. Leaving out n − m of n images at
    random is a jackknife (Shao & Wu 1989, Annals of Statistics 17), so the squared error is the variance times
    m / (n − m) + 1 / subsets. It is too large, not too small, where the two distributions are nearly equal.
    """

    name = "kid"
    figures: ClassVar[Mapping[str, Aim]] = {"KID": "low"}

    def minimum_examples(self, context: MetricContext) -> int:
        """Return 20, which have enough different halves for a standard error."""
        return 20

    def measure(self, made: Examples, real: Examples, context: MetricContext) -> MetricValues:
        """Return the distance of ``made`` images from ``real`` ones."""
        library = self.library()
        count = min(len(made), len(real))
        subset = min(SUBSET, count // 2)
        found = library.metric_kid.kid_features_to_metric(
            *self.features(POOLED, (made, real), context),
            kid_subsets=SUBSETS,
            kid_subset_size=subset,
            rng_seed=self._seed(context),
            verbose=False,
        )
        error = found[library.KEY_METRIC_KID_STD] * math.sqrt(subset / (count - subset) + 1 / SUBSETS)
        return {"KID": Estimate(found[library.KEY_METRIC_KID_MEAN], error)}


@final
class InceptionScore(InceptionMetric):
    """IS: exp of the mutual information, in nats, between an image and the class that the network predicts for it.

    Salimans et al. 2016, arXiv 1606.03498, section 4: the mean over ten splits of the generated images; real ones are
    not used. The error is that of this mean. The score grows with the number of images: compare equal numbers only.
    """

    name = "inception-score"
    figures: ClassVar[Mapping[str, Aim]] = {"IS": "high"}

    def minimum_examples(self, context: MetricContext) -> int:
        """Return a tenth of the paper's number: with splits below 500 the score depends mostly on their size."""
        return SPLITS * 500

    def measure(self, made: Examples, real: Examples, context: MetricContext) -> MetricValues:
        """Return the score of ``made`` images."""
        library = self.library()
        (logits,) = self.features(LOGITS, (made,), context)
        found = library.metric_isc.isc_features_to_metric(logits, SPLITS, rng_seed=self._seed(context))
        error = found[library.KEY_METRIC_ISC_STD] / math.sqrt(SPLITS - 1)  # the library's variance divides by n
        return {"IS": Estimate(found[library.KEY_METRIC_ISC_MEAN], error)}

    def floor(self, real: Examples, context: MetricContext) -> MetricValues:
        """Return the score of all ``real`` images."""
        return self.measure(real, real, context)
