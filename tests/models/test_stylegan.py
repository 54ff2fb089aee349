"""StyleGAN of tiny networks: what it is composed of, and how it trains."""

import importlib

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgen import models, networks
from jaxgen.calls import build, describe
from jaxgen.errors import InputError
from jaxgen.models import remedies
from jaxgen.random import normal
from tests import tiny
from tests.models import tiny_gan

ROWS, LAYERS = 4, 4
SHAPE = (8, 8, 1)
IMAGES = np.random.default_rng(0).uniform(size=(ROWS, *SHAPE)).astype(np.float32)
BATCH = {"image": jnp.asarray(IMAGES)}
SIGNED = 2.0 * IMAGES - 1.0


def noisy_synthesis(found=None):
    """Returns a synthesis with noise, which notes its styles in a list."""
    plain = tiny_gan.two_layers(SHAPE)

    def apply(params, styles, *, keys=None):
        if found is not None:
            jax.debug.callback(lambda one: found.append(np.asarray(one)), styles)
        images = plain.apply(params, (), styles)[0]
        return images if keys is None else images + 0.1 * normal(keys, images.shape)

    return networks.pure_functions(lambda key, x: plain.init(key, x)[0], apply)


def tiny_stylegan(critic=None, *, found=None, **options):
    return models.stylegan(
        models.StyledGenerator(
            tiny_gan.averaging_mapping(3), noisy_synthesis(found), num_styles=LAYERS
        ),
        tiny_gan.two_layers(1) if critic is None else critic,
        **({"image_size": 8, "batch_size": ROWS, "latents": 2} | options),
    )


@pytest.fixture
def recorded(monkeypatch):
    """Returns a function that returns what `stylegan` gives to `gan`, by name."""
    found = {}
    module = importlib.import_module("jaxgen.models.stylegan")

    def record(generator, critic, generator_optimizer, critic_optimizer, **options):
        given = {"generator": generator_optimizer, "critic": critic_optimizer}
        found.update(options | given)
        return models.gan(
            generator, critic, generator_optimizer, critic_optimizer, **options
        )

    monkeypatch.setattr(module, "gan", record)

    def given(**options):
        tiny_stylegan(**options)
        return dict(found)

    return given


def written(remedy):
    call = describe(remedy)
    return call["call"].rpartition(".")[2], call["arguments"]


def test_a_stylegan_is_composed_of_its_remedies_in_their_order(recorded):
    ada = remedies.adaptive_augment(lambda keys, x, p: x, every=4)
    options = recorded(augment=ada, image_size=256, batch_size=16)
    assert options["remedies"][0] is ada
    assert [written(one) for one in options["remedies"][1:]] == [
        ("style_mixing", {"probability": 0.9}),
        (
            "path_length",
            {"weight": 2.0, "decay": 0.01, "every": 4, "batch_share": 0.5},
        ),
        ("r1", {"weight": pytest.approx(0.8192), "every": 16, "through_inputs": True}),
    ]
    assert options["loss"].name == "non_saturating"
    assert options["statistics_from"] == "all_steps"
    assert options["average_statistics"] is False
    assert options["signed"] is True


@pytest.mark.parametrize(
    ("image_size", "batch_size", "gamma"),
    [(128, 32, 0.1024), (256, 16, 0.8192), (512, 8, 6.5536), (1024, 4, 52.4288)],
)
def test_gamma_is_chosen_by_resolution_and_batch(
    recorded, image_size, batch_size, gamma
):
    options = recorded(image_size=image_size, batch_size=batch_size)
    found = written(options["remedies"][-1])[1]["weight"]
    assert found == pytest.approx(gamma, rel=1e-12)
    # Given by the caller, it is taken as it is; 0 leaves the penalty out.
    options = recorded(image_size=image_size, batch_size=batch_size, r1_weight=3.0)
    assert written(options["remedies"][-1])[1]["weight"] == 3.0
    options = recorded(image_size=image_size, batch_size=batch_size, r1_weight=0.0)
    assert [one.name for one in options["remedies"]] == ["style_mixing", "path_length"]


