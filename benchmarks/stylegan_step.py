"""How many seconds does StyleGAN2 take for a thousand images, and how much memory?

`models.stylegan` in the size `auto` with ADA, path length and R1, as published, at 128
and 256 pixels, in float32 and with bfloat16 in the layers of the four highest
resolutions. Steps come in rounds of 16, so that each has its share of lazy penalties.
Beside them stand the published seconds of one A100 (stylegan3/docs/configs.md, with
16-bit floats in those layers): 6.79 at 128 pixels, 12.53 at 256.

Command: python -m benchmarks.stylegan_step [--quick]
Time: within 8 minutes on a GPU, most of it compilation. `--quick` measures networks of
a few channels at 16 pixels, which a CPU can take, and writes no result.

Not yet measured on a GPU. `--quick` on 2 shared cores of a CPU: 1.4 seconds in float32,
4.7 in bfloat16, which CPUs only imitate; 80 seconds of compilation.
"""

import argparse
import time
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from benchmarks.timing import record
from jaxgen import data, models, networks
from jaxgen.models import remedies

A100 = {128: 6.79, 256: 12.53}
"""Published seconds for a thousand images, by image size."""
CYCLE = 16
"""Steps from one R1 penalty to the next; the path length penalty comes every 4."""


def training(
    image_size: int, sizes: networks.StyleGAN2Config, batch_size: int
) -> models.GAN:
    """Returns StyleGAN2 with all that belongs to its training."""
    generator = models.StyledGenerator(
        networks.stylegan2_mapping(sizes),
        networks.stylegan2_synthesis(image_size, sizes),
        networks.stylegan_num_styles(image_size),
    )
    return models.stylegan(
        generator,
        networks.stylegan2_critic(sizes),
        image_size=image_size,
        batch_size=batch_size,
        latents=sizes.latents,
        augment=remedies.adaptive_augment(data.differentiable.ada(), every=4),
    )


def measure(
    image_size: int,
    sizes: networks.StyleGAN2Config,
    *,
    batch_size: int,
    rounds: int = 2,
) -> dict[str, float]:
    """Returns seconds for a thousand images, memory, and seconds of compilation."""
    model = training(image_size, sizes, batch_size)
    shape = (batch_size, image_size, image_size, 3)
    batch = {"image": jax.random.uniform(jax.random.key(0), shape)}
    state = jax.jit(model.init)(jax.random.key(1), batch)
    start = time.perf_counter()
    update = jax.jit(model.update, donate_argnums=0).lower(state, batch).compile()
    compilation = time.perf_counter() - start
    memory = update.memory_analysis()
    held = 0 if memory is None else memory.temp_size_in_bytes
    held += sum(leaf.nbytes for leaf in jax.tree.leaves(batch))
    held += sum(
        leaf.size * leaf.dtype.itemsize
        for leaf in jax.tree.leaves(state)
        if not jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
    )
    seconds = []
    for _ in range(1 + rounds):  # the first one warms up
        jax.block_until_ready(state)
        start = time.perf_counter()
        for _ in range(CYCLE):
            state, _ = update(state, batch)
        jax.block_until_ready(state)
        seconds.append(time.perf_counter() - start)
    return {
        "seconds_per_kimg": min(seconds[1:]) * 1000 / (CYCLE * batch_size),
        "memory_mib": held / 2**20,
        "compile_seconds": compilation,
        "batch_size": batch_size,
    }


def main(
    batch_sizes: Mapping[int, int] | None = None, **sizes: Any
) -> dict[str, dict[str, float]]:
    """Prints a table and returns the numbers, by image size and type.

    Args:
        batch_sizes: By image size; 32 at 128 pixels and 16 at 256 by default.
        **sizes: Of `networks.StyleGAN2Config`.
    """
    results = {}
    print(f"{'':18}s/kimg   A100   memory, MiB   compilation, s")
    for image_size, batch_size in (batch_sizes or {128: 32, 256: 16}).items():
        for name, dtype in (("float32", None), ("bfloat16", jnp.bfloat16)):
            config = networks.StyleGAN2Config(compute_dtype=dtype, **sizes)
            found = measure(image_size, config, batch_size=batch_size)
            results[f"{image_size}, {name}"] = found
            print(
                f"{image_size:4} {name:10}{found['seconds_per_kimg']:9.2f}"
                f"{A100.get(image_size, float('nan')):7.2f}{found['memory_mib']:14.0f}"
                f"{found['compile_seconds']:17.1f}",
                flush=True,
            )
    return results


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="tiny, writes no result")
    if parser.parse_args().quick:
        main({16: 4}, channel_base=64, channel_max=4, latents=8, style_features=8)
    else:
        print(record("stylegan_step", main()).name)
