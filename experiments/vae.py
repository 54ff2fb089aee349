"""A variational autoencoder learns to write digits, in a plane one can walk through.

Source: Kingma and Welling, Auto-Encoding Variational Bayes, 2014; the convolutional net
is that of https://keras.io/examples/generative/vae/.

`python -m experiments.vae` takes half a minute on 2 CPU cores; the test loss ends at
about 168 nats per image. With `--data mnist`: 2 minutes, 151.6. The setting of the
Keras example is `--data mnist --train-split train+test --network conv --epochs 30`: its
training loss ends at 150.4 there and at 149.9 here, after 50 minutes. The 784-400-40
net of pythae, whose -log p(x) is 89.78 there (200 samples, a set binarized once), is
`--data mnist --binarize dynamic --latents 40 --batch-size 100 --learning-rate 1e-4
--epochs 500 --nll-samples 5000`: 90.23 here by 5,000 samples, 90.89 by 200, after half
an hour of one core. With `--binarize fixed` it overfits: about 93 by 200 samples,
trained on 50,000 images.

Likelihoods: `bernoulli` is training by cross-entropy (BCE), `gaussian` by squared error
over 2 x variance. Mean squared error plus the KL hides a variance; `--variance` says
it, and `jaxgen.losses.vae.equivalence` translates any such loss.
"""

import dataclasses
from typing import Any, Literal

import optax

from experiments.figures import vae as figures
from jaxgen import losses, metrics, models, networks, random, run, training
from jaxgen.errors import InputError
from jaxgen.losses.vae import objectives, priors

CLAIM = run.Claim(
    "An encoder lays classes side by side in a plane without ever seeing a label: "
    "neighbours are of one class more often than in the plane of two principal "
    "components.",
    applies=figures.why_not,
    check=figures.check,
)

EXAMPLES = {
    "": "5,000 digits, half a minute",
    "--latents 20 --nll-samples 1000": "more latents, and -log p(x)",
    "--data FOLDER --image-size 64": "images of your own",
}


@dataclasses.dataclass(frozen=True)
class Config(run.RunOptions, run.DataOptions):
    """Options of the script."""

    network: Literal["mlp", "conv"] = "mlp"
    """`mlp`: hidden layers; `conv`: the net of the Keras VAE example."""
    hidden: tuple[int, ...] | None = None
    """Widths of the hidden layers of the MLP encoder, 400 by default; the decoder has
    them reversed. With conv: the features between images and latents, 16 by default."""
    latents: int = 2
    """Dimensions of the latent space; two give the plane and the explorer."""
    likelihood: losses.vae.LikelihoodName = "bernoulli"
    """`bernoulli` is cross-entropy (BCE), `continuous_bernoulli` its density for grey
    pixels; `gaussian` squared error over 2 x variance, `learned_gaussian` with one
    learned variance, `pixel_gaussian` with one for every pixel; `laplace`;
    `categorical` and `discretized_logistic` for 8-bit pixels."""
    variance: float = 0.05
    """Variance of a pixel under the Gaussian likelihood, images being in [0, 1]."""
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
    nll_samples: int = 0
    """Samples for the importance-sampled -log p(x) of each test image; 0 for none."""


def likelihood_of(config: Config) -> losses.vae.Likelihood:
    """Returns the likelihood that the options name."""
    return losses.vae.likelihood_from_name(config.likelihood, variance=config.variance)


def build(
    config: Config, image_shape: tuple[int, int, int], steps_per_epoch: int
) -> models.VAE:
    """Returns the model that the options describe."""
    likelihood = likelihood_of(config)
    height, width, channels = image_shape
    if config.likelihood != "learned_gaussian":
        channels *= likelihood.outputs_per_channel
    shape = (height, width, channels)
    if config.network == "mlp":
        hidden = config.hidden or (400,)
        encoder = networks.mlp_encoder(config.latents, hidden)
        decoder = networks.mlp_decoder(shape, hidden[::-1])
    else:
        wide = config.hidden[0] if config.hidden else None
        encoder = networks.convolutional_encoder(config.latents, hidden=wide or 16)
        decoder = networks.convolutional_decoder(shape, hidden=wide)
    if config.likelihood == "learned_gaussian":
        decoder = networks.shared_scale(decoder)
    prior = {
        "standard_normal": lambda: priors.standard_normal(config.latents),
        "mixture": lambda: priors.mixture(config.latents, config.components),
        "vamp": lambda: priors.vamp(config.latents, config.components),
    }[config.prior]()
    weight: Any = config.beta
    if config.warm_up:
        steps = config.warm_up * steps_per_epoch
        weight = models.schedules.linear(0.0, config.beta, steps=steps)
    objective = objectives.beta(weight)
    if config.free_bits:
        objective = objectives.free_bits(config.free_bits, weight=config.beta)
    adam = optax.adam(config.learning_rate)
    return models.vae(
        encoder, decoder, adam, likelihood=likelihood, prior=prior, objective=objective
    )


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
            claim=CLAIM,
            floors=run.floors(likelihood_of(config).floor, setup),
        )
        state = run.train(
            config,
            setup,
            folder,
            model,
            convolutional=config.network == "conv",
            callbacks=(run.snapshots(folder.arrays / "epochs.npz", setup, model),),
            imports=("sklearn.mixture",),
        )
        state = training.on_one_device(state)
        key = setup.key
        results = run.final_terms(folder, setup, model, state)
        tables = []
        if config.nll_samples:
            with run.display() as show:
                found = metrics.set_log_likelihood(
                    random.stream(key, "likelihood"),
                    model,
                    state,
                    training.iterate_batches(setup.test_batches),
                    num_samples=config.nll_samples,
                    num_images=len(setup.test),
                    progress=show,
                )
            nll = run.mean_estimate(found.per_image, "nats per image", mean=found.nll)
            results["-log p(x)"] = nll
            tables = [run.likelihood_table([run.likelihood_row("this model", found)])]
        tables += figures.tables(key, model, state, setup)
        drawn, evidence = figures.figures(key, model, state, setup, folder)
    done = run.finish(
        folder,
        {f"test {name}": value for name, value in results.items()},
        seconds=seconds(),
        tables=tables,
        verdict=CLAIM.verdict(evidence),
        figures=drawn,
    )
    return {name.removeprefix("test "): value for name, value in done.items()}


if __name__ == "__main__":
    run.command_line(main, Config, __doc__ or CLAIM.sentence, EXAMPLES)