PUBLISHED = {
    # Image size, batch; rate, gamma and its interval, path length, mixing, half-life.
    "auto": (64, 32, 0.0025, 0.0256, 16, True, 0.9, 10_000.0, 0.05),
    "config_f": (1024, 32, 0.002, 10.0, 16, True, 0.9, 10_000.0, None),
    "paper256": (256, 64, 0.0025, 1.0, 16, True, 0.9, 20_000.0, None),
    "paper512": (512, 64, 0.0025, 0.5, 16, True, 0.9, 20_000.0, None),
    "paper1024": (1024, 32, 0.002, 2.0, 16, True, 0.9, 10_000.0, None),
    "cifar": (32, 64, 0.0025, 0.01, 16, False, 0.0, 500_000.0, 0.05),
    "stylegan1": (256, 32, 0.002, 10.0, 1, False, 0.9, 10_000.0, None),
}


@pytest.mark.parametrize("preset", PUBLISHED)
def test_presets_have_the_published_numbers(recorded, preset):
    size, batch, rate, gamma, every, path, mixing, examples, ramp = PUBLISHED[preset]
    options = recorded(preset=preset, image_size=size, batch_size=batch)
    own = dict(written(one) for one in options["remedies"])
    assert own["r1"]["weight"] == pytest.approx(gamma)
    assert own["r1"]["every"] == every
    assert ("path_length" in own) == path
    assert own.get("style_mixing", {"probability": 0.0})["probability"] == mixing
    _, average = written(options["ema_decay"])
    assert average == {"examples": examples, "batch_size": batch, "ramp": ramp}
    published = models.STYLEGAN_PRESETS[preset].batch_size
    assert published in (batch, None)
    # Without a path length penalty, only StyleGAN's Adam is the plain one.
    intervals = (1, 1) if preset == "stylegan1" else (4, 16)
    for player, k in zip(("generator", "critic"), intervals, strict=True):
        share = k / (k + 1) if k > 1 else 1.0
        wanted = optax.adam(share * rate, b1=0.0, b2=0.99**share, eps=1e-8)
        assert walk(options[player]) == pytest.approx(walk(wanted), rel=1e-4)


def walk(optimizer):
    """Returns how far an optimizer goes in three steps."""
    state, found = optimizer.init(jnp.zeros(1)), []
    for gradient in (1.0, -0.1, 3.0):
        step, state = optimizer.update(jnp.full(1, gradient), state)
        found.append(float(step[0]))
    return found


@pytest.mark.parametrize(
    ("preset", "rates"),
    [
        ("auto", {8: 0.0025, 512: 0.0025, 1024: 0.002}),
        ("stylegan1", {64: 0.001, 128: 0.0015, 256: 0.002, 512: 0.003, 1024: 0.003}),
    ],
)
def test_rates_are_chosen_by_resolution(recorded, preset, rates):
    for size, rate in rates.items():
        options = recorded(preset=preset, image_size=size, r1_every=1)
        assert -walk(options["critic"])[0] == pytest.approx(rate, rel=1e-4)
    options = recorded(preset=preset, learning_rate=0.1, r1_every=1)
    assert -walk(options["critic"])[0] == pytest.approx(0.1, rel=1e-4)


def test_the_half_life_of_the_average_is_that_of_the_batch(recorded):
    decay = recorded(batch_size=16)["ema_decay"]
    # 5,000 images, or 5 % of those before while that is less.
    for step in (0, 1, 100, 6_250, 1_000_000):
        life = min(5_000.0, 0.05 * 16 * step)
        wanted = 0.5 ** (16 / life) if life else 0.0
        np.testing.assert_allclose(decay(jnp.int32(step)), wanted, rtol=0, atol=1e-7)
    plain = recorded(batch_size=16, ema_ramp=0.0, ema_examples=160.0)["ema_decay"]
    assert plain(0) == pytest.approx(0.5**0.1)


