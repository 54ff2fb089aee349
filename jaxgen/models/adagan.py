"""AdaGAN: a mixture of GANs, each trained on what the ones before it lack.

Tolstikhin et al., AdaGAN: Boosting Generative Models, 2017.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxgen import random
from jaxgen.calls import factory
from jaxgen.checks import check_count, check_floats, examples_of
from jaxgen.errors import InputError
from jaxgen.losses import boosting
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
    PyTree,
    RandomKeys,
    Update,
)

__all__ = ["AdaGAN", "AdaGANState", "adagan"]


class AdaGANState(NamedTuple):
    """The state of an AdaGAN: a pytree without functions inside.

    Attributes:
        step: Number of updates done, int32 scalar.
        key: The root key, which never changes.
        components: The states of all GANs, stacked, without their keys; the last ones
            may not have begun.
        classifier: Parameters, statistics and optimizer state.
        metrics: Of the last update of the component and of the classifier.
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
        sample: `(state, key, n, *, components=None) -> n samples` of the mixture of
            that many components, by default of all that have begun.
        generate_each: `(state, latents, keys=None) -> samples` of each component, begun
            or not, shape (components, n, ...).
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
    weigh: Callable[..., boosting.BoostedWeights]
    begun: Callable[..., Array]
    num_steps: int


class _Settings(NamedTuple):
    """Arguments of `adagan`, and the weights of mixtures of each length."""

    component: GAN
    classifier: Network
    optimizer: optax.GradientTransformation
    num_components: int
    period: int
    candidates: int
    shares: Sequence[float]
    mixture_weights: np.ndarray


class _Turn(NamedTuple):
    """Inputs of one update, of the component `number` or of the classifier."""

    state: AdaGANState
    key_bits: Array
    batch: Batch
    number: Array
    axis_name: str | None


class _Moving(NamedTuple):
    """The state that an update changes."""

    component: GANState
    classifier: NetState
    metrics: Metrics


