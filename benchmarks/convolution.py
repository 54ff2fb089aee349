"""Which formulation of a convolution is fastest on this machine?

The training step (forward, backward, Adam) of the Keras VAE example's net at batch 128,
with XLA's own convolutions (`plain`) and with matrix products (`im2col` in the encoder,
`subpixel` in the decoder), dispatched step by step and inside `lax.scan`.

Command: python -m benchmarks.convolution [--quick]
Time: a minute and a half on 2 CPU cores.

Seen on 2 cores of a Xeon, shared with other work, in milliseconds a step (and times the
fastest): im2col in scan 81, im2col dispatched 91 (1.3), plain dispatched 897 (12),
plain in scan 3319 (47). Hence `auto` is im2col on CPU. Nearly all of the plain step is
the gradient of the two transposed convolutions of stride 2. Not yet measured on a GPU.
"""

import argparse
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax

from benchmarks.timing import compare, peak_memory, record
from jaxgen.networks import convolutional_decoder, convolutional_encoder

FORMULATIONS = {"plain": ("plain", "plain"), "im2col": ("im2col", "subpixel")}


def training_step(
    encoder_formulation: str,
    decoder_formulation: str,
    *,
    batch_size: int,
    size: int = 28,
) -> tuple[Callable[[Any], Any], Any]:
    """Returns one step, `carry -> carry`, and the first carry.

    The images and the noise are constants of the carry: only arithmetic is measured.
    """
    encoder = convolutional_encoder(2, formulation=encoder_formulation)
    decoder = convolutional_decoder((size, size, 1), formulation=decoder_formulation)
    adam = optax.adam(1e-3)
    keys = jax.random.split(jax.random.key(0), 4)
    images = jax.random.uniform(keys[0], (batch_size, size, size, 1))
    noise = jax.random.normal(keys[1], (batch_size, 2))
    params = (encoder.init(keys[2], images)[0], decoder.init(keys[3], noise)[0])

    def step(carry):
        params, opt_state, images, noise = carry

        def loss(params):
            (mean, log_variance), _ = encoder.apply(params[0], (), images)
            latents = mean + jnp.exp(0.5 * log_variance) * noise
            logits, _ = decoder.apply(params[1], (), latents)
            likelihood = optax.sigmoid_binary_cross_entropy(logits, images)
            kl = 0.5 * (mean**2 + jnp.expm1(log_variance) - log_variance)
            return (jnp.sum(likelihood) + jnp.sum(kl)) / batch_size

        updates, opt_state = adam.update(jax.grad(loss)(params), opt_state, params)
        return optax.apply_updates(params, updates), opt_state, images, noise

    return step, (params, adam.init(params), images, noise)


def main(*, batch_size: int = 128, scan_steps: int = 3, repeats: int = 4) -> dict:
    """Prints a table of milliseconds a step and returns the numbers."""
    candidates = {}
    for name, formulations in FORMULATIONS.items():
        step, carry = training_step(*formulations, batch_size=batch_size)
        dispatched = jax.jit(step)
        scanned = jax.jit(
            lambda carry, step=step: jax.lax.scan(
                lambda carry, _: (step(carry), None), carry, length=scan_steps
            )[0]
        )

        def loop(dispatched=dispatched, carry=carry):
            for _ in range(scan_steps):
                carry = dispatched(carry)
            return carry

        candidates[f"{name}, dispatched"] = loop
        candidates[f"{name}, scan"] = lambda scanned=scanned, carry=carry: scanned(
            carry
        )
    comparison = compare(candidates, repeats=repeats, warmup=1)
    fastest = min(comparison.seconds, key=comparison.seconds.__getitem__)
    print(f"{'':22}ms a step   first call, s   times the fastest (min-max)")
    for name, seconds in comparison.seconds.items():
        line = f"{name:22}{1000 * seconds / scan_steps:9.1f}"
        line += f"{comparison.first_call[name]:16.1f}"
        if name != fastest:
            ratio = comparison.ratios[name][fastest]
            line += f"{ratio.median:18.2f} ({ratio.minimum:.2f}-{ratio.maximum:.2f})"
        print(line)
    return {
        "question": "milliseconds of a training step of the Keras VAE example's net",
        "batch_size": batch_size,
        "steps_a_call": scan_steps,
        "milliseconds_a_step": {
            name: 1000 * seconds / scan_steps
            for name, seconds in comparison.seconds.items()
        },
        "first_call_seconds": comparison.first_call,
        "ratios_to_fastest": {
            name: comparison.ratios[name][fastest]
            for name in comparison.seconds
            if name != fastest
        },
        "fastest": fastest,
        "rounds_seconds": comparison.rounds,
        "peak_memory_mib": peak_memory() / 2**20,
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="tiny, writes no result")
    if parser.parse_args().quick:
        main(batch_size=4, scan_steps=2, repeats=2)
    else:
        print(record("convolution", main()).name)
