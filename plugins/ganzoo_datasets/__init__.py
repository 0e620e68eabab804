"""The datasets that come with ganzoo; this module declares them and imports no torch."""

from __future__ import annotations

from collections.abc import Iterable

from ganzoo.plugin import Component, hookimpl
from ganzoo_datasets.configs import (
    Cifar10Config,
    DigitsConfig,
    FashionMnistConfig,
    GridConfig,
    KmnistConfig,
    MnistConfig,
    RingConfig,
    StackedMnistConfig,
)
from ganzoo_datasets.hub_options import HubConfig
from ganzoo_datasets.scenes import ShapesConfig
from ganzoo_datasets.shard_index import ShardsConfig
from ganzoo_datasets.table_options import TableConfig
from ganzoo_datasets.trees import FolderConfig
from ganzoo_datasets.two_folders import PairsConfig, UnpairedConfig


@hookimpl
def ganzoo_components() -> Iterable[Component]:
    """Return the datasets."""
    return [
        Component(
            kind="dataset",
            name="digits",
            summary="1,797 handwritten digits, enlarged from 8×8; part of scikit-learn, needs no download",
            target="ganzoo_datasets.digits:DigitsDataset",
            config=DigitsConfig,
            source="Alpaydin and Kaynak, Optical Recognition of Handwritten Digits, 1998, "
            "https://doi.org/10.24432/C50P49 (CC BY 4.0)",
        ),
        Component(
            kind="dataset",
            name="mnist",
            summary="60,000 + 10,000 handwritten digits, 28×28 grey",
            target="ganzoo_datasets.idx:IdxDataset",
            config=MnistConfig,
            source="LeCun, Cortes and Burges, The MNIST database, 1998, http://yann.lecun.com/exdb/mnist/ "
            "(CC BY-SA 3.0)",
            stand_in="ganzoo_datasets.stand_ins:mnist",
        ),
        Component(
            kind="dataset",
            name="fashion-mnist",
            summary="60,000 + 10,000 images of clothes in ten classes, 28×28 grey",
            target="ganzoo_datasets.idx:IdxDataset",
            config=FashionMnistConfig,
            source="Xiao, Rasul and Vollgraf, Fashion-MNIST, arXiv:1708.07747 (MIT)",
            stand_in="ganzoo_datasets.stand_ins:fashion_mnist",
        ),
        Component(
            kind="dataset",
            name="kmnist",
            summary="60,000 + 10,000 cursive Japanese characters in ten classes, 28×28 grey",
            target="ganzoo_datasets.idx:IdxDataset",
            config=KmnistConfig,
            source="Clanuwat et al., Deep Learning for Classical Japanese Literature, arXiv:1812.01718 (CC BY-SA 4.0)",
            stand_in="ganzoo_datasets.stand_ins:kmnist",
        ),
        Component(
            kind="dataset",
            name="cifar10",
            summary="50,000 + 10,000 photos in ten classes, 32×32 colour",
            target="ganzoo_datasets.cifar:CifarDataset",
            config=Cifar10Config,
            source="Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009, "
            "https://www.cs.toronto.edu/~kriz/cifar.html (no licence stated)",
            stand_in="ganzoo_datasets.stand_ins:cifar10",
        ),
        Component(
            kind="dataset",
            name="folder",
            summary="your own images; each sub-folder is a class, and without sub-folders there are no labels",
            target="ganzoo_datasets.folder:FolderDataset",
            config=FolderConfig,
            stand_in="ganzoo_datasets.stand_ins:folder",
        ),
        Component(
            kind="dataset",
            name="table",
            summary="your own images with a table (CSV, Parquet, CelebA's files) of classes, attributes, captions",
            target="ganzoo_datasets.table:TableDataset",
            config=TableConfig,
            source="CelebA's files: Liu et al., Deep Learning Face Attributes in the Wild, arXiv:1411.7766",
            strengths="Conditions beyond one class: attributes, numbers and captions, alone or together.",
            pitfalls="The columns of the table decide what the condition is: read which ones a training names.",
            origin="The size of folder; the other options leave the choice to the table.",
            stand_in="ganzoo_datasets.stand_ins:table",
        ),
        Component(
            kind="dataset",
            name="pairs",
            summary="your own pairs of images: side by side in one file, or of one name in two folders",
            target="ganzoo_datasets.translation:PairsDataset",
            config=PairsConfig,
            source="Layouts of pix2pix: Isola et al., arXiv:1611.07004",
            strengths="The target belongs to its input, so a recipe can compare with the truth.",
            pitfalls="Both images of a pair must show the same place: give them one shape, or stretch them.",
            origin="The size of folder.",
            stand_in="ganzoo_datasets.stand_ins:pairs",
        ),
        Component(
            kind="dataset",
            name="unpaired",
            summary="your own images of two kinds, of any number each, without pairs",
            target="ganzoo_datasets.translation:UnpairedDataset",
            config=UnpairedConfig,
            source="Layouts of CycleGAN: Zhu et al., arXiv:1703.10593",
            strengths="Needs no pairs, only two folders.",
            pitfalls="What differs between the two kinds besides the style is translated too, such as the background.",
            origin="The size of folder.",
            stand_in="ganzoo_datasets.stand_ins:unpaired",
        ),
        Component(
            kind="dataset",
            name="shards",
            summary="images in shards of the WebDataset layout (tar files), for data larger than the memory",
            target="ganzoo_datasets.shards:ShardsDataset",
            config=ShardsConfig,
            source="Layout: WebDataset, https://github.com/webdataset/webdataset",
            strengths="Few large files in place of millions of small ones; the images stay on the disk.",
            pitfalls="Batches are read from places all over the shards: on a slow disk, use more workers.",
            origin="The size of folder.",
            stand_in="ganzoo_datasets.stand_ins:shards",
        ),
        Component(
            kind="dataset",
            name="huggingface",
            summary="images of a dataset of the Hugging Face hub, by its name (ganzoo[huggingface])",
            target="ganzoo_datasets.hub:HubDataset",
            config=HubConfig,
            source="Lhoest et al., Datasets: A Community Library for Natural Language Processing, arXiv:2109.02846",
            strengths="Thousands of datasets by name; the images stay in files on the disk.",
            pitfalls="A name without a revision means what is there today: name a commit to repeat a training.",
            origin="The size of folder; the library finds files and splits.",
            stand_in="ganzoo_datasets.stand_ins:huggingface",
        ),
        Component(
            kind="dataset",
            name="ring",
            summary="points of Gaussians on a circle; shows within seconds whether a GAN loses modes",
            target="ganzoo_datasets.gaussians:GaussiansDataset",
            config=RingConfig,
            source="Metz et al., Unrolled Generative Adversarial Networks, arXiv:1611.02163",
        ),
        Component(
            kind="dataset",
            name="grid",
            summary="points of Gaussians on a square grid: 25 modes",
            target="ganzoo_datasets.gaussians:GaussiansDataset",
            config=GridConfig,
            source="Srivastava et al., VEEGAN, arXiv:1705.07761; Lin et al., PacGAN, arXiv:1712.04086",
        ),
        Component(
            kind="dataset",
            name="stacked-mnist",
            summary="three random MNIST digits as the colour channels of an image: 1,000 modes",
            target="ganzoo_datasets.stacked:StackedMnistDataset",
            config=StackedMnistConfig,
            source="Metz et al., Unrolled Generative Adversarial Networks, arXiv:1611.02163; "
            "Lin et al., PacGAN, arXiv:1712.04086; digits: LeCun, Cortes and Burges, The MNIST database, 1998 "
            "(CC BY-SA 3.0)",
            stand_in="ganzoo_datasets.stand_ins:mnist",
        ),
        Component(
            kind="dataset",
            name="shapes",
            summary="drawn shapes in colour, with exact classes, attributes and captions",
            target="ganzoo_datasets.shapes:ShapesDataset",
            config=ShapesConfig,
        ),
    ]
