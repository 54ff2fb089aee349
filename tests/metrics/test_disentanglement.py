import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from jaxgen import metrics
from jaxgen.errors import InputError

NUM_VALUES = (3, 6, 8)
HIGH = np.array(NUM_VALUES)


def perfect(factors):
    """One latent per factor on the scale of the prior, and two dead latents."""
    code = 3 * (factors / (HIGH - 1) - 0.5)
    return np.concatenate([code, np.zeros((len(code), 2))], axis=1)


def mixed(factors):
    """The perfect code rotated so that every latent sees every factor."""
    angle = np.ones((3, 3)) * 2 / 3 - np.eye(3)
    return perfect(factors)[:, :3] @ angle


def unrelated(factors):
    """Latents that have nothing to do with the factors."""
    generator = np.random.default_rng(int(np.sum(factors)))
    return generator.normal(size=(len(factors), 4))


def rescaled(factors):
    """The perfect code with its latents in another order, on other scales."""
    return perfect(factors)[:, [3, 1, 0, 4, 2]] * np.array([3.0, -2.0, 4.0, 1.0, 1.5])


def draw(count=1000):
    return np.random.default_rng(1).integers(HIGH, size=(count, 3))


def score_all(represent):
    return metrics.disentanglement_scores(
        represent,
        NUM_VALUES,
        seed=0,
        num_examples=1000,
        num_train=150,
        num_test=100,
        batch_size=32,
        categorical=(0,),
        log_variance=lambda factors: np.full_like(represent(factors), -6.0),
    )


def test_a_perfect_code_scores_near_one():
    scores = score_all(perfect)
    # Thresholds (1/3 by chance) and one-dimensional linear machines leave a gap.
    assert scores.pop("sap_locatello") > 0.25
    assert scores.pop("sap_kumar") > 0.85
    assert all(score > 0.95 for score in scores.values()), scores


def test_a_mixed_code_scores_lower_in_all():
    scores, best = score_all(mixed), score_all(perfect)
    # Forests and linear classifiers may combine latents, so these two need not care.
    for name in scores.keys() - {"beta_vae_score", "dci_informativeness"}:
        assert scores[name] < 0.8 * best[name], name
    assert scores["mig_locatello"] < 0.25
    assert scores["dci_disentanglement"] < 0.35


def test_an_unrelated_code_scores_at_chance():
    scores = score_all(unrelated)
    for name in ("beta_vae_score", "factor_vae_score"):
        # An accuracy of 1/3 over 100 points: 5 standard errors.
        assert abs(scores.pop(name) - 1 / 3) < 5 * np.sqrt(2 / 9 / 100)
    assert scores.pop("dci_informativeness") < 0.35
    assert all(score < 0.1 for score in scores.values()), scores


def test_order_and_scale_of_the_latents_change_nothing():
    scores, same = score_all(perfect), score_all(rescaled)
    # The posterior's variance did not scale along: Chen's gap may differ a little.
    for name, score in scores.items():
        tolerance = 1e-3 if name == "mig_chen" else 1e-6
        np.testing.assert_allclose(same[name], score, atol=tolerance, err_msg=name)


def test_mig_of_a_table_agrees_with_the_hand():
    # v is one of two values. Latent 0 sees it through a channel that errs once in
    # four; latent 1 is constant.
    latents = np.array([[0, 5], [0, 5], [0, 5], [1, 5], [1, 5], [1, 5], [1, 5], [0, 5]])
    factors = np.array([[0], [0], [0], [0], [1], [1], [1], [1]])
    gap = metrics.mig_locatello(latents.astype(float), factors)
    error = 0.25
    expected = np.log(2) + error * np.log(error) + (1 - error) * np.log(1 - error)
    np.testing.assert_allclose(gap.mutual_information[:, 0], [expected, 0], atol=1e-12)
    np.testing.assert_allclose(gap.score, expected / np.log(2))


def test_the_gap_is_between_latents_for_each_factor():
    # Both factors sit in latent 0, so each one's gap is whole; between the factors
    # of a latent there would be none.
    factors = np.stack(np.meshgrid([0, 1], [0, 1]), axis=-1).reshape(-1, 2)
    latents = np.stack([factors @ [2, 1], np.zeros(4)], axis=1)
    gap = metrics.mig_locatello(latents, factors)
    np.testing.assert_allclose(gap.gaps, [1, 1])
    # A second latent with the same content closes it.
    gap = metrics.mig_locatello(latents[:, [0, 0, 1]], factors)
    np.testing.assert_allclose(gap.gaps, [0, 0], atol=1e-12)


def test_the_information_of_densities_agrees_with_quadrature(key):
    # z | v ~ N(m v, s^2) for v = 0, 1; the second latent is noise.
    distance, deviation = 1.5, 0.8
    factors = np.repeat([[0], [1]], 2000, axis=0)
    mean = jnp.asarray(np.concatenate([distance * factors, 0 * factors], axis=1), float)
    spread = jnp.full(mean.shape, 2 * np.log(deviation))
    gap = metrics.mig_chen(key, mean, spread, jnp.asarray(factors), chunk_size=100)
    z = np.linspace(-8, 10, 20_001)
    parts = [stats.norm.pdf(z, m, deviation) for m in (0, distance)]
    mixture = np.mean(parts, axis=0)
    exact = np.mean([np.trapezoid(p * np.log(p / mixture), z) for p in parts])
    # The log ratio lies between -2.5 and log 2: 5 standard errors of 4000 samples.
    np.testing.assert_allclose(gap.mutual_information[0, 0], exact, atol=0.06)
    np.testing.assert_allclose(gap.mutual_information[1, 0], 0, atol=1e-5)
    np.testing.assert_allclose(gap.score, exact / np.log(2), atol=0.09)


