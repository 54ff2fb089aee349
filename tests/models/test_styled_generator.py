"""Generators with noise, of two networks, and with statistics."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgen import losses, models, networks
from jaxgen.errors import InputError
from jaxgen.models import averaging
from jaxgen.random import normal
from tests.models import tiny_gan

ROWS = 4
BATCH = {"data": jnp.ones((ROWS, 2))}


def recorded(found):
    """Returns a critic that notes its samples and a draw from its keys."""
    network = tiny_gan.two_layers(1)

    def apply(params, stats, samples, *, keys=None, **mode):
        if keys is not None:
            drawn = normal(keys, (samples.shape[0],))
            jax.debug.callback(lambda *one: found.append(one), samples, drawn)
        return network.apply(params, stats, samples)

    return network._replace(apply=apply)


def noise_generator(key, latents):
    return jnp.zeros((1, 1))


def add_noise(params, latents, *, keys=None):
    noise = 0.0 if keys is None else normal(keys, latents.shape)
    return params * latents + noise


def test_noise_is_drawn_for_each_example_and_each_step_and_in_sampling(
    without_types, key
):
    found = []
    generator = networks.pure_functions(noise_generator, add_noise)
    model = models.gan(
        generator, recorded(found), optax.sgd(0.0), optax.sgd(0.0),
        latents=2, critic_steps=2,
    )  # fmt: skip
    batch = {"data": jnp.ones((2 * ROWS, 2))}
    state = model.init(key, batch)
    jax.block_until_ready(jax.jit(model.update)(state, batch))
    jax.effects_barrier()
    fakes = {
        np.asarray(rows).tobytes() for rows, _ in found if (np.asarray(rows) != 1).all()
    }
    assert len(fakes) == 3  # Two steps of the critic, one of the generator.
    for rows in fakes:
        assert len(set(np.frombuffer(rows, np.float32))) == 2 * ROWS
    # The critic draws other numbers for data than for samples, and in each step.
    drawn = {np.asarray(one).tobytes() for _, one in found}
    assert len(drawn) >= 5

    latents = jnp.ones((50, 2))
    np.testing.assert_array_equal(model.generate(state, latents), jnp.zeros((50, 2)))
    keys = jax.random.split(jax.random.key(1), 50)
    np.testing.assert_array_equal(
        model.generate(state, latents, keys=keys),
        model.generate(state, 5.0 * latents, keys=jax.random.clone(keys)),
    )
    one_key = model.generate(state, latents, keys=jax.random.key(2))
    assert len(np.unique(one_key)) == 100
    with pytest.raises(InputError, match="keys"):
        model.generate(state, latents, keys=jnp.zeros((50, 2), jnp.uint32))
    samples = np.asarray(model.sample(state, jax.random.key(2), 50))
    assert len(np.unique(samples)) == 100
    assert abs(samples.std() - 1.0) < 5 / np.sqrt(2 * 100)
    terms = model.evaluate(state, jax.random.key(3), batch)
    assert len(np.unique(terms["fake_logit"])) == 2 * ROWS


def test_styles_of_the_mapping_are_repeated_for_each_layer_of_the_synthesis(key):
    seen = []

    def synthesize(params, styles):
        seen.append(styles.shape)
        return jnp.einsum("nlf,lf->n", styles, params)[:, None]

    model = models.gan(
        models.StyledGenerator(
            networks.pure_functions(
                lambda key, latents, condition: jnp.ones((5, 2)),
                lambda params, z, c: jnp.concatenate([z, c], axis=-1) @ params,
            ),
            networks.pure_functions(
                lambda key, styles: jnp.array([[1.0, 0], [0, 10], [100, 0]]), synthesize
            ),
            num_styles=3,
        ),
        tiny_gan.two_layers(1), optax.sgd(0.1), optax.sgd(0.1),
        latents=2, num_classes=3,
    )  # fmt: skip
    batch = {"data": jnp.ones((ROWS, 1)), "label": jnp.arange(ROWS) % 3}
    state = model.init(key, batch)
    found = model.generate(state, jnp.array([[2.0, 3.0]]), jnp.array([[0.0, 1.0, 0.0]]))
    np.testing.assert_allclose(found, [[6.0 * 111.0]])
    assert set(seen) == {(ROWS, 3, 2), (1, 3, 2)}
    after, _ = jax.jit(model.update)(state, batch)
    for part in ("mapping", "synthesis"):
        moved = jnp.abs(
            getattr(after.generator.params, part)
            - getattr(state.generator.params, part)
        )
        assert moved.max() > 0


@pytest.mark.parametrize(
    ("statistics_from", "passes"), [("generator_steps", 1), ("all_steps", 3)]
)
@pytest.mark.parametrize("average", [True, False])
def test_statistics_move_in_the_passes_asked_for(key, statistics_from, passes, average):
    model = models.gan(
        models.StyledGenerator(
            tiny_gan.averaging_mapping(2), tiny_gan.two_layers((2,)), num_styles=2
        ),
        tiny_gan.two_layers(1), optax.sgd(0.1), optax.sgd(0.1),
        latents=2, critic_steps=2, ema_decay=0.9,
        statistics_from=statistics_from, average_statistics=average,
        draw_latents=lambda keys, shape: jnp.ones(shape),
    )  # fmt: skip
    state = model.init(key, BATCH)
    styles = state.generator.params.mapping.sum(axis=0)
    after, _ = jax.jit(model.update)(state, BATCH)
    stats = after.generator.stats.mapping
    assert stats["passes"] == passes
    share = 1 - 0.5**passes
    np.testing.assert_allclose(stats["average"], share * styles, rtol=1e-5)
    # The decay of the first step of the moving average is 1 / 10.
    averaged = after.ema[1].mapping
    assert averaged["passes"] == passes
    weight = 0.9 if average else 1.0
    np.testing.assert_allclose(averaged["average"], weight * stats["average"])


def test_a_moving_average_copies_whole_numbers():
    latest = {"weight": jnp.array(2.0), "count": jnp.array(7)}
    average = {"weight": jnp.array(1.0), "count": jnp.array(3)}
    found = averaging.moving_average(
        latest, average, decay=0.75, step=jnp.int32(1_000_000)
    )
    assert found == {"weight": 1.25, "count": 7}
    assert found["count"].dtype == jnp.int32


@pytest.mark.parametrize("player", ["critic", "generator"])
def test_a_factor_of_one_half_makes_half_a_step(key, player):
    # Adam would hide it.
    def step(factor):
        model = tiny_gan.gan(
            loss=losses.gan.least_squares(),
            critic_optimizer=optax.sgd(0.1 if player == "critic" else 0.0),
            generator_optimizer=optax.sgd(0.1 if player == "generator" else 0.0),
            **{f"{player}_factor": factor},
        )
        state = model.init(jax.random.clone(key), BATCH)
        after, metrics = jax.jit(model.update)(state, BATCH)
        own = [getattr(one, player).params for one in (after, state)]
        terms = model.evaluate(state, jax.random.key(1), BATCH)
        moved = jax.tree.map(jnp.subtract, *own)
        return moved, jnp.append(terms[f"{player}_loss"], metrics[f"{player}_loss"])

    (whole, loss), (half, half_loss) = step(1.0), step(0.5)
    assert max(jnp.abs(leaf).max() for leaf in jax.tree.leaves(whole)) > 1e-3
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, 2.0 * b, rtol=1e-4, atol=1e-6),
        whole,
        half,
    )
    np.testing.assert_allclose(loss, 2.0 * half_loss, rtol=1e-6)


def test_generators_that_are_none_are_refused_with_the_cure(without_types, key):
    def build(generator, **options):
        return models.gan(
            generator, tiny_gan.two_layers(1), optax.sgd(0.1), optax.sgd(0.1),
            latents=2, **options,
        )  # fmt: skip

    two = models.StyledGenerator(
        tiny_gan.two_layers((2, 3)), tiny_gan.two_layers((2,)), 2
    )
    with pytest.raises(InputError, match="give a Network, as networks.pure"):
        build(3)
    with pytest.raises(InputError, match=r"shape \(4, 2, 3\): make it for \(batch"):
        build(two).init(key, BATCH)
    with pytest.raises(InputError, match="num_styles=0"):
        build(two._replace(num_styles=0))
    with pytest.raises(InputError, match="statistics_from='both' is unknown"):
        build(tiny_gan.two_layers((2,)), statistics_from="both")


def test_the_decay_of_the_average_may_be_a_function_of_the_step(key):
    def decay(step):
        return 0.25 * step

    model = tiny_gan.gan(ema_decay=decay)
    first = model.init(key, BATCH)
    second, _ = jax.jit(model.update)(first, BATCH)
    third, _ = jax.jit(model.update)(second, BATCH)
    # Of decay 0 at first, without the bound (1 + step) / (10 + step) afterwards.
    wanted = jax.tree.map(
        lambda new, old: 0.75 * new + 0.25 * old,
        third.generator.params,
        second.generator.params,
    )
    jax.tree.map(np.testing.assert_array_equal, second.ema[0], second.generator.params)
    jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-6), third.ema[0], wanted)
