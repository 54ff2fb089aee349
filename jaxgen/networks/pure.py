"""From a Flax module to two pure functions: no module leaves this room."""

from typing import Any

from flax import linen as nn

from jaxgen.typing import Network, Params, PRNGKeyArray


def pure(module: nn.Module) -> Network:
    """Returns a module's `init` and `apply` as pure functions of its parameters.

    Only the collection "params" is kept: for a module that also keeps statistics this
    raises when it is applied, rather than lose them in silence.

    Examples:
        >>> import jax
        >>> network = pure(nn.Dense(3))
        >>> params = network.init(jax.random.key(0), jax.numpy.zeros((1, 2)))
        >>> jax.tree.map(jax.numpy.shape, params)
        {'bias': (3,), 'kernel': (2, 3)}
        >>> network.apply(params, jax.numpy.zeros((5, 2))).shape
        (5, 3)
    """

    def init(key: PRNGKeyArray, *inputs: Any) -> Params:
        return module.init(key, *inputs)["params"]

    def apply(params: Params, *inputs: Any) -> Any:
        return module.apply({"params": params}, *inputs)

    return Network(init, apply)
