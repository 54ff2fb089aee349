"""A GAN of few data learns from rotated images without drawing rotated ones.

Source: Tran et al., On Data Augmentation for GAN Training, 2021; Zhao et al.,
Differentiable Augmentation for Data-Efficient GAN Training, 2020; Karras et al.,
Training Generative Adversarial Networks with Limited Data, 2020.

Command: `python -m experiments.dag`; 11 minutes of CPU time, on 2 cores. One seed; 10,
20 and 100 % of 1,350 digits (3, 4 and 7 of mnist5k); dense networks, 1,500 steps, 2,000
samples, whose 95% intervals of leak rates are at most 6 points wide:

                       leak rate, %     Frechet distance
    no augmentation     0    0    0     47.5  19.0  25.8
    augmented data     82   78   75     57.6  68.1  52.4
    one head for all   33   40   59     57.6  18.3  47.7
    DiffAugment         0    0    0     82.2  74.4  83.0
    ADA                 0    0    0     16.6  24.3  15.3
    DAG               0.6    0    0     38.8  12.8  16.4

Samples that are no digits count as what the classifier takes them for, so that part of
what leaks is such. The distances order nothing firmly: they come from one seed and do
not even fall as images are added. Equal steps are not equal work: one of DAG looks at
four times as many images.

DiffAugment's samples are blurs here, for its translations: alone they leave a distance
of 70 with all images, and 64 where the digits' own black moves in instead of grey (0 of
[-1, 1], as in the original); colours alone leave 23, cutouts alone 22, again of one
seed.
"""

import dataclasses
import itertools
from typing import Any

import numpy as np

from experiments import dag_parts
from jaxgen import metrics, models, random, run
from jaxgen.errors import InputError
from jaxgen.files import write_npz
from jaxgen.images import every_nth
from jaxgen.training import on_one_device

CLAIM = (
    "A generator trained on augmented data draws augmented data; so it does where "
    "one head of the critic sees all transforms of data and samples alike. With a "
    "head for each transform (DAG) almost nothing leaks."
)

SHOWN = 12
"""Samples of each method in the figure."""


@dataclasses.dataclass(frozen=True)
class Config(run.RunOptions, dag_parts.MethodOptions, run.DataOptions):
    """Options of the script."""

    methods: tuple[dag_parts.MethodName, ...] = (
        "plain",
        "naive",
        "shared",
        "diff_augment",
        "ada",
        "dag",
    )
    """Which ways to use augmentation: none; of the data alone; of data and samples
    before one head; DiffAugment; ADA; DAG."""
    shares: tuple[float, ...] = (0.1, 0.2, 1.0)
    """Shares of the training images."""
    classes: tuple[int, ...] = (3, 4, 7)
    """Which classes are kept: by default digits that are no digits when turned. All
    of them with no number after the option."""
    seeds: int = 1
    """Models of each kind, trained at once."""
    epochs: int = 50
    """Passes over the images that a model is given, which are a share of the classes
    that are kept; where there is no `--steps`."""
    steps: int | None = 1500
    """Steps of every model, in place of epochs."""
    batch_size: int = 64
    """Images a step, over all devices."""
    learning_rate: float = 5e-4
    """Learning rate of Adam, of both networks."""
    samples: int = 2000
    """Samples of each model that are judged."""
    classifier_epochs: int | None = None
    """Epochs of the classifiers that judge; by their number of images by default."""


def build(
    config: Config, method: dag_parts.MethodName, setup: run.Setup
) -> models.Ensemble:
    """Returns all seeds of one method."""
    shape = setup.train.image_shape
    return models.ensemble(
        lambda _: dag_parts.build(config, method, shape), num_seeds=config.seeds
    )


