"""Points in the plane from mixtures of Gaussians, drawn inside the compiled step.

The ring and the grid have modes that can be counted; the Swiss roll and the two moons
are Gaussians along a curve, mixtures of endlessly many.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen import random
from jaxgen.checks import check_count, check_key, check_number
from jaxgen.typing import Array, Batch, PRNGKeyArray, PyTree, RandomKeys

__all__ = [
    "Mixture",
    "MixtureData",
    "batches",
    "grid",
    "ring",
    "swiss_roll",
    "two_moons",
]


class Mixture(NamedTuple):
    """Round Gaussians of one width in the plane.

    Attributes:
        name: For titles and files.
        means: float32, shape (modes, 2), of a finite mixture of equal weights; None
            where the means are a curve.
        standard_deviation: Of each Gaussian in either direction.
        draw: `(key, n) -> points`, float32, shape (n, 2). The key, one for all points
            or one for each, is consumed.
    """

    name: str
    means: np.ndarray | None
    standard_deviation: float
    draw: Callable[[RandomKeys, int], Array]


def ring(
    num_modes: int = 8, *, radius: float = 1.0, standard_deviation: float = 0.01
) -> Mixture:
    """Makes Gaussians evenly spaced on a circle, the first on the right.

    Args:
        num_modes: Gaussians; all of them are different places.
        radius: Of the circle.
        standard_deviation: Of each Gaussian.

    Examples:
        >>> mixture = ring(4)
        >>> print(mixture.means.round(3) + 0.0)
        [[ 1.  0.]
         [ 0.  1.]
         [-1.  0.]
         [ 0. -1.]]
        >>> mixture.draw(jax.random.key(0), 100).shape
        (100, 2)

    References:
        Srivastava et al., VEEGAN, 2017, section 4.1, and Lin et al., PacGAN, 2018,
        section 4.1: radius 1, standard deviation 0.01.
    """
    check_count("num_modes", num_modes, 1)
    check_number("radius", radius, above=0)
    # linspace(0, 2 pi, num_modes) would put the last mode onto the first.
    angles = 2 * np.pi * np.arange(num_modes) / num_modes
    means = radius * np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    return _finite(f"ring-{num_modes}", means, standard_deviation)


def grid(
    side: int = 5, *, spacing: float = 2.0, standard_deviation: float = 0.05
) -> Mixture:
    """Makes Gaussians on a square grid around the origin.

    Args:
        side: Gaussians in a row; there are side^2.
        spacing: From one to the next.
        standard_deviation: Of each Gaussian.

    Examples:
        >>> mixture = grid()
        >>> mixture.name, mixture.means.shape, float(mixture.means.max())
        ('grid-25', (25, 2), 4.0)

    References:
        Srivastava et al., VEEGAN, 2017, section 4.1, and Lin et al., PacGAN, 2018,
        section 4.1: from -4 to 4, standard deviation 0.05.
    """
    check_count("side", side, 1)
    check_number("spacing", spacing, above=0)
    along = spacing * (np.arange(side) - (side - 1) / 2)
    means = np.stack(np.meshgrid(along, along, indexing="ij"), axis=-1).reshape(-1, 2)
    return _finite(f"grid-{side**2}", means, standard_deviation)


def swiss_roll(*, radius: float = 1.0, standard_deviation: float = 0.02) -> Mixture:
    """Makes a spiral of one and a half turns whose outer end is `radius` away.

    The points (t cos t, t sin t), t uniform in [1.5 pi, 4.5 pi], scaled to the radius.

    Args:
        radius: Of the outer end.
        standard_deviation: Of the Gaussian around each point of the curve.

    References:
        Gulrajani et al., Improved Training of Wasserstein GANs, 2017, figure 1.
    """
    check_number("radius", radius, above=0)

    def mean(key: PRNGKeyArray) -> Array:
        turn = np.pi * jax.random.uniform(key, minval=1.5, maxval=4.5)
        place = jnp.stack([jnp.cos(turn), jnp.sin(turn)])
        return radius / (4.5 * np.pi) * turn * place

    return _mixture("swiss-roll", None, standard_deviation, mean)


def two_moons(*, radius: float = 1.0, standard_deviation: float = 0.05) -> Mixture:
    """Makes two half circles that reach into each other, around the origin.

    Args:
        radius: Of either half circle.
        standard_deviation: Of the Gaussian around each point of the curves.
    """
    check_number("radius", radius, above=0)

    def mean(key: PRNGKeyArray) -> Array:
        which, where = jax.random.split(key)
        angle = jax.random.uniform(where, maxval=np.pi)
        upper = jnp.stack([jnp.cos(angle) - 0.5, jnp.sin(angle) - 0.25])
        # The lower moon is the upper one, turned by 180 degrees around the origin.
        sign = jax.random.rademacher(which, (), dtype=jnp.float32)
        return radius * sign * upper

    return _mixture("two-moons", None, standard_deviation, mean)


class MixtureData:
    """Fresh points of a mixture as a `jaxgen.typing.Data`.

    Attributes:
        batch_size: Points a batch, over all devices.
        num_examples: Points that count as a pass: all are new ones in training.
        steps_per_epoch: Batches a pass.
        resident: The key that points are drawn from.
    """

    def __init__(
        self,
        mixture: Mixture,
        *,
        batch_size: int,
        key: PRNGKeyArray,
        train: bool,
        num_examples: int,
    ):
        """Makes the set; see `batches` for the arguments."""
        check_key(key)
        self._draw = mixture.draw
        self._train = train
        self.batch_size = batch_size
        self.num_examples = num_examples
        self.steps_per_epoch = -(-num_examples // batch_size)
        stream = random.stream(key, "points" if train else "test points")
        # Plain bits, as in `data.pipelines`: another seed needs no new compilation.
        self._key_impl = jax.random.key_impl(stream)
        self.resident: dict[str, Any] = {"key": jax.random.key_data(stream)}

    def feed(
        self, first_step: int, num_steps: int, rows: slice = slice(None)
    ) -> PyTree:
        """Returns `row` int32 (num_steps, rows), and `weight` in evaluation."""
        row = np.arange(self.batch_size, dtype=np.int32)[rows]
        item = {"row": np.tile(row, (num_steps, 1))}
        if self._train:
            return item
        passed = np.arange(first_step, first_step + num_steps) % self.steps_per_epoch
        number = passed[:, np.newaxis] * self.batch_size + row
        return item | {"weight": (number < self.num_examples).astype(np.float32)}

    def batch(
        self,
        resident: PyTree,
        item: PyTree,
        step: Array,
        *,
        axis_name: str | None = None,
    ) -> Batch:
        """Draws the points of one step, each from the key of its row."""
        del axis_name  # a row's number is that of the whole batch already
        root = jax.random.wrap_key_data(resident["key"], impl=self._key_impl)
        visit = step if self._train else step % self.steps_per_epoch
        row = jnp.asarray(item["row"])
        fold = jax.vmap(jax.random.fold_in, in_axes=(None, 0))
        keys = fold(random.step_key(root, visit), row)
        rest = {name: item[name] for name in ("weight",) if name in item}
        return {"data": self._draw(keys, row.shape[0])} | rest


def batches(
    mixture: Mixture,
    *,
    batch_size: int,
    key: PRNGKeyArray,
    train: bool,
    num_examples: int | None = None,
) -> MixtureData:
    """Makes batches of fresh points, `{"data": (batch, 2)}`, drawn on the device.

    Args:
        mixture: Where the points come from.
        batch_size: Points a batch, over all devices.
        key: The root key of the data: each step draws from its own key.
        train: In training, all points are new. In evaluation, they are the same in
            each pass, and other ones than in training; batches carry a `weight`, 0 for
            padding.
        num_examples: Points that count as a pass: by default 100 batches in training,
            and in evaluation 2,500 points, as in the published figures.

    Raises:
        InputError: A size is not positive.

    Examples:
        >>> data = batches(ring(), batch_size=64, key=jax.random.key(0), train=True)
        >>> item = jax.tree.map(lambda leaf: leaf[0], data.feed(0, num_steps=1))
        >>> data.batch(data.resident, item, 0)["data"].shape
        (64, 2)
    """
    check_key(key)
    check_count("batch_size", batch_size, 1)
    if num_examples is None:
        num_examples = 100 * batch_size if train else 2_500
    check_count("num_examples", num_examples, 1)
    return MixtureData(
        mixture, batch_size=batch_size, key=key, train=train, num_examples=num_examples
    )


def _finite(name: str, means: np.ndarray, standard_deviation: float) -> Mixture:
    means = means.astype(np.float32)

    def mean(key: PRNGKeyArray) -> Array:
        return jnp.asarray(means)[jax.random.randint(key, (), 0, len(means))]

    return _mixture(name, means, standard_deviation, mean)


def _mixture(
    name: str,
    means: np.ndarray | None,
    standard_deviation: float,
    mean: Callable[[PRNGKeyArray], Array],
) -> Mixture:
    """Makes a mixture of what draws one mean."""
    check_number("standard_deviation", standard_deviation, above=0.0)

    def one(key: PRNGKeyArray) -> Array:
        mean_key, noise_key = jax.random.split(key)
        return mean(mean_key) + standard_deviation * jax.random.normal(noise_key, (2,))

    def draw(key: RandomKeys, n: int) -> Array:
        check_key(key)
        return jax.vmap(one)(random.example_keys(key, n) if key.ndim == 0 else key)

    return Mixture(name, means, standard_deviation, draw)
