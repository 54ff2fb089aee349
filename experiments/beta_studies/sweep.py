"""Fixed betas and a constraint on sprites with known factors, all seeds at once."""

import json
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from experiments import vae_parts
from experiments.beta_studies import scores
from experiments.latent_arrays import latent_figures, write_traversals
from jaxgen import data, files, models, random, report, run, training
from jaxgen.data import sprites
from jaxgen.images import to_bytes
from jaxgen.losses.vae import objectives, priors
from jaxgen.models import Ensemble, ensemble
from jaxgen.typing import Array, Data, PRNGKeyArray

RECORDS = 20
"""Records of a run."""

STEPS_PER_EPOCH = 100
"""What the curves call an epoch: a pass over all sprites, 128 a step, takes 5,700."""


class Setting(NamedTuple):
    """What the members of an ensemble differ in, traced.

    Attributes:
        beta: The weight of the KL, at the start.
        target: Nats, 0 for a fixed beta.
        rate: Of the dual ascent, 0 for a fixed beta.
        damping: Of the dual ascent, 0 for a fixed beta.
    """

    beta: Any
    target: Any
    rate: Any
    damping: Any


def settings_of(config: Any) -> tuple[list[str], Setting]:
    """Returns the names of the settings and their numbers, stacked."""
    rows = [(weight, 0.0, 0.0, 0.0) for weight in config.betas]
    names = [f"beta {weight:g}" for weight in config.betas]
    rows.append((config.start, config.kl_target, config.rate, config.damping))
    names.append(f"KL <= {config.kl_target:g}")
    return names, Setting(*jnp.array(rows, jnp.float32).T)


def study(config: Any, claim: str) -> dict[str, Any]:
    """Trains all members, scores each, draws; returns medians by setting."""
    setup = sprites_setup(config)
    names, settings = settings_of(config)

    def build(setting: Setting) -> models.VAE:
        encoder, decoder = vae_parts.networks_of(config, setup.test.image_shape)
        return models.vae(
            encoder,
            decoder,
            optax.adam(config.learning_rate),
            likelihood=vae_parts.likelihood_of(config),
            prior=priors.standard_normal(config.latents),
            objective=objectives.constrained(
                setting.target,
                rate=setting.rate,
                damping=setting.damping,
                start=setting.beta,
            ),
        )

    with run.timed() as seconds:
        every = ensemble(build, settings, num_seeds=config.seeds)
        run.check_models(setup, every)
        folder = run.open_folder(
            config,
            "beta_vae",
            f"sweep-{config.image_size}px-z{config.latents}",
            title="Beta-VAEs on sprites: disentanglement and its price",
            claim=claim,
            floors=run.floors(vae_parts.likelihood_of(config).floor, setup),
        )
        state, terms = _train(config, setup, folder, every, names, "members")
        taken = seconds()
        shape = (len(names), config.seeds)
        kl, reconstruction = (terms[t].reshape(shape) for t in ("kl", "reconstruction"))
        beta = terms["beta"].reshape(shape)
        model = build(Setting(1.0, 1.0, 0.0, 0.0))  # any: networks know no objective
        run.print_line("Scoring the disentanglement of every model")
        values = scores.score_members(config, model, every, state)
        values = values.reshape(len(scores.NAMES), *shape)
        scores.save_scores(folder.arrays, names, values, kl, reconstruction)
        shown = _median_seed(values[scores.RANK, -1])
        member = every.member(state, (len(names) - 1) * config.seeds + shown)
        figures = latent_figures(
            folder,
            model,
            member,
            setup.test,
            random.stream(setup.key, "figures"),
        )
        report.write_figures(folder.path, figures)
        write_traversals(folder.arrays, model, member, setup.test)
        tables = [
            scores.score_table(names, values),
            scores.rate_table(names, beta, kl, reconstruction),
            scores.factor_table(config, model, member, f"{names[-1]}, seed {shown}"),
        ]
        parts = ["members"]
        if config.fixed_beta_check:
            middle = float(np.median(beta[-1]))
            fixed = Setting(*jnp.array([[middle, 0.0, 0.0, 0.0]], jnp.float32).T)
            again = ensemble(build, fixed, num_seeds=config.seeds)
            name = f"beta {middle:.3g}"
            # A run that is resumed with more steps finds another beta: start anew.
            parts.append(f"fixed_beta_{middle:.6g}")
            _, found = _train(config, setup, folder, again, [name], parts[-1])
            tables.insert(
                2, scores.equivalence_table(middle, beta[-1], kl[-1], found["kl"])
            )
        tables += vae_parts.posterior_tables(
            random.stream(setup.key, "aggregate"), model, member, setup
        )
        _merge_curves(folder, parts)
        results = {
            f"{scores.NAMES[scores.RANK]}, {name}": (float(np.median(row)), "median")
            for name, row in zip(names, values[scores.RANK], strict=True)
        }
        results[f"KL, {names[-1]}"] = (float(np.median(kl[-1])), "nats per image")
        results["beta found"] = (float(np.median(beta[-1])), "median")
    return run.finish(
        folder,
        results,
        seconds=seconds(),
        tables=tables,
        members=every.num_members,
        seconds_of_training=taken,
    )


