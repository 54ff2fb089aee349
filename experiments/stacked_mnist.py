"""How many of a thousand modes does a GAN draw, alone and with pairs for its critic?

Source: Metz et al., Unrolled Generative Adversarial Networks, 2017, section 3.3.1;
Srivastava et al., VEEGAN, 2017, section 4.2; Lin et al., PacGAN, 2018, section 4.2.

Command: `python -m experiments.stacked_mnist --data mnist --looks 5`; 33 minutes on 2
CPU cores that many other jobs shared, about 9 minutes of one core by itself. One seed,
intervals over its 10,000 samples: the DCGAN has 891 modes (873 to 909) and a reverse KL
of 0.63 (0.61 to 0.66), with pac(2) it has 868 (851 to 885) and 0.74 (0.71 to 0.77); as
many real images have 1,000 and 0.06. But the classifier, right for 98.9% of single
digits, is sure of only 2.3% and 1.4% of the samples (real images: 89.6%), which have
157 and 106 modes. Neither has learnt to draw digits in so few steps: nothing is shown
of collapse, nor of its cure.

Published (Lin et al.): DCGAN 99 modes with a reverse KL of 3.40, unrolled GAN 48.7 with
4.32, VEEGAN 150 with 2.95, PacDCGAN2 1,000 with 0.06; ten runs. Their setting differs:
networks four times as wide with four halvings of the image, not two; 128,000 images of
all 70,000 digits; 100,000 steps of the critic with two of the generator each, on 64
rows, which are 128 images with pairs; uniform latents; the KL from an even histogram;
26,000 samples. Near to it, and not run: `--data mnist --train-split train+test --width
64 --stacked 128000 --batch-size 128 --steps 100000 --samples 26000 --seeds 10`.
"""

import dataclasses
import itertools
from typing import Any

import jax
import numpy as np

from experiments import vae_parts
from experiments.stacked_findings import modes_table, write_arrays
from experiments.stacked_modes import (
    Judge,
    Looks,
    StackedWatch,
    judge_of,
    measured,
    read,
)
from jaxgen import data, models, networks, random, run, training
from jaxgen.errors import InputError
from jaxgen.images import every_nth
from jaxgen.metrics import draw_images
from jaxgen.models import remedies
from jaxgen.networks import CriticNormalization
from jaxgen.training import on_one_device

CLAIM = (
    "Three digits as the colours of one image are a thousand modes that a "
    "classifier can count. As published, a DCGAN keeps a tenth of them, and all of "
    "them where its critic sees two samples at a time. A few thousand steps show "
    "neither: the classifier reads most modes in strokes that are no digits yet, so "
    "those it is sure of are counted beside them."
)

SHOWN = 64
"""Images of each system in the figure."""


@dataclasses.dataclass(frozen=True)
class Config(run.RunOptions, run.DataOptions):
    """Options of the script."""

    data: str = "mnist5k"
    """Grey labelled images to stack: `mnist5k` or `digits` (embedded), or `mnist` from
    TFDS."""
    remedies: tuple[str, ...] = ("none", "pac2")
    """What is done beside a DCGAN: `none`, `pac2`, `unroll5`, `noise=0.1`, `std`, `r1`
    and so on, joined as in `pac2+r1`."""
    seeds: int = 1
    """Models with each of the remedies, one after the other."""
    stacked: int = 50_000
    """Stacked images to train on."""
    width: int = 16
    """Channels of the finest layer; each coarser one has twice as many."""
    latents: int = 100
    """Dimensions of the latent space."""
    normalization: CriticNormalization = "batch"
    """Of the critic: `batch` (the paper's), which no gradient penalty goes with;
    `layer`, `spectral` or `none`."""
    steps: int | None = 6400
    """Steps of the generator, in place of epochs."""
    batch_size: int = 64
    """Images a step, over all devices; in pairs they are half as many rows."""
    learning_rate: float = 2e-4
    """Of Adam(0.5, 0.999), of both networks."""
    samples: int = 10_000
    """Samples that modes are counted in (26,000 in the papers)."""
    looks: int = 10
    """How often they are counted over training."""


def label_of(word: str) -> str:
    """Returns what a system is called in figures and tables."""
    remedy = remedies.words_label(word, images=True)
    return "DCGAN" if word == "none" else f"DCGAN, {remedy}"


def build(config: Config, word: str, image_shape: tuple[int, int, int]) -> models.GAN:
    """Returns a DCGAN with the remedies of that word."""
    chosen = remedies.from_words(word, images=True)
    rate = config.learning_rate
    return models.gan(
        networks.dcgan_generator(image_shape, width=config.width),
        networks.dcgan_critic(width=config.width, normalization=config.normalization),
        *remedies.adam_pair(rate, rate, b1=0.5, remedies=chosen),
        latents=config.latents,
        remedies=chosen,
        signed=True,
    )


