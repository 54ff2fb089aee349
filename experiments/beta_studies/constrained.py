"""One VAE of images under a constraint: how well it is met, and at what price."""

from typing import Any

import optax

from experiments import vae_parts
from experiments.latent_arrays import latent_figures, write_traversals
from jaxgen import models, random, report, run, training
from jaxgen.errors import InputError
from jaxgen.losses.vae import objectives, priors

ACTIVE = 0.05
"""A beta above this says that the constraint binds."""


def objective_of(config: Any, steps: int) -> objectives.Objective:
    """Returns the objective that the options name.

    Args:
        config: The options.
        steps: Of the whole run, for the schedule of the capacity.
    """
    target = config.kl_target
    if config.objective == "constrained":
        return objectives.constrained(
            target, rate=config.rate, damping=config.damping, start=config.start
        )
    if config.objective == "capacity":
        rising = models.schedules.linear(0.0, target, steps=max(1, steps // 2))
        return objectives.capacity(config.gamma, rising)
    if config.objective == "geco":
        if config.reconstruction_target is None:
            raise InputError(
                "--objective geco asks for a reconstruction of so many nats: give "
                "--reconstruction-target (on MNIST 90, for example)."
            )
        return objectives.geco(
            config.reconstruction_target, rate=config.rate, start=config.start
        )
    if config.objective == "free_bits":
        return objectives.free_bits(target / config.latents, weight=config.start)
    return objectives.beta(config.start)


def build(config: Any, image_shape: tuple[int, int, int], steps: int) -> models.VAE:
    """Returns the model that the options describe, for a run of so many steps."""
    objective = objective_of(config, steps)
    encoder, decoder = vae_parts.networks_of(config, image_shape)
    # Networks that still improve raise the price, and beta lags behind: slow down.
    rate = optax.cosine_decay_schedule(config.learning_rate, steps, 0.05)
    return models.vae(
        encoder,
        decoder,
        optax.adam(rate),
        likelihood=vae_parts.likelihood_of(config),
        prior=priors.standard_normal(config.latents),
        objective=objective,
    )


def study(config: Any, claim: str) -> dict[str, Any]:
    """Trains, measures the constraint, draws; returns the final numbers."""
    build(config, run.IMAGE_SHAPE, 1)
    setup = run.prepare(config)
    with run.timed() as seconds:
        model = build(config, setup.train.image_shape, setup.steps)
        aims = config.objective in ("constrained", "capacity")
        run.check_models(setup, model)
        folder = run.open_folder(
            config,
            "beta_vae",
            f"{config.objective}-{setup.train.name}-z{config.latents}",
            title=f"A VAE held to {config.kl_target:g} nats, on {setup.train.name}"
            if aims
            else f"A beta-VAE by {config.objective}, on {setup.train.name}",
            claim=claim,
            # The learning rate, and a capacity, are spread over the whole run.
            fixed=run.LENGTH,
            constraint={"kl": config.kl_target} if aims else {},
            floors=run.floors(vae_parts.likelihood_of(config).floor, setup),
        )
        state = run.train(
            config,
            setup,
            folder,
            model,
            convolutional=config.network == "conv",
            terms=("reconstruction", "kl", *(("beta", "slack") if aims else ())),
        )
        run.print_line("Measuring the KL on training and test images")
        found = _measure(model, state, setup, folder)
        results = {
            "test KL": (found["test set, at the end"], "nats per image"),
            "train KL": (found["training set, at the end"], "nats per image"),
            "test reconstruction": (
                run.last_record(folder.metrics, "reconstruction")["reconstruction"],
                "nats per image",
            ),
        }
        tables = []
        if aims:
            tables.append(kl_table(found, config.kl_target))
        if config.objective == "constrained":
            last = run.last_record(
                folder.metrics, "beta", "gradient_norm", split="train"
            )
            results["beta"] = (last["beta"], "")
            tables.append(
                kkt_table(
                    last["beta"],
                    found["training set, at the end"],
                    config.kl_target,
                    last["gradient_norm"],
                )
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
        write_traversals(folder.arrays, model, state, setup.test, index=0)
        tables += vae_parts.posterior_tables(
            random.stream(setup.key, "aggregate"), model, state, setup
        )
    return run.finish(folder, results, seconds=seconds(), tables=tables)


def _measure(
    model: models.VAE,
    state: Any,
    setup: run.Setup,
    folder: training.RunFolder,
) -> dict[str, float]:
    """The KL of both splits at the end, and over the steps of the last record."""
    found = {
        "training batches, mean over the last record": run.last_record(
            folder.metrics, "kl", split="train"
        )["kl"]
    }
    for name, source in (("training", setup.train), ("test", setup.test)):
        found[f"{name} set, at the end"] = vae_parts.mean_kl(model, state, source)
    return found


def kl_table(found: dict[str, float], target: float) -> run.Table:
    """Returns a table of the page: KLs beside their target."""
    return run.Table(
        title=f"Is the KL what was asked for? Target {target:g} nats",
        note="The KL of q(z|x) from the prior in closed form, a mean over images. "
        "The constraint was put on the training images; the test images were not "
        "asked for anything.",
        columns=["KL of", "nats", "relative error"],
        words=1,
        rows=[
            [name, f"{kl:.3f}", f"{100 * (kl / target - 1):+.2f} %"]
            for name, kl in found.items()
        ],
    )


def kkt_table(beta: float, kl: float, target: float, gradient_norm: float) -> run.Table:
    """Returns a table of the page: the four conditions of an optimum."""
    residuals = objectives.kkt_residuals(beta, kl, target=target)
    state = "binds" if beta > ACTIVE else "does not bind"
    if beta > ACTIVE and abs(kl - target) > 0.02 * target:
        state += (
            f", but the KL, {kl:.2f}, is not yet within 2 % of its target: train longer"
        )
    return run.Table(
        title="Karush-Kuhn-Tucker conditions at the end",
        note=f"Of max E log p(x|z) subject to KL <= {target:g} nats; all residuals "
        f"are 0 at an optimum. Here beta is {beta:.4g}: the constraint {state}. The "
        "gradient is one of minibatches, whose noise does not vanish.",
        columns=["condition", "residual", "value"],
        words=2,
        rows=[
            [
                "the KL keeps to its target",
                "max(KL - target, 0)",
                _few(residuals.primal),
            ],
            ["beta is not negative", "max(-beta, 0)", _few(residuals.dual)],
            [
                "beta is 0 or the KL is the target",
                "|beta (KL - target)|",
                _few(residuals.complementarity),
            ],
            [
                "the Lagrangian is stationary",
                "mean norm of its gradient",
                _few(gradient_norm),
            ],
        ],
    )


def _few(value: Any) -> str:
    return f"{float(value):.4g}"
