"""What do eight seeds cost, trained at once by vmap, against eight runs?

The same VAE, steps and batches: one seed at a time, eight times over, and
`models.ensemble` of eight. "Steps" compares compiled steps alone, "whole" a study of
2,000 steps with its compilation: once for the ensemble, once for each run, as for eight
commands (whose start is not counted).

Command: python -m benchmarks.vae_seeds [--quick]
Time: 3 minutes on 2 CPU cores.

Seen on 2 cores: the ensemble's steps cost 0.72, 0.90 and 1.17 of those of eight runs,
the smallest network first, and the whole study 0.17, 0.29 and 0.91. The smaller the
network, the more of a step is overhead, which the ensemble pays once. Where matrix
products fill the cores only compilations are saved, and the parameters of eight no
longer fit the caches. Not yet measured on a GPU. Results are in results/vae_seeds.json.
"""

import argparse
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np
import optax

from benchmarks.timing import compare, record
from jaxgen import data, losses, models, networks, training

SEEDS = 8
STUDY_STEPS = 2000


class Size(NamedTuple):
    """A network, and the batches it is trained on."""

    side: int
    hidden: int
    latents: int
    batch: int


SIZES = {
    "8x8 pixels, 64-32-2, batch 64": Size(8, 32, 2, 64),
    "28x28 pixels, 784-64-2, batch 32": Size(28, 64, 2, 32),
    "28x28 pixels, 784-400-20, batch 128": Size(28, 400, 20, 128),
}


def steps_of(size: Size, num_seeds: int | None, num_steps: int) -> Callable[[], Any]:
    """Returns a call that trains for `num_steps` more steps.

    Args:
        size: The size.
        num_seeds: Members of an ensemble, or None for a model alone.
        num_steps: Steps of a call.
    """
    key = jax.random.key(0)
    shape = (max(4 * size.batch, 1024), size.side, size.side, 1)
    images = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    batches = data.pipeline(
        data.from_arrays(images), batch_size=size.batch, key=key, train=True
    )
    alone = models.vae(
        networks.mlp_encoder(size.latents, (size.hidden,)),
        networks.mlp_decoder((size.side, size.side, 1), (size.hidden,)),
        optax.adam(1e-3),
        likelihood=losses.vae.bernoulli(),
        prior=losses.vae.priors.standard_normal(size.latents),
    )
    model = alone
    if num_seeds is not None:
        model = models.ensemble(lambda _: alone, num_seeds=num_seeds)
    place = training.placement(1)
    compiled = training.compile_steps(model, batches, place)
    resident = place.put_replicated(batches.resident)
    items = place.put_split(batches.feed(0, num_steps))
    first = jax.jit(batches.batch)(
        resident, jax.tree.map(lambda leaf: leaf[0], items), 0
    )
    kept = [jax.jit(model.init)(key, first)]

    def train() -> Any:
        kept[0], metrics = compiled(kept[0], resident, items)
        return metrics

    return train


def main(
    *,
    sizes: dict[str, Size] = SIZES,
    num_seeds: int = SEEDS,
    num_steps: int = 50,
    repeats: int = 8,
) -> dict[str, Any]:
    """Measures all sizes; returns the ratios."""
    results = {}
    for name, size in sizes.items():
        found = compare(
            {
                "one seed": steps_of(size, None, num_steps),
                "ensemble": steps_of(size, num_seeds, num_steps),
            },
            repeats=repeats,
        )
        ratio = found.ratios["ensemble"]["one seed"]
        study = {
            which: found.first_call[which]
            + found.seconds[which] * (STUDY_STEPS / num_steps - 1)
            for which in found.seconds
        }
        results[name] = {
            "steps": [value / num_seeds for value in ratio],
            "whole": study["ensemble"] / (num_seeds * study["one seed"]),
            "milliseconds_a_step": {
                which: 1e3 * value / num_steps for which, value in found.seconds.items()
            },
            "first_call_seconds": found.first_call,
        }
        low, middle, high = results[name]["steps"]
        print(
            f"{name}: {num_seeds} seeds at once cost {middle:.2f} ({low:.2f} to "
            f"{high:.2f}) of {num_seeds} runs' steps, "
            f"{results[name]['whole']:.2f} of a whole study"
        )
    return {"seeds": num_seeds, "study_steps": STUDY_STEPS, "sizes": results}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="few rounds, no record")
    if parser.parse_args().quick:
        main(repeats=3)
    else:
        print(record("vae_seeds", main()))
