"""NaN in, NaN out: no public function of arrays makes a number out of NaN.

The functions come from `__all__`, so a new one fails here until it has an entry. Each
array of floating point of an entry is poisoned in turn, once in its first element and
once as a whole. The function must then raise an InputError that says so, or every
floating result must hold a NaN, respectively nothing else. Integers and booleans cannot
hold one.
"""

import inspect
import re
import tempfile
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dists
import pytest

from jaxgen import divergences, losses, metrics, numerics
from jaxgen.errors import InputError
from jaxgen.estimators import VIMCO, Pathwise
from jaxgen.losses import boosting, contrastive, gan, penalties, translation, vae
from jaxgen.losses.vae import families, objectives, priors, regularizers
from jaxgen.metrics import FeatureStatistics
from jaxgen.metrics.comparison import Settings
from jaxgen.metrics.features import Activations, FeatureNet
from jaxgen.typing import Network

RNG = np.random.default_rng(0)
KEY = jax.random.key(0)


def host(*shape):
    return RNG.uniform(0.2, 0.8, shape).astype(np.float32)


def floats(*shape):
    return jnp.asarray(host(*shape))


def case(*arguments, by=None, **options):
    """One call; `by(function, *arguments, **options)` if it is not a plain one."""
    return by or _plain, (arguments, options)


def _plain(function, *arguments, **options):
    return function(*arguments, **options)


ROW, TABLE = floats(3), floats(3, 2)
LOG_WEIGHTS = jnp.log(jnp.array([0.25, 0.75]))
GAUSSIAN, GAUSSIANS = case(TABLE, TABLE), case(TABLE, TABLE, floats(2), floats(2))
LINE = case(ROW, ROW, ROW, ROW)
SAMPLED = case(*[floats(4, 3) for _ in range(4)])
PAIR = case(TABLE, floats(2))
CLASSES = case(floats(3, 2, 2), floats(2, 2))

DIVERGENCES = {
    "bernoulli_cauchy_schwarz": PAIR,
    "bernoulli_cauchy_schwarz_per_dimension": PAIR,
    "bernoulli_js": PAIR,
    "bernoulli_kl": PAIR,
    "bernoulli_kl_per_dimension": PAIR,
    "categorical_cauchy_schwarz": CLASSES,
    "categorical_cauchy_schwarz_per_variable": PAIR,
    "categorical_js": PAIR,
    "categorical_kl": CLASSES,
    "categorical_kl_per_variable": PAIR,
    "gaussian_cauchy_schwarz": GAUSSIANS,
    "gaussian_cauchy_schwarz_per_dimension": GAUSSIANS,
    "gaussian_js": LINE,
    "gaussian_kl": GAUSSIAN,
    "gaussian_kl_between": GAUSSIANS,
    "gaussian_kl_between_per_dimension": GAUSSIANS,
    "gaussian_kl_per_dimension": GAUSSIAN,
    "gaussian_mixture_cauchy_schwarz": case(
        TABLE, TABLE, LOG_WEIGHTS, floats(2, 2), floats(2, 2)
    ),
    "gaussian_wasserstein_1": LINE,
    "gaussian_wasserstein_2": GAUSSIANS,
    "histogram_wasserstein_1": case(TABLE, floats(2), jnp.array([0.0, 1.0])),
    "parallel_lines": case(ROW),
    "sampled_cauchy_schwarz": SAMPLED,
    "sampled_js": SAMPLED,
    "sampled_kl": case(floats(4, 3), floats(4, 3)),
    "transport": case(host(2), host(2), host(2, 2)),
}

NUMERICS = {
    "centred_leave_one_out": case(ROW),
    "expm1_minus": case(ROW),
    "finite": case(ROW),
    "keep_nan": case(ROW, ROW),
    "langevin": case(ROW),
    "log_mean_exp": case(ROW),
    "log_sinhc": case(ROW),
    "logcosh": case(ROW),
    "soft_bound": case(ROW, -1.0, 1.0),
    "soft_floor": case(ROW, -1.0),
    "softplus": case(ROW),
}


# Where a result does not depend on all arrays, results are combined to one that does.


def likelihood(make, outputs, observations, **options):
    made = make(**options)
    return (
        made.log_likelihood(outputs, observations),
        jnp.sum(made.mean(outputs)) * jnp.sum(observations),
    )