def main(config: Config) -> dict[str, Any]:
    """Trains every method on every share, judges, draws; returns leak rates in %."""
    _check(config)
    setup = _setup(config)
    for method in config.methods:
        own = dag_parts.setup_of(config, setup, method, min(config.shares))
        run.check_models(own, build(config, method, own), step=True)
    with run.timed() as seconds:
        folder = run.open_folder(
            config,
            "dag",
            f"{setup.train.name}-{config.network}-{config.transforms}",
            title=f"Augmentation for a GAN of few {setup.train.name} images",
            claim=CLAIM,
            records=False,
        )
        run.print_line(
            "Training two classifiers that judge samples, if not in the cache"
        )
        judge = dag_parts.judge_of(config, setup)
        found, pictures = {}, {}
        for share, method in itertools.product(config.shares, config.methods):
            what = f"{dag_parts.LABELS[method]}, {share:.0%} of the images"
            run.print_line(what)
            own = dag_parts.setup_of(config, setup, method, share)
            ensemble = build(config, method, own)
            state = run.train(
                config,
                own,
                folder,
                ensemble,
                part=f"{method}-{100 * share:g}",
                convolutional=config.network == "conv",
                evaluate_every=max(own.steps // 10, 1),
                terms=("critic_loss", "generator_loss"),
            )
            run.print_line(f"Judging {config.samples:,} samples of each model")
            key = random.stream(setup.key, "samples")
            samples = dag_parts.draw(
                key, ensemble, on_one_device(state), config.samples
            )
            found[share, method] = dag_parts.judged(judge, samples)
            pictures[share, method] = samples[0]
        _write(config, folder, setup, found, pictures)
    least = min(config.shares)
    results = {
        f"leak rate, {dag_parts.LABELS[method]}": (
            100 * found[least, method].leak.rate.value,
            f"% of samples, {least:.0%} of the images",
        )
        for method in config.methods
    }
    tables = [_table(config, judge, found)]
    done = run.finish(folder, results, seconds=seconds(), tables=tables)
    return {name.removeprefix("leak rate, "): value for name, value in done.items()}


def _check(config: Config) -> None:
    run.check_positive(
        config,
        "hidden",
        "width",
        "latents",
        "weight",
        "ada_examples",
        "shares",
        "seeds",
        "classifier_epochs",
    )
    run.check_bounds(config, "samples", least=SHOWN)
    run.check_bounds(config, "ada_target", least=-1, most=1)
    if config.binarize == "dynamic":
        raise InputError(
            "--binarize is dynamic: samples are compared with images as they are, "
            "which such models never see; give no or fixed."
        )
    run.check_bounds(config, "shares", most=1)
    if not config.methods:
        known = ", ".join(dag_parts.LABELS)
        raise InputError(f"--methods is empty: give some of {known}.")
    for method in config.methods:
        dag_parts.build(config, method, run.IMAGE_SHAPE)


def _setup(config: Config) -> run.Setup:
    setup = run.prepare(config)
    train, test = (
        dag_parts.only_classes(source, config.classes)
        for source in (setup.train, setup.test)
    )
    test_batches = run.batches_of(
        config, test, setup.key, train=False, batch_size=config.batch_size
    )
    return setup._replace(train=train, test=test, test_batches=test_batches)


def _write(
    config: Config, folder: Any, setup: run.Setup, found: Any, pictures: Any
) -> None:
    shares, names = config.shares, config.methods

    def all_of(value: Any) -> np.ndarray:
        return np.array([[value(found[s, n]) for n in names] for s in shares])

    labels = np.array([dag_parts.LABELS[name] for name in names])
    write_npz(
        folder.arrays / "dag.npz",
        names=labels,
        shares=np.array(shares),
        leak=all_of(lambda one: one.leak.rate),
        leaks=all_of(lambda one: one.leaks),
        distances=all_of(lambda one: one.distances),
        transforms=np.array(config.transforms),
    )
    least = min(shares)
    some = every_nth(len(setup.train), SHOWN)
    rows = [pictures[least, name][: len(some)] for name in names]
    write_npz(
        folder.arrays / "dag_samples.npz",
        images=np.stack([setup.train.read(some)["image"], *rows]),
        names=np.array(["data", *labels]),
        share=np.array(least),
    )


def _table(config: Config, judge: dag_parts.Judge, found: Any) -> run.Table:
    real, dimension = judge.real.shape
    bias = sum(metrics.frechet_bias(dimension, n) for n in (real, config.samples)) / 2
    accuracy = judge.kinds.protocol["accuracy"]
    length = (
        f"All models take {config.steps:,} steps"
        if config.steps
        else f"Every model takes {config.epochs} passes over its share, in steps"
    )
    rows = []
    for share, method in itertools.product(config.shares, config.methods):
        one = found[share, method]
        rate = one.leak.rate
        rows.append(
            [
                f"{share:.0%}",
                dag_parts.LABELS[method],
                f"{100 * rate.value:.1f} ({100 * rate.low:.1f} to "
                f"{100 * rate.high:.1f})",
                " ".join(f"{100 * leak:.1f}" for leak in one.leaks),
                f"{one.distances.mean():.1f}",
                " ".join(f"{distance:.1f}" for distance in one.distances),
            ]
        )
    return run.Table(
        title="What leaks, and how far samples are from the data",
        note=(
            f"Leak rate: share of transformed samples ({config.transforms}), by a "
            f"classifier that takes {accuracy:.1%} of held-out images right, less what "
            "it takes wrongly, with a 95% interval over samples. FD: Frechet distance "
            f"to all {real:,} training images by the features of a classifier of the "
            f"classes; about {bias:.1f} of it is the bias of so many images. {length} "
            f"of {config.batch_size} images; one of DAG looks at "
            f"{len(judge.transforms)} times as many. {_ada(config)}"
        ).rstrip(),
        columns=[
            "images",
            "augmentation",
            "leak rate, %",
            "of each seed",
            "FD",
            "of each seed",
        ],
        words=2,
        rows=rows,
    )


def _ada(config: Config) -> str:
    if "ada" not in config.methods:
        return ""
    return (
        f"ADA's probability can go from 0 to 1 in {config.ada_examples:,} examples "
        "(500,000 in its paper, whose runs are longer)."
    )


if __name__ == "__main__":
    run.command_line(main, Config, __doc__ or "")
