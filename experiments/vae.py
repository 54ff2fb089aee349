"""A variational autoencoder learns to write digits, in a plane one can walk through.

Claim: Two latent numbers are enough for a decoder to draw every digit, and the encoder
lays the classes out side by side without ever seeing a label.

Source: Kingma and Welling, Auto-Encoding Variational Bayes, 2014; the convolutional net
is that of https://keras.io/examples/generative/vae/.

Command: `python -m experiments.vae`; half a minute on 2 CPU cores, and the test loss
ends at about 168 nats per image. With `--data mnist`: 2 minutes, 151.6. The setting of
the Keras example is `--data mnist --train-split train+test --network conv --epochs 30`:
its training loss ends at 150.4 there and at 149.9 here, after 50 minutes.

Likelihoods: `bernoulli` is training by cross-entropy (BCE), `gaussian` by squared error
over 2 x variance. Mean squared error plus the KL hides a variance; `--variance` says
it.
"""

import contextlib
import dataclasses
import math
import time
from pathlib import Path
from typing import Any, Literal

import jax
import optax

from experiments import command
from experiments.latent_arrays import Snapshots, write_latent_arrays
from jaxgen import data, losses, models, networks, random, training


@dataclasses.dataclass(frozen=True)
class Config:
    """Options of the script."""

    data: str = "mnist5k"
    """`mnist5k` or `digits` (embedded), a TFDS image set by name, or a folder."""
    data_dir: str | None = None
    """Where TFDS keeps its prepared sets (its own default if not given)."""
    train_split: Literal["train", "train+test"] = "train"
    """What to train on; `train+test` is for comparing with results that did so."""
    image_size: int | None = None
    """Resize and crop the images of a folder to this many pixels a side."""
    binarize: bool = False
    """Draw every pixel as 0 or 1 with its grey value as the chance, anew each epoch."""
    resident: Literal["auto", "device", "stream"] = "auto"
    """Keep the set on the device or stream it from disk; auto: resident below 2 GiB."""

    network: Literal["mlp", "conv"] = "mlp"
    """`mlp`: one hidden layer each; `conv`: the net of the Keras VAE example."""
    hidden: tuple[int, ...] = (400,)
    """Widths of the hidden layers of the MLP encoder; the decoder has them reversed."""
    latents: int = 2
    """Dimensions of the latent space; two give the plane and the explorer."""
    likelihood: Literal["bernoulli", "gaussian"] = "bernoulli"
    """`bernoulli`: cross-entropy (BCE); `gaussian`: squared error over 2 x variance."""
    variance: float = 0.05
    """Variance of a pixel under the Gaussian likelihood, images being in [0, 1]."""
    beta: float = 1.0
    """Weight of the KL term; 1 gives the evidence lower bound."""

    epochs: int = 50
    """Passes over the training images."""
    steps: int | None = None
    """Optimizer steps in all, in place of epochs."""
    batch_size: int = 128
    """Images a step, over all devices."""
    learning_rate: float = 1e-3
    """Learning rate of Adam."""
    seed: int = 0
    """Seed of everything: the same seed gives the same run, bit for bit."""

    devices: int | None = None
    """How many devices to use (all by default); a CPU can pretend to be several."""
    parallel: Literal["jit", "pmap", "shard_map"] = "jit"
    """How a step is spread over devices."""
    steps_per_call: int | None = None
    """Steps compiled into one call (chosen by network and backend by default)."""

    output: str = "runs"
    """Folder of all runs; this one goes to OUTPUT/vae/NAME."""
    name: str | None = None
    """Name of the run; by default made of its options, numbered if taken."""
    resume: bool = False
    """Go on with the newest run of that name, from its last checkpoint."""


FREE = {"epochs", "steps", "output", "name", "resume", "data_dir"}
"""Options that may change when a run is resumed."""