def elbo(function, images):
    terms = function(
        KEY, lambda x: (x[:, :2], x[:, 2:]), lambda z: jnp.tile(z, (1, 2)), images
    )
    return terms.log_likelihood - terms.kl


def with_latents(function, mean, log_variance, images, **options):
    found = function(
        KEY,
        lambda z, images: -jnp.sum((z - images) ** 2, axis=-1),
        families.Gaussian(mean, log_variance),
        families.StandardNormal(jnp.zeros(2)),
        (images,),
        num_samples=2,
        **options,
    )
    if isinstance(found, vae.LatentTerms):
        return found.log_likelihood - jnp.sum(found.parts, axis=-1)
    return found


OF_IMAGES = case(TABLE, TABLE)
ONE_OUTPUT = case(TABLE, TABLE, by=likelihood)
TWO_OUTPUTS = case(floats(3, 4), TABLE, by=likelihood)

VAE = {
    "bernoulli": ONE_OUTPUT,
    "bernoulli_entropy": case(TABLE),
    "bernoulli_log_likelihood": OF_IMAGES,
    "bits_per_dimension": case(ROW, 4),
    "categorical": case(floats(3, 4), TABLE, by=likelihood, num_values=2),
    "categorical_log_likelihood": case(floats(3, 2, 2), TABLE),
    "continuous_bernoulli": ONE_OUTPUT,
    "continuous_bernoulli_log_likelihood": OF_IMAGES,
    "continuous_bernoulli_mean": case(TABLE),
    "discretized_logistic": TWO_OUTPUTS,
    "discretized_logistic_log_likelihood": case(TABLE, TABLE, TABLE),
    "elbo": case(floats(3, 4), by=elbo),
    "gaussian": ONE_OUTPUT,
    "gaussian_log_likelihood": OF_IMAGES,
    "laplace": ONE_OUTPUT,
    "laplace_log_likelihood": OF_IMAGES,
    "latent_bound": case(TABLE, TABLE, TABLE, by=with_latents, estimator=VIMCO()),
    "latent_terms": case(
        *(TABLE, TABLE, TABLE),
        by=with_latents,
        estimator=Pathwise(),
        divergence=regularizers.kl(),
    ),
    "learned_gaussian": TWO_OUTPUTS,
    "learned_gaussian_log_likelihood": case(TABLE, TABLE, TABLE),
    "negative_elbo": case(vae.ElboTerms(ROW, ROW)),
    "optimal_gaussian_log_likelihood": OF_IMAGES,
}

FAMILIES = {
    "posterior_of": case(
        *(TABLE, TABLE), by=lambda f, *outputs: sum(f(families.Gaussian, outputs))
    )
}


def objective(make, log_likelihood, parts, *arguments):
    made = make(*arguments)
    means = jnp.mean(log_likelihood), jnp.mean(jnp.sum(parts, axis=-1))
    state = made.update(made.init(), *means)
    step = jnp.zeros((), jnp.int32)
    return made.loss(state, step, log_likelihood, parts, lambda x: jnp.mean(x, axis=0))


OBJECTIVES = {
    "beta": case(ROW, TABLE, by=objective),
    "capacity": case(ROW, TABLE, 2.0, 1.0, by=objective),
    "constrained": case(ROW, TABLE, 1.0, by=objective),
    "free_bits": case(ROW, TABLE, 0.1, by=objective),
    "geco": case(ROW, TABLE, 1.0, by=objective),
    "kkt_residuals": case(
        *(floats(), floats()), by=lambda f, *x: sum(f(*x, target=1.0))
    ),
}

NORMAL = families.Gaussian(TABLE, TABLE)
REGULARIZERS = {
    name: case(NORMAL, families.StandardNormal(jnp.zeros(2)), by=by)
    for name, by in {
        "closed_form_kl": lambda f, q, p: f(q, p) + p.zeros[None],
        "closed_form_cauchy_schwarz": _plain,
        "kl": lambda f, q, p: f().closed_form(q, p) + p.zeros[None],
        "cauchy_schwarz": lambda f, q, p: f().closed_form(q, p),
    }.items()
}

