"""How many steps a second does a DCGAN take, by formulation?

One update of `models.gan` (a step of the critic and one of the generator, Adam) with
the DCGAN of 28 x 28 pixels at batch 64, with XLA's own convolutions (`plain`) and with
matrix products (`im2col` in the critic, `subpixel` in the generator): dispatched step
by step, inside `lax.scan`, and inside `lax.scan` for two seeds at once by `vmap`.

Command: python -m benchmarks.gan_step [--quick]
Time: three minutes on a core of its own.

Seen on one CPU core, shared with much other work: plain took 2.4 times as long as
im2col dispatched, 10 times in scan, 14 times in scan for two seeds. With the core
nearly to itself the ratios were 2.2, 10 and 22. A step by im2col took as long in scan
as dispatched, and twice as long for two seeds as for one. So a scan gains nothing at
this width, and costs nothing but with XLA's convolutions; two seeds cost twice one. Not
yet measured on a GPU. Results are in results/gan_step.json.
"""

import argparse
from collections.abc import Callable
from typing import Any

import jax
import optax

from benchmarks.timing import compare, peak_memory, record
from jaxgen import models
from jaxgen.networks import dcgan_critic, dcgan_generator

FORMULATIONS = {"plain": ("plain", "plain"), "im2col": ("im2col", "subpixel")}
SEEDS = 2


def training_step(
    critic_formulation: str,
    generator_formulation: str,
    *,
    batch_size: int,
    width: int = 64,
    size: int = 28,
) -> tuple[Callable[[Any], Any], Callable[[jax.Array], Any]]:
    """Returns one step, `state -> state`, and what makes the first state of a key.

    The images are constants: only the update is measured.
    """
    images = jax.random.uniform(jax.random.key(0), (batch_size, size, size, 1))
    adam = optax.adam(2e-4, b1=0.5)
    model = models.gan(
        dcgan_generator(
            (size, size, 1), width=width, formulation=generator_formulation
        ),
        dcgan_critic(width=width, formulation=critic_formulation),
        adam,
        adam,
        latents=100,
        signed=True,
    )
    return (
        lambda state: model.update(state, {"image": images})[0],
        lambda key: model.init(key, {"image": images}),
    )


def calls_of(
    step: Callable[[Any], Any],
    init: Callable[[jax.Array], Any],
    num_steps: int,
) -> dict[str, Callable[[], Any]]:
    """Returns calls of `num_steps` steps each, by how they are taken."""

    def scan(step: Callable[[Any], Any]) -> Callable[[Any], Any]:
        return jax.jit(
            lambda state: jax.lax.scan(
                lambda state, _: (step(state), None), state, length=num_steps
            )[0]
        )

    dispatched, scanned, together = jax.jit(step), scan(step), scan(jax.vmap(step))
    state = jax.jit(init)(jax.random.key(1))
    states = jax.jit(jax.vmap(init))(jax.random.split(jax.random.key(2), SEEDS))

    def loop() -> Any:
        last = state
        for _ in range(num_steps):
            last = dispatched(last)
        return last

    return {
        "dispatched": loop,
        "scan": lambda: scanned(state),
        f"scan, {SEEDS} seeds": lambda: together(states),
    }


def main(
    *,
    batch_size: int = 64,
    width: int = 64,
    size: int = 28,
    num_steps: int = 3,
    repeats: int = 3,
) -> dict:
    """Prints a table of steps a second and returns the numbers."""
    candidates = {}
    for name, formulations in FORMULATIONS.items():
        parts = training_step(
            *formulations, batch_size=batch_size, width=width, size=size
        )
        for how, call in calls_of(*parts, num_steps).items():
            candidates[f"{name}, {how}"] = call
    comparison = compare(candidates, repeats=repeats, warmup=1)
    print(f"{'':24}steps a second   first call, s   times im2col's time (min-max)")
    ratios = {}
    for name, seconds in comparison.seconds.items():
        line = (
            f"{name:24}{num_steps / seconds:14.2f}{comparison.first_call[name]:16.1f}"
        )
        formulation, how = name.split(", ", 1)
        if formulation != "im2col":
            ratio = ratios[how] = comparison.ratios[name][f"im2col, {how}"]
            line += f"{ratio.median:18.2f} ({ratio.minimum:.2f}-{ratio.maximum:.2f})"
        print(line)
    return {
        "question": "steps a second of a DCGAN, by formulation of its convolutions",
        "batch_size": batch_size,
        "width": width,
        "steps_a_call": num_steps,
        "steps_a_second": {
            name: num_steps / seconds for name, seconds in comparison.seconds.items()
        },
        "first_call_seconds": comparison.first_call,
        "ratios_of_plain_to_im2col": ratios,
        "rounds_seconds": comparison.rounds,
        "peak_memory_mib": peak_memory() / 2**20,
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="tiny, writes no result")
    if parser.parse_args().quick:
        main(batch_size=4, width=4, num_steps=2, repeats=2)
    else:
        print(record("gan_step", main()).name)
