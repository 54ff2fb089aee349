"""AdaGAN: a few GANs that each miss modes make a mixture that has most of them.

Source: Tolstikhin et al., AdaGAN: Boosting Generative Models, 2017, algorithms 1 and 2.

Command: `python -m experiments.adagan`; 2 minutes of one CPU core, 8 seeds. Mixtures of
1 to 5 components have 3.2, 5.5, 7.1, 7.4 and 7.5 modes (standard errors 0.2 to 0.3),
with 52 %, 61 %, 65 %, 66 % and 66 % of good samples. A generator whose samples lie
nowhere near the data cannot be boosted: the classifier then tells all of them apart,
and every point weighs the same (as with a critic ten times slower than the generator).
"""

import dataclasses
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import jax
import numpy as np
import optax

from experiments.mode_models import OptimizerOptions, optimizers_of
from experiments.mode_watch import NUM_SAMPLES, SHOWN
from jaxgen import losses, metrics, models, networks, random, run, training
from jaxgen.data import mixtures
from jaxgen.files import write_npz
from jaxgen.losses.gan import LossName
from jaxgen.models import Ensemble, remedies
from jaxgen.typing import PRNGKeyArray

CLAIM = (
    "A generator with one narrow hidden layer settles on three of the eight modes "
    "of a ring. Each further component goes where modes are missing, as it is "
    "trained on the data that the mixture so far lacks: three of them have seven "
    "modes, and the share of good samples rises on the way."
)


@dataclasses.dataclass(frozen=True)
class Config(OptimizerOptions):
    """Options of the script."""

    mixture: Literal["ring", "grid"] = "ring"
    """`ring`: 8 Gaussians; `grid`: 25."""
    components: int = 5
    """GANs in the mixture."""
    component_steps: int = 2500
    """Steps of each component."""
    classifier_steps: int = 500
    """Steps of the classifier between two components."""
    candidates: int = 4
    """Points that are weighed for each one that a component sees."""
    seeds: int = 8
    """Seeds, trained at once."""

    loss: LossName = "non_saturating"
    """Of the components."""
    remedies: str = "none"
    """Of the components: one word of `gan_modes`, as `pac2` or `r1=0.1+r2=0.1`; `noise`
    stays and never falls."""
    generator_learning_rate: float = 3e-3
    """Learning rate of the generator's Adam."""
    critic_learning_rate: float = 3e-3
    """Learning rate of the critic's Adam."""
    classifier_learning_rate: float = 1e-3
    """Learning rate of the classifier's Adam."""
    generator_hidden: tuple[int, ...] = (8,)
    """Widths of the generator's hidden layers."""
    hidden: tuple[int, ...] = (64, 64)
    """Widths of the hidden layers of critic and classifier."""
    latents: int = 2
    """Dimensions of the latent space."""

    batch_size: int = 64
    """Points in a step of a component's critic."""
    seed: int = 0
    """Seed of everything: the same seed gives the same run, bit for bit."""
    devices: int | None = None
    """How many devices to use (all by default); a CPU can pretend to be several."""
    parallel: Literal["jit", "pmap", "shard_map"] = "jit"
    """How a step is spread over devices."""
    steps_per_call: int | None = None
    """Steps compiled into one call, 512 by default."""

    output: str = "runs"
    """Folder of all runs; this one goes to OUTPUT/adagan/NAME."""
    name: str | None = None
    """Name of the run; by default made of its options, numbered if taken."""
    resume: bool = False
    """Go on with the newest run of that name, from its last checkpoint."""
    seconds_between_checkpoints: float = 30.0
    """Least time between two checkpoints; a run that is killed loses about as much."""


class Counts(NamedTuple):
    """Modes of the mixture of the first component, of the first two, ...

    Attributes:
        means: Of the modes of the data, shape (modes, 2).
        captured: Modes, shape (components, seeds).
        high_quality: Share of good samples, likewise.
    """

    means: np.ndarray
    captured: np.ndarray
    high_quality: np.ndarray


def build(config: Config) -> models.AdaGAN:
    """Returns the model that the options describe, for one seed."""
    chosen = remedies.from_words(config.remedies)
    component = models.gan(
        networks.mlp_generator((2,), config.generator_hidden),
        networks.mlp_critic(config.hidden),
        *optimizers_of(config, chosen),
        latents=config.latents,
        loss=losses.gan.from_name(config.loss),
        **losses.gan.published_factors(config.loss),
        remedies=chosen,
        critic_steps=config.critic_steps,
    )
    return models.adagan(
        component,
        networks.mlp_critic(config.hidden),
        optax.adam(config.classifier_learning_rate),
        num_components=config.components,
        component_steps=config.component_steps,
        classifier_steps=config.classifier_steps,
        candidates=config.candidates,
    )