PRIORS = {
    "mixture": case(
        {"logits": ROW, "means": TABLE, "log_variances": TABLE},
        by=lambda f, params: sum(
            map(jnp.sum, f(2, 3).parameters(params, lambda x: x, None))
        ),
    ),
    "vamp": case(floats(3, 4), by=lambda f, x: f(2, 3).init(KEY, x, None)),
    "conditional_normal": case(
        *(TABLE, TABLE),
        by=lambda f, params, label: sum(
            f(2, Network(lambda *_: {}, lambda w, x: (w * x, w * x))).parameters(
                params, lambda x: x, label
            )
        ),
    ),
}


def game(make, real, fake, **options):
    made = make(**options)
    critic = made.critic(real, fake)
    estimate = made.estimate or jnp.sum
    generator = made.generator(jnp.zeros_like(fake), fake)
    return critic, estimate(jnp.mean(critic)), generator * real


def generator_loss(function, fake):
    return function(jnp.zeros_like(fake), fake)


GAME, LOGITS = case(ROW, ROW, by=game), case(ROW, ROW)
GENERATOR, MEAN = case(ROW, by=generator_loss), case(floats())

GAN = {
    "minimax": GAME,
    "non_saturating": GAME,
    "least_squares": GAME,
    "hinge": GAME,
    "wasserstein": GAME,
    "relativistic": GAME,
    "cross_entropy_critic_loss": LOGITS,
    "minimax_generator_loss": GENERATOR,
    "non_saturating_generator_loss": GENERATOR,
    "least_squares_critic_loss": LOGITS,
    "least_squares_generator_loss": GENERATOR,
    "hinge_critic_loss": LOGITS,
    "wasserstein_critic_loss": LOGITS,
    "wasserstein_generator_loss": GENERATOR,
    "relativistic_critic_loss": LOGITS,
    "relativistic_generator_loss": LOGITS,
    "jensen_shannon_estimate": MEAN,
    "wasserstein_estimate": MEAN,
}


def critic(samples):
    return jnp.sum(samples**3, axis=-1)


PENALTIES = {
    "gradient_penalty": case(KEY, critic, TABLE, TABLE),
    "r1": case(critic, TABLE),
    "r2": case(critic, TABLE),
    "dragan": case(KEY, critic, TABLE),
    "lecam": case(ROW, ROW, floats(), floats()),
    "clip_weights": case({"w": TABLE}, 0.5),
}

TRANSLATION = {
    "cross_entropy": GAME,
    "least_squares": GAME,
    "l1": case(TABLE, TABLE),
    "mse": case(TABLE, TABLE),
}

CONTRASTIVE = {"patch_nce": case(floats(2, 3, 2), floats(2, 3, 2))}

BOOSTING = {"density_ratio": case(ROW), "boosted_weights": case(ROW, 0.5)}


def net(images):
    return Activations(images.reshape(len(images), -1)[:, :2])


def evaluate(function, made, real, train):
    nets = FeatureNet("pixels", 2, net, "0" * 64, {})
    found = function(
        {"made": made},
        *(real,),
        key=KEY,
        train=train,
        feature_nets=nets,
        resamples=2,
        settings=Settings(num_clusters=2),
    )
    return [one.value for one in found.measures]


def evaluate_features(function, real, made, train):
    few = Settings(num_clusters=2)
    found = function(real, made, key=KEY, train=train, resamples=2, settings=few)
    return [one.value for one in found.measures]


def keyed(function, *arguments, **options):
    return function(KEY, *arguments, **options)


def of_codes(function, offset, **options):
    """A score of a representation, which is a function of the factors."""
    return function(lambda factors: factors + offset, (3, 3), seed=0, **options)


LINES = {"interpolation": "lerp", "endpoints": "end"}


def of_paths(function, scale):
    return function(KEY, lambda z: z * scale, jnp.sin, 2, num_samples=2, **LINES)


def importance(function, mean, images):
    def log_joint(z):
        return -jnp.sum((z - images) ** 2, axis=-1)

    proposal = dists.Normal(mean, 1.0, validate_args=False).to_event(1)
    return function(KEY, log_joint, proposal, num_samples=3)


def through_file(function, mean, covariance):
    """Writes statistics with, or reads them by, the function."""
    statistics = FeatureStatistics(mean, covariance)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "statistics.npz"
        if function is metrics.save_statistics:
            function(path, statistics)
            return metrics.load_statistics(path)
        np.savez(path, mu=mean, sigma=covariance)
        return function(path)


