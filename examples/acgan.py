"""An ACGAN as a plugin in one file: `ganzoo --plugin examples/acgan.py train my-acgan`.

The discriminator does not see the class. A classifier on its features learns the classes of real and fake images, and
the generator learns to make images of the class that it is given (Odena et al. 2017, arXiv 1610.09585).
"""

from dataclasses import dataclass

from torch import nn
from torch.nn.functional import cross_entropy

from ganzoo.plugin import (
    Component,
    Config,
    FieldRef,
    Generated,
    Need,
    Phase,
    PhaseOutput,
    Recipe,
    Slot,
    Variant,
    hookimpl,
    option,
    phase_slots,
)


@dataclass(frozen=True)
class ACGANConfig(Config):
    """Options of the recipe, which the command line shows as --recipe-…."""

    weight: float = option(1.0, "factor of the classifier's terms", low=0)


class ACGAN(Recipe):
    """A generator that is given the class, and a discriminator with a classifier beside it."""

    averaged = ("generator",)  # the networks of which the trainer keeps a moving average
    replayable = True  # every step runs the same Python code

    def __init__(self, config, parts, data):
        super().__init__(data)
        spec = data["dataset"]
        self.config = config
        self.output = FieldRef("dataset", spec.target)  # what sample() generates
        self.condition = FieldRef("dataset", spec.condition)  # what sample() is given
        self.latent = parts.build("latent")
        self.loss = parts.build("loss")
        self.generator = parts.network(
            "generator", spec.condition_field, in_shape=self.latent.shape, out=spec.target_field
        )
        self.discriminator = parts.network("discriminator", in_shape=spec.target_field.shape)
        self.classifier = nn.Linear(self.discriminator.feature_width, spec.condition_field.classes)

    def phases(self):
        """Return the two phases of a step: which networks each trains, and the function that returns its terms."""
        return (
            Phase("discriminator", ("discriminator", "classifier"), self.discriminate),
            Phase("generator", ("generator",), self.generate),
        )

    def discriminate(self, batch, context):
        """Score and classify real and fake images; the generator is frozen here."""
        images, labels = self.real(batch)
        fakes, fake_labels = self.fakes(len(images), context)
        real, fake = self.discriminator(images, None), self.discriminator(fakes, None)
        terms = {
            "adversarial": self.loss.discriminator(real.logit, fake.logit).mean(),
            "class": self.classified(real, labels) + self.classified(fake, fake_labels),
        }
        watched = {"D(x)": self.loss.score(real.logit).mean().detach()}
        return PhaseOutput(terms, watched)

    def generate(self, batch, context):
        """Score and classify new fakes; the discriminator and the classifier are frozen here."""
        images, _ = self.real(batch)
        fakes, labels = self.fakes(len(images), context)
        output = self.discriminator(fakes, None)
        losses = self.loss.generator(output.logit, lambda: self.discriminator(images, None).logit)
        terms = {"adversarial": losses.mean(), "class": self.classified(output, labels)}
        return PhaseOutput(terms, generated=Generated(fakes.detach(), labels))

    def sample(self, request):
        """Return images for the classes of the request."""
        z = self.latent.draw(request.count, request.draws).to(request.condition.device)
        return self.generator(z, request.condition)

    def real(self, batch):
        """Return the real images (B, C, H, W) of a batch and their classes (B,)."""
        return batch["dataset"][self.output.field], batch["dataset"][self.condition.field]

    def fakes(self, count, context):
        """Return images of random classes, and the classes; all random numbers come from the context."""
        labels = context.draws("labels").integers(self.classifier.out_features, count)
        return self.generator(self.latent.draw(count, context.draws("noise")), labels), labels

    def classified(self, output, labels):
        """Return the weighted error of the classifier."""
        return self.config.weight * cross_entropy(self.classifier(output.features), labels)


@hookimpl
def ganzoo_components():
    """Declare the recipe: the parts that it takes, and their defaults."""
    yield Component(
        kind="recipe",
        name="my-acgan",
        summary="a generator against a discriminator that also classifies",
        target=ACGAN,
        config=ACGANConfig,
        source="Odena et al. 2017, arXiv 1610.09585",
        requires=(Need(("condition:class",), "use a dataset with classes"),),
        slots=(
            Slot("dataset", "dataset", "digits"),
            Slot("latent", "latent", "normal"),
            Slot("loss", "loss", "bce"),
            Slot("generator", "generator", "mlp"),
            Slot("discriminator", "discriminator", "mlp"),
            Slot("generator-conditioner", "conditioner", "concat", of="generator"),
            *phase_slots("discriminator", "adam", "constant"),
            *phase_slots("generator", "adam", "constant"),
        ),
        phases=("discriminator", "generator"),
    )


@hookimpl
def ganzoo_variants():
    """Declare the variant: the name that users type."""
    yield Variant(name="my-acgan", summary="an ACGAN in one file", recipe="my-acgan")
