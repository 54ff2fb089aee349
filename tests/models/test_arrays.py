"""Every model refuses batches, images, labels and keys that cannot be right."""

import jax
import jax.numpy as jnp
import optax
import pytest

from jaxgen import losses, models, networks
from jaxgen.errors import InputError
from tests import tiny
from tests.models import test_adagan, test_veegan, tiny_gan
from tests.models.translation import tiny_translation
from tests.models.translation.test_cut import tiny_cut
from tests.models.translation.test_cyclegan import build as tiny_cyclegan
from tests.models.translation.test_pix2pix import build as tiny_pix2pix

pytestmark = pytest.mark.usefixtures("without_types")

POINTS = {"data": jnp.ones((8, 2))}
ONES = {"data": jnp.ones((8, 1))}
IMAGES = {"image": jnp.full((8, 4, 4, 1), 0.5)}
PAIRS = tiny_translation.batch()
MODELS = {
    "vae": (tiny.vae, IMAGES),
    "gan": (tiny_gan.gan, POINTS),
    "veegan": (test_veegan.build, POINTS),
    "adagan": (test_adagan.build, ONES),
    "pix2pix": (tiny_pix2pix, PAIRS),
    "cyclegan": (tiny_cyclegan, PAIRS),
    "cut": (tiny_cut, PAIRS),
}
every_model = pytest.mark.parametrize("name", MODELS)


def built(name):
    """Returns a model, its state without values, and a batch."""
    make, batch = MODELS[name]
    model = make()
    return model, jax.eval_shape(model.init, jax.random.key(0), batch), batch


def calls(model, state):
    """Returns what takes a batch, each as a call of one that is known."""
    key = jax.random.key(0)
    return [
        lambda batch: jax.eval_shape(lambda: model.init(key, batch)),
        lambda batch: jax.eval_shape(lambda own: model.update(own, batch), state),
        lambda batch: jax.eval_shape(
            lambda own: model.evaluate(own, key, batch), state
        ),
    ]


@every_model
def test_a_batch_is_a_dict_of_floating_images(name):
    model, state, batch = built(name)
    first = next(iter(batch))
    images = "'image': images" if first == "data" else f"'{first}': images"
    wrong = [
        (
            batch[first],
            f"batch is an array of float32 .*: give a dict, {{{images}",
        ),
        ({"label": jnp.zeros(8)}, f"The batch holds 'label': give {{{images}"),
    ]
    wrong += [
        (
            {own: leaf.astype(dtype) for own, leaf in batch.items()},
            rf"batch\['{first}'\] has dtype {dtype}: give floating numbers",
        )
        for dtype in ("uint8", "int32", "bool")
    ]
    for given, words in wrong:
        for call in calls(model, state):
            with pytest.raises(InputError, match=words):
                call(given)


@every_model
def test_a_model_wants_typed_keys(name):
    model, state, batch = built(name)
    for old in (5, jax.random.PRNGKey(0)):
        for call in (
            lambda state, old=old: model.init(old, batch),
            lambda state, old=old: model.evaluate(state, old, batch),
            lambda state, old=old: (
                model.translate(state, old, batch["a"])
                if "a" in batch
                else model.sample(state, old, 2)
            ),
        ):
            with pytest.raises(InputError, match="key is .*: give a typed key"):
                jax.eval_shape(call, state)


TAKES_IMAGES = {
    "vae": ("encode", "reconstruct", "divergence"),
    "gan": ("critique",),
    "veegan": ("reconstruct", "critique"),
    "adagan": ("critique", "weigh"),
    "pix2pix": ("translate",),
    "cyclegan": ("translate", "cycle", "critique"),
    "cut": ("translate", "critique"),
}


@every_model
def test_what_takes_images_refuses_bytes(name):
    model, state, batch = built(name)
    images = next(iter(batch.values())).astype(jnp.uint8)
    for function in TAKES_IMAGES[name]:
        # Translators have their key before the images.
        key = () if function not in ("translate", "cycle") else (None,)
        with pytest.raises(InputError, match="has dtype uint8: .* by 255"):
            jax.eval_shape(getattr(model, function), state, *key, images)


def conditional_vae():
    return models.vae(
        *tiny.networks_of_vae(),
        optax.sgd(0.1),
        likelihood=losses.vae.bernoulli(),
        prior=losses.vae.priors.standard_normal(2),
        num_classes=3,
    )


LABELS = jnp.arange(8) % 3


@pytest.mark.parametrize(
    ("label", "words"),
    [
        (
            LABELS.at[1].set(5),
            "value 5, and there are 3 classes: give whole numbers, 0",
        ),
        (LABELS.at[1].set(-1), "value -1, and there are 3 classes"),
        (LABELS.astype(jnp.float32), "label has dtype float32: give whole numbers"),
        (LABELS[:, None], r"label has shape \(8, 1\): give one for each .* \(8,\)"),
        (
            LABELS[:4],
            r"label has shape \(4,\): give one for each .* \(8,\)",
        ),
        ([0] * 8, "label is a list: give an array"),
    ],
)
def test_labels_are_numbers_of_classes(key, label, words):
    for model, batch in (
        (conditional_vae(), IMAGES),
        (tiny_gan.gan(num_classes=3), POINTS),
    ):
        state = jax.eval_shape(model.init, key, batch | {"label": LABELS})
        for call in calls(model, state):
            with pytest.raises(InputError, match=words):
                call(batch | {"label": label})


@pytest.mark.parametrize(
    "likelihood", [losses.vae.bernoulli(), losses.vae.continuous_bernoulli()]
)
def test_a_vae_of_bernoulli_pixels_refuses_values_outside_0_to_1(key, likelihood):
    model = models.vae(
        *tiny.networks_of_vae(),
        optax.sgd(0.1),
        likelihood=likelihood,
        prior=losses.vae.priors.standard_normal(2),
    )
    state = jax.eval_shape(model.init, key, IMAGES)
    for images in (2 * IMAGES["image"] - 2, 255 * IMAGES["image"]):
        for call in calls(model, state):
            with pytest.raises(InputError, match=r"has values from .*scale them to"):
                call({"image": images})


def test_an_encoder_of_one_array_is_refused_by_the_vae(key):
    encoder = networks.mlp_encoder(2, features=(5,))
    one = encoder._replace(
        apply=lambda *inputs, **mode: (encoder.apply(*inputs)[0][0], ())
    )
    model = models.vae(
        one,
        tiny.networks_of_vae()[1],
        optax.sgd(0.1),
        likelihood=losses.vae.bernoulli(),
        prior=losses.vae.priors.standard_normal(2),
    )
    with pytest.raises(InputError, match=r"return \(mean, log_variance\); .*one array"):
        jax.eval_shape(model.init, key, IMAGES)


def test_a_column_of_logits_is_refused_with_its_cure(key):
    critic = tiny_gan.two_layers(1)
    column = critic._replace(
        apply=lambda *inputs, **mode: (critic.apply(*inputs)[0][:, None], ())
    )
    model = tiny_gan.gan(critic=column)
    with pytest.raises(InputError, match=r"shape \(4, 1\): .*Take logits\[:, 0\]"):
        jax.eval_shape(model.init, key, {"image": jnp.zeros((4, 2))})