def test_importance_names_the_latent_of_each_factor():
    factors = draw()
    result = metrics.dci(perfect(factors), factors)
    np.testing.assert_allclose(result.importance[:3], np.eye(3), atol=0.02)
    np.testing.assert_allclose(result.importance[3:], 0, atol=0.02)


def test_completeness_and_disentanglement_are_told_apart():
    # One latent holds two factors: each factor is in a single latent, but not
    # each latent on a single factor.
    factors = np.random.default_rng(0).integers(2, size=(400, 2))
    latents = np.stack([factors @ [2, 1], 0 * factors[:, 0]], axis=1).astype(float)
    result = metrics.dci(latents, factors)
    assert result.completeness > 0.99
    assert result.disentanglement < 0.05
    assert result.informativeness == 1


@pytest.mark.parametrize("latents", [1, 3])
@pytest.mark.parametrize("factors", [1, 2])
def test_a_constant_code_is_neither_disentangled_nor_complete(latents, factors):
    result = metrics.dci(np.zeros((1000, latents)), draw()[:, :factors])
    assert result.disentanglement == result.completeness == 0
    assert not result.importance.any()


def test_a_single_latent_of_noise_is_compared_with_chance():
    # The first factor is 0 in four of five examples.
    factors = draw(4000) * (np.arange(4000) % 5 == 0)[:, None] * [1, 0, 0]
    factors += draw(4000) * [0, 1, 1]
    noise = np.random.default_rng(5).normal(size=(4000, 1))
    assert metrics.sap_locatello(noise, factors).score < 0.03
    assert metrics.sap_kumar(noise, factors, categorical=(0, 1)).score < 0.05
    told = metrics.sap_kumar(factors[:, 1:2], factors, categorical=(1,)).gaps
    np.testing.assert_allclose(told, [0, 5 / 6, 0], atol=0.02)


def test_r_squared_is_that_of_scipy():
    factors = draw()
    latents = mixed(factors)
    table = metrics.sap_kumar(latents, factors).predictability
    expected = stats.pearsonr(latents[:, 1], factors[:, 2]).statistic ** 2
    np.testing.assert_allclose(table[1, 2], expected, rtol=1e-6)


VOTES = {"seed": 0, "num_train": 100, "num_test": 50, "batch_size": 32}


def test_collapsed_latents_do_not_vote():
    score = metrics.factor_vae_score
    assert score(lambda f: np.zeros((len(f), 2)), NUM_VALUES, **VOTES) == 0
    # All is told, but by latents that hardly leave the origin.
    assert score(lambda f: 0.01 * perfect(f), NUM_VALUES, **VOTES) == 0
    options = VOTES | {"min_deviation": 0.0}
    assert score(lambda f: 0.01 * perfect(f), NUM_VALUES, **options) == 1


def test_a_vote_is_relative_to_the_variance_over_the_set():
    # The noise keeps variances from 0; the first latent always varies least.
    def represent(factors):
        noise = np.random.default_rng(0).normal(size=(len(factors), 5))
        return (perfect(factors) + 0.2 * noise) * np.array([0.1, 1, 1, 0, 0])

    assert metrics.factor_vae_score(represent, NUM_VALUES, **VOTES) > 0.95


def test_a_jitted_representation_is_compiled_once():
    traces = []

    @jax.jit
    def represent(factors):
        traces.append(factors.shape)
        return factors.astype(jnp.float32)

    metrics.disentanglement_scores(
        represent, NUM_VALUES, seed=0, num_examples=700, num_train=30, num_test=20
    )
    assert len(traces) == 1


def test_unusable_input_is_refused():
    factors = draw(20)
    with pytest.raises(InputError, match="Factor 1 has the single value 4"):
        metrics.mig_locatello(perfect(factors), factors * [1, 0, 1] + [0, 4, 0])
    with pytest.raises(InputError, match="same n"):
        metrics.sap_kumar(perfect(factors)[:5], factors)
    with pytest.raises(InputError, match="expected integers"):
        metrics.mig_locatello(perfect(factors), factors / 2)
    with pytest.raises(InputError, match="not finite"):
        metrics.mig_locatello(perfect(factors) * np.nan, factors)
    with pytest.raises(InputError, match="at least two factors"):
        metrics.factor_vae_score(lambda f: f, (1, 5), seed=0)
    with pytest.raises(InputError, match="means of the posterior"):
        metrics.factor_vae_score(lambda f: f[:, 0], (5, 5), seed=0)


def test_a_missing_scikit_learn_is_named(monkeypatch):
    for module in ("ensemble", "svm", "linear_model", "tree"):
        monkeypatch.setitem(sys.modules, f"sklearn.{module}", None)
    factors = draw(500)
    for score in (metrics.dci, metrics.sap_locatello):
        with pytest.raises(InputError, match=r"jaxgen\[experiments\]"):
            score(perfect(factors), factors)
    with pytest.raises(InputError, match=r"jaxgen\[experiments\]"):
        metrics.beta_vae_score(perfect, NUM_VALUES, seed=0)
    # What needs no classifier does without.
    assert metrics.mig_locatello(perfect(factors), factors).score > 0.9
