"""AdaGAN: a mixture of GANs, each trained on what the ones before it lack.

Tolstikhin et al., AdaGAN: Boosting Generative Models, 2017.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxgen import random
from jaxgen.checks import check_batch, check_count, check_floats
from jaxgen.errors import InputError
from jaxgen.losses import boosting
from jaxgen.losses.boosting import BoostedWeights
from jaxgen.losses.gan import cross_entropy_critic_loss
from jaxgen.models import gan_checks
from jaxgen.models.gan import GAN, GANState
from jaxgen.models.gradient_step import gradient_step
from jaxgen.typing import (
    Array,
    Batch,
    Evaluate,
    Init,
    Metrics,
    NetState,
    Network,
    Params,
    PRNGKeyArray,
    RandomKeys,
    Update,
)

_Moving = tuple[GANState, NetState, Metrics]
_OWN_METRICS = ("classifier_loss", "effective_share")


class AdaGANState(NamedTuple):
    """The state of an AdaGAN: a pytree without functions inside.

    Attributes:
        step: Number of updates done, int32 scalar.
        key: The root key, which never changes.
        components: The states of all GANs, stacked, without their keys; the last ones
            may not have begun.
        classifier: Parameters, statistics and optimizer state.
        metrics: Those of the last update; while the classifier trains, those of the
            component stand still, and the other way round.
    """

    step: Array
    key: PRNGKeyArray
    components: GANState
    classifier: NetState
    metrics: Metrics


class AdaGAN(NamedTuple):
    """The pure functions of an AdaGAN; see `adagan`.

    Under `vmap`, and so in an `ensemble`, each update computes a step of the component
    as well as of the classifier, and keeps the one whose turn it is.

    Attributes:
        init: `(key, batch) -> AdaGANState`; `key` becomes the root key of the run.
        update: `(state, batch, axis_name=None) -> (AdaGANState, Metrics)`, a step of
            the newest component or of the classifier.
        evaluate: `(state, key, batch) -> terms per example`: the classifier's.
        sample: `(state, key, n, *, components=None) -> n samples` of the mixture of the
            first components, by default of all that have begun.
        generate_each: `(state, latents) -> samples` of each component, shape
            (components, n, ...), those that have not begun among them.
        draw_latents: `(key, shape) -> latents`.
        latents: Dimension of the latent space.
        critique: `(state, samples) -> logits` of the classifier, large for what looks
            more like data than like the mixture it was last trained on.
        weigh: `(state, samples) -> BoostedWeights` of data for the newest component.
        begun: `state -> number of components that have begun`, int32 scalar.
        num_steps: Updates until all components are trained.
    """

    init: Init
    update: Update
    evaluate: Evaluate
    sample: Callable[..., Array]
    generate_each: Callable[..., Array]
    draw_latents: Callable[..., Array]
    latents: int
    critique: Callable[..., Array]
    weigh: Callable[..., BoostedWeights]
    begun: Callable[..., Array]
    num_steps: int


def adagan(
    component: GAN,
    classifier: Network,
    classifier_optimizer: optax.GradientTransformation,
    *,
    num_components: int,
    component_steps: int,
    classifier_steps: int,
    candidates: int = 4,
    shares: Sequence[float] | None = None,
) -> AdaGAN:
    """Makes a mixture of GANs that grows by one whenever the last is trained.

    In turn, a component trains for `component_steps` updates, then the classifier for
    `classifier_steps`, on data against the mixture so far; the next component trains on
    data with the weights of `losses.boosting.boosted_weights`. A trained component
    stands still; the classifier goes on from where it was.

    The component sees data *drawn* by their weights rather than a weighted loss: to it
    they are data like any others, so that every loss, penalty and remedy goes with it.
    The weights are computed anew in each batch, so that data may be endless and each
    seed of an ensemble has its own. The batch holds several candidates for each row
    that is drawn: of one alone, a component whose part is an eighth of the data would
    see eight copies of each row.

    Args:
        component: A GAN without a condition; each component is one of it.
        classifier: `samples -> logits`, shape (batch,).
        classifier_optimizer: Any optax transformation.
        num_components: GANs in the mixture.
        component_steps: Updates of each component.
        classifier_steps: Updates of the classifier between two components.
        candidates: Rows of the batch for each row that a component sees.
        shares: beta of each component as it joins, the first 1; by default 1, 1/2, 1/3,
            ..., which makes an even mixture.

    Returns:
        The model, safe under `jit`, `vmap` over seeds, `scan` over steps, `pmap` and
        `shard_map`; its training is over after `num_steps` updates, and further ones
        train the last component on.

    Raises:
        InputError: The numbers or the component cannot be used.

    References:
        Tolstikhin et al., AdaGAN, 2017, algorithm 1.
    """
    counts = {
        "num_components": num_components,
        "component_steps": component_steps,
        "classifier_steps": classifier_steps,
        "candidates": candidates,
    }
    for name, count in counts.items():
        check_count(name, count, 1)
    if component.num_classes is not None:
        raise InputError(
            "The component is conditional, and a mixture by AdaGAN is not: make the "
            "GAN without num_classes."
        )
    if shares is None:
        shares = [1.0 / (number + 1) for number in range(num_components)]
    if len(shares) != num_components:
        raise InputError(
            f"There are {len(shares)} shares for {num_components} components: give one "
            "for each."
        )
    table = boosting.mixture_weights(shares)
    network = classifier
    period = component_steps + classifier_steps

    def begun(state: AdaGANState) -> Array:
        done = jnp.maximum(state.step - 1, 0) // period
        return jnp.minimum(done, num_components - 1) + 1

    def component_key(key: PRNGKeyArray, number: Array) -> PRNGKeyArray:
        return jax.random.fold_in(random.stream(key, "component"), number)

    def chosen(batch: Batch) -> Batch:
        """Returns as many rows of a batch as a component sees."""
        return jax.tree.map(lambda leaf: leaf[::candidates], batch)

    def logits_of(state: AdaGANState, samples: Array) -> Array:
        check_floats(samples=samples)
        net = state.classifier
        return network.apply(net.params, net.stats, samples)[0]

    def generate_each(state: AdaGANState, latents: Array) -> Array:
        made = jax.vmap(component.generate, in_axes=(0, None))
        return made(state.components, latents)

    def mixture(state: AdaGANState, keys: RandomKeys, count: Array | int) -> Array:
        """Draws a sample of the first `count` components for each key."""
        odds = jnp.log(jnp.asarray(table)[count - 1])
        rows = keys.shape[0]
        keys = jax.vmap(jax.random.split)(keys)
        which = jax.vmap(jax.random.categorical, in_axes=(0, None))(keys[:, 0], odds)
        latents = component.draw_latents(keys[:, 1], (rows, component.latents))
        # All components make all samples: gathering each row's own parameters would
        # cost more.
        return generate_each(state, latents)[which, jnp.arange(rows)]

    def init(key: PRNGKeyArray, batch: Batch, /) -> AdaGANState:
        check_batch(batch, "image")
        samples = batch["image"]
        if samples.shape[0] % candidates:
            raise InputError(
                f"A batch of {samples.shape[0]} cannot hold {candidates} candidates a "
                f"row: take a batch size that is a multiple of {candidates}."
            )
        few = chosen(batch)

        def first_state(number: Array) -> GANState:
            return component.init(component_key(key, number), few)

        components = jax.vmap(first_state)(jnp.arange(num_components))
        params, stats = network.init(random.stream(key, "classifier"), samples)
        found = jax.eval_shape(network.apply, params, stats, samples)[0].shape
        gan_checks.check_logits(found, samples.shape[0], 1)
        one = jax.eval_shape(component.init, key, few)
        shapes = jax.eval_shape(component.update, one, few)[1]
        metrics = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
        return AdaGANState(
            step=jnp.zeros((), jnp.int32),
            key=key,
            components=components._replace(key=()),
            classifier=NetState(params, stats, classifier_optimizer.init(params)),
            metrics=metrics | {name: jnp.zeros(()) for name in _OWN_METRICS},
        )

    def weights_of(
        state: AdaGANState, samples: Array, number: Array, axis_name: str | None
    ) -> BoostedWeights:
        logits = logits_of(state, samples)
        if axis_name is not None:
            logits = jax.lax.all_gather(logits, axis_name, tiled=True)
        beta = jnp.asarray(shares, logits.dtype)[number]
        return boosting.boosted_weights(boosting.density_ratio(logits), beta)

    def update(
        state: AdaGANState, batch: Batch, axis_name: str | None = None
    ) -> tuple[AdaGANState, Metrics]:
        check_batch(batch, "image")
        number = jnp.minimum(state.step // period, num_components - 1)
        key = random.step_key(state.key, state.step)

        # Plain bits: under vmap a cond becomes a select, and would use a key twice.
        bits = {
            name: jax.random.key_data(own)
            for name, own in {
                "component": component_key(state.key, number),
                "rows": random.stream(key, "rows"),
                "mixture": random.stream(key, "mixture"),
            }.items()
        }
        impl = jax.random.key_impl(state.key)

        def key_of(name: str) -> PRNGKeyArray:
            return jax.random.wrap_key_data(bits[name], impl=impl)

        # Only what moves goes through the branches: under vmap both are computed.
        one = jax.tree.map(lambda leaf: leaf[number], state.components)
        moving = (one, state.classifier, state.metrics)

        def train_component(moving: _Moving) -> _Moving:
            one, net, metrics = moving
            found = weights_of(state, batch["image"], number, axis_name)
            rows = _drawn_rows(key_of("rows"), found.weights, candidates, axis_name)
            few = jax.tree.map(lambda leaf: _gathered(leaf, axis_name)[rows], batch)
            one = one._replace(key=key_of("component"))
            one, new = component.update(one, few, axis_name)
            share = 1.0 / (jnp.sum(found.weights**2) * found.weights.shape[0])
            if axis_name is not None:
                share = jax.lax.pmean(share, axis_name)
            new |= {"effective_share": share}
            return one._replace(key=()), net, metrics | new

        def train_classifier(moving: _Moving) -> _Moving:
            one, net, metrics = moving
            real = batch["image"]
            keys = random.example_keys(
                key_of("mixture"), real.shape[0], axis_name=axis_name
            )
            fake = mixture(state, keys, number + 1)

            def loss(params: Params) -> tuple[Array, Any]:
                real_logits, stats = network.apply(
                    params, net.stats, real, train=True, axis_name=axis_name
                )
                fake_logits, stats = network.apply(
                    params, stats, fake, train=True, axis_name=axis_name
                )
                value = jnp.mean(cross_entropy_critic_loss(real_logits, fake_logits))
                return value, ({"classifier_loss": value}, stats)

            net, found, stats = gradient_step(
                loss, net, classifier_optimizer, axis_name=axis_name
            )
            new = {"classifier_loss": found["classifier_loss"]}
            return one, net._replace(stats=stats), metrics | new

        turn = state.step - number * period
        is_classifier = (turn >= component_steps) & (number < num_components - 1)
        one, net, metrics = jax.lax.cond(
            is_classifier, train_classifier, train_component, moving
        )
        components = jax.tree.map(
            lambda leaf, new: leaf.at[number].set(new), state.components, one
        )
        state = AdaGANState(state.step + 1, state.key, components, net, metrics)
        return state, metrics

    def sample(
        state: AdaGANState,
        key: PRNGKeyArray,
        n: int,
        *,
        components: Array | int | None = None,
    ) -> Array:
        check_count("n", n, 0)
        if components is None:
            components = begun(state)
        else:
            check_count("components", components, 1, num_components)
        return mixture(state, random.example_keys(key, n), components)

    def evaluate(state: AdaGANState, key: PRNGKeyArray, batch: Batch, /) -> Metrics:
        check_batch(batch, "image")
        rows = batch["image"].shape[0]
        fake = mixture(state, random.example_keys(key, rows), begun(state))
        real_logits = logits_of(state, batch["image"])
        fake_logits = logits_of(state, fake)
        return {
            "classifier_loss": cross_entropy_critic_loss(real_logits, fake_logits),
            "real_logit": real_logits,
            "fake_logit": fake_logits,
        }

    return AdaGAN(
        init=init,
        update=update,
        evaluate=evaluate,
        sample=sample,
        generate_each=generate_each,
        draw_latents=component.draw_latents,
        latents=component.latents,
        critique=logits_of,
        weigh=lambda state, samples: weights_of(state, samples, begun(state) - 1, None),
        begun=begun,
        num_steps=num_components * period - classifier_steps,
    )


def _gathered(leaf: Array, axis_name: str | None) -> Array:
    if axis_name is None:
        return leaf
    return jax.lax.all_gather(leaf, axis_name, tiled=True)


def _drawn_rows(
    key: PRNGKeyArray, weights: Array, candidates: int, axis_name: str | None
) -> Array:
    """Draws this device's rows of the whole batch, each as often as it weighs.

    By systematic resampling: with even weights no row comes twice. In random order, as
    the copies of a row would else be neighbours, and remedies compare neighbours.
    """
    count = weights.shape[0] // candidates
    offset_key, order_key = jax.random.split(key)
    ends = jnp.cumsum(weights)
    points = (jnp.arange(count) + jax.random.uniform(offset_key)) / count * ends[-1]
    # Rounding may put the last point at the end, past every row of weight above 0.
    last = jnp.max(jnp.where(weights > 0, jnp.arange(weights.shape[0]), 0))
    rows = jnp.minimum(jnp.searchsorted(ends, points, side="right"), last)
    rows = jax.random.permutation(order_key, rows)
    if axis_name is None:
        return rows
    own = count // jax.lax.axis_size(axis_name)
    return jax.lax.dynamic_slice_in_dim(rows, jax.lax.axis_index(axis_name) * own, own)