FEATURES, PICTURES = host(12, 2), host(4, 8, 8, 1)
SETS, KEYED = case(FEATURES, host(12, 2)), case(FEATURES, host(12, 2), by=keyed)
ONE, TWO = case(PICTURES), case(PICTURES, host(4, 8, 8, 1))
THREE = (PICTURES, host(4, 8, 8, 1), host(4, 8, 8, 1))
LABELS = np.arange(12).reshape(-1, 1) % 3
SCORED = case(FEATURES, LABELS)
CODES = case(np.zeros(()), by=of_codes, num_train=60, num_test=20, batch_size=4)
STATISTICS = np.zeros(2), np.eye(2)

METRICS = {
    "active_units": case(TABLE),
    "beta_vae_score": CODES,
    "class_modes": case(np.log(host(4, 3)), host(3)),
    "collapse_report": case(host(3), host(3)),
    "colour_inversion": case(*THREE),
    "combine_log_probabilities": case(host(2, 2, 2)),
    "critic_overfitting": case(host(4) + 5, host(4), host(4)),
    "critic_share": case(host(4), host(4)),
    "dci": SCORED,
    "dead_unit_share": case(TABLE),
    "density_coverage": SETS,
    "disentanglement_scores": case(
        *(np.zeros(()),),
        by=of_codes,
        num_examples=60,
        num_train=60,
        num_test=20,
        batch_size=4,
    ),
    "evaluate": case(host(8, 3, 3, 1), host(8, 3, 3, 1), host(8, 3, 3, 1), by=evaluate),
    "evaluate_features": case(FEATURES, FEATURES, FEATURES, by=evaluate_features),
    "factor_vae_score": CODES,
    "feature_statistics": case(FEATURES),
    "finite_path_length": case(floats(), by=of_paths),
    "frechet_distance": case(
        FeatureStatistics(*STATISTICS), FeatureStatistics(*STATISTICS)
    ),
    "frechet_distance_of_features": SETS,
    "frechet_infinity": KEYED,
    "gaussian_kernel": case(FEATURES, FEATURES, bandwidths=(1.0,)),
    "gaussian_modes": case(FEATURES, host(2, 2), 0.5, proportions=host(2)),
    "high_frequency_power": ONE,
    "idle_generator": case(*THREE, aligned=True),
    "importance_log_likelihood": case(TABLE, TABLE, by=importance),
    "improved_precision_recall": SETS,
    "inception_score": case(np.log(np.full((4, 2), 0.5)), num_splits=2),
    "interval": case(1.0, host(4), by=lambda f, *given: f(*given)[1:]),
    "kernel_inception_distance": case(
        *(FEATURES, FEATURES), by=keyed, num_subsets=2, subset_size=4
    ),
    "kl_decomposition": case(TABLE, TABLE, by=keyed),
    "laplacian_variance": ONE,
    "load_statistics": case(*STATISTICS, by=through_file),
    "luminance_correlation": TWO,
    "max_f_score": case(host(4), host(4), beta=2.0),
    "mean_interval": case(host(4)),
    "mean_squared_error": TWO,
    "median_distance": SETS,
    "memorisation": case(FEATURES, host(12, 2), host(12, 2)),
    "mig_chen": case(
        *(jnp.asarray(FEATURES), jnp.asarray(FEATURES), jnp.asarray(LABELS)), by=keyed
    ),
    "mig_locatello": SCORED,
    "mmd": SETS,
    "nearest_neighbours": SETS,
    "neighbour_metrics": SETS,
    "output_collapse": case(*THREE, aligned=True),
    "path_length": case(floats(), by=of_paths),
    "polynomial_kernel": SETS,
    "prd_curve": case(host(3), host(3), num_angles=3),
    "precision_recall_distribution": case(
        *(FEATURES, FEATURES), by=keyed, num_clusters=2, num_runs=1, num_angles=3
    ),
    "psnr": TWO,
    "radial_power": ONE,
    "relative_diversity": SETS,
    "relative_mean": case(host(4), host(4)),
    "sap_kumar": SCORED,
    "sap_locatello": SCORED,
    "save_statistics": case(*STATISTICS, by=through_file),
    "sinkhorn_distance": SETS,
    "sinkhorn_divergence": SETS,
    "sliced_wasserstein": case(FEATURES, FEATURES, by=keyed, num_projections=2),
    "ssim": TWO,
    "translation_health": case(
        *THREE, aligned=True, real_logits=host(4), fake_logits=host(4)
    ),
    "wasserstein_1d": case(host(4), host(3)),
    "zero_gradient_share": case(TABLE),
}

