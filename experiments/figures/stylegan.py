"""What the page of `experiments.stylegan` shows: numbers, tables and figures."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen import data, metrics, random, report, run
from jaxgen.images import every_nth, to_bytes
from jaxgen.report import gans
from jaxgen.run_files import is_number
from jaxgen.training import RunFolder, read_snapshots
from jaxgen.typing import PRNGKeyArray

LABELS = {"stylegan2": "StyleGAN2", "stylegan1": "StyleGAN", "dcgan": "DCGAN"}
FD = ("fd", "fd_low", "fd_high")
AXES = ("seconds of training", "images seen")


class System(NamedTuple):
    """What a run found of one system.

    Attributes:
        label: For figures and tables.
        looks: By name, `fd`, `fd_low`, `fd_high` and `AXES` at every look at samples;
            seconds are NaN where the training is too short to tell its speed.
        parameters: Numbers of the generator's, and of the critic's.
        samples: By name, images as bytes, shape (n, height, width, channels).
        mixed: What `gans.style_mixing` shows, of a StyleGAN.
        epochs: By epoch, samples of the same latents, likewise.
    """

    label: str
    looks: Mapping[str, np.ndarray]
    parameters: tuple[int, int]
    samples: Mapping[str, np.ndarray]
    mixed: Mapping[str, np.ndarray]
    epochs: Mapping[int, np.ndarray]

    def distance(self, part: float = 1.0) -> metrics.Interval:
        """Returns FD at the first look from that part of the training on."""
        seen = self.looks["images seen"]
        place = np.flatnonzero(seen >= part * seen[-1])[0]
        return metrics.Interval(*(float(self.looks[name][place]) for name in FD))


def read_system(
    config: Any,
    setup: run.Setup,
    folder: RunFolder,
    name: str,
    model: Any,
    state: Any,
) -> System:
    """Returns a system with what it draws and what its records and snapshots hold."""
    home, label = folder.path / "parts" / name, LABELS[name]
    rows = [r for r in run.records_of(folder.metrics, name) if is_number(r.get("fd"))]
    looks = {term: np.array([row[term] for row in rows]) for term in ("step", *FD)}
    seen = looks["step"] * config.batch_size
    speed = run.median_rate(home / "metrics.jsonl") or np.nan
    nets = (state.generator.params, state.critic.params)
    generator, critic = (sum(x.size for x in jax.tree.leaves(net)) for net in nets)
    drawn, mixing = jax.random.split(random.stream(setup.key, "figures"))
    sample, truncation = jax.jit(model.sample, static_argnums=2), config.truncation
    samples, mixed = {label: to_bytes(sample(state, drawn, 64))}, {}
    if name != "dcgan":
        mixed = mix_styles(mixing, model, state, 6, truncation)
        again = jax.random.clone(drawn)
        images = sample(state, again, 64, truncation=truncation)
        samples[f"{label} at truncation {truncation:g}"] = to_bytes(images)
    return System(
        label,
        looks | {AXES[0]: seen / speed, AXES[1]: seen},
        (generator, critic),
        samples,
        mixed,
        read_snapshots(home / "epochs.npz"),
    )


def mix_styles(
    key: PRNGKeyArray, model: Any, state: Any, number: int, truncation: float
) -> dict[str, np.ndarray]:
    """Returns what `gans.style_mixing` shows, with so many sources of each kind."""
    latents = model.draw_latents(key, (2 * number, model.latents))
    styles = model.map_latents(state, latents, truncation=truncation)
    average = model.map_latents(state, latents[:1], truncation=0.0)
    coarse, fine = jnp.split(styles, 2)
    first = jnp.arange(styles.shape[1]) < styles.shape[1] // 2
    mixed = jnp.where(first[:, None], coarse[:, None], fine[None])
    table = jnp.concatenate([coarse[:, None], mixed], axis=1)
    table = jnp.concatenate([jnp.concatenate([average, fine])[None], table])
    images = jax.jit(model.synthesize)(state, table.reshape(-1, *styles.shape[1:]))
    names = ["fine styles", *(f"coarse style {row + 1}" for row in range(number))]
    rows = to_bytes(images).reshape(number + 1, number + 1, *images.shape[1:])
    return dict(zip(names, rows, strict=True))


def headline(systems: Mapping[str, System]) -> dict[str, run.Estimate]:
    """Returns the first numbers of the page; the table has all of them."""
    found = {f"FD, {one.label}": one.distance() for one in systems.values()}
    first = next(iter(systems.values()))
    found[f"FD at a third, {first.label}"] = first.distance(1 / 3)
    return {name: run.Estimate(*distance) for name, distance in found.items()}


def table(systems: Mapping[str, System], real: metrics.QualityReference) -> run.Table:
    """Returns the table of all systems."""
    rows = []
    for one in systems.values():
        numbers = (*(one.looks[axis][-1] for axis in AXES), *one.parameters)
        texts = (f"{number:,.0f}" if number == number else "" for number in numbers)
        distances = (run.Estimate(*one.distance(part)).text for part in (1 / 3, 1))
        rows.append([one.label, *distances, *texts])
    return run.Table(
        "How good the samples are",
        [
            "system",
            "FD at a third",
            "FD",
            "seconds",
            "images",
            "generator",
            "critic",
        ],
        rows,
        f"FD: Frechet distance in the features of {real.nets[0].name} between "
        f"{real.num_images:,} samples and as many test images, with its 95% interval; "
        f"as many real training images get {real.floor:.2f}. At a third: at the first "
        "look after it. Seconds are images seen over the median speed, which leaves "
        "out looks at the samples and compilation; parameters of both networks.",
    )


def figures(
    systems: Mapping[str, System], test: data.Source, floor: float
) -> dict[str, report.FigureSpec]:
    """Returns the figures of the page by name; real images stand beside samples."""
    ones = systems.values()
    samples = {"real images": test.read(every_nth(len(test), 64))["image"]}
    samples |= {name: own for one in ones for name, own in one.samples.items()}
    looks = {one.label: one.looks for one in ones}
    known = all(np.isfinite(one[AXES[0]]).all() for one in looks.values())
    axis = AXES[0] if known else AXES[1]
    return {
        "stylegan_samples": gans.samples(samples),
        "stylegan_distance": gans.distance_over_training(looks, floor, axis),
        "stylegan_mixing": gans.style_mixing(next(iter(ones)).mixed),
        "stylegan_epochs": gans.over_epochs({one.label: one.epochs for one in ones}),
    }
