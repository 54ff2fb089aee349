"""One network, trained as the decoder of a VAE and as the generator of a GAN.

Source: Kingma and Welling, Auto-Encoding Variational Bayes, 2014; Goodfellow et al.,
Generative Adversarial Networks, 2014; Sajjadi et al., Assessing Generative Models via
Precision and Recall, 2018.

Command: `python -m experiments.gan_vs_vae`; 90 seconds of one CPU core for 60 epochs of
mnist5k. Relative to test images the samples of the VAE have 0.34 of the Laplacian
variance (95 % interval 0.33 to 0.35) and 0.30 of the power at high frequencies, those
of the GAN 1.39 (1.34 to 1.45) and 1.09 (1.04 to 1.13): more than 1 is grain, which the
spectrum shows at its end. FD in a classifier's features from 500 test images is 24.8
(20.8 to 28.8) and 16.2 (13.6 to 18.7), precision 0.72 (0.61 to 0.83) and 0.67 (0.59 to
0.76), recall 0.47 (0.36 to 0.58) and 0.31 (0.22 to 0.40).

Decoder and generator are the same function of the same latents, with as many
parameters, and are trained for as many steps on the same batches. A step of the GAN
trains its critic too, and took 1.6 times as long.
"""

import dataclasses
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import optax

from experiments import evaluation_files
from experiments.gan_studies import versus
from jaxgen import losses, metrics, models, networks, random, run
from jaxgen.losses.vae import priors
from jaxgen.models import remedies
from jaxgen.training import on_one_device
from jaxgen.typing import Array, Network, Params, PyTree

CLAIM = (
    "A VAE pays for every image that it cannot explain, so it covers the data and "
    "blurs what it is unsure of; a GAN pays for every image that looks made up, so "
    "it draws sharp images and may leave some of the data out."
)

TERMS = {"vae": ("loss", "kl"), "gan": ("critic_loss", "fake_logit")}
"""What the progress bar shows."""


@dataclasses.dataclass(frozen=True)
class Config(run.RunOptions, run.DataOptions):
    """Options of the script."""

    epochs: int = 60
    """Passes over the training images."""
    network: Literal["mlp", "conv"] = "mlp"
    """`mlp`: hidden layers; `conv`: the decoder of the Keras VAE example, and the
    critic of DCGAN."""
    hidden: tuple[int, ...] = (400,)
    """Widths of the hidden layers of the decoder, the encoder and the critic having
    them reversed. With conv: features between latents and images."""
    critic_width: int = 16
    """With conv: channels of the critic's finest layer, at half the size of the image;
    each coarser one has twice as many."""
    latents: int = 16
    """Dimensions of the latent space."""
    batch_size: int = 64
    """Images a step, over all devices."""
    loss: losses.gan.LossName = "non_saturating"
    """Of the GAN."""
    remedies: str = "r1=1"
    """What keeps the GAN on its way, as `r1=1`, `gp=10`, `pac2` or `none`."""
    gan_learning_rate: float = 2e-4
    """Of both networks of the GAN; `learning_rate` is the VAE's."""
    ema_decay: float = 0.99
    """Of the moving average of the generator that samples are drawn from; 0 is none."""
    samples: int = 2000
    """Images of each set that are compared, if there are as many test images."""


class Pair(NamedTuple):
    """Both models."""

    vae: models.VAE
    gan: models.GAN


