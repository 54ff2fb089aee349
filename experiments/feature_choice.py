"""Feature networks by the names that a command line gives them."""

from pathlib import Path

from experiments.image_sets import ImageSet
from jaxgen.data import Source
from jaxgen.errors import InputError
from jaxgen.metrics.features import (
    FeatureNet,
    classifier_features,
    inception_features,
    random_features,
)
from jaxgen.progress import Progress

WEIGHTS = (".pth", ".safetensors")
"""How a file of Inception weights ends."""


def check_names(names: tuple[str, ...]) -> None:
    """Raises an InputError for what names no network, or a file that is not there."""
    for name in names:
        if name in ("classifier", "random"):
            continue
        if Path(name).suffix not in WEIGHTS:
            raise InputError(
                f"--features {name} is unknown: expected classifier, random, or a file "
                "of Inception weights that ends in .pth or .safetensors."
            )
        if not Path(name).is_file():
            raise InputError(f"--features {name}: there is no such file.")


def networks_of(
    names: tuple[str, ...],
    train: ImageSet,
    test: Source | None,
    show: Progress,
) -> list[FeatureNet | tuple[FeatureNet, ...]]:
    """Returns the feature networks of these names, or one that suits the set.

    Args:
        names: `classifier`, `random` or a file of weights each; none for what suits.
        train: What a classifier is trained on.
        test: What its accuracy is measured on; a share of `train` if there is none.
        show: Shows how far its training is.
    """
    labelled = isinstance(train, Source) and train.class_names is not None
    check_names(names)
    nets: list[FeatureNet | tuple[FeatureNet, ...]] = []
    for name in names or (("classifier",) if labelled else ("random",)):
        if name == "classifier":
            if not labelled:
                raise InputError(
                    "--features classifier: the images have no labels to train a "
                    "classifier by; give random, or a file of Inception weights."
                )
            done = 0

            def count(images: int) -> None:
                nonlocal done
                done += images
                show("training the classifier, images", done, None)

            show("training the classifier, images", done, None)
            nets.append(classifier_features(train, test=test, progress=count))
        elif name == "random":
            show("preparing random networks", 0, None)
            nets.append(random_features(train))
        else:
            nets.append(inception_features(Path(name)))
    return nets
