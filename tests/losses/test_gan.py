import math
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.errors import InputError
from jaxgen.losses import gan

GAMES = [
    gan.minimax(),
    gan.non_saturating(),
    gan.least_squares(),
    gan.hinge(),
    gan.wasserstein(),
    gan.relativistic(),
]
REAL, FAKE = jnp.array([0.3, 2.0]), jnp.array([-0.5, 1.0])

every_game = pytest.mark.parametrize("game", GAMES, ids=lambda game: game.name)


def sp(x):
    return math.log1p(math.exp(x))


BY_HAND = {
    "minimax": [
        [sp(-0.3) + sp(-0.5), sp(-2.0) + sp(1.0)],
        [math.log(1 - 1 / (1 + math.exp(0.5))), math.log(1 - 1 / (1 + math.exp(-1)))],
    ],
    "non_saturating": [
        [sp(-0.3) + sp(-0.5), sp(-2.0) + sp(1.0)],
        [-math.log(1 / (1 + math.exp(0.5))), -math.log(1 / (1 + math.exp(-1)))],
    ],
    "least_squares": [
        [0.49 + 0.25, 1.0 + 1.0],
        [2.25, 0.0],
    ],
    "hinge": [[0.7 + 0.5, 0.0 + 2.0], [0.5, -1.0]],
    "wasserstein": [[-0.8, -1.0], [0.5, -1.0]],
    "relativistic": [[sp(-0.8), sp(-1.0)], [sp(0.8), sp(1.0)]],
}


@every_game
def test_both_losses_are_those_worked_out_by_hand(game):
    found = [game.critic(REAL, FAKE), game.generator(REAL, FAKE)]
    np.testing.assert_allclose(found, BY_HAND[game.name], rtol=1e-6)


@every_game
def test_each_side_pulls_the_logits_its_own_way(game):
    def slopes(loss):
        return jax.grad(lambda *logits: jnp.sum(loss(*logits)), argnums=(0, 1))

    # Inside the margins, where no hinge is flat and no square is past its label.
    real, fake = jnp.array([-0.4, 0.2]), jnp.array([0.1, 0.5])
    by_real, by_fake = slopes(game.critic)(real, fake)
    assert (by_real < 0).all()
    assert (by_fake > 0).all()
    # Downhill for the generator is up in D(G(z)), under every loss.
    assert (slopes(game.generator)(real, fake)[1] < 0).all()


@every_game
def test_losses_and_gradients_stay_finite_at_extreme_logits(game):
    real, fake = (jnp.array(a) for a in ([1e4, -1e4, 1e4, 0.0], [1e4, 1e4, -1e4, 0.0]))
    for loss in (game.critic, game.generator):
        value, slopes = jax.value_and_grad(
            lambda pair, loss=loss: jnp.sum(loss(*pair))
        )((real, fake))
        assert jnp.isfinite(value)
        assert all(jnp.isfinite(slope).all() for slope in slopes)


def test_only_the_minimax_generator_stops_learning_from_a_sure_critic():
    def slope(loss):
        fake = jnp.array([-20.0])
        return jax.grad(lambda fake: jnp.sum(loss(jnp.zeros(1), fake)))(fake)

    assert abs(slope(gan.minimax_generator_loss)[0]) < 1e-8
    assert slope(gan.non_saturating_generator_loss)[0] == pytest.approx(-1.0)


def test_the_generators_of_the_zero_sum_games_maximise_what_the_critics_minimise():
    for game in (gan.minimax(), gan.wasserstein()):
        by_critic, by_generator = (
            jax.grad(lambda fake, loss=loss: jnp.sum(loss(REAL, fake)))(FAKE)
            for loss in (game.critic, game.generator)
        )
        np.testing.assert_allclose(by_critic, -by_generator, rtol=1e-6)


def test_relativistic_losses_see_differences_alone_and_sum_to_the_absolute_pair():
    moved = gan.relativistic_critic_loss(REAL + 3.0, FAKE + 3.0)
    critic = gan.relativistic_critic_loss(REAL, FAKE)
    np.testing.assert_allclose(moved, critic, rtol=1e-5)
    # sp(x) - sp(-x) = x.
    np.testing.assert_allclose(
        gan.relativistic_generator_loss(REAL, FAKE) - critic, REAL - FAKE, rtol=1e-5
    )


def test_an_optimal_critic_estimates_the_jensen_shannon_divergence():
    with jax.enable_x64(True):
        x = jnp.linspace(-12.0, 13.0, 20_001)
        width = x[1] - x[0]

        def density(mean, deviation):
            square = ((x - mean) / deviation) ** 2
            return jnp.exp(-0.5 * square) / (deviation * math.sqrt(2 * math.pi))

        data, model = density(0.0, 1.0), density(1.5, 0.7)
        middle = 0.5 * (data + model)
        truth = (
            0.5
            * width
            * jnp.sum(data * jnp.log(data / middle) + model * jnp.log(model / middle))
        )
        logits = jnp.log(data) - jnp.log(model)

        def mean_loss(logits):
            # E_p sp(-D) + E_q sp(D), each half of the per-pair loss under its density.
            none = jnp.full_like(logits, -1e9)
            return width * jnp.sum(
                data * gan.cross_entropy_critic_loss(logits, none)
                + model * gan.cross_entropy_critic_loss(-none, logits)
            )

        best = mean_loss(logits)
        np.testing.assert_allclose(-best, -math.log(4) + 2 * truth, rtol=1e-10)
        np.testing.assert_allclose(gan.jensen_shannon_estimate(best), truth, rtol=1e-9)
        # From below at any other critic.
        assert gan.jensen_shannon_estimate(mean_loss(0.8 * logits + 0.1)) < truth
        np.testing.assert_allclose(
            gan.jensen_shannon_estimate(mean_loss(0.0 * logits)), 0.0, atol=1e-9
        )


def test_the_wasserstein_estimate_is_positive_for_a_critic_that_prefers_data():
    # D(x) = x is the optimal critic of 3 against 1, at distance 2.
    loss = jnp.mean(gan.wasserstein_critic_loss(jnp.full(4, 3.0), jnp.ones(4)))
    assert gan.wasserstein().estimate(loss) == 2.0


def test_games_without_a_bound_offer_no_estimate():
    bounds = {game.name for game in GAMES if game.estimate is not None}
    assert bounds == {"minimax", "non_saturating", "wasserstein"}
    assert all(a.name != b.name for a, b in pairwise(GAMES))


@every_game
def test_a_name_gives_its_game(game):
    assert gan.from_name(game.name) == game


def test_a_name_of_no_game_is_refused():
    with pytest.raises(InputError, match="no loss 'magic': give one of minimax, non_"):
        gan.from_name("magic")
    with pytest.raises(InputError, match="no loss 'from_name'"):
        gan.from_name("from_name")