def build(config: Config, image_shape: tuple[int, int, int]) -> Pair:
    """Returns the VAE and the GAN that the options describe."""
    if config.network == "mlp":
        encoder = networks.mlp_encoder(config.latents, config.hidden[::-1])
        decoder = networks.mlp_decoder(image_shape, config.hidden)
        critic = networks.mlp_critic(config.hidden[::-1])
    else:
        wide = config.hidden[0]
        encoder = networks.convolutional_encoder(config.latents, hidden=wide)
        decoder = networks.convolutional_decoder(image_shape, hidden=wide)
        critic = networks.dcgan_critic(width=config.critic_width)
    vae = models.vae(
        encoder,
        decoder,
        optax.adam(config.learning_rate),
        likelihood=losses.vae.bernoulli(),
        prior=priors.standard_normal(config.latents),
    )
    chosen = remedies.from_words(config.remedies, images=True)
    rate = config.gan_learning_rate
    gan = models.gan(
        as_generator(decoder),
        critic,
        *remedies.adam_pair(rate, rate, b1=0.5, remedies=chosen),
        latents=config.latents,
        loss=losses.gan.from_name(config.loss),
        **losses.gan.published_factors(config.loss),
        remedies=chosen,
        ema_decay=config.ema_decay or None,
        signed=True,
    )
    return Pair(vae, gan)


def as_generator(decoder: Network) -> Network:
    """Returns a decoder of logits as a generator of pixels in [-1, 1].

    tanh(x / 2) is 2 sigmoid(x) - 1: brought to [0, 1], the means of the decoder.
    """

    def apply(
        params: Params, stats: PyTree, latents: Array, **mode: Any
    ) -> tuple[Array, PyTree]:
        logits, stats = decoder.apply(params, stats, latents, **mode)
        return jnp.tanh(0.5 * logits), stats

    return Network(decoder.init, apply)


def main(config: Config) -> dict[str, Any]:
    """Trains both, compares, draws; returns measures by name and set."""
    _check(config)
    setup = run.prepare(config)
    with run.timed() as seconds:
        pair = build(config, setup.train.image_shape)
        run.check_models(setup, *pair, step=True)
        folder = run.open_folder(
            config,
            "gan_vs_vae",
            f"{setup.train.name}-{config.network}-z{config.latents}",
            title=f"A GAN beside a VAE on {setup.train.name}",
            claim=CLAIM,
            labels={"gan": "GAN"},
        )
        samplers = {}
        for name, model in pair._asdict().items():
            state = run.train(
                config,
                setup,
                folder,
                model,
                part=name,
                convolutional=config.network == "conv",
                terms=TERMS[name],
            )
            samplers[name.upper()] = _sampler(model, on_one_device(state))
        run.merge_parts(folder, pair._fields, split="train")
        with run.display() as show:
            evaluation = metrics.evaluate(
                samplers,
                setup.test,
                key=random.stream(setup.key, "metrics"),
                train=setup.train,
                feature_nets=metrics.features.named_features(
                    (), setup.train, setup.test, progress=show
                ),
                num_samples=min(config.samples, len(setup.test), len(setup.train)),
                progress=show,
            )
        evaluation_files.write(
            folder.path,
            evaluation,
            command=run.command_of(config),
            seconds=seconds(),
        )
        number = min(config.samples, len(setup.test))
        run.print_line(f"Measuring the sharpness of {number:,} images of each set")
        sets = versus.draw_sets(
            random.stream(setup.key, "sharpness"), setup, samplers, number
        )
        sharp = versus.write_sharpness(folder, sets)
        speeds = [versus.speed(folder, part) for part in pair._fields]
        tables = [
            versus.sharpness_table(sharp, list(sets), number),
            versus.quality_table(evaluation, list(sets), setup.steps, speeds),
        ]
        results = versus.headline(sharp, list(sets)) | {
            f"{one.metric}, {one.images}": (one.value, "")
            for one in evaluation.measures
            if one.metric.startswith(("FD(", "recall("))
        }
    return run.finish(folder, results, seconds=seconds(), tables=tables)


def _sampler(model: Any, state: Any) -> Callable[..., Array]:
    draw = jax.jit(model.sample, static_argnums=2)
    return lambda key, n: draw(state, key, n)


def _check(config: Config) -> None:
    run.check_positive(config, "hidden", "critic_width", "latents", "gan_learning_rate")
    run.check_bounds(config, "ema_decay", least=0, below=1)
    run.check_bounds(config, "samples", least=100)
    build(config, run.IMAGE_SHAPE)


if __name__ == "__main__":
    run.command_line(main, Config, __doc__ or "")