CASES = {
    divergences: DIVERGENCES,
    numerics: NUMERICS,
    vae: VAE,
    families: FAMILIES,
    objectives: OBJECTIVES,
    priors: PRIORS,
    regularizers: REGULARIZERS,
    gan: GAN,
    penalties: PENALTIES,
    translation: TRANSLATION,
    contrastive: CONTRASTIVE,
    boosting: BOOSTING,
    metrics: METRICS,
}

LEFT_OUT = {
    "combine_classes": "labels are integers",
    "equivalence": "its arguments are a name and numbers, which it checks",
    "estimator_state": "a first state holds no number of the posterior",
    "expected_coverage": "its arguments are counts",
    "frechet_bias": "its arguments are counts",
    "half_samples": "its arguments are counts",
    "halves": "its arguments are counts",
    "is_bound_estimator": "its argument is an estimator",
    "leak_rate": "labels are integers",
    "mixture_weights": "shares are Python numbers, which it checks",
    "standard_normal": "its argument is a count",
    "uniform_bernoulli": "its argument is a count",
    "uniform_categorical": "its arguments are counts",
    "wilson_interval": "its arguments are counts",
}
"""Functions without an array of floating point, with the reason."""


def functions(module):
    found = {name: getattr(module, name) for name in module.__all__}
    # A class holds arguments or results. inspect.unwrap sees through custom_jvp.
    return {
        name: value
        for name, value in found.items()
        if inspect.isfunction(inspect.unwrap(value))
    }


def numbers(result):
    """Returns what a result holds of floating point."""
    found = [np.asarray(leaf) for leaf in jax.tree.leaves(result) if _is_float(leaf)]
    assert found, "an entry must give numbers"
    return found


def _is_float(leaf):
    return isinstance(leaf, float) or (
        isinstance(leaf, jax.Array | np.ndarray | np.generic)
        and jnp.issubdtype(leaf.dtype, jnp.floating)
    )


def poisoned(given):
    """Yields the arguments with NaN in one array, in one place and everywhere."""
    leaves, structure = jax.tree.flatten(given)
    for place, leaf in enumerate(leaves):
        if not (isinstance(leaf, jax.Array | np.ndarray) and _is_float(leaf)):
            continue
        for everywhere in (False, True)[: 1 + bool(leaf.ndim)]:
            value = np.array(leaf)
            value[... if everywhere else (0,) * value.ndim] = np.nan
            value = jnp.asarray(value) if isinstance(leaf, jax.Array) else value
            new = [*leaves[:place], value, *leaves[place + 1 :]]
            yield jax.tree.unflatten(structure, new), everywhere, place


@pytest.mark.parametrize(
    ("module", "name"),
    [(module, name) for module, cases in CASES.items() for name in cases],
    ids=lambda one: one if isinstance(one, str) else one.__name__.split(".")[-1],
)
def test_nan_in_gives_nan_out_or_is_refused(module, name):
    by, given = CASES[module][name]
    function = functions(module)[name]

    def call(given):
        arguments, options = given
        with jax.debug_key_reuse(False):
            return numbers(by(function, *arguments, **options))

    refused = []
    for bad, everywhere, place in poisoned(given):
        try:
            found = call(bad)
        except InputError as error:
            refused.append(re.search("finite|NaN|not numbers", str(error)))
            continue
        refused.append(False)
        for one in found:
            nan = np.isnan(one)
            assert nan.all() if everywhere else nan.any(), f"array {place}: {one}"
    if not all(refused):
        assert not any(np.isnan(one).any() for one in call(given)), "a bad example"


def test_every_public_function_of_arrays_is_swept():
    swept = {name for cases in CASES.values() for name in cases}
    public = {name for module in CASES for name in functions(module)}
    assert not public - swept - LEFT_OUT.keys(), "add an entry, or a reason"
    assert not (swept | LEFT_OUT.keys()) - public, "these are no longer there"
    assert not swept & LEFT_OUT.keys()


def test_every_module_of_losses_is_swept():
    modules = {
        getattr(package, name)
        for package in (losses, vae)
        for name in package.__all__
        if inspect.ismodule(getattr(package, name))
    }
    assert modules <= CASES.keys()
