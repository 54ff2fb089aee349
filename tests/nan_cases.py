"""Calls of the functions of losses, divergences and numerics, for the sweep of NaN."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.estimators import VIMCO
from jaxgen.losses import vae
from jaxgen.losses.vae import families
from jaxgen.networks import pure_functions

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


def compiled(function, *arrays):
    """One program is compiled sooner than its operations one by one."""
    return jax.jit(function)(*arrays)


ROW, TABLE = floats(3), floats(3, 2)
LOG_WEIGHTS = jnp.log(jnp.array([0.25, 0.75]))
GAUSSIAN = case(TABLE, TABLE, by=compiled)
GAUSSIANS = case(TABLE, TABLE, floats(2), floats(2), by=compiled)
LINE = case(ROW, ROW, ROW, ROW, by=compiled)
SAMPLED = case(*[floats(4, 3) for _ in range(4)], by=compiled)
PAIR = case(TABLE, floats(2), by=compiled)
CLASSES = case(floats(3, 2, 2), floats(2, 2), by=compiled)

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
        TABLE, TABLE, LOG_WEIGHTS, floats(2, 2), floats(2, 2), by=compiled
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
    "minibatch_deviation": case(TABLE, 3),
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


def elbo(function, observations):
    posterior = observations[:, :2], observations[:, 2:]
    terms = function(KEY, posterior, lambda z: jnp.tile(z, (1, 2)), observations)
    return terms.log_likelihood - terms.divergence


@jax.jit
def importance_weighted_bound(mean, log_variance, images):
    return vae.importance_weighted_bound(
        KEY,
        families.Gaussian(mean, log_variance),
        lambda z: z,
        images,
        log_likelihood=lambda z, images: -jnp.sum((z - images) ** 2, axis=-1),
        estimator=VIMCO(),
        num_samples=2,
    )


OF_IMAGES = case(TABLE, TABLE, by=compiled)
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
    "discretized_logistic_log_likelihood": case(TABLE, TABLE, TABLE, by=compiled),
    "elbo": case(floats(3, 4), by=elbo),
    "gaussian": ONE_OUTPUT,
    "gaussian_log_likelihood": OF_IMAGES,
    "importance_weighted_bound": case(
        TABLE, TABLE, TABLE, by=lambda _, *arrays: importance_weighted_bound(*arrays)
    ),
    "laplace": ONE_OUTPUT,
    "laplace_log_likelihood": OF_IMAGES,
    "learned_gaussian": TWO_OUTPUTS,
    "learned_gaussian_log_likelihood": case(TABLE, TABLE, TABLE, by=compiled),
    "negative_elbo": case(vae.ElboTerms(ROW, TABLE)),
    "optimal_gaussian_log_likelihood": OF_IMAGES,
}

FAMILIES = {
    "gaussian_outputs": case(TABLE, TABLE, by=lambda f, *outputs: sum(f(outputs))),
    "posterior_of": case(
        TABLE, TABLE, by=lambda f, *outputs: sum(f(families.Gaussian, outputs))
    ),
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
    "kkt_residuals": case(floats(), floats(), by=lambda f, *x: sum(f(*x, target=1.0))),
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
        TABLE,
        TABLE,
        by=lambda f, params, label: sum(
            f(2, pure_functions(lambda *_: {}, lambda w, x: (w * x, w * x))).parameters(
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


GAME, LOGITS = case(ROW, ROW, by=game), case(ROW, ROW, by=compiled)
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
    "feature_matching": case(TABLE, TABLE),
    "mode_seeking": case(TABLE, TABLE + 1.0, TABLE, TABLE**2),
    "path_length": case(ROW, floats()),
    "path_lengths": case(KEY, jnp.sin, TABLE),
}

CLASSIFICATION = {"auxiliary_classification": case(TABLE, TABLE)}

DAG = {"weighted_heads": case(TABLE, 0.5)}

TRANSLATION = {
    "cycle_consistency": case(TABLE, TABLE),
    "cyclegan_objective": case(ROW, ROW, ROW, ROW, ROW, ROW),
    "identity_mapping": case(TABLE, TABLE),
    "l1_reconstruction": case(TABLE, TABLE),
    "mean_absolute_error": case(TABLE, TABLE),
    "mean_squared_error": case(TABLE, TABLE),
    "pix2pix_objective": case(ROW, ROW),
}

PATCHES = floats(2, 3, 2)
CONTRASTIVE = {
    "cut_objective": case(ROW, ROW, ROW),
    "multilayer_patch_nce": case([PATCHES], [PATCHES], by=compiled),
    "patch_nce": case(PATCHES, PATCHES, by=compiled),
}

BOOSTING = {
    "density_ratio": case(ROW),
    "boosted_weights": case(ROW, 0.5),
    "effective_share": case(ROW),
}

VEEGAN = {
    "critic_loss": LOGITS,
    "generator_loss": case(ROW, TABLE, TABLE, by=compiled),
    "reconstructor_loss": case(TABLE, TABLE, by=compiled),
}
