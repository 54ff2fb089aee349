"""Which model follows which protocol of `jaxgen.typing`."""

import jax
import jax.numpy as jnp
import pytest

from jaxgen import models
from jaxgen.errors import InputError
from jaxgen.typing import Autoencoder, Generator, Model, Translator
from tests.models.translation import tiny_translation as tiny
from tests.models.translation.test_cut import tiny_cut
from tests.models.translation.test_cyclegan import build as tiny_cyclegan
from tests.models.translation.test_pix2pix import build as tiny_pix2pix

PROTOCOLS = (Generator, Autoencoder, Translator)
FACTORIES = {
    models.AdaGAN: (Generator,),
    models.CUT: (Translator,),
    models.CycleGAN: (Translator,),
    models.Ensemble: (Generator, Translator),
    models.GAN: (Generator,),
    models.Pix2Pix: (Translator,),
    models.VAE: (Generator, Autoencoder),
    models.VEEGAN: (Generator,),
}


@pytest.mark.parametrize("kind", FACTORIES, ids=lambda kind: kind.__name__)
def test_each_model_follows_the_protocols_of_its_kind(kind):
    model = kind(*kind._fields)
    assert isinstance(model, Model)
    assert tuple(p for p in PROTOCOLS if isinstance(model, p)) == FACTORIES[kind]


def test_every_model_is_in_the_table():
    kinds = {
        value
        for value in vars(models).values()
        if isinstance(value, type) and "update" in getattr(value, "_fields", ())
    }
    assert kinds == FACTORIES.keys()


def test_translators_are_no_generators():
    for model in (tiny_cyclegan(), tiny_cut(), tiny_pix2pix()):
        assert isinstance(model, Translator)
        assert not isinstance(model, Generator)


def test_an_ensemble_does_what_its_members_can_do(key):
    pair = models.ensemble(lambda _: tiny_cyclegan(), num_seeds=2)
    state = jax.eval_shape(lambda key: pair.init(key, tiny.batch()), key)
    images = jnp.zeros((3, 4, 4, 2))

    def back(state):
        return pair.translate(state, None, images, direction="b_to_a")

    assert jax.eval_shape(back, state).shape == (2, 3, 4, 4, 2)
    with pytest.raises(InputError, match="kind CycleGAN, which has no sample: use"):
        jax.eval_shape(lambda state, key: pair.sample(state, key, 3), state, key)