def sprites_setup(config: Any) -> run.Setup:
    """Draws the data: training sprites as they come, held-out ones as a source."""
    run.check_positive(config, "image_size")
    place, key = run.start(config)
    batches, test_batches = (
        sprites.batches(
            batch_size=config.batch_size,
            key=random.stream(key, "data"),
            train=train,
            image_size=config.image_size,
        )
        for train in (True, False)
    )
    feed = test_batches.feed(0, test_batches.steps_per_epoch)
    factors = np.asarray(
        sprites.factors_of(jnp.asarray(feed["index"][feed["weight"] > 0]))
    )
    images = [
        to_bytes(sprites.render(some, image_size=config.image_size))
        for some in np.array_split(factors, -(-len(factors) // 500))
    ]
    # Training sprites are drawn inside the step: there is no source of them to read.
    source = data.from_arrays(np.concatenate(images), name="sprites", split="test")
    return run.Setup(
        train=source,
        test=source,
        batches=batches,
        test_batches=test_batches,
        place=place,
        key=key,
        steps=config.steps,
    )


def _train(
    config: Any,
    setup: run.Setup,
    folder: training.RunFolder,
    model: Ensemble,
    names: list[str],
    part: str,
) -> tuple[Any, dict[str, np.ndarray]]:
    """Trains an ensemble; returns its state and its members' last test terms."""
    period = -(-setup.steps // RECORDS)
    curves = Curves(folder, model, setup, names, part)
    state = run.train(
        config,
        setup,
        folder,
        model,
        part=part,
        convolutional=config.network == "conv",
        evaluate_every=period,
        callbacks=(curves,),
    )
    return state, curves.measure(state)


class Curves:
    """A callback that keeps the test terms of every setting, medians over seeds."""

    def __init__(
        self,
        folder: training.RunFolder,
        model: Ensemble,
        setup: run.Setup,
        names: list[str],
        part: str,
    ):
        """Compiles the evaluation of all members."""
        self._path = folder.path / "parts" / part / "settings.jsonl"
        self._names, self._key = names, random.stream(setup.key, "evaluation")
        self._evaluate = _compile_means(model, setup.test_batches)

    def measure(self, state: Any) -> dict[str, np.ndarray]:
        """Returns the members' KL, reconstruction and beta, each (members,)."""
        terms = jax.device_get(self._evaluate(state, jax.random.clone(self._key)))
        # At an average that meets its target, beta is the multiplier.
        multiplier = np.exp(np.asarray(state.net.objective.log_multiplier))
        return terms | {"beta": multiplier}

    def __call__(self, state: Any, step: int) -> None:
        """Adds one line a setting; lines of later steps belong to a run cut off."""
        shape = (len(self._names), -1)
        terms = {k: v.reshape(shape) for k, v in self.measure(state).items()}
        kept = [row for row in training.read_records(self._path) if row["step"] < step]
        for number, name in enumerate(self._names):
            middle = {k: float(np.median(v[number])) for k, v in terms.items()}
            at = {"step": step, "epoch": step / STEPS_PER_EPOCH, "split": name}
            if "KL" not in name:
                del middle["beta"]  # it is the name
            kept.append(at | middle)
        text = "".join(json.dumps(row) + "\n" for row in kept)
        files.write_whole(self._path, text.encode())


def _compile_means(
    model: Ensemble, test: Data
) -> Callable[[Any, PRNGKeyArray], dict[str, Array]]:
    """Compiles `(state, key) -> terms`, means over the test set, each (members,)."""
    steps = test.steps_per_epoch
    items = test.feed(0, steps)  # numbers of sprites, which are drawn inside

    @jax.jit
    def means(state: Any, key: PRNGKeyArray) -> dict[str, Array]:
        def one(_: None, item_and_step: tuple[Any, Array]) -> tuple[None, Any]:
            item, step = item_and_step
            batch = test.batch(test.resident, item, step)
            terms = model.evaluate_members(state, jax.random.fold_in(key, step), batch)
            weight = batch["weight"]
            sums = {
                name: jnp.sum(terms[name] * weight[None], axis=1)
                for name in ("kl", "reconstruction")
            }
            return None, (sums, jnp.sum(weight))

        _, (sums, weights) = jax.lax.scan(one, None, (items, jnp.arange(steps)))
        return {k: v.sum(axis=0) / weights.sum() for k, v in sums.items()}

    return means


def _merge_curves(folder: training.RunFolder, parts: list[str]) -> None:
    """Writes the settings' lines to the run's own file, one split a setting."""
    paths = [folder.path / "parts" / part / "settings.jsonl" for part in parts]
    rows = [row for path in paths for row in training.read_records(path)]
    rows.sort(key=lambda row: row["step"])
    text = "".join(json.dumps(row) + "\n" for row in rows)
    files.write_whole(folder.metrics, text.encode())


def _median_seed(values: np.ndarray) -> int:
    """Returns the seed whose score is in the middle."""
    return int(np.argsort(values, kind="stable")[len(values) // 2])
