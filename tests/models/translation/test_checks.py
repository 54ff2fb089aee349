import jax
import jax.numpy as jnp
import pytest

from jaxgen import losses, models, networks
from jaxgen.errors import InputError
from jaxgen.models import remedies
from jaxgen.models.translation import checks
from tests.models.translation import tiny_translation as tiny
from tests.models.translation.test_cut import HEADS, tiny_cut
from tests.models.translation.test_cyclegan import build as tiny_cyclegan
from tests.models.translation.test_pix2pix import build as tiny_pix2pix

BATCH = tiny.batch()
POINTS = {name: tiny.images(side=1) for name in ("a", "b")}


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"patches": 0}, "patches=0"),
        ({"temperature": 0.0}, "temperature=0"),
        ({"nce_weight": -1.0}, "nce_weight=-1"),
        ({"remedies": [remedies.pac(2)]}, "pac"),
    ],
)
def test_parts_that_do_not_go_together_are_refused(options, sentence):
    with pytest.raises(InputError, match=sentence):
        tiny_cut(**options)


@pytest.mark.parametrize(
    ("make", "options", "sentence"),
    [
        (tiny_cut, {"generator": (tiny.critic, len)}, "generator is a function"),
        (tiny_cut, {"heads": networks.patch_heads}, "heads is a function"),
        (tiny_cut, {"features": HEADS}, "features is a Network: .*resnet_features"),
        (tiny_cut, {"negatives": "set"}, "one of 'image', 'batch'"),
        (tiny_pix2pix, {"generator": tiny.critic}, "generator is a function"),
        (tiny_pix2pix, {"critic": tiny.pixelwise}, "critic is a function"),
        (tiny_pix2pix, {"remedies": [remedies.r1]}, "with their parentheses"),
        (tiny_pix2pix, {"loss": losses.gan.hinge}, "with its parentheses"),
        (tiny_pix2pix, {"inference": False}, r"=False: give a models\.InferenceMode"),
        (
            tiny_pix2pix,
            {"inference": models.InferenceMode(True, "none")},
            "s='none' is",
        ),
        (tiny_cyclegan, {"make": lambda: tiny.critic}, "a_to_b is a function"),
    ],
)
@pytest.mark.usefixtures("without_types")
def test_parts_of_another_kind_are_refused(make, options, sentence):
    with pytest.raises(InputError, match=sentence):
        make(**options)


@pytest.mark.parametrize(
    ("batch", "sentence"),
    [
        ({"b": tiny.images(rows=3)}, "holds 4 images a and 3 images b"),
        (
            {"b": jnp.zeros((4, 4, 4, 2), jnp.uint8)},
            "'b'. has dtype uint8.*bytes by 255",
        ),
        ({"a": jnp.zeros((4, 4, 4), jnp.float32)}, r"'a'\] has shape \(4, 4, 4\)"),
    ],
)
@pytest.mark.parametrize("make", [tiny_cut, tiny_pix2pix, tiny_cyclegan])
def test_batches_that_are_none_of_images_are_refused(key, make, batch, sentence):
    with pytest.raises(InputError, match=sentence):
        make().init(key, BATCH | batch)


def test_networks_are_held_against_targets_whatever_their_rows():
    made = jax.ShapeDtypeStruct((2, 4, 4, 2), jnp.float32)
    checks.check_translated("The generator", made, BATCH["b"])
    with pytest.raises(InputError, match=r"shape \(4, 4, 2\).*\(4, 4, 3\).*channels=3"):
        checks.check_translated("The generator", made, tiny.images(3))


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ((None, jax.random.key(0)), "images has dtype key"),
        ((None, jnp.zeros((4, 4, 4, 2), jnp.uint8)), "bytes by 255"),
        ((None, BATCH["a"][0]), r"images has shape \(4, 4, 2\)"),
        (
            (jax.random.split(jax.random.key(0), 3), BATCH["a"][:2]),
            r"key has shape \(3,\), and there are 2 images",
        ),
        ((jnp.zeros(2, jnp.uint32), BATCH["a"]), "old key .*: give a typed key"),
    ],
)
@pytest.mark.parametrize("make", [tiny_cut, tiny_pix2pix, tiny_cyclegan])
@pytest.mark.usefixtures("without_types")
def test_what_cannot_be_translated_is_refused(key, make, given, sentence):
    model = make()
    state = jax.eval_shape(lambda key: model.init(key, BATCH), key)
    with pytest.raises(InputError, match=sentence):
        model.translate(state, *given)


def test_heads_with_statistics_are_refused(key):
    heads = HEADS._replace(init=lambda key, *rows: ({}, {"mean": jnp.zeros(3)}))
    with pytest.raises(InputError, match=r"heads keeps statistics.*patch_heads\(\)"):
        tiny_cut(heads=heads).init(key, BATCH)


@pytest.mark.usefixtures("without_types")
def test_layers_are_whole_numbers(key):
    with pytest.raises(
        InputError, match=r"layers=\[.*1.0.*\]: give a sequence of whole"
    ):
        tiny_cut(layers=[1.0]).init(key, BATCH)


@pytest.mark.parametrize(
    ("options", "batch", "sentence"),
    [
        ({}, {"image": BATCH["a"]}, "give {'a': images"),
        ({}, {"a": BATCH["a"], "b": BATCH["b"][..., :1]}, "channels"),
        ({"layers": (2,)}, BATCH, "no layer 2 among the generator's 2"),
        ({"layers": ()}, BATCH, "layers is empty"),
        (
            {"layers": (0,)},
            POINTS,
            "single place",
        ),
    ],
)
def test_batches_that_do_not_suit_the_networks_are_refused(options, batch, sentence):
    model = tiny_cut(**options)
    with pytest.raises(InputError, match=sentence):
        model.init(jax.random.key(0), batch)