@factory
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
    data with the weights of `losses.boosting.boosted_weights`. A trained component does
    not change; the classifier goes on from where it was.

    The component sees data *drawn* by their weights rather than a weighted loss: to it
    they are data like any others, and every loss, penalty and remedy can be used.
    The weights are computed for each batch, so that data may be endless and each seed
    of an ensemble has its own. The batch holds several candidates for each row that is
    drawn: with one, a component that lacks an eighth of the data would see each row
    eight times.

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
    check_count("num_components", num_components, 1)
    check_count("component_steps", component_steps, 1)
    check_count("classifier_steps", classifier_steps, 1)
    check_count("candidates", candidates, 1)
    if component.num_classes is not None:
        raise InputError(
            "The component is conditional: make the GAN without num_classes."
        )
    if shares is None:
        shares = [1.0 / (number + 1) for number in range(num_components)]
    if len(shares) != num_components:
        words = f"There are {len(shares)} shares for {num_components} components"
        raise InputError(f"{words}: give one for each.")
    period = component_steps + classifier_steps
    settings = _Settings(
        component=component,
        classifier=classifier,
        optimizer=classifier_optimizer,
        num_components=num_components,
        period=period,
        candidates=candidates,
        shares=shares,
        mixture_weights=boosting.mixture_weights(shares),
    )

    def init(key: PRNGKeyArray, batch: Batch, /) -> AdaGANState:
        samples = examples_of(batch)
        if samples.shape[0] % candidates:
            raise InputError(
                f"A batch of {samples.shape[0]} cannot hold {candidates} candidates a "
                f"row: take a batch size that is a multiple of {candidates}."
            )
        few = jax.tree.map(lambda leaf: leaf[::candidates], batch)
        keys = jax.vmap(partial(_component_key, key))(jnp.arange(num_components))
        components = jax.vmap(component.init, in_axes=(0, None))(keys, few)
        params, stats = classifier.init(random.stream(key, "classifier"), samples)
        found = jax.eval_shape(classifier.apply, params, stats, samples)[0].shape
        gan_checks.check_logits(found, samples.shape[0], 1)
        one = jax.eval_shape(component.init, key, few)
        shapes = jax.eval_shape(component.update, one, few)[1]
        metrics = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
        names = "classifier_loss", "effective_share"
        return AdaGANState(
            step=jnp.zeros((), jnp.int32),
            key=key,
            components=components._replace(key=()),
            classifier=NetState(params, stats, classifier_optimizer.init(params)),
            metrics=metrics | {name: jnp.zeros(()) for name in names},
        )

    def update(
        state: AdaGANState, batch: Batch, axis_name: str | None = None
    ) -> tuple[AdaGANState, Metrics]:
        examples_of(batch)
        number = jnp.minimum(state.step // period, num_components - 1)
        # Plain bits: under vmap a cond becomes a select, and would use a key twice.
        bits = jax.random.key_data(state.key)
        turn = _Turn(state, bits, batch, number, axis_name)
        is_classifier = state.step - number * period >= component_steps
        is_classifier &= number < num_components - 1
        # Only what moves goes through the branches: under vmap both are computed.
        one = jax.tree.map(lambda leaf: leaf[number], state.components)
        moved = jax.lax.cond(
            is_classifier,
            partial(_classifier_step, settings, turn),
            partial(_component_step, settings, turn),
            _Moving(one, state.classifier, state.metrics),
        )
        components = jax.tree.map(
            lambda leaf, new: leaf.at[number].set(new), state.components, moved[0]
        )
        after = AdaGANState(state.step + 1, state.key, components, *moved[1:])
        return after, moved.metrics

    def sample(
        state: AdaGANState,
        key: PRNGKeyArray,
        n: int,
        *,
        components: Array | int | None = None,
    ) -> Array:
        check_count("n", n, 0)
        if components is None:
            components = _begun(settings, state)
        else:
            check_count("components", components, 1, num_components)
        return _mixture(settings, state, random.example_keys(key, n), components)

    def evaluate(state: AdaGANState, key: PRNGKeyArray, batch: Batch, /) -> Metrics:
        real = examples_of(batch)
        keys = random.example_keys(key, real.shape[0])
        fake = _mixture(settings, state, keys, _begun(settings, state))
        real_logits = _logits(settings, state, real)
        fake_logits = _logits(settings, state, fake)
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
        generate_each=partial(_generate_each, settings),
        draw_latents=component.draw_latents,
        latents=component.latents,
        critique=partial(_logits, settings),
        weigh=lambda state, samples: _weights(
            settings, state, samples, _begun(settings, state) - 1
        ),
        begun=partial(_begun, settings),
        num_steps=num_components * period - classifier_steps,
    )


def _begun(settings: _Settings, state: AdaGANState) -> Array:
    """Returns the number of components that have begun."""
    done = jnp.maximum(state.step - 1, 0) // settings.period
    return jnp.minimum(done, settings.num_components - 1) + 1


def _root_key(turn: _Turn) -> PRNGKeyArray:
    impl = jax.random.key_impl(turn.state.key)
    return jax.random.wrap_key_data(turn.key_bits, impl=impl)


def _component_key(key: PRNGKeyArray, number: Array) -> PRNGKeyArray:
    return jax.random.fold_in(random.stream(key, "component"), number)


def _logits(settings: _Settings, state: AdaGANState, samples: Array) -> Array:
    check_floats(samples=samples)
    net = state.classifier
    return settings.classifier.apply(net.params, net.stats, samples)[0]


def _generate_each(
    settings: _Settings,
    state: AdaGANState,
    latents: Array,
    keys: RandomKeys | None = None,
) -> Array:
    generate = jax.vmap(settings.component.generate, in_axes=(0, None, None, None))
    return generate(state.components, latents, None, keys)


