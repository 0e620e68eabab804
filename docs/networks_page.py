"""Write docs/networks.md: the residual GANs, R3GAN and StyleGAN2, from their declarations."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ganzoo.assembly.parts import build_recipe
from ganzoo.catalogue import Registry, Selection, select
from ganzoo.catalogue.check import check
from ganzoo.catalogue.component import Variant

PAGE = Path(__file__).with_name("networks.md")
MODULES = ("ganzoo_resnet", "ganzoo_stylegan")
NETWORKS = ("generator", "discriminator")
INTRODUCTION = """# Residual GANs, R3GAN and StyleGAN2

Made by `make docs` from the declarations; a test keeps it equal to them.

Each variant has two presets. The default is small, and meant for two cores; how good it gets, and in which time, is not
measured yet. With `--preset published` it is that of its source, and needs a GPU for hours or days:

```console
$ ganzoo train sngan --dataset digits --out runs/sngan
$ ganzoo train stylegan2-ada --conditioner none --dataset-count 200 --out runs/style
$ ganzoo info r3gan
```

On one GPU, something between the two is enough for small photos in minutes: more `--generator-widths` and
`--discriminator-widths`, as in the table, and a larger `--batch-size`.

Every network is defined once, for images of any size, square or not, and any number of channels. Discriminators round
sides up when they halve them, and generators cut what they double. For larger images give more widths: the generators
of `r3gan` and `stylegan2` double once less than there are widths, `resnet` doubles once for each.

## Size

Weights of the generator and of the discriminator, for colour images of 32 pixels in ten classes.
"""
CHOICES = """
## Mix them

The networks are parts as all others are, so their ideas can be tried one at a time:

| to have | write |
|---|---|
| attention in `sngan` | `--generator-attention 2 --discriminator-attention 1` |
| spectral weights in its generator too | `--generator-weights spectral` |
| R3GAN's loss with StyleGAN2's networks | `train stylegan2-ada --loss rpgan --penalty r1,r2` |
| R3GAN's networks with another loss | `train r3gan --loss bce` |
| the recipe of R3GAN for StackedMNIST | `train r3gan --dataset stacked-mnist --conditioner none` |
| smooth paths in the noise | `train stylegan2-ada --generator-penalty path-length` |
| no images learnt by heart | `--augmentation ada`, as `stylegan2-ada` has it |

`inner-product` is the conditioner of discriminators whose logit has no weights of its own, `r3gan` and `stylegan2`:
the published one of both. `projection` adds the product to a logit without a condition, and fits every discriminator.

## What is left out

- Mixing of styles and truncation (StyleGAN2), standing statistics (BigGAN), and the burn-in of β₂ and of the average's
  half-life (R3GAN) are missing.
- Images are generated with the running statistics of batch norm, so that an image depends on its noise alone.
"""


def page(registry: Registry) -> str:
    """Return the text of the page."""
    variants = list(_variants(registry))
    lines = [INTRODUCTION, "| variant | default | published |", "|---|---|---|"]
    for variant in variants:
        sizes = (_size(select(registry, variant.name, {"dataset": "cifar10"}, preset)) for preset in PRESETS)
        lines.append(f"| `{variant.name}` | {' | '.join(sizes)} |")
    lines += ["", "## Which one", ""]
    for variant in variants:
        lines += [f"**`{variant.name}`**: {variant.summary}. {variant.source}.", ""]
        told = {"Good at": variant.strengths, "Beware": variant.pitfalls, "Published": variant.figures}
        lines += [f"- {title}: {text}" for title, text in told.items() if text]
        lines += [f"- Measured: {variant.proof}"] if variant.proof else []
        lines += [""]
    return "\n".join(lines).rstrip() + "\n" + CHOICES


PRESETS = ("default", "published")


def _variants(registry: Registry) -> Iterator[Variant]:
    """Yield the variants whose generators are networks of :data:`MODULES`."""
    for name in registry.names("variant"):
        generator = select(registry, name).parts["generator"].component
        if generator.target_name.split(".")[0] in MODULES:
            item = registry.entry("variant", name).item
            assert isinstance(item, Variant)
            yield item


def _size(selection: Selection) -> str:
    recipe = build_recipe(selection, check(selection), "meta")
    counts = (sum(weights.numel() for weights in recipe.get_submodule(name).parameters()) for name in NETWORKS)
    return " + ".join(f"{count:,}" for count in counts)
