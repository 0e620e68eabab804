"""Write docs/systems.md: the systems of the founding documents, and the command that trains each."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from ganzoo.catalogue import Registry

PAGE = Path(__file__).with_name("systems.md")
HEAD = """# The systems that ganzoo began with

Made by `make docs`: a command stands here if its variant is installed. `--preset published` has the settings of the
source, where the command does not say so already.
"""


class System(NamedTuple):
    """A system by its number in the design, the paper, and the words after ``ganzoo train``."""

    number: str
    what: str
    source: str
    words: str


SYSTEMS = (
    System("A1", "the smallest GAN", "arXiv 1406.2661", "gan-minimal"),
    System("A2", "a GAN of fully connected layers", "arXiv 1406.2661", "gan"),
    System("A3", "a conditional GAN, embeddings beside the noise", "arXiv 1411.1784", "cgan"),
    System("A4", "a conditional GAN, embeddings times the noise", "arXiv 1411.1784", "cgan-conv"),
    System("A5", "DCGAN on a folder of images", "arXiv 1511.06434", "dcgan --dataset folder"),
    System("A6", "samples from an old checkpoint: see docs/convert.md", "arXiv 1511.06434", "dcgan"),
    System("A7", "the first conditional GAN", "arXiv 1411.1784", "cgan-original"),
    System("A8", "a class head (ACGAN)", "arXiv 1610.09585", "acgan"),
    System("A9", "least squares", "arXiv 1611.04076", "lsgan"),
    System("A10", "Wasserstein GAN", "arXiv 1701.07875", "wgan"),
    System("C1", "images from images, with pairs", "arXiv 1611.07004", "pix2pix"),
    System("C2", "images from images, without pairs", "arXiv 1703.10593", "cyclegan"),
    System("C3", "larger images", "arXiv 1609.04802", "srgan"),
    System("C4", "holes that are filled", "arXiv 1604.07379", "context-encoder"),
    System("C5", "networks that grow", "arXiv 1710.10196", "progan"),
    System("C6", "clothes from a figure", "arXiv 1603.07442", "pixeldt"),
    System("C7", "images from captions", "arXiv 1605.05396", "text2image"),
    System("C7", "images from captions, in two stages", "arXiv 1612.03242", "stackgan"),
    System("C8", "edits of attributes", "arXiv 1611.06355", "icgan"),
    System("C9", "faces from attributes", "Gauthier 2014", "attribute-gan"),
    System("C10", "tags of images", "arXiv 1411.1784, section 4.2", "tagging"),
    System("C11", "clips from captions", "arXiv 1611.10314", "caption2video"),
    System("C11", "a frame for each sentence of a story", "arXiv 1812.02784", "storygan"),
    System("C11", "clips from a first frame", "arXiv 1812.01261", "image2video"),
    System("C12", "a person in another pose", "arXiv 1705.09368", "pose"),
    System("C13", "letters in a style", "arXiv 1905.12502", "glyphgan"),
)


def page(own: Registry) -> str:
    """Return the text of the page for the variants of a registry."""
    known = own.names("variant")
    lines = [HEAD, "| | what it makes | source | command |", "|---|---|---|---|"]
    for number, what, source, words in SYSTEMS:
        command = f"`ganzoo train {words}`" if words.split()[0] in known else "missing"
        lines.append(f"| {number} | {what} | {source} | {command} |")
    return "\n".join([*lines, ""])