def test_gradients_that_are_not_finite_are_replaced(recorded):
    optimizer = recorded()["critic"]
    gradient = jnp.array([jnp.nan, jnp.inf, -jnp.inf, 0.5])
    found, _ = optimizer.update(gradient, optimizer.init(gradient))
    same, _ = optimizer.update(
        jnp.array([0.0, 1e5, -1e5, 0.5]), optimizer.init(gradient)
    )
    np.testing.assert_array_equal(found, same)
    assert found[0] == 0.0


def test_a_loss_of_nan_is_reported_and_leaves_the_parameters_finite(key):
    model = tiny_stylegan(preset="cifar")
    state = model.init(key, BATCH)
    bad = {"image": BATCH["image"].at[0].set(jnp.nan)}
    after, metrics = jax.jit(model.update)(state, bad)
    assert np.isnan(metrics["critic_loss"])
    assert np.isnan(metrics["critic_gradient_norm"])
    for net in (after.generator, after.critic):
        assert all(jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(net))


def constant_images():
    """Returns a generator whose images are its parameters."""
    return networks.pure_functions(
        lambda key, latents: jnp.full((1, *SHAPE), 0.3),
        lambda params, latents: params + jnp.zeros((latents.shape[0], *SHAPE)),
    )


def test_r1_at_interval_1_is_part_of_the_loss_as_in_stylegan(key):
    model = models.stylegan(
        constant_images(), tiny_gan.two_layers(1), preset="stylegan1",
        image_size=8, batch_size=ROWS, latents=2, mixing=0.0,
    )  # fmt: skip
    state = model.init(key, BATCH)
    after, metrics = jax.jit(model.update)(state, BATCH)

    def critic(params, images):
        return tiny_gan.outputs_of(tiny_gan.two_layers(1), params)(images)

    def penalty(params):
        slopes = jax.grad(lambda images: jnp.sum(critic(params, images)))(SIGNED)
        return 5.0 * jnp.mean(jnp.sum(slopes**2, axis=(1, 2, 3)))

    def loss(params):
        real = critic(params, jnp.asarray(SIGNED))
        fake = critic(params, jnp.full_like(SIGNED, 0.3))
        game = jnp.mean(jax.nn.softplus(-real)) + jnp.mean(jax.nn.softplus(fake))
        return game + penalty(params)

    np.testing.assert_allclose(
        metrics["penalty"], penalty(state.critic.params), rtol=1e-5
    )
    gradient = jax.grad(loss)(state.critic.params)
    norm = optax.tree.norm(gradient)
    np.testing.assert_allclose(metrics["critic_gradient_norm"], norm, rtol=1e-4)
    optimizer = optax.adam(0.001, b1=0.0, b2=0.99)
    step, _ = optimizer.update(gradient, optimizer.init(state.critic.params))
    wanted = optax.apply_updates(state.critic.params, step)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6),
        after.critic.params,
        wanted,
    )


def test_r1_goes_through_the_augmentation_to_the_images_themselves(key):
    def mirror(keys, images):
        return 0.5 * images[:, :, ::-1] + 0.1

    model = tiny_stylegan(preset="stylegan1", augment=remedies.augment(mirror))
    state = model.init(key, BATCH)
    _, metrics = jax.jit(model.update)(state, BATCH)
    # D(x) = tanh(x w + b) v, whose gradient by x is w ((1 - tanh^2) v).
    own = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), state.critic.params)
    seen = mirror(None, SIGNED).reshape(ROWS, -1)
    tangent = np.tanh(seen @ own["w"] + own["b"])
    slopes = ((1.0 - tangent**2) * own["v"][:, 0]) @ own["w"].T
    wanted = 0.5 * 10.0 * np.mean(np.sum((0.5 * slopes) ** 2, axis=1))
    np.testing.assert_allclose(metrics["penalty"], wanted, rtol=1e-4)


