"""Where a step runs: one device or many, by jit and sharding, pmap or shard_map."""

from collections.abc import Callable
from functools import partial
from typing import Any, Literal, NamedTuple, get_args

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from jaxgen.checks import check_choice, check_count
from jaxgen.errors import InputError
from jaxgen.typing import Array, Data, Metrics, Model, PyTree

__all__ = [
    "AXIS",
    "FED_BYTES",
    "Mode",
    "Placement",
    "compile_steps",
    "on_one_device",
    "placement",
    "steps_that_fit",
]

AXIS = "data"
FED_BYTES = 64 * 2**20
Mode = Literal["jit", "pmap", "shard_map"]


class Placement(NamedTuple):
    """A one-axis mesh of devices and the way a step is mapped over it.

    Attributes:
        mesh: Devices along the axis "data": the batch is split, the state replicated.
        mode: "jit" leaves the splitting to XLA and draws the random numbers of one
            device; "pmap" and "shard_map" map `update(..., axis_name="data")`.
    """

    mesh: Mesh
    mode: Mode = "jit"

    @property
    def replicated(self) -> NamedSharding:
        """Every device holds the whole."""
        return NamedSharding(self.mesh, PartitionSpec())

    @property
    def split(self) -> NamedSharding:
        """Split along the second axis: what `Data.feed` returns, (steps, rows, ...)."""
        return NamedSharding(self.mesh, PartitionSpec(None, AXIS))

    def rows(self, batch_size: int) -> slice:
        """Returns which rows of a batch this process feeds.

        Raises:
            InputError: If the batch cannot be split evenly over the devices.
        """
        if batch_size % self.mesh.size:
            raise InputError(
                f"A batch of {batch_size} cannot be split evenly over {self.mesh.size} "
                "devices: choose a batch size that is a multiple of their number, or "
                "other devices."
            )
        share = batch_size // jax.process_count()
        return slice(jax.process_index() * share, (jax.process_index() + 1) * share)

    def put_replicated(self, tree: PyTree) -> PyTree:
        """Puts the whole of every leaf on every device."""
        return jax.device_put(tree, self.replicated)

    def put_split(self, feed: PyTree) -> PyTree:
        """Puts this process's rows of `Data.feed` on its devices."""

        def put(leaf: np.ndarray) -> Array:
            rows = leaf.shape[1] * jax.process_count()
            return jax.make_array_from_process_local_data(
                self.split, leaf, (leaf.shape[0], rows, *leaf.shape[2:])
            )

        return jax.tree.map(put, feed)


def placement(devices: int | None = None, mode: Mode = "jit") -> Placement:
    """Returns a placement on the first `devices` devices (all of them by default).

    Raises:
        InputError: If there are not that many devices, or the mode is unknown.
    """
    there = jax.devices()
    count = len(there) if devices is None else devices
    check_count("devices", count, 1)
    if count > len(there):
        raise InputError(
            f"{count} devices were asked for, but JAX sees {len(there)} "
            f"({there[0].platform}). Ask for 1 to {len(there)}; on a CPU set "
            "JAX_NUM_CPU_DEVICES before the start to have more."
        )
    check_choice("mode", mode, get_args(Mode))
    # Auto: with Explicit axes concatenate([real, fake]) would raise. Mesh, as make_mesh
    # may reorder: the rows of a process must be those of its devices.
    mesh = Mesh(np.array(there[:count]), (AXIS,), axis_types=(AxisType.Auto,))
    return Placement(mesh, mode)


def steps_that_fit(data: Data, rows: slice) -> int:
    """Returns how many steps may be fed at once: 64 MiB of them, one at the least."""
    step = sum(leaf.nbytes for leaf in jax.tree.leaves(data.feed(0, 1, rows)))
    return max(1, FED_BYTES // max(step, 1))


def compile_steps(
    model: Model, data: Data, place: Placement
) -> Callable[[Any, PyTree, PyTree], tuple[Any, Metrics]]:
    """Compiles `(state, resident, items) -> (state, metrics of every step)`.

    `items` is what `Data.feed` returned for some steps, put by `Placement.put_split`.
    The steps run in one call as a scan; the state is donated.
    """
    axis_name = None if place.mode == "jit" else AXIS

    def steps(state: Any, resident: PyTree, items: PyTree) -> tuple[Any, Metrics]:
        def one(state: Any, item: PyTree) -> tuple[Any, Metrics]:
            batch = data.batch(resident, item, state.step, axis_name=axis_name)
            return model.update(state, batch, axis_name)

        def quick(state: Any, item: PyTree) -> tuple[Any, Metrics]:
            # What is left out here XLA does not compute: three passes over all
            # parameters, a quarter of a small network's step.
            state, metrics = one(state, item)
            return state, {k: v for k, v in metrics.items() if not _is_norm(k)}

        earlier, last = (
            jax.tree.map(lambda leaf, part=part: leaf[part], items)
            for part in (slice(None, -1), -1)
        )
        length = jax.tree.leaves(items)[0].shape[0] - 1
        if not length:
            # To trace and lower a scan of no steps takes as long as the step itself.
            state, final = one(state, last)
            return state, {name: value[None] for name, value in final.items()}
        # Two steps a turn spare XLA on a CPU the copies of parameters that the backward
        # pass still reads: 4 % of a small network's step. It doubles what is compiled,
        # which a call of a few long steps would not earn back.
        unroll = 2 if length >= 16 and jax.default_backend() == "cpu" else 1
        state, metrics = jax.lax.scan(quick, state, earlier, unroll=unroll)
        state, final = one(state, last)
        metrics = {
            name: jnp.append(metrics[name], value) if name in metrics else value[None]
            for name, value in final.items()
        }
        return state, metrics

    if place.mode == "pmap":
        return _pmap(steps, place)
    if place.mode == "shard_map":
        whole = PartitionSpec()
        steps = jax.shard_map(
            steps,
            mesh=place.mesh,
            in_specs=(whole, whole, place.split.spec),
            out_specs=(whole, whole),
        )
    return jax.jit(
        steps,
        in_shardings=(place.replicated, place.replicated, place.split),
        out_shardings=(place.replicated, place.replicated),
        donate_argnums=0,
    )


def _is_norm(name: str) -> bool:
    return name.endswith("_norm")


def _pmap(steps: Callable, place: Placement) -> Callable:
    mapped = jax.pmap(
        steps,
        axis_name=AXIS,
        in_axes=(None, None, 1),
        out_axes=None,  # pyright: ignore[reportArgumentType]
        devices=place.mesh.devices.ravel().tolist(),
    )

    def run(state: Any, resident: PyTree, items: PyTree) -> tuple[Any, Metrics]:
        by_device = jax.tree.map(partial(_by_device, devices=place.mesh.size), items)
        return mapped(state, resident, by_device)

    return run


def _by_device(leaf: Array, devices: int) -> Array:
    return leaf.reshape(leaf.shape[0], devices, -1, *leaf.shape[2:])


def on_one_device(state: Any) -> Any:
    """Puts a state on one device: figures and measurements come after the run."""
    # A typed key cannot be fetched, and nothing here draws from it.
    rest = jax.device_get(state._replace(key=None))
    return jax.device_put(rest, jax.devices()[0])._replace(key=state.key)
