import math

import jax
import jax.numpy as jnp
import jaxtyping
import numpy as np
import pytest

from jaxgen import random
from jaxgen.errors import InputError
from jaxgen.losses import contrastive

IMAGES, PATCHES, FEATURES = 3, 5, 4
patch_nce = jax.jit(contrastive.patch_nce, static_argnames=("negatives", "axis_name"))


def units(key, shape=(IMAGES, PATCHES, FEATURES)):
    rows = random.numpy_generator(key).normal(size=shape)
    rows /= np.linalg.norm(rows, axis=-1, keepdims=True)
    return jnp.asarray(rows, jnp.float32)


@pytest.fixture
def pair(key):
    return units(random.stream(key, "query")), units(random.stream(key, "positive"))


def enumerated(query, positive, temperature, pool):
    """Equation 2 of the paper for every patch, in float64, term by term.

    `pool` gives the image numbers that candidates are taken from.
    """
    query, positive = np.asarray(query, np.float64), np.asarray(positive, np.float64)
    values = np.zeros(query.shape[:2])
    for image, patch in np.ndindex(*values.shape):

        def similar(other, place, own=query[image, patch]):
            return math.exp(own @ positive[other, place] / temperature)

        right = similar(image, patch)
        wrong = sum(
            similar(other, place)
            for other in pool(image)
            for place in range(query.shape[1])
            if (other, place) != (image, patch)
        )
        values[image, patch] = -math.log(right / (right + wrong))
    return values.mean(axis=1)


def test_the_loss_is_that_worked_out_by_hand():
    query = jnp.array([[[1.0, 0.0], [0.0, 1.0]]])
    positive = jnp.array([[[0.6, 0.8], [0.0, 1.0]]])
    # Similarities 0.6 and 0.8 to its own, 0 and 0.8 to the other.
    first = math.log(math.exp(1.2) + math.exp(0.0)) - 1.2
    second = math.log(math.exp(1.6) + math.exp(2.0)) - 2.0
    found = patch_nce(query, positive, temperature=0.5)
    np.testing.assert_allclose(found, [(first + second) / 2], rtol=1e-6)


@pytest.mark.parametrize("temperature", [0.07, 1.0])
@pytest.mark.parametrize("negatives", ["image", "batch"])
def test_the_loss_is_that_of_all_candidates_one_by_one(pair, negatives, temperature):
    def pool(image):
        return [image] if negatives == "image" else range(IMAGES)

    np.testing.assert_allclose(
        patch_nce(*pair, temperature=temperature, negatives=negatives),
        enumerated(*pair, temperature, pool),
        rtol=1e-5,
    )


def test_negatives_of_the_image_ignore_the_rest_of_the_batch(pair):
    query, positive = pair
    alone = patch_nce(query[1:2], positive[1:2])
    np.testing.assert_allclose(patch_nce(query, positive)[1:2], alone, rtol=1e-6)
    whole = patch_nce(query, positive, negatives="batch")
    assert (whole > patch_nce(query, positive)).all()


@pytest.mark.parametrize("temperature", [0.07, 0.5, 10.0])
def test_orthogonal_patches_cost_what_their_closed_form_says(temperature):
    basis = jnp.asarray(np.eye(6, dtype=np.float32)[None])
    found = patch_nce(basis, basis, temperature=temperature)
    wanted = math.log1p(5 * math.exp(-1 / temperature))
    # The digits of what is left of 1 / temperature.
    np.testing.assert_allclose(found, [wanted], rtol=1e-5, atol=3e-6)


def test_opposite_negatives_reach_the_bound(pair):
    query = jnp.array([[[1.0, 0.0], [-1.0, 0.0]]])
    found = patch_nce(query, query, temperature=1.0)
    np.testing.assert_allclose(found, [math.log1p(math.exp(-2.0))], rtol=1e-6)
    assert (patch_nce(*pair, temperature=1.0) > math.log1p(4 * math.exp(-2.0))).all()


def test_features_that_tell_nothing_cost_the_logarithm_of_the_candidates(key):
    alike = jnp.asarray(np.tile(units(key, (1, 1, FEATURES)), (2, PATCHES, 1)))
    np.testing.assert_allclose(patch_nce(alike, alike), [math.log(5)] * 2, rtol=1e-6)
    found = patch_nce(alike, alike, negatives="batch")
    np.testing.assert_allclose(found, [math.log(10)] * 2, rtol=1e-6)