def main(config: Config) -> dict[str, Any]:
    """Trains every system, counts modes, draws; returns modes and KL by system."""
    _check(config)
    single = run.prepare(config)
    setup = stacked_setup(config, single)
    built = {word: build(config, word, setup.train.image_shape) for word in _of(config)}
    run.check_models(setup, *built.values(), step=True)
    with run.timed() as seconds:
        folder = run.open_folder(
            config,
            "stacked_mnist",
            "-".join([setup.train.name, *built, f"w{config.width}"]).replace("=", ""),
            title=f"Modes of {setup.train.name}",
            claim=CLAIM,
            labels={_part(word, 0): label_of(word) for word in built},
        )
        judge = judge_of(single.train, single.test)
        seen: dict[str, list[Looks]] = {word: [] for word in built}
        pictures = {"real images": _shown(setup.test)}
        # Seeds outside: a run that is cut off has compared all systems already.
        for seed, word in itertools.product(range(config.seeds), built):
            state, looks = _train(config, setup, folder, built[word], judge, word, seed)
            seen[word].append(looks)
            if seed == 0:
                key = random.stream(setup.key, "figures")
                images, _ = draw_images(key, built[word], on_one_device(state), SHOWN)
                pictures[label_of(word)] = images
        run.merge_parts(folder, [_part(w, 0) for w in built], split="train")
        run.print_line("Counting the modes of samples and of test images")
        real = read(judge, setup.test.in_memory()["image"])
        key = random.stream(setup.key, "halves")
        found = {
            word: measured(jax.random.clone(key), judge, [own.last for own in looks])
            for word, looks in seen.items()
        }
        floor = measured(jax.random.clone(key), judge, [real])
        by_label = {label_of(word): looks for word, looks in seen.items()}
        write_arrays(folder.arrays, judge, by_label, real, pictures)
    results = {}
    for word, one in found.items():
        total = len(judge.proportions)
        results[f"modes, {label_of(word)}"] = (one.captured.value, f"of {total:,}")
        results[f"reverse KL, {label_of(word)}"] = (one.reverse_kl.value, "nats")
    table = modes_table(
        found,
        {word: label_of(word) for word in found},
        floor,
        title=f"Modes of {setup.train.name}, of {len(judge.proportions):,}",
        note=f"In {config.samples:,} samples after {setup.steps:,} steps of "
        f"{config.batch_size} images",
        seeds=config.seeds,
        accuracy=judge.accuracy,
        compared=config.data in vae_parts.MNIST,
    )
    return run.finish(folder, results, seconds=seconds(), tables=[table])


def stacked_setup(config: Config, single: run.Setup) -> run.Setup:
    """Returns stacked images in place of single ones; nothing is tested but samples."""
    train = data.stacked_digits(
        single.train, num_examples=config.stacked, seed=config.seed
    )
    test = data.stacked_digits(
        single.test, num_examples=config.samples, seed=config.seed
    )
    batches = data.pipeline(
        train,
        batch_size=config.batch_size,
        key=random.stream(single.key, "data"),
        train=True,
        binarize=config.binarize == "dynamic",
        resident={"auto": "auto", "device": True, "stream": False}[config.resident],
    )
    none: Any = None
    steps = config.steps or config.epochs * batches.steps_per_epoch
    return single._replace(
        train=train, test=test, batches=batches, test_batches=none, steps=steps
    )


def _train(
    config: Config,
    setup: run.Setup,
    folder: training.RunFolder,
    model: models.GAN,
    judge: Judge,
    word: str,
    seed: int,
) -> tuple[Any, Looks]:
    part = _part(word, seed)
    home = folder.path / "parts" / part
    home.mkdir(parents=True, exist_ok=True)
    watch = StackedWatch(
        home / "looks.npz",
        model,
        judge,
        random.stream(setup.key, "looks"),
        num_samples=config.samples,
    )
    state = run.train(
        config,
        setup,
        folder,
        model,
        part=part,
        key=models.member_key(setup.key, seed),
        convolutional=True,
        evaluate_every=-(-setup.steps // config.looks),
        callbacks=(watch,),
        terms=("critic_loss", "generator_loss"),
    )
    return state, watch.looks()


def _shown(test: data.Source) -> np.ndarray:
    return test.read(every_nth(len(test), SHOWN))["image"]


def _part(word: str, seed: int) -> str:
    """The name of a model among the files of the run."""
    return f"{word.replace('=', '')}-{seed}"


def _of(config: Config) -> tuple[str, ...]:
    words = config.remedies
    if not words or len(set(words)) < len(words):
        raise InputError(
            f"--remedies is {' '.join(words) or 'empty'}: name at least one, each once."
        )
    return words


def _check(config: Config) -> None:
    run.check_positive(config, "seeds", "stacked", "width", "latents", "looks")
    run.check_bounds(config, "samples", least=SHOWN)
    for word in _of(config):
        chosen = remedies.from_words(word, images=True)
        if config.normalization == "spectral" and any(r.unroll for r in chosen):
            raise InputError(
                f"The remedy {word} differentiates through the critic's steps, which "
                "spectral normalization keeps from being exact: take another "
                "--normalization, or no unroll."
            )
        build(config, word, run.IMAGE_SHAPE)


if __name__ == "__main__":
    run.command_line(main, Config, __doc__ or "")
