"""Every array shape named once, and the contracts that models and loops share."""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple, Protocol, runtime_checkable

from jaxtyping import Array, Float, Key, PyTree

__all__ = [
    "BACK",
    "Array",
    "Autoencoder",
    "Batch",
    "Data",
    "Direction",
    "Evaluate",
    "Generator",
    "Images",
    "Init",
    "Latents",
    "Metrics",
    "Model",
    "NetState",
    "Network",
    "PRNGKeyArray",
    "Params",
    "PerExample",
    "PyTree",
    "RandomKeys",
    "Size",
    "State",
    "Translator",
    "Update",
]

Images = Float[Array, "batch height width channels"]
Latents = Float[Array, "batch latents"]
PerExample = Float[Array, "batch"]
PRNGKeyArray = Key[Array, ""]
"""One typed key, as `jax.random.key` makes it."""
RandomKeys = Key[Array, ""] | Key[Array, "batch"]
"""One key for a whole batch, or one key for each of its examples."""

Size = Any
"""The number of rows of a batch: an int, unless `jax.export` leaves it open."""

Params = PyTree
Metrics = dict[str, Array]
Batch = dict[str, Array]
"""One batch: `image` (float32 in [0, 1]), or `data` (floating) of what is no image;
`label` (int32) where the set has one; `weight` (1, or 0 for padding) in evaluation."""

Direction = Literal["a_to_b", "b_to_a"]
"""Which of the images of two domains, a and b, are translated into the other's."""
BACK: dict[Direction, Direction] = {"a_to_b": "b_to_a", "b_to_a": "a_to_b"}
"""The other direction."""


class Network(NamedTuple):
    """A network as two pure functions, so that no model depends on a network library.

    `networks.pure` makes one of a module.

    Attributes:
        init: `init(key, *inputs) -> (params, stats)`. `stats` is what training moves
            without a gradient, such as running statistics and the vectors of a power
            iteration; () where there is none.
        apply: `apply(params, stats, *inputs, keys=None, train=False, axis_name=None) ->
            (outputs, stats)`. `keys` are one per example, for dropout and noise;
            without keys nothing is drawn. Only with `train` are statistics those of
            the batch, over all devices of `axis_name`, and the returned ones new.
    """

    init: Callable[..., tuple[Params, PyTree]]
    apply: Callable[..., tuple[Any, PyTree]]


class NetState(NamedTuple):
    """What training changes in one network (or several behind one optimizer)."""

    params: Params
    stats: PyTree
    opt_state: PyTree


class State(NamedTuple):
    """The state of a model with one optimizer: a pytree without functions inside.

    Attributes:
        step: Number of updates done, int32 scalar.
        key: The root key. It never changes: step N draws from `fold_in(key, N)`.
        net: Parameters, normalization statistics and optimizer state.
    """

    step: Array
    key: PRNGKeyArray
    net: NetState


@runtime_checkable
class Data(Protocol):
    """A data set seen by the loop, whether it lives on the device or is streamed.

    The position is the step alone: step N of a run always sees the same batch.

    Attributes:
        batch_size: Examples a batch, over all devices.
        num_examples: Examples in the set.
        steps_per_epoch: Batches a pass. In training the last short batch is dropped
            (another one each epoch); in evaluation it is padded and weighted.
        resident: Arrays that stay on the device and are handed to the compiled step.
    """

    batch_size: int
    num_examples: int
    steps_per_epoch: int
    resident: PyTree

    def feed(
        self, first_step: int, num_steps: int, rows: slice = slice(None)
    ) -> PyTree:
        """Returns on the host what `num_steps` steps from `first_step` on need.

        Every leaf has the shape (num_steps, rows, ...); `rows` picks a process's share
        of each batch.
        """
        ...

    def batch(
        self,
        resident: PyTree,
        item: PyTree,
        step: Array,
        *,
        axis_name: str | None = None,
    ) -> Batch:
        """Makes one batch inside the compiled step: gathers, scales, transforms.

        `item` is one step of `feed` (this device's rows of it under `axis_name`).
        """
        ...


@runtime_checkable
class Init(Protocol):
    """`init(key, batch) -> state`."""

    def __call__(self, key: PRNGKeyArray, batch: Batch, /) -> Any:
        """Returns the first state; `key` becomes the root key of the run."""
        ...


@runtime_checkable
class Update(Protocol):
    """`update(state, batch, axis_name=None) -> (state, metrics)`."""

    def __call__(
        self, state: Any, batch: Batch, axis_name: str | None = None, /
    ) -> tuple[Any, Metrics]:
        """Takes one step."""
        ...


@runtime_checkable
class Evaluate(Protocol):
    """`evaluate(state, key, batch) -> one value per example, by name`."""

    def __call__(self, state: Any, key: PRNGKeyArray, batch: Batch, /) -> Metrics:
        """Returns the terms; `key` is consumed."""
        ...


@runtime_checkable
class Model(Protocol):
    """A generative system made trainable: pure functions in a NamedTuple.

    Every state has the fields `step` and `key` of `State`. What else a model can do is
    in the protocols below; a model may follow several of them.
    """

    @property
    def init(self) -> Init:
        """`init(key, batch) -> state`."""
        ...

    @property
    def update(self) -> Update:
        """`update(state, batch, axis_name=None) -> (state, metrics)`: one step."""
        ...

    @property
    def evaluate(self) -> Evaluate:
        """`evaluate(state, key, batch) -> one value per example, by name`."""
        ...


@runtime_checkable
class Generator(Model, Protocol):
    """A model that draws samples, such as `models.gan` and `models.vae`."""

    @property
    def sample(self) -> Callable[..., Array]:
        """`sample(state, key, n) -> n samples`."""
        ...


@runtime_checkable
class Autoencoder(Model, Protocol):
    """A model that encodes data as latents and decodes them, such as `models.vae`."""

    @property
    def encode(self) -> Callable[..., Any]:
        """`encode(state, images) -> posterior of the latents`."""
        ...

    @property
    def decode(self) -> Callable[..., Array]:
        """`decode(state, latents) -> images`."""
        ...

    @property
    def reconstruct(self) -> Callable[..., Array]:
        """`reconstruct(state, images) -> images`."""
        ...


@runtime_checkable
class Translator(Model, Protocol):
    """A model that translates images to images, such as `models.cyclegan`."""

    @property
    def translate(self) -> Callable[..., Array]:
        """`translate(state, key, images) -> images`, in [0, 1].

        `key` may be None: then nothing is drawn.
        """
        ...