def test_the_average_style_moves_in_all_passes_but_not_by_mixed_latents(key):
    model = tiny_stylegan(mixing=1.0)
    first = model.init(key, BATCH)
    second, _ = jax.jit(model.update)(first, BATCH)
    third, _ = jax.jit(model.update)(second, BATCH)
    # One pass of each player, and one of the path length penalty where it is due.
    passes = [one.generator.stats.mapping["passes"] for one in (second, third)]
    assert passes == [3, 5]
    assert jnp.abs(third.generator.stats.mapping["average"]).max() > 0
    # Statistics are copied to the average; the decay of its first step is 0.
    tiny.assert_equal_bits(third.ema[1], third.generator.stats)
    tiny.assert_equal_bits(second.ema[0], second.generator.params)
    moved = jax.tree.map(lambda a, b: jnp.abs(a - b).max(), third.ema[0], second.ema[0])
    assert max(jax.tree.leaves(moved)) > 0


def test_the_layers_from_one_cutoff_on_have_other_styles_in_the_whole_batch(key):
    found = []
    model = tiny_stylegan(found=found, mixing=1.0, path_length_weight=0.0)
    state = model.init(key, BATCH)
    found.clear()
    update = jax.jit(model.update)
    for _ in range(12):
        state, _ = update(state, BATCH)
    jax.block_until_ready(state)
    jax.effects_barrier()
    cutoffs = []
    for styles in found:
        own = (styles == styles[:, :1]).all(axis=2)
        assert (own == own[:1]).all()
        cutoffs.append(int(own[0].sum()))
        assert own[0, : cutoffs[-1]].all()
    assert len(cutoffs) == 24
    assert set(cutoffs) == {1, 2, 3}


@pytest.mark.parametrize(("weight", "steps"), [(0.0, 3), (1.0, 5)])
def test_a_lazy_penalty_of_the_critic_is_a_step_of_its_own(key, weight, steps):
    model = tiny_stylegan(r1_weight=weight, r1_every=2, path_length_weight=0.0)
    state, update = model.init(key, BATCH), jax.jit(model.update)
    for _ in range(3):
        state, _ = update(state, BATCH)
    assert optax.tree.get(state.critic.opt_state, "count") == steps
    assert optax.tree.get(state.generator.opt_state, "count") == 3


def test_the_mean_path_length_is_in_the_state_and_moves_each_fourth_step(key):
    model = tiny_stylegan(r1_every=4)
    state, found = model.init(key, BATCH), []
    update, traces = tiny.count_traces(model.update)
    for _ in range(5):
        state, metrics = update(state, BATCH)
        found.append(float(state.remedies[1]))
        assert metrics["path_length"] == found[-1]
    assert len(traces) == 1
    assert 0.0 < found[0] == found[1] == found[3] < found[4]


def test_the_probability_of_augmenting_settles_where_the_sign_is_at_its_target():
    # A critic of which the mean sign on data falls with the probability: 0.95 - p / 2.
    remedy = remedies.adaptive_augment(
        lambda keys, images, p: images, target=0.6, examples=10_000.0, every=4
    )
    ranks = (jnp.arange(1000) + 0.5) / 1000

    def step(state, _):
        share = 0.5 * (1.0 + 0.95 - 0.5 * state.probability)
        logits = jnp.where(ranks < share, 2.0, -0.5)
        state = remedy.update(state, logits, logits, lambda one: jnp.mean(one), 25)
        return state, state.probability

    size = 4 * 25 / 10_000
    for start in (0.0, 1.0):
        first = remedy.init()._replace(probability=jnp.float32(start))
        _, found = jax.lax.scan(step, first, None, length=600)
        # At full speed at first, then about the target by no more than a move.
        np.testing.assert_allclose(abs(found[199] - start), 0.5 - 0.01, atol=0.2 + size)
        assert np.abs(np.asarray(found[400:]) - 0.7).max() < 2 * size
    np.testing.assert_allclose(found[3], 1.0 - size, rtol=1e-5)


def adaptive():
    """Returns an augmentation that moves images by its probability and at random."""

    def function(keys, images, probability):
        shift = probability * normal(keys, (images.shape[0],))
        return images + shift[:, None, None, None]

    return remedies.adaptive_augment(function, examples=50.0, every=2, target=0.1)


