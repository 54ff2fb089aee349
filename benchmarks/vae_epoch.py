"""How fast is an epoch of a VAE, and how close to what the machine can do?

The VAE 784-400-20 of Kingma and Welling at batch 128 over 60,000 images, Adam, trained
by `jaxgen.training` as the scripts do (batches gathered and scaled on the device, terms
and norms logged), beside the same in PyTorch. Every candidate has a process of its own,
as it would in use, and they take turns, an epoch each. The floor is what no program of
this kind gets below: its matrix products, and the memory traffic of its optimizer.

Command: python -m benchmarks.vae_epoch   (extra `bench`; 3 minutes on 2 cores)
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
MARK = "@answer "
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
        prior=losses.vae.priors.standard_normal(LATENTS),
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
    """Returns an epoch of PyTorch: the same net, loss, optimizer, batches and terms.

    Net and loss are written as in PyTorch's own example of a VAE; the images lie in one
    tensor, which is several times faster than its DataLoader.
    """
    import torch
    from torch import nn
    from torch.nn import functional

    torch.manual_seed(0)
    pixels = torch.from_numpy(images().reshape(IMAGES, PIXELS))

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.hidden = nn.Linear(PIXELS, HIDDEN)
            self.mean = nn.Linear(HIDDEN, LATENTS)
            self.log_variance = nn.Linear(HIDDEN, LATENTS)
            self.unhidden = nn.Linear(LATENTS, HIDDEN)
            self.logits = nn.Linear(HIDDEN, PIXELS)

        def forward(self, x):
            h = functional.relu(self.hidden(x))
            mean, log_variance = self.mean(h), self.log_variance(h)
            z = mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)
            logits = self.logits(functional.relu(self.unhidden(z)))
            bce = functional.binary_cross_entropy_with_logits(
                logits, x, reduction="sum"
            )
            kl = -0.5 * torch.sum(1 + log_variance - mean**2 - log_variance.exp())
            return (bce + kl) / len(x), bce, kl

    net = Net()
    loss = torch.compile(net) if compiled else net
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3, fused=fused)

    def epoch() -> Any:
        order = torch.randperm(IMAGES)
        terms = torch.zeros(3)
        for step in range(STEPS):
            x = pixels[order[step * BATCH : (step + 1) * BATCH]].float() / 255
            optimizer.zero_grad()
            values = loss(x)
            values[0].backward()
            optimizer.step()
            terms += torch.stack(values).detach()
        return terms.tolist()

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


class Worker:
    """A candidate in a process of its own, which runs an epoch when told to."""

    def __init__(self, name: str):
        """Starts the process and its first step; `failure` says why it could not."""
        command = [sys.executable, "-m", "benchmarks.vae_epoch", "--worker", name]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.first = self._answer()
        self.failure = self.first.get("failure")

    def epoch(self) -> None:
        """Runs an epoch to its end."""
        self._ask("epoch")

    def close(self) -> dict[str, float]:
        """Ends the process and returns its peak memory."""
        return self._ask("close")

    def _ask(self, word: str) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(word + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith(MARK):
                return json.loads(line.removeprefix(MARK))
        return {"failure": f"its process ended with {self._process.wait()}"}


def work(name: str) -> None:
    """Serves one candidate: the other side of `Worker`."""
    global STEPS
    import jax

    def answer(**values: Any) -> None:
        print(MARK + json.dumps(values), flush=True)

    if name != "jaxgen":
        import torch

        torch.set_num_threads(len(os.sched_getaffinity(0)))
    start = time.perf_counter()
    try:
        epoch = EPOCHS[name]()
        whole, STEPS = STEPS, 1
        jax.block_until_ready(epoch())
    except Exception as error:  # torch.compile wants a C++ compiler, for one
        answer(failure=(str(error).splitlines() or [type(error).__name__])[0])
        return
    STEPS = whole
    answer(first_step_seconds=time.perf_counter() - start)
    for line in sys.stdin:
        if line.strip() == "close":
            break
        jax.block_until_ready(epoch())
        answer()
    answer(peak_megabytes=timing.peak_memory() / 1e6)


def main() -> dict[str, Any]:
    """Measures, prints a table and records it."""
    workers = {}
    for name in EPOCHS:
        worker = Worker(name)
        if worker.failure is None:
            workers[name] = worker
        else:
            print(f"{name} does not run here: {worker.failure}")
    measured = timing.compare(
        {name: worker.epoch for name, worker in workers.items()}, repeats=7
    )
    memory = {name: worker.close() for name, worker in workers.items()}
    ours = measured.seconds["jaxgen"]
    print(f"{'':<28}{'images/s':>10}{'jaxgen is':>12}{'peak MB':>9}{'first step':>12}")
    rows = {}
    for name in workers:
        if name.startswith("floor"):
            continue
        ratio = measured.ratios[name]["jaxgen"].median if name != "jaxgen" else 1.0
        row = workers[name].first | memory[name]
        rate = STEPS * BATCH / measured.seconds[name]
        rows[name] = row | {"images_per_second": rate, "jaxgen_times_faster": ratio}
        print(
            f"{name:<28}{rate:>10,.0f}{ratio:>11.2f}x"
            f"{row['peak_megabytes']:>9.0f}{row['first_step_seconds']:>10.2f} s"
        )
    floor = {n: measured.seconds[n] / ours for n in workers if n.startswith("floor")}
    for name, share in floor.items():
        print(f"{name}: {share:.0%} of jaxgen's epoch")
    results = {"rows": rows, "share_of_jaxgen": floor, "comparison": measured}
    print("recorded in", timing.record("vae_epoch", results).name)
    return results


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worker", choices=list(EPOCHS), help=argparse.SUPPRESS)
    chosen = parser.parse_args().worker
    if chosen:
        work(chosen)
    else:
        main()