def main(config: Config) -> dict[str, Any]:
    """Trains all seeds, counts modes; returns them by the number of components."""
    run.check_positive(
        config,
        "components",
        "component_steps",
        "classifier_steps",
        "candidates",
        "seeds",
        "generator_learning_rate",
        "critic_learning_rate",
        "critic_steps",
        "classifier_learning_rate",
        "generator_hidden",
        "hidden",
        "latents",
        "batch_size",
        "steps_per_call",
    )
    run.check_bounds(config, "b1", "b2", least=0, below=1)
    run.check_bounds(config, "seconds_between_checkpoints", least=0)
    run.use_devices(config.devices)
    mixture = {"ring": mixtures.ring, "grid": mixtures.grid}[config.mixture]()
    model = build(config)
    ensemble = models.ensemble(lambda _: build(config), num_seeds=config.seeds)
    setup = _setup(config, mixture, model.num_steps)
    run.check_models(setup, ensemble, step=True)
    with run.timed() as seconds:
        folder = run.open_folder(
            config,
            "adagan",
            f"{mixture.name}-{config.components}",
            title=f"A mixture of GANs on {mixture.name}",
            claim=CLAIM,
        )
        state = run.train(
            config,
            setup,
            folder,
            ensemble,
            evaluate_every=max(config.component_steps // 10, 1),
            terms=("critic_loss", "classifier_loss", "effective_share"),
        )
        key = random.stream(setup.key, "figures")
        run.print_line("Counting the modes that every number of components finds")
        counts = _count(key, config.components, model, state.net, mixture)
        _write_arrays(key, folder, model, ensemble, state, mixture, counts)
    modes = len(counts.means)
    words = [_label(number + 1) for number in range(config.components)]
    results = {
        word: (float(own.mean()), f"modes of {modes}")
        for word, own in zip(words, counts.captured, strict=True)
    }
    table = _table(config, words, counts)
    return run.finish(folder, results, seconds=seconds(), tables=[table])


def _setup(config: Config, mixture: mixtures.Mixture, steps: int) -> run.Setup:
    place = training.placement(config.devices, config.parallel)
    size = config.batch_size * config.critic_steps * config.candidates
    place.rows(size)
    key = jax.random.key(config.seed)
    batches = mixtures.batches(
        mixture, batch_size=size, key=random.stream(key, "data"), train=True
    )
    # There is no source of points to read, and nothing to test but the samples.
    none: Any = None
    return run.Setup(none, none, batches, none, place, key, steps)


def _count(
    key: PRNGKeyArray,
    components: int,
    model: models.AdaGAN,
    members: Any,
    mixture: mixtures.Mixture,
) -> Counts:
    assert mixture.means is not None

    @jax.jit
    def drawn(members: Any, key: PRNGKeyArray, number: int) -> jax.Array:
        def one(member: Any) -> jax.Array:
            return model.sample(member, key, NUM_SAMPLES, components=number)

        return jax.vmap(one)(members)

    found = []
    for number in range(1, components + 1):
        samples = np.asarray(drawn(members, random.stream(key, "modes"), number))
        found.append(
            [
                metrics.gaussian_modes(own, mixture.means, mixture.standard_deviation)
                for own in samples
            ]
        )
    captured, good = (
        np.array([[getattr(own, name) for own in row] for row in found], np.float64)
        for name in ("captured", "high_quality")
    )
    return Counts(mixture.means, captured, good)


def _table(config: Config, words: Sequence[str], counts: Counts) -> run.Table:
    modes = len(counts.means)
    rows = []
    for word, captured, good in zip(
        words, counts.captured, counts.high_quality, strict=True
    ):
        full = int((captured == modes).sum())
        share = metrics.wilson_interval(full, len(captured))
        rows.append(
            [
                word,
                _plus_minus(captured, 1),
                _plus_minus(100 * good, 1) + " %",
                f"{full} of {len(captured)}",
                f"{share.low:.2f} to {share.high:.2f}",
            ]
        )
    return run.Table(
        title="Modes by the number of components",
        note=f"Means over {config.seeds} seeds with their standard errors, counted "
        f"in {NUM_SAMPLES:,} samples of the mixture: one is good within three standard "
        "deviations of a mode, and a mode is found by one good sample. In how many "
        "seeds all modes are found, and the 95 % Wilson interval of that probability.",
        columns=[
            "mixture of",
            f"modes of {modes}",
            "high quality",
            "all modes",
            "95 % interval",
        ],
        words=1,
        rows=rows,
    )


def _write_arrays(
    key: PRNGKeyArray,
    folder: training.RunFolder,
    model: models.AdaGAN,
    ensemble: Ensemble,
    state: Any,
    mixture: mixtures.Mixture,
    counts: Counts,
) -> None:
    # The seed with the median number of modes at the end.
    order = np.lexsort((counts.high_quality[-1], counts.captured[-1]))
    middle = ensemble.member(state, int(order[(len(order) - 1) // 2]))
    latent_key, real_key = jax.random.split(random.stream(key, "shown"))
    latents = model.draw_latents(latent_key, (SHOWN, model.latents))
    write_npz(
        folder.arrays / "boosting.npz",
        samples=np.asarray(jax.jit(model.generate_each)(middle, latents)),
        real=np.asarray(mixture.draw(real_key, SHOWN)),
        modes=len(counts.means),
        captured=counts.captured,
        high_quality=counts.high_quality,
    )


def _plus_minus(values: np.ndarray, digits: int) -> str:
    error = values.std(ddof=1) / len(values) ** 0.5 if len(values) > 1 else 0.0
    return f"{values.mean():.{digits}f} ± {error:.{digits}f}"


def _label(number: int) -> str:
    return f"{number} component" + "s" * (number > 1)


if __name__ == "__main__":
    run.command_line(main, Config, __doc__ or "")