def build(config: Config, image_shape: tuple[int, int, int]) -> models.VAE:
    """Returns the model that the options describe."""
    if config.network == "mlp":
        encoder = networks.mlp_encoder(config.latents, features=config.hidden)
        decoder = networks.mlp_decoder(image_shape, features=config.hidden[::-1])
    else:
        encoder = networks.convolutional_encoder(config.latents)
        decoder = networks.convolutional_decoder(image_shape)
    likelihood = {
        "bernoulli": losses.vae.bernoulli,
        "gaussian": lambda: losses.vae.gaussian(variance=config.variance),
    }[config.likelihood]()
    return models.vae(
        encoder,
        decoder,
        optax.adam(config.learning_rate),
        likelihood=likelihood,
        num_latents=config.latents,
        beta=config.beta,
    )


def main(config: Config) -> dict[str, Any]:
    """Trains, evaluates, draws; returns the final test terms in nats per image."""
    from jaxgen import report

    command.check_positive(
        config, "epochs", "steps", "batch_size", "latents", "hidden", "learning_rate"
    )
    command.check_positive(config, "variance", "image_size", "steps_per_call")
    command.use_devices(config.devices)
    place = training.placement(config.devices, config.parallel)
    place.rows(config.batch_size)  # refuses what cannot be split, before any folder
    sources = {
        split: data.load(
            config.data,
            split=split,
            data_dir=config.data_dir,
            image_size=config.image_size,
        )
        for split in (config.train_split, "test")
    }
    train, test = sources[config.train_split], sources["test"]
    key = jax.random.key(config.seed)
    batches, test_batches = (
        data.pipeline(
            source,
            batch_size=config.batch_size,
            key=random.stream(key, "data"),
            train=source is train,
            binarize=config.binarize,
            resident={"auto": "auto", "device": True, "stream": False}[config.resident],
        )
        for source in (train, test)
    )
    steps = config.steps or config.epochs * batches.steps_per_epoch
    model = build(config, train.image_shape)

    folder = training.open_run(
        Path(config.output) / "vae",
        config.name or f"{Path(config.data).name}-{config.network}-z{config.latents}",
        {
            "experiment": "vae",
            "title": f"A VAE on {train.name}",
            "claim": (__doc__ or "").split("Claim: ")[1].split("\n\n")[0],
            "command": command.command(config),
            "config": dataclasses.asdict(config),
        },
        resume=config.resume,
        free=FREE,
        exact=config.name is not None,
    )
    checkpoints = training.Checkpoints(folder.checkpoints)
    resume_step = checkpoints.latest() or 0
    writers = (
        training.JsonLines(folder.metrics, resume_step=resume_step),
        training.TensorBoard(folder.tensorboard, resume_step=resume_step),
    )
    closing = contextlib.ExitStack()
    for resource in (*writers, checkpoints):
        closing.callback(resource.close)
    snapshots = Snapshots(
        folder.arrays / "epochs.npz",
        model,
        config.latents,
        random.stream(key, "snapshots"),
        batches.steps_per_epoch,
        math.ceil(steps / batches.steps_per_epoch),
    )
    start = time.monotonic()
    terms = ("loss", "reconstruction", "kl")
    bar = training.ProgressBar(steps, batches.steps_per_epoch, terms)
    command.name_run(folder.path.name)
    with closing, bar as progress:
        state = training.fit(
            model,
            batches,
            key=key,
            steps=steps,
            test_data=test_batches,
            steps_per_call=config.steps_per_call
            or training.default_steps_per_call(convolutional=config.network == "conv"),
            place=place,
            checkpoints=checkpoints,
            writers=writers,
            callbacks=(snapshots,),
            progress=progress,
        )
    last = [r for r in training.read_records(folder.metrics) if r["split"] == "test"]
    results = {name: last[-1][name] for name in terms}
    training.write_json(
        folder.summary,
        {
            "results": {
                f"test {name}": {"value": value, "unit": "nats per image"}
                for name, value in results.items()
            },
            "seconds": time.monotonic() - start,
        },
    )
    write_latent_arrays(
        folder.arrays, model, state, test, random.stream(key, "figures")
    )
    page = report.write_page(folder.path)
    for name, value in results.items():
        print(f"test {name:<15}{value:8.2f} nats per image")
    print(f"The page of this run: {page}")
    return results | {"page": str(page)}


if __name__ == "__main__":
    command.run(main, Config, __doc__ or "")
