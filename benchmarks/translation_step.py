"""How long does a step of a CycleGAN take, against PyTorch?

One step of both generators (ResNet) and both critics (PatchGAN of 70x70 pixels):
translation, cycle and identity passes, least squares, an image pool of 50, Adam. On CPU
of images of 64 pixels at batch 4 with 6 residual blocks; on GPU of 256 pixels at batch
1 with 9 blocks, as published, in float32 and in bfloat16.

Command: python -m benchmarks.translation_step [--quick]
Time: two minutes on 2 CPU cores, most of it compilation.

Seen on 2 idle CPU cores, in times the time that PyTorch took (2.3 s a step): `auto`
0.76, plain 2.20; im2col everywhere was 1.5 on one loaded core. The 72 convolutions of
3x3 in the residual blocks are nearly half of a step of `auto`; by `winograd` one takes
0.6 of PyTorch's time. An eighth of the step are page faults: XLA takes 775 MB for
it and gives them back after it. Not yet measured on a GPU.
"""

import argparse
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
import torch

from benchmarks import translation_peer
from benchmarks.timing import compare, peak_memory, record
from jaxgen import models
from jaxgen.networks import patch_critic, resnet_translator

PEER = "pytorch"


class Setting(NamedTuple):
    """What is trained.

    Attributes:
        size: Height and width of the images.
        batch_size: Images of each domain.
        blocks: Residual blocks of a generator.
        width: Channels of the first layer of all networks.
        dtype: What is computed in.
    """

    size: int = 64
    batch_size: int = 4
    blocks: int = 6
    width: int = 64
    dtype: str = "float32"


PUBLISHED = Setting(size=256, batch_size=1, blocks=9)
SETTINGS = {
    "cpu": (Setting(),),
    "gpu": (PUBLISHED, PUBLISHED._replace(dtype="bfloat16")),
}
FORMULATIONS = {"cpu": ("auto", "plain"), "gpu": ("auto",)}
"""By platform: on a GPU both are the same."""


class Ours(NamedTuple):
    """The same CycleGAN of ours.

    Attributes:
        step: Takes one step.
        parameters: How many numbers the generators have, and how many the critics.
    """

    step: Callable[[], Any]
    parameters: tuple[int, int]


def ours(setting: Setting, formulation: str) -> Ours:
    """Makes a CycleGAN and the images of its steps."""
    dtype = None if setting.dtype == "float32" else jnp.dtype(setting.dtype)
    options = {"width": setting.width, "formulation": formulation, "dtype": dtype}
    generators = [resnet_translator(blocks=setting.blocks, **options) for _ in range(2)]
    critics = [patch_critic(**options) for _ in range(2)]
    adam = optax.adam(2e-4, b1=0.5)
    model = models.cyclegan(*generators, *critics, adam, adam)
    shape = (setting.batch_size, setting.size, setting.size, 3)
    batch = {
        name: jax.random.uniform(key, shape)
        for name, key in zip("ab", jax.random.split(jax.random.key(0)), strict=True)
    }
    state = jax.jit(model.init)(jax.random.key(1), batch)
    counts = [
        sum(leaf.size for leaf in jax.tree.leaves(params))
        for params in (
            state.generators.params,
            [net.params for net in state.critics.values()],
        )
    ]
    # As `training.fit` does: the state is given away, the next one takes its place.
    update = jax.jit(model.update, donate_argnums=0)
    held = [state]

    def step() -> Any:
        held[0], metrics = update(held[0], batch)
        return metrics

    return Ours(step, (counts[0], counts[1]))


def peer(setting: Setting, platform: str) -> translation_peer.Peer:
    """Makes it in PyTorch, on the same platform, in the layout that is faster there."""
    on_gpu = platform == "gpu"
    options = {name: getattr(setting, name) for name in ("size", "batch_size")}
    options |= {"width": setting.width, "blocks": setting.blocks}
    made = translation_peer.cyclegan(
        **options,
        bfloat16=setting.dtype == "bfloat16",
        channels_last=on_gpu,
        device="cuda" if on_gpu else "cpu",
    )
    if not on_gpu:
        return made

    def step() -> Any:
        loss = made.step()
        torch.cuda.synchronize()
        return loss

    return made._replace(step=step)


def measure(setting: Setting, platform: str, *, repeats: int) -> dict:
    """Prints the seconds of a step by candidate, and returns the numbers."""
    made = {PEER: peer(setting, platform)} | {
        f"jaxgen, {formulation}": ours(setting, formulation)
        for formulation in FORMULATIONS[platform]
    }
    counts = {candidate.parameters for candidate in made.values()}
    assert len(counts) == 1, f"The candidates have different sizes: {counts}."
    comparison = compare(
        {name: candidate.step for name, candidate in made.items()}, repeats=repeats
    )
    print(", ".join(f"{name} {value}" for name, value in setting._asdict().items()))
    print(f"{'':20}s a step   first call, s   times PyTorch's (min-max)")
    ratios = {}
    for name, seconds in comparison.seconds.items():
        line = f"{name:20}{seconds:8.3f}{comparison.first_call[name]:16.1f}"
        if name != PEER:
            ratio = ratios[name] = comparison.ratios[name][PEER]
            line += f"{ratio.median:15.2f} ({ratio.minimum:.2f}-{ratio.maximum:.2f})"
        print(line, flush=True)
    return {
        "setting": setting,
        "parameters_of_generators_and_critics": counts.pop(),
        "seconds_a_step": comparison.seconds,
        "ratios_to_pytorch": ratios,
        "first_call_seconds": comparison.first_call,
        "rounds_seconds": comparison.rounds,
    }


def main(*, settings: tuple[Setting, ...] | None = None, repeats: int = 8) -> dict:
    """Measures the settings of the platform, or those given."""
    platform = "cpu" if jax.default_backend() == "cpu" else "gpu"
    if settings is None:
        settings = SETTINGS[platform]
    return {
        "question": "seconds of a step of a CycleGAN, and times PyTorch's",
        "threads_of_pytorch": torch.get_num_threads(),
        "measured": [measure(one, platform, repeats=repeats) for one in settings],
        "peak_memory_mib": peak_memory() / 2**20,
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="tiny, writes no result")
    if parser.parse_args().quick:
        main(settings=(Setting(32, 2, 1, 4),), repeats=2)
    else:
        print(record("translation_step", main()).name)
