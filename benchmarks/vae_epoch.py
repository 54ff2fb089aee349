"""How fast is an epoch of a VAE, and how close to what the machine can do?

The VAE 784-400-20 of Kingma and Welling at batch 128 over 60,000 images, Adam, trained by
`jaxgen.training` as the scripts do (batches gathered and scaled on the device, terms and
norms logged), beside the same in PyTorch, taking turns in one run. The floor is what no
program of this kind gets below: its matrix products, and reading and writing the
optimizer's numbers.

Command: python -m benchmarks.vae_epoch   (needs the extra `bench`; 3 minutes on 2 cores)
Result: benchmarks/results/vae_epoch.json
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks import timing

IMAGES, BATCH = 60_000, 128
PIXELS, HIDDEN, LATENTS = 784, 400, 20
STEPS = IMAGES // BATCH
Epoch = Callable[[], Any]


def images() -> np.ndarray:
    """Returns 60,000 digits as uint8 rows: the 5,000 embedded ones, twelve times."""
    from jaxgen import data

    digits = data.load("mnist5k", split="train+test").in_memory()["image"]
    return np.resize(digits, (IMAGES, 28, 28, 1))


def jaxgen_epoch() -> Epoch:
    """Returns an epoch of ours."""
    import jax
    import optax

    from jaxgen import data, losses, models, networks, training

    model = models.vae(
        networks.mlp_encoder(LATENTS, features=(HIDDEN,)),
        networks.mlp_decoder((28, 28, 1), features=(HIDDEN,)),
        optax.adam(1e-3),
        likelihood=losses.vae.bernoulli(),
        num_latents=LATENTS,
    )
    batches = data.pipeline(
        data.from_arrays(images()), batch_size=BATCH, key=jax.random.key(0), train=True
    )
    place = training.placement(1)
    steps = training.compile_steps(model, batches, place)
    length = training.default_steps_per_call(convolutional=False)
    resident = place.put_replicated(batches.resident)
    first = {"image": np.zeros((BATCH, 28, 28, 1), np.float32)}
    state = jax.jit(model.init)(jax.random.key(0), first)
    done = 0

    def epoch() -> Any:
        nonlocal state, done
        end = done + STEPS
        while done < end:
            count = min(length, end - done)
            items = place.put_split(batches.feed(done, count))
            state, metrics = steps(state, resident, items)
            done += count
        return metrics

    return epoch


def torch_epoch(*, compiled: bool = False, fused: bool = False) -> Epoch:
    """Returns an epoch of PyTorch: the same net, loss, optimizer and batches."""
    import torch
    from torch import nn
    from torch.nn import functional

    torch.manual_seed(0)
    pixels = torch.from_numpy(images().reshape(IMAGES, PIXELS))

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.hidden = nn.Linear(PIXELS, HIDDEN)
            self.head = nn.Linear(HIDDEN, 2 * LATENTS)
            self.unhidden = nn.Linear(LATENTS, HIDDEN)
            self.logits = nn.Linear(HIDDEN, PIXELS)

        def forward(self, x):
            mean, log_variance = self.head(functional.relu(self.hidden(x))).chunk(2, 1)
            z = mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)
            logits = self.logits(functional.relu(self.unhidden(z)))
            bce = functional.binary_cross_entropy_with_logits(
                logits, x, reduction="sum"
            )
            kl = 0.5 * torch.sum(mean**2 + torch.expm1(log_variance) - log_variance)
            return (bce + kl) / len(x)

    net = Net()
    loss = torch.compile(net) if compiled else net
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3, fused=fused)

    def epoch() -> None:
        order = torch.randperm(IMAGES)
        for step in range(STEPS):
            x = pixels[order[step * BATCH : (step + 1) * BATCH]].float() / 255
            optimizer.zero_grad()
            loss(x).backward()
            optimizer.step()

    return epoch


def products_epoch() -> Epoch:
    """Returns the matrix products of an epoch and nothing else, by the faster library.

    The gradient of the loss by each weight and each hidden layer; none by the pixels.
    """
    import torch

    normal = torch.randn
    x, h, z, l = (normal(BATCH, n) for n in (PIXELS, HIDDEN, LATENTS, PIXELS))  # noqa: E741
    shapes = ((PIXELS, HIDDEN), (HIDDEN, 2 * LATENTS), (LATENTS, HIDDEN))
    w1, w2, w3, w4 = (normal(*shape) for shape in (*shapes, (HIDDEN, PIXELS)))
    m = normal(BATCH, 2 * LATENTS)

    def epoch() -> None:
        for _ in range(STEPS):
            for a, b in ((x, w1), (h, w2), (z, w3), (h, w4)):  # forward
                a @ b
            for a, b in ((l, w4), (h, w3), (m, w2)):  # by the layers
                a @ b.T
            for a, b in ((h, l), (z, h), (h, m), (x, h)):  # by the weights
                a.T @ b

    return epoch


def optimizer_traffic_epoch() -> Epoch:
    """Returns an epoch of reading and writing what Adam must: 4 arrays in, 3 out."""
    import torch

    # A copy reads one array and writes one: 3.5 of them move seven.
    count = PIXELS * HIDDEN * 2 + HIDDEN * LATENTS * 3 + 2 * HIDDEN + PIXELS
    source, target = torch.randn(7 * count), torch.empty(7 * count)
    half = 7 * count // 2

    def epoch() -> None:
        for _ in range(STEPS):
            target[:half].copy_(source[:half])

    return epoch


EPOCHS = {
    "jaxgen": jaxgen_epoch,
    "pytorch eager": torch_epoch,
    "pytorch eager, fused Adam": lambda: torch_epoch(fused=True),
    "pytorch compile": lambda: torch_epoch(compiled=True),
    "floor: matrix products": products_epoch,
    "floor: optimizer's memory": optimizer_traffic_epoch,
}


def usable() -> dict[str, Epoch]:
    """Returns what runs here; torch.compile needs a C++ compiler."""
    epochs = {}
    for name, make in EPOCHS.items():
        try:
            epochs[name] = make()
            if name == "pytorch compile":
                epochs[name]()
        except Exception as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            print(f"{name} does not run here: {reason}")
            epochs.pop(name, None)
    return epochs


def alone(name: str) -> dict[str, float]:
    """Measures first epoch and peak memory of one candidate in its own process."""
    command = [sys.executable, "-m", "benchmarks.vae_epoch", "--alone", name]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return json.loads(out.splitlines()[-1])


def main() -> dict[str, Any]:
    """Measures, prints a table and records it."""
    import torch

    torch.set_num_threads(len(os.sched_getaffinity(0)))
    epochs = usable()
    peers = [name for name in epochs if not name.startswith("floor")]
    measured = timing.compare(epochs, repeats=7)
    own = {name: alone(name) for name in peers}
    ours = measured.seconds["jaxgen"]
    rows = {}
    print(f"{'':<28}{'images/s':>10}{'jaxgen is':>12}{'peak MB':>9}{'first step':>12}")
    for name in peers:
        ratio = measured.ratios[name]["jaxgen"].median if name != "jaxgen" else 1.0
        rows[name] = own[name] | {
            "images_per_second": STEPS * BATCH / measured.seconds[name],
            "jaxgen_times_faster": ratio,
        }
        print(
            f"{name:<28}{rows[name]['images_per_second']:>10,.0f}{ratio:>11.2f}x"
            f"{own[name]['peak_megabytes']:>9.0f}{own[name]['first_step_seconds']:>10.2f} s"
        )
    floor = {
        name: measured.seconds[name] / ours
        for name in epochs
        if name.startswith("floor")
    }
    for name, share in floor.items():
        print(f"{name}: {share:.0%} of jaxgen's epoch")
    results = {"rows": rows, "share_of_jaxgen": floor, "comparison": measured}
    print("recorded in", timing.record("vae_epoch", results).name)
    return results


def measure_alone(name: str) -> None:
    """Prints the time to the end of the first step and the peak memory, as JSON."""
    global STEPS
    start = time.perf_counter()
    epoch = EPOCHS[name]()
    whole, STEPS = STEPS, 1
    import jax

    jax.block_until_ready(epoch())
    first = time.perf_counter() - start
    STEPS = whole
    jax.block_until_ready(epoch())
    peak = timing.peak_memory() / 1e6
    print(json.dumps({"first_step_seconds": first, "peak_megabytes": peak}))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--alone", choices=list(EPOCHS), help=argparse.SUPPRESS)
    chosen = parser.parse_args().alone
    if chosen:
        measure_alone(chosen)
    else:
        main()