def test_random_features_cost_the_logarithm_and_half_the_variance(key):
    # Similarities of random units are nearly normal, of variance 1 / features: the
    # logarithm of the mean of their exponentials is half that, over temperature^2.
    features, temperature = 256, 0.07
    shape = (40, 64, features)
    query, positive = (units(random.stream(key, name), shape) for name in "qk")
    found = np.asarray(patch_nce(query, positive, temperature=temperature))
    variance = 1 / features / temperature**2
    # Over 64 candidates the logarithm of a mean is less, by half its relative variance.
    wanted = math.log(64) + variance / 2 - math.expm1(variance) / 2 / 64
    error = found.std(ddof=1) / math.sqrt(len(found))
    assert abs(found.mean() - wanted) < 5 * error
    assert error < 0.05


def test_no_gradient_goes_through_the_positives(pair):
    def total(query, positive):
        return jnp.sum(patch_nce(query, positive))

    by_query, by_positive = jax.jit(jax.grad(total, argnums=(0, 1)))(*pair)
    assert not by_positive.any()
    # Softmax minus one-hot, times the positives: written out, not differentiated.
    query, positive = (np.asarray(one, np.float64) for one in pair)
    logits = query @ positive.swapaxes(1, 2) / 0.07
    weights = np.exp(logits - logits.max(axis=-1, keepdims=True))
    weights /= weights.sum(axis=-1, keepdims=True)
    wanted = (weights - np.eye(PATCHES)) @ positive / 0.07 / PATCHES
    np.testing.assert_allclose(by_query, wanted, rtol=1e-4, atol=1e-5)


@jax.jit
@jax.value_and_grad
def slopes_at(query, positive, temperature):
    return jnp.sum(patch_nce(query, positive, temperature=temperature))


@pytest.mark.parametrize("temperature", [1e-2, 1e-4, 1e-8])
def test_values_and_gradients_are_finite_at_low_temperatures(pair, temperature):
    query, positive = pair

    value, slopes = slopes_at(query, positive, temperature)
    assert value >= 0.0
    assert np.isfinite(value)
    assert np.isfinite(slopes).all()
    # A patch that is its own positive is told from the others at no cost.
    found = patch_nce(query, query, temperature=temperature)
    np.testing.assert_allclose(found, np.zeros(IMAGES), atol=1e-2)


@pytest.mark.skipif(jax.device_count() < 3, reason="needs 3 devices")
def test_negatives_of_the_batch_are_those_of_all_devices(pair):
    split = [one[:, None] for one in pair]
    found = jax.pmap(
        lambda *pair: patch_nce(*pair, negatives="batch", axis_name="data"),
        axis_name="data",
    )(*split)
    wanted = patch_nce(*pair, negatives="batch")
    np.testing.assert_allclose(found[:, 0], wanted, rtol=1e-5)


def test_negatives_from_elsewhere_are_refused(monkeypatch):
    # Else the check of types, which is on in tests alone, comes before ours.
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    alike = jnp.ones((1, 4, 1))
    with pytest.raises(InputError, match="negatives='set' .* 'image', 'batch'"):
        contrastive.patch_nce(alike, alike, negatives="set")


def test_layers_count_alike_whatever_their_patches(pair, key):
    others = [units(random.stream(key, name), (IMAGES, 2, 3)) for name in ("c", "d")]
    found = contrastive.multilayer_patch_nce(
        [pair[0], others[0]], [pair[1], others[1]], temperature=0.5
    )
    each = [patch_nce(*one, temperature=0.5) for one in (pair, others)]
    np.testing.assert_allclose(found, (each[0] + each[1]) / 2, rtol=1e-6)


def test_layers_come_in_pairs(pair):
    for queries, positives in (([], []), (pair, pair[:1])):
        with pytest.raises(InputError, match="give as many of both, one or more"):
            contrastive.multilayer_patch_nce(queries, positives)


def test_the_objective_is_a_weighed_sum_of_its_terms():
    adversarial, nce, identity = (jnp.array([value, 1.0]) for value in (0.5, 2.0, 4.0))
    found = contrastive.cut_objective(adversarial, nce, nce_weight=10.0)
    np.testing.assert_allclose(found, [20.5, 11.0])
    found = contrastive.cut_objective(adversarial, nce, identity, nce_weight=3.0)
    np.testing.assert_allclose(found, [0.5 + 3 * (2 + 4) / 2, 4.0])
    with pytest.raises(InputError, match="nce has shape"):
        contrastive.cut_objective(adversarial, nce[:1])
