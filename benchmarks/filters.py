"""Which formulation of StyleGAN2's filter is fastest on this machine?

The filter [1, 3, 3, 1] along both axes, as the generator uses it to double an image and
the critic to halve one, with its gradient and the gradient of that gradient's square
(as R1 and the path length penalty take it): by shifted adds (`adds`), two depthwise
convolutions (`two_pass`) or one (`depthwise`).

Command: python -m benchmarks.filters [--quick]
Time: a minute on 2 CPU cores.

Seen on 2 cores of a CPU: shifted adds are 2 to 66 times as fast as either convolution,
most so where an image is doubled. Hence `auto` is `adds`. Not yet measured on a GPU.
"""

import argparse
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from benchmarks.timing import compare, record
from jaxgen.networks.resampling import FilterFormulation, filter_images

FORMULATIONS: tuple[FilterFormulation, ...] = ("adds", "two_pass", "depthwise")
USES = {
    "up": {"up": 2, "padding": (2, 1)},
    "down": {"down": 2, "padding": (1, 1)},
    "blur": {"padding": (1, 1)},
}


def calls_of(
    formulation: FilterFormulation, use: dict[str, Any], images: jax.Array
) -> dict[str, Callable[[], Any]]:
    """Returns what is timed: the filter, its gradient, and a gradient through it."""

    def energy(images: jax.Array) -> jax.Array:
        return jnp.sum(filter_images(images, formulation=formulation, **use) ** 4)

    def slope(images: jax.Array) -> jax.Array:
        return jnp.sum(jax.grad(energy)(images) ** 2)

    passes = {
        "forward": jax.jit(energy),
        "gradient": jax.jit(jax.grad(energy)),
        "second": jax.jit(jax.grad(slope)),
    }
    return {
        name: lambda function=function: function(images)
        for name, function in passes.items()
    }


def main(
    *, sizes: tuple[int, ...] = (8, 32), channels: int = 32, repeats: int = 7
) -> dict[str, dict[str, float]]:
    """Prints a table and returns milliseconds by size, use and pass."""
    results: dict[str, dict[str, float]] = {}
    print(f"{'milliseconds':24}" + "".join(f"{name:>12}" for name in FORMULATIONS))
    for size in sizes:
        images = jax.random.normal(jax.random.key(0), (16, size, size, channels))
        for title, use in USES.items():
            candidates = {name: calls_of(name, use, images) for name in FORMULATIONS}
            for name in ("forward", "gradient", "second"):
                found = compare(
                    {key: calls[name] for key, calls in candidates.items()},
                    repeats=repeats,
                )
                row = f"{size} {title}, {name}"
                results[row] = {k: 1000 * s for k, s in found.seconds.items()}
                numbers = (f"{results[row][key]:12.2f}" for key in FORMULATIONS)
                print(f"{row:24}" + "".join(numbers), flush=True)
    return results


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="tiny, writes no result")
    if parser.parse_args().quick:
        main(sizes=(8,), channels=2, repeats=2)
    else:
        print(record("filters", main()).name)
