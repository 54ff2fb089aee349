"""A variational autoencoder learns to write digits, in a plane one can walk through.

Claim: Two latent numbers are enough for a decoder to draw every digit, and the encoder
lays the classes out side by side without ever seeing a label.

Source: Kingma and Welling, Auto-Encoding Variational Bayes, 2014; the convolutional net
is that of https://keras.io/examples/generative/vae/.

Command: `python -m experiments.vae`; half a minute on 2 CPU cores, and the test loss
ends at about 168 nats per image. With `--data mnist`: 2 minutes, 151.6. The setting of
the Keras example is `--data mnist --train-split train+test --network conv --epochs 30`:
its training loss ends at 150.4 there and at 149.9 here, after 50 minutes. The
784-400-40 net of pythae, whose -log p(x) is 89.78 there (200 samples, a set binarized
once), is `--data mnist --binarize dynamic --latents 40 --batch-size 100 --learning-rate
1e-4 --epochs 500 --nll-samples 5000`: 90.23 here by 5,000 samples, 90.89 by 200 (99%
interval over the 10,000 test images +- 0.57), after half an hour of one core. With
`--binarize fixed` it overfits: about 93 by 200 samples, trained on 50,000 images.

Likelihoods: `bernoulli` is training by cross-entropy (BCE), `gaussian` by squared error
over 2 x variance. Mean squared error plus the KL hides a variance; `--variance` says
it, and `jaxgen.losses.vae.equivalence` translates any such loss.
"""

import dataclasses
from collections.abc import Callable
from typing import Any, Literal

import optax

from experiments import vae_parts
from experiments.latent_arrays import latent_figures
from jaxgen import models, random, report, run
from jaxgen.errors import InputError
from jaxgen.losses.vae import objectives, priors


@dataclasses.dataclass(frozen=True)
class Config(run.RunOptions, vae_parts.NetworkOptions, run.DataOptions):
    """Options of the script."""

    prior: Literal["standard_normal", "mixture", "vamp"] = "standard_normal"
    """`mixture`: a learned mixture of Gaussians; `vamp`: the encoder's mean posterior
    over learned pseudo-inputs. Their KL is sampled."""
    components: int = 20
    """Components of the mixture, or pseudo-inputs."""
    beta: float = 1.0
    """Weight of the KL term; 1 gives the evidence lower bound."""
    warm_up: int = 0
    """Epochs over which the weight of the KL rises from 0."""
    free_bits: float = 0.0
    """Nats that each latent may use for nothing."""
    decay_at: tuple[int, ...] = ()
    """Epochs after which the learning rate falls to 63 % (by 10 to the 1/5)."""
    nll_samples: int = 0
    """Samples for the importance-sampled -log p(x) of each test image; 0 for none."""


def build(
    config: Config, image_shape: tuple[int, int, int], steps_per_epoch: int
) -> models.VAE:
    """Returns the model that the options describe."""
    encoder, decoder = vae_parts.networks_of(config, image_shape)
    prior = {
        "standard_normal": lambda: priors.standard_normal(config.latents),
        "mixture": lambda: priors.mixture(config.latents, config.components),
        "vamp": lambda: priors.vamp(config.latents, config.components),
    }[config.prior]()
    weight: Any = config.beta
    if config.warm_up:
        steps = config.warm_up * steps_per_epoch
        weight = optax.linear_schedule(0.0, config.beta, steps)
    objective = objectives.beta(weight)
    if config.free_bits:
        objective = objectives.free_bits(config.free_bits, weight=config.beta)
    rate: Any = config.learning_rate
    if config.decay_at:
        falls = {epoch * steps_per_epoch: 10**-0.2 for epoch in config.decay_at}
        rate = optax.piecewise_constant_schedule(config.learning_rate, falls)
    return models.vae(
        encoder,
        decoder,
        optax.adam(rate),
        likelihood=vae_parts.likelihood_of(config),
        prior=prior,
        objective=objective,
    )


def trained_models(
    config: Config, setup: run.Setup, restore: Callable[..., Any]
) -> dict[str, tuple[models.VAE, Any]]:
    """Returns the model of a finished run with its state; see `restored_runs`."""
    model = build(config, setup.train.image_shape, setup.batches.steps_per_epoch)
    return {"VAE": (model, restore(model))}


def main(config: Config) -> dict[str, Any]:
    """Trains, evaluates, draws; returns the final test terms in nats per image."""
    run.check_positive(config, "latents", "hidden", "variance", "components")
    run.check_bounds(config, "beta", "warm_up", "free_bits", least=0)
    if config.warm_up and config.free_bits:
        raise InputError(
            "--warm-up and --free-bits both change the weight of the KL: give one."
        )
    build(config, run.IMAGE_SHAPE, 1)
    setup = run.prepare(config)
    with run.timed() as seconds:
        model = build(config, setup.train.image_shape, setup.batches.steps_per_epoch)
        run.check_models(setup, model)
        folder = run.open_folder(
            config,
            "vae",
            f"{setup.train.name}-{config.network}-z{config.latents}",
            title=f"A VAE on {setup.train.name}",
            doc=__doc__ or "",
            **vae_parts.floors(config, setup),
        )
        snapshots = vae_parts.snapshots(folder, model, setup)
        state = run.train(
            config,
            setup,
            folder,
            model,
            convolutional=config.network == "conv",
            callbacks=(snapshots,),
        )
        terms = ("loss", "reconstruction", "kl")
        last = run.last_record(folder.metrics, *terms)
        results = {f"test {name}": (last[name], "nats per image") for name in terms}
        tables = vae_parts.posterior_tables(
            random.stream(setup.key, "aggregate"), model, state, setup
        )
        if config.nll_samples:
            found = vae_parts.measure_likelihood(
                random.stream(setup.key, "likelihood"),
                model,
                state,
                setup,
                num_samples=config.nll_samples,
            )
            results["test -log p(x)"] = (found.nll, "nats per image")
            tables.insert(
                0, run.likelihood_table([run.likelihood_row("this model", found)])
            )
        figures = latent_figures(
            folder,
            model,
            state,
            setup.test,
            random.stream(setup.key, "figures"),
            train=setup.train,
        )
        report.write_figures(folder.path, figures)
    done = run.finish(folder, results, seconds=seconds(), tables=tables)
    return {name.removeprefix("test "): value for name, value in done.items()}


if __name__ == "__main__":
    run.command_line(main, Config, __doc__ or "")
