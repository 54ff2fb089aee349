"""What is out of range, not finite or not whole is refused by name, at once."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgen import data, estimators, losses, metrics, models, networks, training
from jaxgen.checks import check_count, check_counts, check_number
from jaxgen.data import mixtures
from jaxgen.errors import InputError
from jaxgen.losses.vae import objectives, priors
from jaxgen.models import remedies

KEY = jax.random.key(0)
FEW = np.arange(12.0).reshape(6, 2)
PARTS = (networks.mlp_generator((2,)), networks.mlp_critic(), optax.sgd(1.0))


def fit(**options):
    options = {"steps": 1} | options
    return training.fit(None, None, key=KEY, **options)  # type: ignore[arg-type]


def gan(**options):
    generator, critic, optimizer = PARTS
    options = {"latents": 2} | options
    return models.gan(generator, critic, optimizer, optimizer, **options)


def sampled(n):
    model = gan()
    state = jax.eval_shape(model.init, KEY, {"data": jnp.zeros((2, 2))})
    return model.sample(state, KEY, n)


CALLS = {
    "steps=2.5": lambda: fit(steps=2.5),
    "steps=-1": lambda: fit(steps=-1),
    "steps=True": lambda: fit(steps=True),
    "evaluate_every=-3": lambda: fit(evaluate_every=-3),
    "evaluate_every=0": lambda: fit(evaluate_every=0),
    "steps_per_call=0": lambda: fit(steps_per_call=0),
    "seconds_between_checkpoints=-1": lambda: fit(seconds_between_checkpoints=-1.0),
    "seconds_between_checkpoints=nan": lambda: fit(
        seconds_between_checkpoints=float("nan")
    ),
    "devices=0": lambda: training.placement(0),
    "devices=1.5": lambda: training.placement(1.5),  # type: ignore[arg-type]
    "latents=-1": lambda: networks.mlp_encoder(-1),
    "latents=2.0": lambda: networks.mlp_encoder(2.0),  # type: ignore[arg-type]
    r"latents=\(20, 0\)": lambda: networks.mlp_encoder((20, 0)),
    r"features=\(0,\)": lambda: networks.mlp_encoder(2, features=(0,)),
    "features=400": lambda: networks.mlp_decoder((8, 8, 1), 400),  # type: ignore[arg-type]
    r"image_shape=\(8, 8, 0\)": lambda: networks.mlp_decoder((8, 8, 0)),
    "latents=0": lambda: networks.conditional_prior(0),
    "hidden=0": lambda: networks.convolutional_encoder(2, hidden=0),
    "hidden=-1": lambda: networks.convolutional_decoder((8, 8, 1), hidden=-1),
    r"hidden=\(8, -1\)": lambda: networks.mlp_generator((2,), (8, -1)),
    "heads=0": lambda: networks.mlp_critic(heads=0),
    "width=0": lambda: networks.dcgan_generator((28, 28, 1), width=0),
    "minibatch_group=1": lambda: networks.dcgan_critic(minibatch_group=1),
    "width=-8": lambda: networks.residual_generator((32, 32, 3), width=-8),
    "width=2.0": lambda: networks.residual_critic(width=2.0),  # type: ignore[arg-type]
    "num_latents=0": lambda: priors.standard_normal(0),
    "num_latents=-2": lambda: priors.uniform_bernoulli(-2),
    "num_classes=1": lambda: priors.uniform_categorical(20, 1),
    "num_components=0": lambda: priors.mixture(2, 0),
    "spread=nan": lambda: priors.mixture(2, spread=float("nan")),
    "num_components=-1": lambda: priors.vamp(2, -1),
    "weight=-1": lambda: objectives.beta(-1),
    "weight=nan": lambda: objectives.free_bits(1.0, weight=float("nan")),
    "nats=0": lambda: objectives.free_bits(0.0),
    "gamma=0": lambda: objectives.capacity(0.0, 1.0),
    "target=-1": lambda: objectives.constrained(-1.0),
    "decay=1": lambda: objectives.constrained(1.0, decay=1.0),
    "target=inf": lambda: objectives.geco(float("inf")),
    "rate=-1": lambda: objectives.geco(1.0, rate=-1.0),
    "min_log_scale=nan": lambda: losses.vae.learned_gaussian(
        min_log_scale=float("nan")
    ),
    "num_values=1": lambda: losses.vae.categorical(num_values=1),
    "weight=-1: .* at least 0": lambda: remedies.r1(-1.0),
    "every=0": lambda: remedies.r2(every=0),
    "weight=inf": lambda: remedies.gradient_penalty(float("inf")),
    "target=-0.5": lambda: remedies.dragan(target=-0.5),
    "decay=-0.1": lambda: remedies.lecam(decay=-0.1),
    "bound=0": lambda: remedies.weight_clipping(0.0),
    "standard_deviation=-1": lambda: remedies.instance_noise(-1.0),
    "target=2": lambda: remedies.adaptive_augment(lambda k, x, p: x, target=2.0),
    "learning_rate=0": lambda: remedies.lazy_adam(0.0),
    "critic_weight=-1": lambda: remedies.dag([abs, abs], critic_weight=-1.0),
    "critic_steps=0": lambda: gan(critic_steps=0),
    "ema_decay=nan": lambda: gan(ema_decay=float("nan")),
    "auxiliary_weight=-2": lambda: gan(auxiliary_weight=-2.0),
    "n=-1": lambda: sampled(-1),
    "repeats=1": lambda: estimators.compare(
        KEY, jnp.square, None, 1.0, estimators=[], repeats=1
    ),
    "pilot=3": lambda: estimators.Auto((estimators.Pathwise(),), pilot=3),
    "temperature=nan": lambda: estimators.ReinMax(float("nan")),
    "num_inner=0": lambda: estimators.GumbelRao(1.0, 0),
    "num_points=0": lambda: estimators.Quadrature(0),
    "epsilon=0": lambda: estimators.FiniteDifference(0.0),
    "decay=2": lambda: estimators.ScoreFunction("moving_average", decay=2.0),
    "eta=inf": lambda: estimators.Rebar(eta=float("inf")),
    "k=0": lambda: metrics.improved_precision_recall(FEW, FEW, k=0),
    "k=1.0": lambda: metrics.density_coverage(FEW, FEW, k=1.0),  # type: ignore[arg-type]
    "num_splits=0": lambda: metrics.inception_score(
        np.log(np.full((4, 2), 0.5)), num_splits=0
    ),
    "num_projections=1": lambda: metrics.sliced_wasserstein(
        KEY, FEW, FEW, num_projections=1
    ),
    "confidence=1": lambda: metrics.wilson_interval(1, 2, confidence=1.0),
    "beta=0": lambda: metrics.prd.max_f_score([1.0], [1.0], beta=0.0),
    "batch_size=0": lambda: mixtures.batches(
        mixtures.ring(), batch_size=0, key=KEY, train=True
    ),
    "num_modes=2.0": lambda: mixtures.ring(2.0),  # type: ignore[arg-type]
    "radius=nan": lambda: mixtures.two_moons(radius=float("nan")),
    "image_size=-8": lambda: data.load("digits", image_size=-8),
}


@pytest.mark.parametrize("sentence", CALLS)
def test_a_number_that_cannot_be_is_refused_by_name(sentence):
    with pytest.raises(InputError, match=sentence) as error:
        CALLS[sentence]()
    assert "--" not in str(error.value)  # a Python call has no options


def test_no_folder_is_made_for_checkpoints_of_which_none_is_kept(tmp_path):
    with pytest.raises(InputError, match="keep=0: give a whole number of at least 1"):
        training.Checkpoints(tmp_path / "run", keep=0)
    assert not (tmp_path / "run").exists()


def test_counts_of_numpy_are_counts():
    size = np.int64(3)
    check_count("n", size, 1)
    check_counts("n", np.array([1, 2]), 1)
    images = jnp.zeros((2, 4, 4, 1))
    params = jax.eval_shape(networks.mlp_encoder(size, [size]).init, KEY, images)
    shapes = {leaf.shape for leaf in jax.tree.leaves(params)}
    assert shapes == {(16, 3), (3,), (3, 6), (6,)}
    assert estimators.GumbelRao(1.0, size).num_inner == 3  # type: ignore[arg-type]


def test_traced_numbers_pass():
    def traced(weight):
        check_number("weight", weight, above=10.0)
        objectives.beta(weight)
        objectives.constrained(weight, rate=weight)
        estimators.GumbelSoftmax(weight)
        check_count("n", weight, 1)
        return weight

    assert jax.vmap(traced)(jnp.array([-1.0, 1.0])).shape == (2,)


@pytest.mark.parametrize(
    ("bounds", "inside", "outside"),
    [
        ({"above": 0}, 0.1, 0),
        ({"least": 0}, 0, -0.1),
        ({"below": 1}, 0.9, 1),
        ({"most": 1}, 1, 1.1),
        ({}, -1e9, float("inf")),
        ({}, np.float32(1), float("nan")),
        ({}, jnp.ones(()), "1"),
        ({}, 1, True),
        ({}, 1, np.ones(2)),
    ],
)
def test_a_number_is_finite_and_within_its_bounds(bounds, inside, outside):
    check_number("x", inside, **bounds)
    with pytest.raises(InputError, match="^x=.*: give a"):
        check_number("x", outside, **bounds)