def _mixture(
    settings: _Settings, state: AdaGANState, keys: RandomKeys, count: Array | int
) -> Array:
    """Draws a sample of the first `count` components for each key."""
    log_weights = jnp.log(jnp.asarray(settings.mixture_weights)[count - 1])
    noise_keys = jax.vmap(partial(random.stream, name="noise"))(keys)
    keys = jax.vmap(jax.random.split)(keys)
    component = jax.vmap(jax.random.categorical, (0, None))(keys[:, 0], log_weights)
    shape = (len(keys), settings.component.latents)
    latents = settings.component.draw_latents(keys[:, 1], shape)
    # All components make all samples: to gather parameters for each row costs more.
    samples = _generate_each(settings, state, latents, noise_keys)
    return samples[component, jnp.arange(len(component))]


def _weights(
    settings: _Settings,
    state: AdaGANState,
    samples: Array,
    number: Array,
    axis_name: str | None = None,
) -> boosting.BoostedWeights:
    """Weighs data, of all devices, for the component `number`."""
    logits = _gathered(_logits(settings, state, samples), axis_name)
    beta = jnp.asarray(settings.shares, logits.dtype)[number]
    return boosting.boosted_weights(boosting.density_ratio(logits), beta)


def _component_step(settings: _Settings, turn: _Turn, moving: _Moving) -> _Moving:
    """Takes a step of the component, on data drawn by their weights."""
    key, axis_name = _root_key(turn), turn.axis_name
    samples = examples_of(turn.batch)
    weights = _weights(settings, turn.state, samples, turn.number, axis_name).weights
    # In random order: remedies compare neighbours, and these would else be copies.
    rows = random.systematic_resampling(
        random.stream(random.step_key(key, turn.state.step), "rows"),
        weights,
        weights.shape[0] // settings.candidates,
    )
    share = boosting.effective_share(weights)
    if axis_name is not None:
        rows = rows.reshape(jax.lax.axis_size(axis_name), -1)
        rows = rows[jax.lax.axis_index(axis_name)]
        share = jax.lax.pmean(share, axis_name)
    few = jax.tree.map(lambda leaf: _gathered(leaf, axis_name)[rows], turn.batch)
    one = moving.component._replace(key=_component_key(key, turn.number))
    one, metrics = settings.component.update(one, few, axis_name)
    metrics = moving.metrics | metrics | {"effective_share": share}
    return moving._replace(component=one._replace(key=()), metrics=metrics)


def _classifier_step(settings: _Settings, turn: _Turn, moving: _Moving) -> _Moving:
    """Takes a step of the classifier, on data against the mixture so far."""
    key = random.step_key(_root_key(turn), turn.state.step)
    real, axis_name = examples_of(turn.batch), turn.axis_name
    mixture_keys, real_keys, fake_keys = (
        random.example_keys(
            random.stream(key, name), real.shape[0], axis_name=axis_name
        )
        for name in ("mixture", "classifier real", "classifier fake")
    )
    fake = _mixture(settings, turn.state, mixture_keys, turn.number + 1)
    apply = partial(settings.classifier.apply, train=True, axis_name=axis_name)

    def loss(params: Params) -> tuple[Array, tuple[Metrics, PyTree]]:
        stats = moving.classifier.stats
        real_logits, stats = apply(params, stats, real, keys=real_keys)
        fake_logits, stats = apply(params, stats, fake, keys=fake_keys)
        value = jnp.mean(cross_entropy_critic_loss(real_logits, fake_logits))
        return value, ({"classifier_loss": value}, stats)

    net, metrics, stats = gradient_step(
        loss, moving.classifier, settings.optimizer, axis_name=axis_name
    )
    metrics = moving.metrics | {"classifier_loss": metrics["classifier_loss"]}
    return moving._replace(classifier=net._replace(stats=stats), metrics=metrics)


def _gathered(leaf: Array, axis_name: str | None) -> Array:
    return (
        leaf if axis_name is None else jax.lax.all_gather(leaf, axis_name, tiled=True)
    )
