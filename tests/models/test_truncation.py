"""Styles of a generator, their truncation, and samples from them."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgen import models, networks
from jaxgen.errors import InputError
from jaxgen.random import normal
from tests.models import tiny_gan

LAYERS, FEATURES = 3, 2
BATCH = {"data": jnp.ones((4, 2)), "label": jnp.arange(4) % 3}
LATENTS = jnp.asarray(np.random.default_rng(0).normal(size=(5, 2)), jnp.float32)
CONDITION = jax.nn.one_hot(jnp.arange(5) % 3, 3)
AVERAGE = jnp.array([3.0, -1.0])


def noisy_synthesis():
    """Returns a synthesis that adds noise where it is given keys."""
    plain = tiny_gan.two_layers((2,))

    def apply(params, styles, *, keys=None):
        samples = plain.apply(params, (), styles)[0]
        return samples if keys is None else samples + normal(keys, samples.shape)

    return networks.pure_functions(lambda key, x: plain.init(key, x)[0], apply)


def styled(key, *, num_classes=None, **options):
    """Returns a GAN of two networks, and its state, whose average style is AVERAGE."""
    model = models.gan(
        models.StyledGenerator(
            tiny_gan.averaging_mapping(FEATURES), noisy_synthesis(), num_styles=LAYERS
        ),
        tiny_gan.two_layers(1), optax.sgd(0.1), optax.sgd(0.1),
        latents=2, num_classes=num_classes, **options,
    )  # fmt: skip
    batch = BATCH if num_classes else {"data": BATCH["data"]}
    state = model.init(key, batch)
    stats = state.generator.stats
    stats = stats._replace(mapping=stats.mapping | {"average": AVERAGE})
    return model, state._replace(generator=state.generator._replace(stats=stats))


@pytest.mark.parametrize("num_classes", [None, 3])
@pytest.mark.parametrize("signed", [False, True])
def test_samples_of_latents_are_those_of_their_styles(key, num_classes, signed):
    model, state = styled(key, num_classes=num_classes, signed=signed)
    condition = CONDITION if num_classes else None
    styles = model.map_latents(state, LATENTS, condition)
    assert styles.shape == (5, LAYERS, FEATURES)
    for keys in (None, jax.random.split(jax.random.key(1), 5)):
        own = None if keys is None else jax.random.clone(keys)
        np.testing.assert_array_equal(
            model.synthesize(state, styles, keys=own),
            model.generate(state, LATENTS, condition, keys),
        )


def test_styles_of_a_generator_of_one_network_are_its_latents(key):
    model = tiny_gan.gan(num_classes=3)
    state = model.init(key, BATCH)
    styles = model.map_latents(state, LATENTS, CONDITION)
    np.testing.assert_array_equal(styles, LATENTS)
    np.testing.assert_array_equal(
        model.synthesize(state, styles, CONDITION),
        model.generate(state, LATENTS, CONDITION),
    )
    with pytest.raises(InputError, match="The condition is missing"):
        model.synthesize(state, styles)


def test_truncation_moves_the_styles_of_the_first_layers_to_their_average(key):
    model, state = styled(key)
    whole = model.map_latents(state, LATENTS)
    found = model.map_latents(state, LATENTS, truncation=0.7, truncated_layers=2)
    average = AVERAGE[None, None]
    wanted = average + 0.7 * (whole[:, :2] - average)
    np.testing.assert_allclose(found[:, :2], wanted, rtol=1e-6)
    np.testing.assert_array_equal(found[:, 2], whole[:, 2])
    all_layers = model.map_latents(state, LATENTS, truncation=0.7)
    np.testing.assert_allclose(all_layers[:, 2], wanted[:, 0], rtol=1e-6)
    # A number that is traced, and 1, which changes nothing.
    traced = jax.jit(lambda psi: model.map_latents(state, LATENTS, truncation=psi))
    np.testing.assert_allclose(traced(jnp.float32(0.7)), all_layers, rtol=1e-6)
    np.testing.assert_array_equal(
        model.generate(state, LATENTS, truncation=1.0), model.generate(state, LATENTS)
    )


def test_truncation_0_gives_every_sample_the_average_style(key):
    model, state = styled(key)
    styles = model.map_latents(state, LATENTS, truncation=0.0)
    np.testing.assert_array_equal(
        styles, jnp.broadcast_to(AVERAGE[None, None], styles.shape)
    )
    made = model.generate(state, LATENTS, truncation=0.0)
    np.testing.assert_array_equal(made, jnp.broadcast_to(made[:1], made.shape))
    first, other = (
        model.sample(state, jax.random.key(2), 5, truncation=psi, truncated_layers=1)
        for psi in (0.0, 1.0)
    )
    assert jnp.abs(first - other).min() > 0


@pytest.mark.parametrize("average_statistics", [True, False])
def test_truncation_uses_the_average_that_goes_with_the_averaged_generator(
    key, average_statistics
):
    model, state = styled(
        key, ema_decay=0.9, average_statistics=average_statistics
    )  # The average of `init` is 0, and one step moves it.
    after, _ = jax.jit(model.update)(state, {"data": BATCH["data"]})
    styles = model.map_latents(after, LATENTS, truncation=0.0)
    np.testing.assert_array_equal(styles[0, 0], after.ema[1].mapping["average"])
    latest = after.generator.stats.mapping["average"]
    assert bool((styles[0, 0] == latest).all()) == (not average_statistics)


def test_truncation_without_an_average_is_refused_with_the_cure(key):
    plain = tiny_gan.gan()
    state = plain.init(key, {"data": BATCH["data"]})
    with pytest.raises(InputError, match="truncation=0.7 moves styles.*'average'"):
        plain.generate(state, LATENTS, truncation=0.7)
    with pytest.raises(InputError, match="A truncation moves styles"):
        jax.jit(lambda psi: plain.generate(state, LATENTS, truncation=psi))(1.0)
    plain.generate(state, LATENTS, truncation=jnp.float32(1.0))
    model, state = styled(jax.random.clone(key))
    with pytest.raises(InputError, match="truncated_layers=4"):
        model.generate(state, LATENTS, truncation=0.7, truncated_layers=4)
    with pytest.raises(InputError, match="truncation=nan"):
        model.generate(state, LATENTS, truncation=float("nan"))
