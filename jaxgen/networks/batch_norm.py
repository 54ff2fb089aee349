"""Batch normalization whose running statistics hold from the first step on."""

import jax.numpy as jnp
from flax import linen as nn

from jaxgen.typing import Array

__all__ = ["BatchNorm"]


class BatchNorm(nn.Module):
    """Batch normalization, over all devices, and by classes if there is a condition.

    The running statistics are the plain mean over the batches so far until `momentum`
    would weigh a new batch more: what has been trained for a few steps can be
    evaluated, where running means that start at 0 and 1 are wrong for hundreds.

    The statistics belong to the parameters they were gathered with. Parameters that are
    averaged over steps want them averaged too, with the same weights, or gathered anew:
    a few batches with `train=True`, from the statistics of `init` on, are enough.

    Attributes:
        conditional: Scale and offset are those of a class: 1 + a linear function of the
            condition, and another one. Both start at the same for all classes.
        momentum: What the running statistics keep of themselves in a step.
        epsilon: Added to the variance.
        deviation: Of the scales at the start, around 1; DCGAN's by default.

    References:
        Ioffe and Szegedy, Batch Normalization, 2015, algorithm 1; Dumoulin et al., A
        Learned Representation For Artistic Style, 2017, and Miyato and Koyama, cGANs
        with Projection Discriminator, 2018, for the conditional one.
    """

    conditional: bool = False
    momentum: float = 0.9
    epsilon: float = 1e-5
    deviation: float = 0.02

    @nn.compact
    def __call__(
        self,
        inputs: Array,
        condition: Array | None = None,
        *,
        train: bool = False,
        axis_name: str | None = None,
    ) -> Array:
        """Returns the inputs, normalized over all axes but the last.

        Args:
            inputs: Shape (batch, ..., channels).
            condition: Shape (batch, classes); looked at if `conditional`.
            train: Whether the statistics are those of the batch.
            axis_name: The mapped axis whose devices share one batch.
        """
        by_class = self.conditional and condition is not None
        batches = self.variable("batch_stats", "batches", jnp.zeros, ())
        normalize = nn.BatchNorm(
            use_running_average=not train,
            momentum=jnp.minimum(self.momentum, batches.value / (batches.value + 1)),  # pyright: ignore[reportArgumentType]
            epsilon=self.epsilon,
            axis_name=axis_name,
            use_scale=not by_class,
            use_bias=not by_class,
            scale_init=_around_one(self.deviation),
        )
        hidden = normalize(inputs)
        if train and not self.is_initializing():
            batches.value = batches.value + 1
        if not by_class:
            return hidden
        shape = (inputs.shape[0], *(1,) * (inputs.ndim - 2), inputs.shape[-1])

        def of_class(name: str) -> Array:
            zeros = nn.initializers.zeros
            dense = nn.Dense(shape[-1], use_bias=False, kernel_init=zeros, name=name)
            return dense(condition).reshape(shape)

        return hidden * (1 + of_class("scale")) + of_class("offset")


def _around_one(deviation: float) -> nn.initializers.Initializer:
    normal = nn.initializers.normal(deviation)
    return lambda key, shape, dtype=jnp.float32: 1 + normal(key, shape, dtype)