@pytest.mark.slow
def test_training_resumes_bit_for_bit_across_each_of_its_penalties(key):
    model = tiny_stylegan(augment=adaptive(), path_length_every=2, r1_every=3)
    update = jax.jit(model.update)

    def run(state, steps):
        for _ in range(steps):
            state, _ = update(state, BATCH)
        return state

    first = model.init(key, BATCH)
    # A critic that takes all for data, so that the probability rises.
    params = first.critic.params | {"c": jnp.full((1, 1), 5.0)}
    half = run(first._replace(critic=first.critic._replace(params=params)), 3)
    # A period of the augmentation is half over, as a checkpoint finds it.
    assert half.remedies[0].steps == 1
    keys = jax.random.key_data(half.key)
    leaves, structure = jax.tree.flatten(half._replace(key=keys))
    kept = [np.array(leaf) for leaf in leaves]
    resumed = jax.tree.unflatten(structure, [jnp.asarray(leaf) for leaf in kept])
    resumed = resumed._replace(key=jax.random.wrap_key_data(resumed.key))
    whole = run(half, 3)
    tiny.assert_equal_bits(run(resumed, 3), whole)
    assert whole.step == 6
    assert 0.0 < half.remedies[0].probability < whole.remedies[0].probability


def test_samples_are_images_and_may_be_truncated(key):
    model = tiny_stylegan(preset="cifar", num_classes=3, augment=adaptive())
    batch = BATCH | {"label": jnp.arange(ROWS) % 3}
    state, metrics = jax.jit(model.update)(model.init(key, batch), batch)
    assert {"augment_probability", "augment_sign"} <= set(metrics)
    assert np.isfinite(list(metrics.values())).all()
    samples = model.sample(state, jax.random.key(1), 6, truncation=0.5)
    assert samples.shape == (6, *SHAPE)
    mean = model.map_latents(state, jnp.ones((1, 2)), jnp.eye(3)[:1], truncation=0.0)
    average = state.ema[1].mapping["average"]
    np.testing.assert_array_equal(mean[0, 0], average)


def test_augmentation_may_be_dag_with_a_head_for_each_view(key):
    views = remedies.dag([jnp.copy, lambda images: images[:, :, ::-1]])
    model = tiny_stylegan(tiny_gan.two_layers(2), preset="cifar", augment=views)
    _, metrics = jax.jit(model.update)(model.init(key, BATCH), BATCH)
    assert np.isfinite(list(metrics.values())).all()


def test_a_stylegan_is_described_and_built_again():
    model = models.stylegan(
        models.StyledGenerator(
            networks.mlp_encoder(2), networks.mlp_decoder(SHAPE, (4,)), num_styles=2
        ),
        networks.mlp_critic((4,)),
        image_size=8,
        batch_size=ROWS,
        preset="paper256",
        augment=remedies.dag([jnp.abs, jnp.square]),
    )
    text = describe(model)
    assert text["call"] == "jaxgen.models.stylegan"
    assert describe(build(text)) == text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"preset": "ffhq"}, "preset='ffhq' is unknown: choose one of"),
        ({"batch_size": 0}, "batch_size=0: give a whole number of at least 1"),
        ({"image_size": 0}, "image_size=0: give a whole number of at least 1"),
        ({"learning_rate": 0.0}, "learning_rate=0: give a number above 0"),
        ({"r1_weight": -1.0}, "r1_weight=-1: give a number of at least 0"),
        ({"r1_every": 0}, "r1_every=0: give a whole number of at least 1"),
        ({"path_length_weight": -1.0}, "path_length_weight=-1: give a number"),
        ({"path_length_every": 0}, "path_length_every=0: give a whole number"),
        ({"mixing": 2.0}, "mixing=2: give a number of at least 0 and of at most 1"),
        ({"ema_examples": 0.0}, "ema_examples=0: give a number above 0"),
        ({"ema_ramp": -1.0}, "ema_ramp=-1: give a number of at least 0"),
    ],
)
def test_a_wrong_setting_is_refused_by_its_own_name(options, message, without_types):
    with pytest.raises(InputError) as refusal:
        tiny_stylegan(**options)
    assert str(refusal.value).startswith(message)
